//! What a store is asked, and how its answers are read, as text.

use std::fmt::Write as _;
use std::time::Duration;

use serin_model::{LabelSelector, Query, Step, Timestamp, Window};
use serin_sources::{Asked, Points, Quantity, Request, Source, source_named};

/// 2020-09-13T12:30:00Z, when the judged time begins.
pub(crate) const START: i64 = 1_600_000_200;

/// A store to be asked about half an hour, step by step of a minute.
pub(crate) struct Store {
    source: &'static dyn Source,
}

impl Store {
    pub(crate) fn of(kind: &str) -> Self {
        Self { source: source_named(kind).unwrap() }
    }

    /// Says what is asked for the canary, a line a request.
    pub(crate) fn plan(&self, query: &str, quantity: Quantity, arm: &[(&str, &str)]) -> String {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let arm: LabelSelector = arm.iter().map(owned).collect();
        let (start, end) = (Timestamp::from_seconds(START), Timestamp::from_seconds(START + 1800));
        let plan = self.source.plan(&Asked {
            query: &Query::new(query).unwrap(),
            quantity,
            arm: &arm,
            window: Window { start, end },
            step: Step::MINUTE,
            for_each: &[],
            replica: None,
            timeout: Duration::from_secs(30),
        });
        let plan = match plan {
            Err(error) => return format!("  refused: {}\n  hint: {}\n", error.reason, error.hint),
            Ok(plan) => plan,
        };
        let mut text = String::new();
        for request in &plan.requests {
            let points = match request.points {
                Points::Samples(..) => "samples",
                Points::LastBefore(_) => "before ",
                Points::Steps(..) => "steps  ",
            };
            let parameters: Vec<String> =
                request.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            writeln!(text, "  {points} {}", parameters.join("  ")).unwrap();
        }
        let form = if quantity == Quantity::Level {
            String::new()
        } else {
            format!("{:?}", plan.counters)
        };
        let per_second = if plan.per_second { " per second" } else { "" };
        let notices: String = plan.notices.iter().map(|notice| format!(" {notice:?}")).collect();
        let about = format!("{form}{per_second}{notices}");
        if !about.is_empty() {
            writeln!(text, "  {about}").unwrap();
        }
        text
    }

    /// Says what is asked for each query, for a canary that is told by its `track`.
    pub(crate) fn plans(&self, queries: &[(Quantity, &str)]) -> String {
        let plan = |(quantity, query): &(Quantity, &str)| {
            format!("{query}\n{}", self.plan(query, *quantity, &[("track", "canary")]))
        };
        queries.iter().map(plan).collect::<Vec<_>>().join("\n")
    }

    /// Says what an answer is read as.
    pub(crate) fn reads(&self, points: Points, query: &str, body: &str) -> String {
        let path = self.source.plan(&Asked {
            query: &Query::new("m").unwrap(),
            quantity: Quantity::Level,
            arm: &LabelSelector::new(),
            window: Window { start: Timestamp::from_seconds(0), end: Timestamp::from_seconds(60) },
            step: Step::MINUTE,
            for_each: &[],
            replica: None,
            timeout: Duration::from_secs(30),
        });
        let path = path.unwrap().requests[0].path.clone();
        let parameters = vec![("query", query.to_owned())];
        let request = Request { path, parameters, points, body: None };
        match self.source.read(&request, body.as_bytes()) {
            Err(error) => format!("  {error}\n"),
            Ok(answer) => {
                let mut text = String::new();
                for series in &answer.series {
                    let point = |point: &serin_model::Point<f64>| {
                        format!("{}={}", point.time.as_millis(), point.value)
                    };
                    let points: Vec<String> = series.samples.iter().map(point).collect();
                    let metric = series.metric.as_deref().unwrap_or("(no name)");
                    writeln!(text, "  {metric} {:?} {}", series.labels, points.join(" ")).unwrap();
                }
                for notice in &answer.notices {
                    writeln!(text, "  {notice:?}").unwrap();
                }
                if text.is_empty() { "  nothing\n".to_owned() } else { text }
            }
        }
    }

    /// Says what answers are read as, for samples of the judged time.
    pub(crate) fn read_all(&self, answers: &[(&str, &str)]) -> String {
        let (start, end) = (Timestamp::from_seconds(START), Timestamp::from_seconds(START + 1800));
        let read = |(name, body): &(&str, &str)| {
            format!("── {name}\n{}", self.reads(Points::Samples(start, end), "", body))
        };
        answers.iter().map(read).collect::<Vec<_>>().join("\n")
    }
}
