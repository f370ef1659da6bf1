//! The shape of a Check file, key for key.
//!
//! These types are the published JSON Schema (`docs/schema/check-v1.json`); their doc comments are
//! what an editor shows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::scalar::{AbsoluteChange, Level, Moment, Percentage, Placed, Span};
use crate::source::SourceEntry;

/// A Check file: what to ask about one service's canary.
#[derive(Clone, Debug, Default, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckFile {
    /// The service under test. Required in the file that is judged, or in one that it extends, unless
    /// `for_each` finds services.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<Placed<String>>,
    /// A file whose keys hold wherever this one says nothing, relative to this one.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    pub(crate) extends: Option<Placed<String>>,
    /// Packs of checks, such as `golden/http`; `serin packs` lists them.
    #[serde(rename = "use", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) packs: Vec<Placed<String>>,
    /// Where the metrics are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Placed<SourceEntry>>,
    /// The labels that tell the two arms apart. Without it the label `arm` does, with the values
    /// `control` and `canary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) arms: Option<Placed<ArmsEntry>>,
    /// Labels that both arms have beside their own; `$service` in a value is the service's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<Placed<BTreeMap<String, String>>>,
    /// Labels of which every combination of values is a canary of its own, such as `[service]`: `serin
    /// judge` judges them all by the same checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) for_each: Option<Placed<Vec<String>>>,
    /// The label that tells replicas of one arm apart, such as `pod`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replica: Option<Placed<String>>,
    /// The resolution: points of one step are compared as one. 60s unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<Placed<Span>>,
    /// The stretch of time to judge. All of a recording unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<Placed<WindowEntry>>,
    /// How long a live analysis judges at most: 60m unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) horizon: Option<Placed<Span>>,
    /// How much of the canary's beginning a live analysis leaves out: 2m unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) warm_up: Option<Placed<Span>>,
    /// How much of the control's past a live analysis learns from: 6h unless said, nothing if 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<Placed<Span>>,
    /// How long the canary must have been judged before it may pass: 5m unless said, and never more
    /// than the horizon. It bars no failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) minimum_time: Option<Placed<Span>>,
    /// What happens when the horizon comes without an answer: `hold` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_horizon: Option<AtHorizonEntry>,
    /// Fewer points than this, on either arm of any check, bar a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) minimum_points: Option<Placed<u32>>,
    /// The 0–100 score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<Placed<ScoreEntry>>,
    /// Several judgements instead of one, as Kayenta makes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kayenta: Option<Placed<RunEntry>>,
    /// The checks, by name. One of a pack or of an extended file is changed key by key, or left out
    /// with `off`.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minProperties" = 1))]
    pub(crate) checks: Option<Placed<Entries<Placed<CheckChange>>>>,
}

/// Reads a key that says nothing without a value.
fn written<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The labels that tell the two arms apart.
#[derive(Clone, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArmsEntry {
    /// The version already trusted.
    pub(crate) control: BTreeMap<String, String>,
    /// The version under test.
    pub(crate) canary: BTreeMap<String, String>,
    /// Where the control's time lies, if it is not the canary's: the same replicas before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) control_window: Option<Placed<WindowEntry>>,
    /// Which share of the traffic the canary is meant to get: more than 0 % and less than 100 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) share: Option<Placed<Percentage>>,
}

/// A stretch of time; the end is not part of it.
#[derive(Clone, Copy, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WindowEntry {
    /// The first moment.
    pub(crate) start: Moment,
    /// The first moment after it.
    pub(crate) end: Moment,
}

/// What happens when the horizon comes without an answer.
#[derive(Clone, Copy, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AtHorizonEntry {
    /// A person decides.
    Hold,
    /// Passes if nothing is harmed and every gating metric could have shown the unacceptable.
    PassIfVisible,
}

/// The 0–100 score.
#[derive(Clone, Debug, Default, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScoreEntry {
    /// From here on the canary passes: 75 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pass: Option<f64>,
    /// Below this it fails: 50 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) marginal: Option<f64>,
    /// How much each group counts, in percent. Groups that are not listed share the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) weights: Option<Placed<BTreeMap<String, Placed<f64>>>>,
}

/// Several judgements instead of one.
#[derive(Clone, Copy, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunEntry {
    /// How far apart the judgements lie.
    pub(crate) interval: Span,
    /// How far each window reaches back; windows grow from the start unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lookback: Option<Span>,
    /// How much of the beginning is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begin_after: Option<Span>,
    /// How much earlier than the canary's the control's windows lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) control_offset: Option<Span>,
}

/// What a file says about a check.
#[derive(Clone, Debug)]
pub(crate) enum CheckChange {
    /// What it asks, or what of an inherited one is otherwise.
    Entry(Box<CheckEntry>),
    /// That an inherited one is left out.
    Off,
}

impl<'de> Deserialize<'de> for CheckChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryOrOff;

        impl<'de> Visitor<'de> for EntryOrOff {
            type Value = CheckChange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(NO_CHECK)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CheckChange, A::Error> {
                let entry = CheckEntry::deserialize(MapAccessDeserializer::new(map))?;
                Ok(CheckChange::Entry(Box::new(entry)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<CheckChange, E> {
                if text == OFF { Ok(CheckChange::Off) } else { Err(E::custom(NO_CHECK)) }
            }

            fn visit_unit<E: Error>(self) -> Result<CheckChange, E> {
                Err(E::custom(NO_CHECK))
            }

            /// What `off` is to YAML 1.1.
            fn visit_bool<E: Error>(self, is_on: bool) -> Result<CheckChange, E> {
                if is_on { Err(E::custom(NO_CHECK)) } else { Ok(CheckChange::Off) }
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<CheckChange, E> {
                Err(E::custom(NO_CHECK))
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<CheckChange, E> {
                Err(E::custom(NO_CHECK))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<CheckChange, E> {
                Err(E::custom(NO_CHECK))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<CheckChange, A::Error> {
                Err(A::Error::custom(NO_CHECK))
            }
        }

        deserializer.deserialize_any(EntryOrOff)
    }
}

/// How a check is left out.
pub(crate) const OFF: &str = "off";

/// What stands where a check belongs and is none; the message for it is made where the text is known.
pub(crate) const NO_CHECK: &str = "neither a check nor `off`";

impl Serialize for CheckChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Entry(entry) => entry.serialize(serializer),
            Self::Off => serializer.serialize_str(OFF),
        }
    }
}

impl JsonSchema for CheckChange {
    fn schema_name() -> Cow<'static, str> {
        "CheckChange".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A check; or `off`, to leave out one of a pack or of an extended file.",
            "anyOf": [generator.subschema_for::<CheckEntry>(), {"const": OFF}, {"const": false}],
        })
    }
}

/// One question about one metric. It holds exactly one of `ratio`, `histogram`, `count`, `gauge` and
/// `quantile`, or none where it changes one of a pack or of an extended file.
#[derive(Clone, Debug, Default, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["ratio"]},
    {"required": ["histogram"]},
    {"required": ["count"]},
    {"required": ["gauge"]},
    {"required": ["quantile"]},
    {"not": {"anyOf": [
        {"required": ["ratio"]},
        {"required": ["histogram"]},
        {"required": ["count"]},
        {"required": ["gauge"]},
        {"required": ["quantile"]},
    ]}},
]))]
pub(crate) struct CheckEntry {
    /// Bad events out of all events: two counts, never a ready-made percentage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<RatioEntry>,
    /// The buckets of a histogram: series with the label `le`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) histogram: Option<Placed<String>>,
    /// Events, with what they are relative to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<CountEntry>,
    /// A level that goes up and down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gauge: Option<Placed<String>>,
    /// A quantile that somebody else computed, such as a vendor's p99.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quantile: Option<Placed<String>>,
    /// Which change is bad: `higher` unless said, and `either` for a gauge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) worse: Option<serin_model::Worse>,
    /// How much change is put up with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) compare: Option<Placed<CompareEntry>>,
    /// An absolute bound beside the comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<Placed<LimitEntry>>,
    /// Whether a promotion needs this metric to be proven safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gating: Option<bool>,
    /// Whether this metric alone can take the score to zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) critical: Option<bool>,
    /// Whether it is judged and shown, but never counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) muted: Option<bool>,
    /// Which golden signal it is. It is also its group, unless `groups` or `weight` is said or it is
    /// muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signal: Option<Signal>,
    /// Why it is asked, and why its margins are what they are. For people; nothing reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// The groups it counts in; the group `default` unless said, none if empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Vec<Placed<String>>>,
    /// How much it counts in the score, in percent: it is then a group of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<Placed<f64>>,
    /// Fewer points than this on either arm bar a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) minimum_points: Option<Placed<u32>>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    /// What only the kayenta judge reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kayenta: Option<Placed<KayentaEntry>>,
    /// The pack that says what it measures.
    #[serde(skip)]
    pub(crate) pack: Option<String>,
}

/// What a metric says of a service: the four golden signals, and restarts.
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// How long it takes.
    Latency,
    /// How much is asked of it.
    Traffic,
    /// How often it fails.
    Errors,
    /// How full it is.
    Saturation,
    /// How often it begins anew.
    Restarts,
}

impl Signal {
    /// All of them, in the order people name them.
    pub const ALL: [Self; 5] =
        [Self::Latency, Self::Traffic, Self::Errors, Self::Saturation, Self::Restarts];

    /// Returns the word the Check file uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Traffic => "traffic",
            Self::Errors => "errors",
            Self::Saturation => "saturation",
            Self::Restarts => "restarts",
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Bad events out of all events.
#[derive(Clone, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatioEntry {
    /// Selects the counters of bad events.
    pub(crate) bad: Placed<String>,
    /// Selects the counters of all events.
    pub(crate) total: Placed<String>,
}

/// Events, with what they are relative to.
#[derive(Clone, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountEntry {
    /// Selects the counters of events.
    pub(crate) events: Placed<String>,
    /// Selects the counters of opportunities; one a step and replica unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exposure: Option<Placed<String>>,
}

/// How much change in the bad direction is put up with.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompareEntry {
    /// The change a team puts up with, in percent of control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tolerance: Option<Placed<Percentage>>,
    /// The change it must be protected from, in percent of control: twice the tolerance unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unacceptable: Option<Placed<Percentage>>,
    /// An absolute change that is always tolerated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<Placed<AbsoluteChange>>,
    /// An absolute change below which nothing is unacceptable: twice the floor unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unacceptable_floor: Option<Placed<AbsoluteChange>>,
}

/// An absolute bound: exactly one of `above` and `below`.
#[derive(Clone, Copy, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["above"]}, {"required": ["below"]}]))]
pub(crate) struct LimitEntry {
    /// Values above this are out of bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) above: Option<Placed<Level>>,
    /// Values below this are out of bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) below: Option<Placed<Level>>,
    /// How many consecutive points must be out of bounds: 3 unless said.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub(crate) consecutive: Option<Placed<u32>>,
    /// How many events those points must hold together: 20 unless said, for measures that count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) minimum_events: Option<u32>,
}

/// What only the kayenta judge reads.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KayentaEntry {
    /// What becomes of missing values: `remove` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nan_strategy: Option<NanStrategyEntry>,
    /// Drops values this many interquartile ranges beyond the quartiles; keeps all unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remove_outliers_beyond: Option<Placed<f64>>,
    /// Whether a metric without data counts as failed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) must_have_data: bool,
    /// How large a difference must be to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) effect_size: Option<EffectSizeEntry>,
}

/// What becomes of missing values.
#[derive(Clone, Copy, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NanStrategyEntry {
    /// They are left out.
    Remove,
    /// They count as zero.
    Replace,
}

/// How large a difference must be to count.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EffectSizeEntry {
    /// What size means: `mean_ratio` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) measure: Option<EffectSizeMeasureEntry>,
    /// The smallest size at which a higher canary counts: 1, or 0.5 for `cles`, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) allowed_increase: Option<Placed<f64>>,
    /// The largest size at which a lower canary counts: 1, or 0.5 for `cles`, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) allowed_decrease: Option<Placed<f64>>,
    /// The smallest size at which a critical metric fails the canary by being higher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) critical_increase: Option<Placed<f64>>,
    /// The largest size at which a critical metric fails the canary by being lower.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) critical_decrease: Option<Placed<f64>>,
}

/// What the size of an effect means.
#[derive(Clone, Copy, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EffectSizeMeasureEntry {
    /// The canary's mean over the control's.
    MeanRatio,
    /// How often a canary value is above a control value.
    Cles,
}

/// A mapping that keeps the order it was written in.
#[derive(Clone, Debug)]
pub(crate) struct Entries<T>(pub(crate) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping from names to checks")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

impl<T: Serialize> Serialize for Entries<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, entry) in &self.0 {
            map.serialize_entry(name, entry)?;
        }
        map.end()
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("EntriesOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}
