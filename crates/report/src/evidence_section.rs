//! What the page shows of the evidence on one metric.

use serin_model::{Evidence, JudgedMetric};

use crate::evidence_bar::{self, EvidenceBar};
use crate::evidence_facts::with_needed;
use crate::forest::{Forest, RowName};
use crate::{evidence, label, wording};

/// The pictures of the evidence, each with the same in words.
pub(crate) struct EvidenceSection {
    /// What speaks for the standing, as far as it fits into a row.
    pub(crate) short: String,
    /// The effect on a scale of its own; none where no effect is known.
    pub(crate) effect: Option<Effect>,
    /// Evidence of harm, then of safety; none where nothing could be learnt.
    pub(crate) bars: Vec<Bar>,
    /// Why the tolerance was widened; none where it was not.
    pub(crate) widened: Option<String>,
}

/// An effect, drawn.
pub(crate) struct Effect {
    pub(crate) axis: String,
    pub(crate) row: String,
    /// The same in words.
    pub(crate) words: String,
}

/// Evidence on its way to what is needed.
pub(crate) struct Bar {
    /// What it is evidence of.
    pub(crate) name: &'static str,
    pub(crate) drawn: String,
    /// The same in words.
    pub(crate) words: String,
}

impl EvidenceSection {
    /// Creates the section of a metric; `None` for one that no sequential judge looked at.
    ///
    /// * `number`: its place in the verdict, from one.
    pub(crate) fn new(metric: &JudgedMetric, number: usize) -> Option<Self> {
        let found = metric.evidence.as_ref()?;
        let widened = found.widened.as_deref();
        Some(Self {
            short: evidence::in_short(metric),
            effect: Effect::new(metric, found, number),
            bars: match evidence::is_unjudged(found) {
                true => Vec::new(),
                false => bars(metric, found, number).into(),
            },
            widened: widened.map(|why| wording::sentence(&format!("the tolerance is {why}"))),
        })
    }
}

impl Effect {
    fn new(metric: &JudgedMetric, found: &Evidence, number: usize) -> Option<Self> {
        let forest = Forest::of_evidence(metric)?;
        Some(Self {
            axis: forest.axis(RowName { class: "effect-axis", number }),
            row: forest.row(metric, RowName { class: "effect", number }),
            words: wording::sentence(&format!(
                "effect {}, {} {}; tolerated {}",
                evidence::effect(metric),
                evidence::sequence_name(found),
                evidence::sequence(metric),
                evidence::tolerance(metric)
            )),
        })
    }
}

fn bars(metric: &JudgedMetric, evidence: &Evidence, number: usize) -> [Bar; 2] {
    let name = label::name(metric);
    [
        ("harm", "Evidence of harm", evidence.harm, evidence.harm_needed),
        ("safety", "Evidence of safety", evidence.safety, evidence.safety_needed),
    ]
    .map(|(class, what, found, needed)| {
        let words = with_needed(found, needed);
        let title = format!("{name}: {}", what.to_lowercase());
        let bar = EvidenceBar { class, number, found, needed, title: &title, words: &words };
        Bar { name: what, drawn: evidence_bar::draw(&bar), words }
    })
}
