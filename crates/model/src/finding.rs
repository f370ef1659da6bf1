//! What is wrong with a question before it is asked, and what to ask instead.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something about a Check file that can make a verdict wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What kind of thing it is; a word that stays.
    pub code: FindingCode,
    /// How bad it is.
    pub severity: Severity,
    /// The check it is about; all of the file when absent.
    pub check: Option<String>,
    /// The key below the check, such as `ratio.bad`, or below the file, such as `horizon`.
    pub key: Option<String>,
    /// The line of the key's value, from one.
    pub line: Option<u64>,
    /// The column of the key's value, in characters from one.
    pub column: Option<u64>,
    /// What was found: a sentence without its full stop.
    pub problem: String,
    /// What the verdict has of it: a sentence or two, the same for all of a code.
    pub why: String,
    /// What to write instead, where that is known.
    pub mend: Option<Mend>,
}

impl Finding {
    /// Creates a finding about all of a file.
    #[must_use]
    pub fn of_file(code: FindingCode, key: &str, problem: String) -> Self {
        Self {
            code,
            severity: code.severity(),
            check: None,
            key: Some(key.to_owned()),
            line: None,
            column: None,
            problem,
            why: code.why().to_owned(),
            mend: None,
        }
    }

    /// Creates a finding about one check.
    ///
    /// * `key`: the path of keys below the check, joined by dots, such as `compare.tolerance`.
    #[must_use]
    pub fn of_check(code: FindingCode, check: &str, key: &str, problem: String) -> Self {
        Self { check: Some(check.to_owned()), ..Self::of_file(code, key, problem) }
    }

    /// Returns the same finding with what a person may write instead.
    #[must_use]
    pub fn proposing(mut self, write: String) -> Self {
        self.mend = Some(Mend { write, safe: false, edits: Vec::new() });
        self
    }

    /// Returns the same finding with what can be written instead by itself: each query in place of the
    /// one that stands at its key. They are written together or not at all.
    #[must_use]
    pub fn mended(mut self, edits: Vec<Edit>) -> Self {
        let lines: Vec<String> =
            edits.iter().map(|edit| format!("{}: {}", edit.key, edit.query)).collect();
        self.mend = Some(Mend { write: lines.join("\n"), safe: true, edits });
        self
    }
}

/// What to write instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mend {
    /// What to write, as keys of the check and their values.
    pub write: String,
    /// Whether the check asks the same question then, so that `serin lint --fix` may write it.
    pub safe: bool,
    /// What `--fix` writes; empty where it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
}

/// Another query for a key of a check.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    /// The check.
    pub check: String,
    /// The key below it, such as `ratio.bad`.
    pub key: String,
    /// The query that shall stand there.
    pub query: String,
}

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// There is no verdict on the check, or one that means nothing.
    Error,
    /// The verdict says less than it seems to, or comes late.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Returns the word that JSON has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Makes the codes, each with its word, how bad it is, what is found, and what it does to a verdict.
macro_rules! codes {
    ($($code:ident $word:literal $severity:ident $found:literal $why:literal)*) => {
        /// The kinds of finding. `serin lint --codes` lists them.
        #[derive(
            Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum FindingCode {
            $(#[doc = $found] $code,)*
        }

        impl FindingCode {
            /// All of them, in the order of the documents.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// Returns the word that stays.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => $word,)* }
            }

            /// Returns how bad it is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$code => Severity::$severity,)* }
            }

            /// Says what is found, in a sentence.
            #[must_use]
            pub fn found(self) -> &'static str {
                match self { $(Self::$code => $found,)* }
            }

            /// Says what it does to a verdict.
            #[must_use]
            pub fn why(self) -> &'static str {
                match self { $(Self::$code => $why,)* }
            }
        }
    };
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

codes! {
    // What keeps a query from being asked, or makes its answer mean nothing.
    QueryRefused "query-refused" Error
        "The query cannot be asked of the source."
        "The judge refuses the whole file, and there is no verdict."
    UnknownPromql "unknown-promql" Warning
        "serin cannot read the query as PromQL."
        "A store that speaks plain PromQL refuses it; then the check is never judged, and that bars a pass. Nothing else can be said of it."
    PlaceholderLeft "placeholder-left" Error
        "A variable of a dashboard or another tool's template stands in the query."
        "Nobody fills it in: the query is refused, or selects nothing."
    MissingArm "missing-arm" Error
        "The query computes, and does not say where the arm goes."
        "Both arms would be the same series, and no canary would ever differ."
    ArmFixed "arm-fixed" Error
        "The query itself fixes a label by which the arms are told apart."
        "Then one arm has no data at all, and the check is never judged; or both are the same."
    RunningTotal "running-total" Error
        "A counter is taken as it stands, as a level or inside a sum."
        "A running total grows with the age of the process: the judge compares uptimes, not behaviour."
    SumBeforeRate "sum-before-rate" Error
        "Counters are added up first, and the rate is taken of the sum."
        "The sum falls when one replica restarts or leaves, which looks like a restart of all: counts that nothing made. A rollout is such restarts."
    ResetsIgnored "resets-ignored" Warning
        "A counter is taken for a level, by `delta` and its like."
        "A counter begins anew with its process: each restart is one huge fall, and a canary has just restarted."
    AverageOfQuantiles "average-of-quantiles" Error
        "Percentiles are averaged, added up or ranked again."
        "The mean of percentiles is no percentile of anything. One slow replica among many hardly moves it, and a shift of load between replicas does."
    QuantileOutOfRange "quantile-out-of-range" Error
        "A quantile outside 0 to 1 is asked for."
        "The store answers with infinity: there is no number to compare."
    EdgesLost "edges-lost" Error
        "Buckets are added up without the label `le`."
        "Without the edges nobody can tell fast from slow: there is no distribution left to compare."
    BucketsAsEvents "buckets-as-events" Error
        "Buckets are counted as events without saying which edge."
        "Buckets are cumulative: each event is counted once in every bucket above it, so that slow and fast weigh differently."
    SameQueryTwice "same-query-twice" Error
        "The bad events and all events are the same query."
        "The share is 1 on both arms whatever happens, and the canary always passes this check."
    GoodAsBad "good-as-bad" Warning
        "What went well is counted as bad."
        "More of it is called worse: a canary with fewer errors than its control fails, and one with more of them passes."
    UnequalWindows "unequal-windows" Error
        "The queries of one check count over unlike times."
        "Five minutes of one over one minute of the other is a share of nothing, off by a factor and late by the difference."
    RankedSeries "ranked-series" Error
        "The query ranks series, by `topk` and its like."
        "Other series win at every step: what is compared is a list of winners, and noise is picked on purpose."
    UnreachableMinimum "unreachable-minimum" Error
        "`minimum_points` is more than the horizon has steps."
        "A pass is barred for ever: the best canary ends inconclusive."
    // What makes an answer say less than it seems to.
    ReadyMadeRatio "ready-made-ratio" Warning
        "A share is computed in the query, where both counts can be had."
        "35.7 % does not say whether it was 5 of 14 or 5,000 of 14,000, so the judge must learn the noise from the values, and needs far longer; steps without traffic vanish."
    AverageOfRatios "average-of-ratios" Warning
        "Shares are averaged or added up."
        "A replica with three requests weighs as much as one with three thousand, and one without any makes the whole no number."
    ReadyMadeQuantile "ready-made-quantile" Warning
        "A quantile is computed in the query, where the buckets can be had."
        "A quantile of each step hides how many requests it rests on, and jumps between edges: the judge sees little, late. Buckets keep the counts."
    MeanLatency "mean-latency" Warning
        "A mean is computed of a sum and a count."
        "A canary that is ten times slower for one user in a hundred moves the mean by a tenth; the buckets show it at once."
    EstimatedCounts "estimated-counts" Warning
        "`rate` or `increase` is asked for, where serin counts from the samples themselves."
        "They extrapolate and lose a new series' first events, which on a canary are its first errors. The counter's selector gives whole counts, by replica."
    LastTwoSamples "last-two-samples" Warning
        "`irate` or `idelta` looks at the last two samples of a range only."
        "All that happened between the others is not seen: an error burst is caught or missed by chance."
    ExtrapolatedLevel "extrapolated-level" Warning
        "`deriv` or `predict_linear` fits a line."
        "Fitted values follow the noise of a few samples, and neighbouring ones share them: false alarms, or nothing at all."
    WindowUnderTwoScrapes "window-under-two-scrapes" Warning
        "A range is too short to hold two samples."
        "A rate needs two: the query answers now and then or never, and silence of the query looks like silence of the canary."
    WindowUnderStep "window-under-step" Warning
        "A range is shorter than a step."
        "What happens between one range and the next is never seen, errors among it."
    OverlappingWindows "overlapping-windows" Warning
        "A range is longer than a step."
        "Neighbouring points share data and count as more evidence than they are; what happened shows late, smeared over the range."
    NestedRange "nested-range" Warning
        "A subquery looks over a range of computed values."
        "Each point is a digest of many before it: neighbouring points are nearly the same, a fault shows late and stays long after it ended."
    MixedUnits "mixed-units" Error
        "One query of a check gives counts, and the other counts per second."
        "They are off by the length of a step: the judge refuses the whole file."
    ScaledCounts "scaled-counts" Warning
        "A count is multiplied or divided by a number."
        "A judge of counts takes 3,000 for three thousand events. Scaled counts make it surer, or less sure, than it may be."
    ClippedValues "clipped-values" Warning
        "Values are cut off or rounded."
        "Above the cut a canary ten times slower is the same as its control, and differences below the rounding are ties."
    FilledSilence "filled-silence" Warning
        "Silence is filled in, by `or vector(0)` and its like."
        "A dead canary looks like one without errors or traffic. serin hears silence, and can only do so where nothing fills it."
    FilteredValues "filtered-values" Warning
        "A comparison leaves out values."
        "The query is silent where all is well: the judge sees gaps, compares the bad moments of one arm with those of the other, and cannot count the good ones."
    AgeMeasured "age-measured" Warning
        "The query measures how long something has run, or since when."
        "A canary is younger than its control: every canary differs, whatever its version does."
    ConstantLevel "constant-level" Warning
        "The value is 1 whatever happens: only its labels say something."
        "Both arms are alike for ever, and the check passes every canary."
    SizeOfArm "size-of-arm" Warning
        "The value grows with the number of replicas."
        "One canary beside nine replicas of the control is a ninth of them: the arms differ by their size."
    AbsenceAsked "absence-asked" Warning
        "The query asks whether something is absent."
        "It answers 1 or nothing, which is no measure. serin reports a silent arm itself."
    ShiftedTime "shifted-time" Warning
        "The query looks at another time, by `offset` or `@`."
        "The canary is judged on a time when it may not have run."
    ReplicaLost "replica-lost" Warning
        "The query adds up replicas, though the file names their label."
        "The judge cannot learn how unlike replicas are, takes one bad machine for a bad version, or overlooks it in the sum."
    SeveralSeries "several-series" Warning
        "The query keeps labels, so that a replica answers with several series."
        "serin does not average series away: the check fails to be judged as soon as there are two."
    NoReplica "no-replica" Note
        "The file names no label that tells replicas apart."
        "One bad machine looks like a bad version, and a level must be one series an arm."
    NoMetricName "no-metric-name" Warning
        "A selector names no metric, or many."
        "It selects whatever matches, now and after the next release of an exporter; different things are added up."
    WholePattern "whole-pattern" Warning
        "A pattern names a part of a value."
        "PromQL's patterns must match all of a value: `code=~\"5\"` selects no code 500, and no errors are counted."
    AnyValue "any-value" Note
        "A pattern matches every value, and the absence of one."
        "Nothing is left out by it. Where it was a dashboard's choice, the series of others are judged as well."
    LabelsRewritten "labels-rewritten" Warning
        "The query writes the label by which arms or replicas are told apart."
        "Series for which the pattern does not fit keep what they had, or fall together: replicas are then mixed up."
    BadNotOfTotal "bad-not-of-total" Warning
        "What is bad is not among all events, as far as their matchers tell."
        "A share of another whole is none: traffic that only one of the two counts moves it, without any fault."
    LevelAsCounter "level-as-counter" Warning
        "By its name a level is taken for a counter."
        "Falls of a level look like restarts, after which everything counts anew: counts that nothing made."
    OddDirection "odd-direction" Warning
        "Fewer errors or less latency are called bad."
        "A canary that is better than its control is rolled back for it; and looking both ways costs evidence in the way that matters."
    UnitMismatch "unit-mismatch" Warning
        "A bound is not in the metric's unit, as its name says it."
        "A bound off by a thousand is broken always or never."
    // What a tolerance asks.
    ZeroTolerance "zero-tolerance" Warning
        "Nothing at all is tolerated."
        "Any difference is harm if one looks for long enough, and no two versions are equal: with time every canary fails, and none is proven safe."
    TightTolerance "tight-tolerance" Warning
        "The tolerance is below what two copies of one version differ by."
        "Replicas of one version differ by more: the canary is blamed for its machine, or nothing is ever proven."
    WideTolerance "wide-tolerance" Warning
        "More than twice as bad is tolerated."
        "A canary that doubles its errors passes."
    NarrowMargins "narrow-margins" Warning
        "What is unacceptable lies hardly above what is tolerated."
        "Proof of safety must fit between the two: it takes far longer than the horizon, and good canaries end inconclusive."
    ManyGating "many-gating" Warning
        "More than four checks are gating."
        "Each must be proven safe before a pass. The noisiest decides how long every rollout takes."
    NothingGating "nothing-gating" Note
        "Many checks, and none says that it is gating."
        "Then all must be proven safe before a pass, the noisiest among them."
    OddHorizon "odd-horizon" Note
        "The horizon is shorter than half an hour or longer than two."
        "Below, leaks and what runs every half an hour do not show; above, people deploy meanwhile and users are exposed all the time."
    // What the store shows.
    StoreNotAsked "store-not-asked" Warning
        "The store could not be asked."
        "What is found is from the file alone: whether the queries return anything is not known."
    QueryFailed "query-failed" Error
        "The store does not answer the query, or with what cannot be judged."
        "The check is not judged, and that bars a pass."
    NoData "no-data" Error
        "The query returns nothing, on either arm or on the control."
        "There is nothing to compare: the check is never judged."
    OneArmSilent "one-arm-silent" Warning
        "The query returns nothing on one arm, where others of that arm answer."
        "The arms are not measured alike. A silent canary is never called safe."
    NoCanary "no-canary" Note
        "No query returns anything on the canary: none runs, or its labels are others."
        "The control alone could be looked at. If a canary does run, nothing of it would be judged."
    LeftOut "left-out" Note
        "The store has nothing that a check of a pack asks for, on either arm."
        "The judge leaves the check out and says so: nothing is judged by it. A check that you write yourself is never left out."
    NothingCounted "nothing-counted" Warning
        "Nothing that is counted as bad was found on either arm, under a name or a label that nothing else shows."
        "No errors at all is what a mistyped label looks like, too."
    NeverCounted "never-counted" Warning
        "The counters stood still on both arms."
        "A count of nothing proves nothing: neither harm nor safety."
    ReplicaLabelMissing "replica-label-missing" Warning
        "Series lack the label that tells replicas apart."
        "They are taken for one replica, whose noise is then unlike anything."
    ArmsUnlike "arms-unlike" Warning
        "The series of one arm have labels that those of the other lack."
        "The arms may not be measured alike, and then the difference is the measurement's."
    ValuesOfOneArm "values-of-one-arm" Note
        "A label has values on one arm only."
        "What only one arm serves or runs is compared with nothing: the mix of work may differ, not the version."
    StepOffScrapes "step-off-scrapes" Warning
        "The step is shorter than the scrape interval, or cuts across it."
        "Steps without a point, or with now one and now two: gaps and noise that no canary made."
    CostlyQuery "costly-query" Warning
        "The query brings very many series or samples."
        "A live judge asks at every step. A store that groans answers late, and a verdict waits for the slowest."
    ValuesOffUnit "values-off-unit" Warning
        "The values do not lie where the metric's name says."
        "Shares above one, or percentages below: a bound or a floor in the other unit means nothing."
    BoundFarOff "bound-far-off" Warning
        "A limit or a floor lies far beyond everything that was seen."
        "It is never reached: the limit protects from nothing, and a floor tolerates everything."
    BoundBroken "bound-broken" Warning
        "The control breaks the limit already."
        "A limit that is broken on both arms makes every verdict inconclusive."
    BlamesItself "blames-itself" Warning
        "The metric fails an A/A test on its own history: replicas of one version are called harmed against their likes."
        "It will roll back canaries that are no worse, and people learn to ignore verdicts."
    HistoryNotTried "history-not-tried" Note
        "The metrics could not be tried against their own history."
        "Whether one raises false alarms is not known."
    StoreWarning "store-warning" Note
        "Something else that a judgement would warn of."
        "`serin judge` says the same of these answers."
}

#[cfg(test)]
mod tests {
    use super::FindingCode;

    #[test]
    fn every_code_is_its_word() {
        for code in FindingCode::ALL {
            let debug = format!("{code:?}");
            let mut word = String::new();
            for letter in debug.chars() {
                if letter.is_ascii_uppercase() && !word.is_empty() {
                    word.push('-');
                }
                word.push(letter.to_ascii_lowercase());
            }
            assert_eq!(code.as_str(), word);
            for text in [code.found(), code.why()] {
                assert!(text.ends_with('.') && !text.contains('|'), "{text}");
            }
        }
    }
}
