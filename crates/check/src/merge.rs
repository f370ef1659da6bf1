//! One Check file of several: what a specific one says holds, and what it does not say is inherited.
//!
//! A check is changed key by key, and so are `compare`, `limit` and `score`. What belongs together is
//! taken as a whole: the query of a check, `source` with its secrets, `arms`.

use std::collections::BTreeSet;

use serin_model::{FileError, Place};

use crate::explain::one_of;
use crate::file::{
    CheckChange, CheckEntry, CheckFile, CompareEntry, Entries, LimitEntry, ScoreEntry,
};
use crate::layers::Texts;
use crate::packs::{PACKS, closest_pack, pack_named};
use crate::scalar::Placed;

/// Checks by name, in the order they were first written.
pub(crate) type Checks = Vec<(String, Placed<CheckEntry>)>;

/// What several files say together.
#[derive(Debug)]
pub(crate) struct Merged {
    /// All but the checks, the packs and what is extended.
    pub(crate) file: CheckFile,
    pub(crate) checks: Checks,
    /// Where the checks are written, if anywhere.
    pub(crate) checks_place: Option<Place>,
    /// Whether any file or pack is inherited from.
    pub(crate) inherits: bool,
}

/// Lays files over each other.
///
/// * `files`: the most specific first, in the order of `texts`.
pub(crate) fn merged(texts: &mut Texts, files: Vec<CheckFile>) -> Result<Merged, FileError> {
    let mut inherits = files.len() > 1;
    let mut checks = Checks::new();
    for used in packs_used(texts, &files)? {
        inherits = true;
        add_pack(texts, &used, &mut checks)?;
    }
    let mut whole = CheckFile::default();
    let mut checks_place = None;
    for (layer, mut file) in files.into_iter().enumerate().rev() {
        if let Some(Placed { value: Entries(changes), place, .. }) = file.checks.take() {
            checks_place = place;
            for (name, change) in changes {
                let owner = Owner { texts, inherits, is_inherited: layer > 0 };
                owner.apply(&mut checks, name, change)?;
            }
        }
        whole = file.over(whole);
    }
    Ok(Merged { file: whole, checks, checks_place, inherits })
}

/// Returns each pack that is used, once, the least specific file's first.
fn packs_used(texts: &Texts, files: &[CheckFile]) -> Result<Vec<Placed<String>>, FileError> {
    let mut used: Vec<Placed<String>> = Vec::new();
    for file in files.iter().rev() {
        let mut own = BTreeSet::new();
        for pack in &file.packs {
            if !own.insert(pack.value.as_str()) {
                let problem = format!("the pack `{}` is named twice", pack.value);
                return Err(texts.mistake(pack.place, &problem, "name each pack once"));
            }
            if used.iter().all(|known| known.value != pack.value) {
                used.push(pack.clone());
            }
        }
    }
    Ok(used)
}

fn add_pack(
    texts: &mut Texts,
    used: &Placed<String>,
    checks: &mut Checks,
) -> Result<(), FileError> {
    let Some(pack) = pack_named(&used.value) else {
        let problem = format!("there is no pack `{}`", used.value);
        let hint = match closest_pack(&used.value) {
            Some(pack) => format!("did you mean `{}`?", pack.name),
            None => "`serin packs` lists those there are".to_owned(),
        };
        return Err(texts.mistake(used.place, &problem, &hint));
    };
    let file = texts.parse(&format!("pack {}", pack.name), pack.text)?;
    for (name, change) in file.checks.map(|checks| checks.value.0).unwrap_or_default() {
        let CheckChange::Entry(mut entry) = change.value else { continue };
        let same = checks.iter().find(|(known, _)| *known == name);
        if let Some(other) = same.and_then(|(_, other)| other.value.pack.as_deref()) {
            let problem = format!("`{name}` is in both packs `{other}` and `{}`", pack.name);
            let hint = "use one of the two: they ask the same of different libraries";
            return Err(texts.mistake(used.place, &problem, hint));
        }
        entry.pack = Some(pack.name.to_owned());
        checks.push((name, Placed::from(*entry).at(change.place)));
    }
    Ok(())
}

/// A file whose checks are laid over those that it inherits.
struct Owner<'a> {
    texts: &'a Texts,
    /// Whether there is anything to inherit.
    inherits: bool,
    /// Whether the file itself is extended by another.
    is_inherited: bool,
}

impl Owner<'_> {
    fn apply(
        &self,
        checks: &mut Checks,
        name: String,
        change: Placed<CheckChange>,
    ) -> Result<(), FileError> {
        let Placed { value: change, place, .. } = change;
        let known = checks.iter().position(|(known, _)| *known == name);
        match (change, known) {
            (CheckChange::Off, Some(index)) => {
                checks.remove(index);
            }
            (CheckChange::Entry(entry), Some(index)) => {
                let inherited = std::mem::take(&mut checks[index].1.value);
                checks[index].1 = Placed::from(entry.over(inherited)).at(place);
            }
            (CheckChange::Entry(entry), None) if entry.measures_something() || !self.inherits => {
                checks.push((name, Placed::from(*entry).at(place)));
            }
            // Defaults for all services may name what this one has not.
            (_, None) if self.is_inherited && is_in_some_pack(&name) => {}
            (change, None) => return Err(self.unknown(checks, &name, &change, place)),
        }
        Ok(())
    }

    fn unknown(
        &self,
        checks: &Checks,
        name: &str,
        change: &CheckChange,
        place: Option<Place>,
    ) -> FileError {
        let what = match change {
            CheckChange::Off => "is left out",
            CheckChange::Entry(_) => "says nothing to measure",
        };
        let problem = format!("`{name}` {what}, and no pack and no extended file has such a check");
        let names: Vec<&str> = checks.iter().map(|(name, _)| name.as_str()).collect();
        let hint = if names.is_empty() {
            "write `use: [golden/http]` for the checks of a pack, or what it measures".to_owned()
        } else {
            one_of(name, &names)
        };
        self.texts.mistake(place, &problem, &hint)
    }
}

fn is_in_some_pack(name: &str) -> bool {
    PACKS.iter().any(|pack| pack.check_names().iter().any(|known| known == name))
}

impl CheckFile {
    /// Lays a file over one that it inherits from; checks and packs are not looked at.
    fn over(self, base: Self) -> Self {
        Self {
            service: self.service.or(base.service),
            extends: None,
            packs: Vec::new(),
            source: self.source.or(base.source),
            arms: self.arms.or(base.arms),
            scope: self.scope.or(base.scope),
            for_each: self.for_each.or(base.for_each),
            replica: self.replica.or(base.replica),
            step: self.step.or(base.step),
            window: self.window.or(base.window),
            horizon: self.horizon.or(base.horizon),
            warm_up: self.warm_up.or(base.warm_up),
            history: self.history.or(base.history),
            at_horizon: self.at_horizon.or(base.at_horizon),
            minimum_time: self.minimum_time.or(base.minimum_time),
            minimum_points: self.minimum_points.or(base.minimum_points),
            score: both(self.score, base.score, ScoreEntry::over),
            kayenta: self.kayenta.or(base.kayenta),
            checks: None,
        }
    }
}

impl CheckEntry {
    pub(crate) fn measures_something(&self) -> bool {
        self.shape().contains(&true)
    }

    /// Returns which of the measures are written.
    fn shape(&self) -> [bool; 5] {
        [
            self.ratio.is_some(),
            self.histogram.is_some(),
            self.count.is_some(),
            self.gauge.is_some(),
            self.quantile.is_some(),
        ]
    }

    /// Lays a check over an inherited one.
    fn over(self, mut base: Self) -> Self {
        // What is put up with has the unit of what is measured.
        if self.measures_something() && self.shape() != base.shape() {
            (base.worse, base.compare, base.limit) = (None, None, None);
        }
        let query = if self.measures_something() { self.clone() } else { base.clone() };
        let says_groups = self.groups.is_some() || self.weight.is_some();
        let (groups, weight) =
            if says_groups { (self.groups, self.weight) } else { (base.groups, base.weight) };
        Self {
            ratio: query.ratio,
            histogram: query.histogram,
            count: query.count,
            gauge: query.gauge,
            quantile: query.quantile,
            pack: query.pack,
            worse: self.worse.or(base.worse),
            compare: both(self.compare, base.compare, CompareEntry::over),
            limit: both(self.limit, base.limit, LimitEntry::over),
            gating: self.gating.or(base.gating),
            critical: self.critical.or(base.critical),
            muted: self.muted.or(base.muted),
            signal: self.signal.or(base.signal),
            why: self.why.or(base.why),
            groups,
            weight,
            minimum_points: self.minimum_points.or(base.minimum_points),
            owner: self.owner.or(base.owner),
            kayenta: self.kayenta.or(base.kayenta),
        }
    }
}

impl CompareEntry {
    fn over(self, base: Self) -> Self {
        Self {
            tolerance: self.tolerance.or(base.tolerance),
            unacceptable: self.unacceptable.or(base.unacceptable),
            floor: self.floor.or(base.floor),
            unacceptable_floor: self.unacceptable_floor.or(base.unacceptable_floor),
        }
    }
}

impl LimitEntry {
    fn over(self, base: Self) -> Self {
        let own = self.above.is_some() || self.below.is_some();
        let (above, below) = if own { (self.above, self.below) } else { (base.above, base.below) };
        Self {
            above,
            below,
            consecutive: self.consecutive.or(base.consecutive),
            minimum_events: self.minimum_events.or(base.minimum_events),
        }
    }
}

impl ScoreEntry {
    fn over(self, base: Self) -> Self {
        Self {
            pass: self.pass.or(base.pass),
            marginal: self.marginal.or(base.marginal),
            weights: self.weights.or(base.weights),
        }
    }
}

/// Lays one mapping over another, where there are two.
fn both<T>(
    own: Option<Placed<T>>,
    base: Option<Placed<T>>,
    over: fn(T, T) -> T,
) -> Option<Placed<T>> {
    match (own, base) {
        (Some(own), Some(base)) => Some(own.map(|own| over(own, base.value))),
        (own, base) => own.or(base),
    }
}
