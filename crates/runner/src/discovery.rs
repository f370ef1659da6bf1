//! What a store has of a service: which packs match, and which labels tell arms and replicas apart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serin_check::{
    ArmsFound, Labels, PACKS, PackCheck, Signal, arm_suffixes, find_arms, find_replica, listed,
};
use serin_model::{LabelSelector, Measure, Query, Step, Store, Timestamp, Window};
use serin_sources::{Answer, Asked, Quantity, Request, Source, source_named};
use tokio::runtime::Runtime;

use crate::error::RunError;
use crate::fetch::{FetchFailure, StoreClient, fetch_all};
use crate::moment::now;
use crate::progress::Progress;
use crate::store::runtime;

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiscoveryAsked {
    /// The service, as some label of its series names it.
    pub service: Option<String>,
    /// The labels of the control and of the canary, where they are known.
    pub arms: Option<(LabelSelector, LabelSelector)>,
    /// The label that tells replicas apart, where it is known.
    pub replica: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Discovery {
    /// The service's name.
    pub service: String,
    /// The labels that both arms share.
    pub scope: LabelSelector,
    /// The two arms, and why these.
    pub arms: ArmsFound,
    /// The label that tells replicas apart.
    pub replica: Option<String>,
    /// How often the store has a value of them.
    pub step: Option<Step>,
    /// The packs that match, those with the most checks first.
    pub packs: Vec<PackFound>,
}

/// A pack that matches.
#[derive(Clone, Debug, PartialEq)]
pub struct PackFound {
    /// Its name.
    pub name: &'static str,
    /// The checks that the store has series of on the control.
    pub found: Vec<(String, Signal)>,
    /// The others.
    pub missing: Vec<String>,
}

impl Discovery {
    /// Returns the golden signals that no check was found for.
    #[must_use]
    pub fn missing_signals(&self) -> Vec<Signal> {
        let found: BTreeSet<Signal> = self
            .packs
            .iter()
            .flat_map(|pack| pack.found.iter().map(|(_, signal)| *signal))
            .collect();
        Signal::ALL.into_iter().filter(|signal| !found.contains(signal)).collect()
    }
}

/// Looks at what a store has now.
///
/// * `folder`: where paths of secrets and certificates start.
///
/// # Errors
///
/// [`RunError`] when the store cannot be asked, has nothing of the service, or does not say which
/// series are the canary's.
pub fn discover(
    store: &Store,
    folder: &Path,
    asked: &DiscoveryAsked,
    progress: &dyn Progress,
) -> Result<Discovery, RunError> {
    let survey = Survey::new(store, folder, progress)?;
    let (control, _) = asked.arms.clone().unwrap_or_default();
    let packs = packs()?;
    let names = every_name(&packs);
    let Named { scope, telling } = survey.named(asked.service.as_deref(), &names, &control)?;
    let counts = survey.counts(&queries(&packs), &scope)?;
    let mut present: Vec<(Query, u64)> = queries(&packs)
        .into_iter()
        .map(|query| (counts.get(query.as_str()).copied().unwrap_or(0), query))
        .filter(|(count, _)| *count > 0)
        .map(|(count, query)| (query, count))
        .collect();
    present.sort_by_key(|(_, count)| (*count < 2, *count));
    if present.is_empty() {
        return Err(survey.nothing_found(asked.service.as_deref(), &names));
    }
    let (arms, replica, anchor) = survey.arms(asked, (&scope, telling.as_ref()), &present)?;
    let whole = |arm: &LabelSelector| -> LabelSelector {
        arm.iter().chain(&scope).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let present: Vec<Query> = present.into_iter().map(|(query, _)| query).collect();
    let on_control = survey.counts(&present, &whole(&arms.control))?;
    let is_there = |query: &Query| on_control.get(query.as_str()).is_some_and(|count| *count > 0);
    let packs = matching(&packs, is_there);
    if packs.is_empty() {
        return Err(survey.undiscovered(
            format!(
                "has metrics of the packs, and none with the labels {}",
                in_words(&arms.control)
            ),
            "see that `--control` names the version that runs now".to_owned(),
        ));
    }
    let step = survey.step(&anchor, &whole(&arms.control))?;
    let service = asked.service.clone().or_else(|| survey.service_of(&anchor, &arms.control));
    let service = service.unwrap_or_else(|| "service".to_owned());
    Ok(Discovery { service, scope, arms, replica, step, packs })
}

/// How many series each query selects, by its text.
type Counts = BTreeMap<String, u64>;

/// The checks of each pack.
type Packs = Vec<(&'static str, Vec<PackCheck>)>;

fn packs() -> Result<Packs, RunError> {
    let mut packs = Packs::new();
    for pack in PACKS {
        packs.push((pack.name, pack.checks()?));
    }
    Ok(packs)
}

/// Returns the queries of a check that must select something. That there are no bad events now says
/// nothing.
fn needed(measure: &Measure) -> Vec<&Query> {
    match measure {
        Measure::Ratio { total, .. } => vec![total],
        Measure::Histogram { buckets } => vec![buckets],
        Measure::Count { events, exposure } => std::iter::once(events).chain(exposure).collect(),
        Measure::Gauge { value } | Measure::Quantile { value } => vec![value],
    }
}

fn queries(packs: &Packs) -> Vec<Query> {
    let checks = packs.iter().flat_map(|(_, checks)| checks);
    let needed =
        checks.flat_map(|it| needed(&it.check.measure)).map(|query| query.as_str().to_owned());
    let once: BTreeSet<String> = needed.collect();
    once.iter().filter_map(|query| Query::new(query)).collect()
}

/// Returns a query for every metric of any pack.
fn every_name(packs: &Packs) -> Query {
    let names: BTreeSet<String> = queries(packs)
        .iter()
        .filter_map(|query| Some(query.as_str().split_once('{')?.0.to_owned()))
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    Query::new(&format!("{{__name__=~\"{}\", $arm}}", names.join("|"))).expect("it has braces")
}

/// Returns the packs that match, those with the most checks first. Of packs that ask the same of
/// different libraries, one is enough.
fn matching(packs: &Packs, is_there: impl Fn(&Query) -> bool) -> Vec<PackFound> {
    let mut all: Vec<PackFound> = Vec::new();
    for (name, checks) in packs {
        let mut pack = PackFound { name, found: Vec::new(), missing: Vec::new() };
        for it in checks {
            if needed(&it.check.measure).into_iter().all(&is_there) {
                pack.found.push((it.check.name.clone(), it.signal));
            } else {
                pack.missing.push(it.check.name.clone());
            }
        }
        all.push(pack);
    }
    all.retain(|pack| !pack.found.is_empty());
    all.sort_by_key(|pack| (std::cmp::Reverse(pack.found.len()), pack.missing.len()));
    let mut taken: BTreeSet<String> = BTreeSet::new();
    all.retain(|pack| {
        let names = || pack.found.iter().map(|(name, _)| name).chain(&pack.missing);
        let is_new = names().all(|name| !taken.contains(name));
        if is_new {
            taken.extend(names().cloned());
        }
        is_new
    });
    all
}

/// What labels say of a service.
#[derive(Clone, Debug, Default, PartialEq)]
struct Named {
    /// The label that both arms share.
    scope: LabelSelector,
    /// The label that has the service's name for one arm and something of it for the other.
    telling: Option<(String, String)>,
}

/// Returns a query for what a label calls an arm of a service, such as `shop-canary`.
fn of_an_arm(names: &Query, label: &str, service: &str) -> Query {
    let escaped: String = service
        .chars()
        .map(|it| {
            if it.is_ascii_alphanumeric() || it == '_' { it.to_string() } else { format!("[{it}]") }
        })
        .collect();
    let arms = format!("{label}=~\"{escaped}{}\", $arm}}", arm_suffixes());
    Query::new(&names.as_str().replace("$arm}", &arms)).expect("it has braces")
}

/// A store that is asked what there is.
struct Survey<'a> {
    source: &'static dyn Source,
    store: &'a Store,
    client: StoreClient,
    runtime: Runtime,
    progress: &'a dyn Progress,
    name: String,
    end: Timestamp,
}

impl<'a> Survey<'a> {
    fn new(store: &'a Store, folder: &Path, progress: &'a dyn Progress) -> Result<Self, RunError> {
        let name = format!("{} at {}", store.kind, store.url);
        let Some(source) = source_named(&store.kind) else {
            return Err(undiscovered(
                name,
                "is of a kind that serin does not know",
                "`serin sources` lists them",
            ));
        };
        Ok(Self {
            source,
            store,
            client: StoreClient::new(store, source, folder)?,
            runtime: runtime(store)?,
            progress,
            name,
            end: now(),
        })
    }

    fn asked<'q>(&self, query: &'q Query, among: &'q LabelSelector, back: Duration) -> Asked<'q> {
        Asked {
            query,
            quantity: Quantity::Level,
            arm: among,
            window: Window { start: self.end.before(back), end: self.end },
            step: Step::MINUTE,
            for_each: &[],
            replica: None,
            timeout: self.store.limits.timeout,
        }
    }

    fn fetch(&self, requests: &[Request]) -> Vec<Result<Answer, FetchFailure>> {
        let fetching = fetch_all(&self.client, requests, self.store.limits, self.progress);
        self.runtime.block_on(fetching).answers
    }

    /// Returns how many series each query selects. One that is not answered selects none, unless none
    /// is answered.
    fn counts(&self, queries: &[Query], among: &LabelSelector) -> Result<Counts, RunError> {
        let asked: Vec<_> = queries.iter().map(|query| (query, among)).collect();
        let counts = self.counts_of(&asked)?;
        let names = queries.iter().map(|query| query.as_str().to_owned());
        Ok(names.zip(counts).collect())
    }

    fn counts_of(&self, asked: &[(&Query, &LabelSelector)]) -> Result<Vec<u64>, RunError> {
        let mut requests = Vec::new();
        for (query, among) in asked {
            let request = self.source.count_of_series(&self.asked(query, among, LOOK_BACK));
            requests.push(
                request.map_err(|error| self.unaskable(error))?.ok_or_else(|| self.unable())?,
            );
        }
        let answers = self.fetch(&requests);
        if let Some(Err(failure)) = answers.iter().find(|answer| answer.is_err())
            && answers.iter().all(Result::is_err)
        {
            return Err(self.failed(failure));
        }
        let count = |answer: Result<Answer, FetchFailure>| {
            let answer = answer.ok()?;
            Some(answer.series.first()?.samples.last()?.value as u64)
        };
        Ok(answers.into_iter().map(|answer| count(answer).unwrap_or(0)).collect())
    }

    /// Returns the series that a query selects now.
    fn series(&self, query: &Query, among: &LabelSelector) -> Result<Vec<Labels>, RunError> {
        let request = self.source.series_seen(&self.asked(query, among, LOOK_BACK));
        let request =
            request.map_err(|error| self.unaskable(error))?.ok_or_else(|| self.unable())?;
        match self.fetch(&[request]).pop() {
            Some(Ok(answer)) => Ok(answer.series.into_iter().map(|series| series.labels).collect()),
            Some(Err(failure)) => Err(self.failed(&failure)),
            None => Ok(Vec::new()),
        }
    }

    /// Finds the labels whose value is the service's name, and of those that both arms share the one that
    /// most series have.
    fn named(
        &self,
        service: Option<&str>,
        names: &Query,
        control: &LabelSelector,
    ) -> Result<Named, RunError> {
        let Some(service) = service else { return Ok(Named::default()) };
        let labels = || SERVICE_LABELS.iter().filter(|label| !control.contains_key(**label));
        let whole: Vec<LabelSelector> = labels()
            .map(|label| LabelSelector::from([((*label).to_owned(), service.to_owned())]))
            .collect();
        let asked: Vec<_> = whole.iter().map(|label| (names, label)).collect();
        let counts = self.counts_of(&asked)?;
        let with_arm: Vec<Query> = labels().map(|label| of_an_arm(names, label, service)).collect();
        let everything = LabelSelector::new();
        let asked: Vec<_> = with_arm.iter().map(|query| (query, &everything)).collect();
        let of_arms = self.counts_of(&asked)?;
        let all = || whole.iter().zip(counts.iter().zip(&of_arms)).rev();
        let shared = all().filter(|(_, (count, of_arms))| **count > 0 && **of_arms == 0);
        let telling = all().filter(|(_, (_, of_arms))| **of_arms > 0);
        let best = shared.max_by_key(|(_, (count, _))| **count).map(|(label, _)| label.clone());
        let telling = telling.max_by_key(|(_, (count, _))| **count).map(|(label, _)| label.clone());
        match (best, telling) {
            (Some(scope), _) => Ok(Named { scope, telling: None }),
            (None, Some(label)) if control.is_empty() => {
                Ok(Named { scope: LabelSelector::new(), telling: label.into_iter().next() })
            }
            // The labels of the arms may be all there is.
            _ if !control.is_empty() => Ok(Named::default()),
            _ => Err(self.nothing_found(Some(service), names)),
        }
    }

    /// Finds the arms and the replicas, and a metric that has them.
    ///
    /// * `telling`: the label whose values are the service's name with and without that of an arm, where no
    ///   other label names the service.
    /// * `present`: metrics with how many series they have, the fewest first.
    fn arms(
        &self,
        asked: &DiscoveryAsked,
        (scope, telling): (&LabelSelector, Option<&(String, String)>),
        present: &[(Query, u64)],
    ) -> Result<(ArmsFound, Option<String>, Query), RunError> {
        let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (query, _) in present.iter().take(MOST_ANCHORS) {
            let mut series = self.series(query, scope)?;
            if let Some((label, service)) = telling {
                // Those of other services are told apart in the same way.
                series.retain(|labels| {
                    labels.get(label).is_some_and(|value| value.starts_with(service.as_str()))
                });
            }
            let arms = match &asked.arms {
                Some((control, canary)) if has(&series, control) => ArmsFound {
                    control: control.clone(),
                    canary: canary.clone(),
                    because: "The labels of the two versions, as they were given.".to_owned(),
                },
                Some(_) => continue,
                None => match find_arms(&series) {
                    Ok(arms) => arms,
                    Err(labels) => {
                        seen.extend(labels);
                        continue;
                    }
                },
            };
            let replica = asked.replica.clone();
            let replica = replica.or_else(|| find_replica(&series, &arms.control, &arms.canary));
            return Ok((arms, replica, query.clone()));
        }
        Err(self.no_arms(asked, &seen))
    }

    fn no_arms(
        &self,
        asked: &DiscoveryAsked,
        seen: &BTreeMap<String, BTreeSet<String>>,
    ) -> RunError {
        if let Some((control, _)) = &asked.arms {
            return self.undiscovered(
                format!("has no metric of any pack with the labels {}", in_words(control)),
                "see that `--control` names the version that runs now; `serin packs` lists the metrics"
                    .to_owned(),
            );
        }
        let hint = match seen.iter().find(|(_, values)| values.len() == 2) {
            Some((label, values)) => {
                let values: Vec<&String> = values.iter().collect();
                format!(
                    "say which runs now and which is on trial: `--control {label}={} --canary \
                     {label}={}`, or the other way round",
                    values[0], values[1]
                )
            }
            None => "say which labels tell the versions apart: `--control track=stable --canary \
                     track=canary`"
                .to_owned(),
        };
        let labels = seen.iter().take(MOST_LABELS);
        let labels: Vec<String> =
            labels.map(|(name, values)| format!("{name}: {}", listed(values))).collect();
        let found = match labels.is_empty() {
            true => "no label of its series has several values".to_owned(),
            false => format!("of its labels none does: {}", labels.join("; ")),
        };
        self.undiscovered(format!("does not say which series are the canary's; {found}"), hint)
    }

    /// Returns how often the store has a value: what most gaps between samples are.
    fn step(&self, query: &Query, among: &LabelSelector) -> Result<Option<Step>, RunError> {
        for back in SAMPLED {
            let gaps = self.gaps(query, among, back)?;
            if let Some(gap) = gaps.get(gaps.len() / 2) {
                let seconds = u32::try_from((gap + 500) / 1000).unwrap_or(u32::MAX);
                return Ok(Step::from_seconds(seconds.max(1)));
            }
        }
        Ok(None)
    }

    /// Returns how far samples are apart, in milliseconds, the shortest first.
    fn gaps(
        &self,
        query: &Query,
        among: &LabelSelector,
        back: Duration,
    ) -> Result<Vec<i64>, RunError> {
        let plan = self.source.plan(&self.asked(query, among, back));
        let plan = plan.map_err(|error| self.unaskable(error))?;
        let mut gaps = Vec::new();
        for answer in self.fetch(&plan.requests).into_iter().flatten() {
            for series in &answer.series {
                let times: Vec<i64> =
                    series.samples.iter().map(|point| point.time.as_millis()).collect();
                gaps.extend(times.windows(2).map(|pair| pair[1] - pair[0]));
            }
        }
        gaps.sort_unstable();
        Ok(gaps)
    }

    fn service_of(&self, anchor: &Query, control: &LabelSelector) -> Option<String> {
        let series = self.series(anchor, control).ok()?;
        let labels = series.first()?;
        let own = SERVICE_LABELS.iter().filter(|label| !control.contains_key(**label));
        own.filter_map(|label| labels.get(*label)).next().cloned()
    }

    fn nothing_found(&self, service: Option<&str>, names: &Query) -> RunError {
        let anything = self.counts_of(&[(names, &LabelSelector::new())]);
        let count = anything.ok().and_then(|counts| counts.first().copied()).unwrap_or(0);
        match (service, count) {
            (_, 0) => self.undiscovered(
                "has no metric of any pack".to_owned(),
                "`serin packs` lists what is looked for; write the checks into a Check file yourself"
                    .to_owned(),
            ),
            (Some(service), _) => self.undiscovered(
                format!("has metrics of the packs, and none of which a label says `{service}`"),
                format!(
                    "looked at were the labels {}; name the versions by their own labels: `--control \
                     track=stable --canary track=canary`",
                    SERVICE_LABELS.join(", ")
                ),
            ),
            (None, _) => self.undiscovered(
                "has no metric of any pack with a value now".to_owned(),
                "see that it is being scraped".to_owned(),
            ),
        }
    }

    fn undiscovered(&self, problem: String, hint: String) -> RunError {
        RunError::Undiscovered { name: self.name.clone(), problem, hint }
    }

    fn failed(&self, failure: &FetchFailure) -> RunError {
        let failure = failure.first_cause();
        self.undiscovered(failure.to_string(), failure.hint())
    }

    fn unaskable(&self, error: serin_sources::QueryError) -> RunError {
        self.undiscovered(format!("cannot be asked: {}", error.reason), error.hint)
    }

    fn unable(&self) -> RunError {
        undiscovered(
            self.name.clone(),
            "is of a kind that cannot be asked which series there are",
            "write the Check file yourself: docs/guide/check-file.md",
        )
    }
}

fn undiscovered(name: String, problem: &str, hint: &str) -> RunError {
    RunError::Undiscovered { name, problem: problem.to_owned(), hint: hint.to_owned() }
}

fn in_words(labels: &LabelSelector) -> String {
    let label = |(name, value): (&String, &String)| format!("`{name}={value}`");
    labels.iter().map(label).collect::<Vec<_>>().join(", ")
}

/// Returns whether any series has the labels of an arm.
fn has(series: &[Labels], arm: &LabelSelector) -> bool {
    let all = |labels: &Labels| {
        arm.iter().all(|(name, value)| labels.get(name).map_or("", String::as_str) == value)
    };
    series.iter().any(all)
}

/// How far back a series counts: a canary of an hour ago shows how canaries are labelled.
const LOOK_BACK: Duration = Duration::from_secs(3600);

/// How long samples are looked at in order to learn how often there are any; the next one where there
/// are none.
const SAMPLED: [Duration; 2] = [Duration::from_secs(600), LOOK_BACK];

/// So many metrics are looked at for labels that tell the arms apart.
const MOST_ANCHORS: usize = 8;

/// So many labels are shown where none tells the arms apart.
const MOST_LABELS: usize = 6;

/// Labels that may hold a service's name, the usual first.
const SERVICE_LABELS: [&str; 18] = [
    "service",
    "app",
    "app_kubernetes_io_name",
    "service_name",
    "job",
    "application",
    "k8s_app",
    "deployment",
    "workload",
    "destination_service_name",
    "destination_canonical_service",
    "destination_app",
    "destination_workload",
    "app_kubernetes_io_instance",
    "exported_service",
    "kubernetes_name",
    "ingress",
    "container",
];
