//! A live analysis against a server on this machine that fails in the ways that servers do. Its clock
//! is turned by hand, so that nothing waits.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod faulty_server;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use insta::assert_snapshot;
use serin_model::{Outcome, Source, Timestamp, WarningCode, Window};
use serin_runner::live::{PointSource, Sources, Stores};
use serin_runner::watch::{
    Event, Feed, Interrupt, Listener, ReplayClock, Start, StoreFeed, Timing, TimingAsked, Tools,
    Watched, watch_feed,
};
use serin_runner::{Overrides, Question, RunError, TimeAsked, ask};

use crate::faulty_server::{Behaviour, FaultyServer, answer};

const START: i64 = 1_600_000_200;
const JSON: &str = "Content-Type: application/json\r\n";

/// What a counter or a level stands at.
fn value(metric: &str, is_canary: bool, time: i64) -> f64 {
    let scrape = (time - START + 86_400) / 15;
    let noise = |of: i64| (of * of * 7919 + of * 104_729 + 31) / 17 % 10;
    let of_arm = scrape + if is_canary { 5000 } else { 0 };
    match metric {
        "errors_total" => (scrape * 2 + noise(of_arm) / 5) as f64,
        "requests_total" => (scrape * 400 + noise(of_arm)) as f64,
        _ => 50.0 + noise(of_arm) as f64,
    }
}

/// Answers as a Prometheus that scrapes every 15 s would.
///
/// * `ahead`: how many seconds of the future it answers with.
fn body(request: &str, ahead: i64) -> String {
    let line = request.lines().next().unwrap_or_default();
    let parameter = |name: &str| {
        let start = line.find(&format!("{name}=")).map(|at| at + name.len() + 1);
        let text = &line[start.unwrap_or(line.len())..];
        text.split(['&', ' ']).next().unwrap_or_default().to_owned()
    };
    let query = parameter("query");
    let time: f64 = parameter("time").parse().unwrap_or(0.0);
    let metric =
        ["errors_total", "requests_total", "latency"].into_iter().find(|it| query.contains(it));
    let Some(metric) = metric else { return vector(&[]) };
    let is_canary = query.contains("canary");
    let track = if is_canary { "canary" } else { "stable" };
    let labels = format!(r#"{{"__name__":"{metric}","track":"{track}","pod":"{track}-1"}}"#);
    let last = (time / 15.0).floor() as i64 * 15;
    if query.contains("last_over_time") {
        return vector(&[format!(
            r#"{{"metric":{labels},"value":[{time},"{}"]}}"#,
            value(metric, is_canary, last)
        )]);
    }
    let length = query.split("%5B").nth(1).and_then(|it| it.split("ms").next()).unwrap();
    let first = time - length.parse::<f64>().unwrap() / 1000.0;
    let times = (0..).map(|number| last + ahead - 15 * number).take_while(|at| *at as f64 > first);
    let mut times: Vec<i64> = times.collect();
    times.reverse();
    let points: Vec<String> =
        times.iter().map(|at| format!("[{at},\"{}\"]", value(metric, is_canary, *at))).collect();
    if points.is_empty() {
        return matrix(&[]);
    }
    matrix(&[format!(r#"{{"metric":{labels},"values":[{}]}}"#, points.join(","))])
}

fn vector(series: &[String]) -> String {
    envelope("vector", series)
}

fn matrix(series: &[String]) -> String {
    envelope("matrix", series)
}

fn envelope(kind: &str, series: &[String]) -> String {
    format!(
        r#"{{"status":"success","data":{{"resultType":"{kind}","result":[{}]}}}}"#,
        series.join(",")
    )
}

/// A server that is well but for some of its requests.
fn server(
    is_faulty: impl Fn(&str, usize) -> bool + Send + Sync + 'static,
    fault: Fault,
) -> FaultyServer {
    let behaviour: Box<Behaviour> = Box::new(move |stream, request, before| {
        if is_faulty(request, before) {
            answer(stream, fault.0, fault.1, fault.2.as_bytes());
        } else {
            answer(stream, "200 OK", JSON, body(request, 0).as_bytes());
        }
    });
    FaultyServer::start(behaviour)
}

/// A status, headers and a body.
type Fault = (&'static str, &'static str, &'static str);

fn question(url: &str) -> Question {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.yaml");
    let text = format!(
        "service: shop\nsource: {{prometheus: {{url: '{url}', retries: 0, timeout: 5s}}}}\n\
         arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\nreplica: pod\nstep: 60s\n\
         checks:\n  errors: {{ratio: {{bad: 'errors_total{{$arm}}', total: 'requests_total{{$arm}}'}}}}\n  \
         latency: {{gauge: 'latency{{$arm}}', worse: higher}}\n"
    );
    std::fs::write(&path, text).unwrap();
    Question::of_check_file(path.to_str().unwrap()).unwrap()
}

#[derive(Default)]
struct Heard(String);

impl Listener for Heard {
    fn hear(&mut self, event: Event<'_>) {
        let line = match event {
            Event::Failing { why, hint, .. } => format!("failing: {why} ({hint})"),
            Event::Recovered { after, .. } => format!("back after {} s", after.as_secs()),
            Event::Warned(text) => format!("warning: {text}"),
            _ => return,
        };
        writeln!(self.0, "{line}").unwrap();
    }
}

/// Watches for `minutes`; returns what came of it and what was heard on the way.
fn watched(question: &Question, minutes: u64) -> (Result<Watched, RunError>, String) {
    let analysis = &question.written.analysis;
    let Some(Source::Store(store)) = &question.written.source else { unreachable!("a store") };
    let mut feed = StoreFeed::new(analysis, store, std::path::Path::new("")).unwrap();
    let url = store.url.clone();
    assert!(feed.name().contains(&url));
    let start = Timestamp::from_seconds(START);
    let length = |seconds| Some(std::time::Duration::from_secs(seconds));
    let asked = TimingAsked {
        horizon: length(60 * minutes),
        warm_up: length(0),
        history: length(0),
        ..TimingAsked::default()
    };
    let mut heard = Heard::default();
    let tools = Tools {
        feed: &mut feed,
        clock: &ReplayClock::at(start),
        interrupt: &Interrupt::default(),
        listener: &mut heard,
        state: None,
    };
    let timing = Timing::of(analysis, asked);
    let watched = watch_feed(analysis, timing, Start::At(start), "the check", tools);
    (watched, heard.0.replace(&url, "http://SERVER"))
}

/// Returns what `serin judge` says of the same minutes.
fn judged(question: &Question, minutes: i64) -> serin_report::Report {
    let time = TimeAsked {
        start: Some(Timestamp::from_seconds(START)),
        end: Some(Timestamp::from_seconds(START + 60 * minutes)),
        last: None,
    };
    let mut question = question.clone();
    // As it is watched above.
    question.written.analysis.history = Some(std::time::Duration::ZERO);
    ask(&question, Overrides { time, ..Overrides::default() }, &()).unwrap()
}

const NEVER: fn(&str, usize) -> bool = |_, _| false;

#[test]
fn asking_step_by_step_gives_what_asking_once_gives() {
    let server = server(NEVER, ("", "", ""));
    let question = question(&server.url);
    let (watched, heard) = watched(&question, 8);
    let watched = watched.unwrap();
    let once = judged(&question, 8);
    assert_eq!(heard, "");
    assert_eq!(watched.judged.verdict, once.verdict);
    assert_eq!(watched.judged.traces, once.traces);
    assert_eq!(watched.input.unwrap().sha256, once.inputs[0].sha256);
    assert_eq!(watched.judged.traces[0].control.len(), 8);
}

#[test]
fn faults_that_pass_are_said_once_and_change_nothing() {
    let faults: [(&str, Fault); 4] = [
        ("down", ("503 Service Unavailable", "", "restarting")),
        ("busy", ("429 Too Many Requests", "Retry-After: 90\r\n", "slow down")),
        ("cut off", ("200 OK", JSON, "{\"status\":\"success\",\"data\":{\"resultT")),
        ("nothing", ("", "", "")),
    ];
    let mut said = String::new();
    for (name, fault) in faults {
        let server = server(|_, before| (20..50).contains(&before), fault);
        let question = question(&server.url);
        let (watched, heard) = watched(&question, 30);
        let judged = watched.unwrap().judged;
        let steps = judged.traces[0].canary.len();
        assert_eq!(judged.verdict, self::judged(&question, steps as i64).verdict, "{name}");
        write!(said, "{name}\n{heard}").unwrap();
    }
    assert_snapshot!(said, @"
    down
    failing: answered 503 Service Unavailable: restarting (look into the server's log, or try again later)
    back after 195 s
    busy
    failing: answered 429 Too Many Requests: slow down (lower `in_flight`, or try again later)
    back after 540 s
    cut off
    failing: broke off in the middle of its answer (see whether a proxy stands between)
    back after 195 s
    nothing
    failing: broke off: client error (SendRequest): invalid HTTP status-code parsed (see whether it restarts, or a proxy stands between)
    back after 195 s
    ");
}

#[test]
fn faults_that_stay_from_the_beginning_on_end_it_at_once_with_their_reason() {
    let faults: [Fault; 3] = [
        ("401 Unauthorized", "", "who are you?"),
        ("404 Not Found", "", "404 page not found"),
        ("200 OK", "Content-Type: text/html\r\n", "<html><body>Please sign in</body></html>"),
    ];
    let mut said = String::new();
    for fault in faults {
        let server = server(|_, _| true, fault);
        let (watched, heard) = watched(&question(&server.url), 30);
        let error = watched.unwrap_err().to_string();
        let first = error.lines().nth(2).unwrap_or_default();
        writeln!(said, "{heard}{}", first.split_once(": it ").map_or(first, |(_, why)| why))
            .unwrap();
    }
    assert_snapshot!(said, @"
    answered 401 Unauthorized: who are you?
    answered 404 Not Found: 404 page not found
    answered with something else than the JSON of Prometheus's API: expected value at line 1 column 1; it begins with `<html><body>Please sign in</body></html>`
    ");
}

#[test]
fn a_server_that_is_not_there_is_asked_until_the_horizon() {
    let question = question("http://127.0.0.1:9");
    let (watched, heard) = watched(&question, 30);
    let verdict = watched.unwrap().judged.verdict;
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert!(verdict.reason.contains("cannot be reached"), "{}", verdict.reason);
    assert_eq!(heard.lines().count(), 1, "{heard}");
}

#[test]
fn a_query_that_is_wrong_bars_a_pass_and_the_other_is_judged() {
    let fault =
        ("400 Bad Request", JSON, r#"{"status":"error","errorType":"bad_data","error":"no"}"#);
    let server = server(|request, _| request.contains("latency"), fault);
    let (watched, heard) = watched(&question(&server.url), 10);
    let judged = watched.unwrap().judged;
    assert_eq!(judged.verdict.outcome, Outcome::Inconclusive);
    let points = judged.verdict.metrics.iter().find(|it| it.name == "errors").unwrap();
    assert_eq!(points.evidence.as_ref().unwrap().steps, 10);
    assert_snapshot!(heard, @"warning: check `latency` is not judged for now: prometheus at http://SERVER answered 400 Bad Request: no (mend the query; try it on the server's own page); it was asked for the control by `latency{$arm}`");
}

#[test]
fn points_from_the_future_are_left_out_with_a_warning() {
    let honest = server(NEVER, ("", "", ""));
    let behaviour: Box<Behaviour> = Box::new(|stream, request, _| {
        answer(stream, "200 OK", JSON, body(request, 300).as_bytes());
    });
    let lying = FaultyServer::start(behaviour);
    let (honest, _) = watched(&question(&honest.url), 8);
    let (lying, _) = watched(&question(&lying.url), 8);
    let (honest, lying) = (honest.unwrap().judged, lying.unwrap().judged);
    assert_eq!(lying.verdict.metrics, honest.verdict.metrics);
    let text = lying.verdict.warnings.iter().find(|it| it.code == WarningCode::OtherStep);
    assert_snapshot!(text.unwrap().text, @"the source answered for the canary with points outside the time that was asked for; they are left out");
}

#[test]
fn a_slow_server_is_let_alone_when_somebody_wants_to_stop() {
    let behaviour: Box<Behaviour> = Box::new(|stream, _, _| {
        let mut nothing = [0];
        // Until the client goes away.
        let _ = std::io::Read::read(stream, &mut nothing);
    });
    let server = FaultyServer::start(behaviour);
    let question = question(&server.url);
    let analysis = &question.written.analysis;
    let Some(Source::Store(store)) = &question.written.source else { unreachable!("a store") };
    let mut feed = StoreFeed::new(analysis, store, std::path::Path::new("")).unwrap();
    let interrupt = Interrupt::default();
    interrupt.stop();
    feed.begin(Timestamp::from_seconds(START));
    let until = Timestamp::from_seconds(START + 60);
    let outage = feed.ask(until, false, &interrupt).unwrap_err();
    assert_eq!(outage.why, "was not waited for any more");
}

fn opened(stores: &Stores, question: &Question) -> Arc<dyn PointSource> {
    stores.open(&question.written, None).unwrap()
}

fn seconds(from: i64, until: i64) -> Window {
    let moment = |seconds| Timestamp::from_seconds(START + seconds);
    Window { start: moment(from), end: moment(until) }
}

/// A scheduler of thousands remembers nothing of what a store answered.
#[tokio::test]
async fn asking_for_each_step_anew_gives_the_points_of_asking_once() {
    let server = server(NEVER, ("", "", ""));
    let stores = Stores::new(PathBuf::new(), 20);
    let source = opened(&stores, &question(&server.url));
    let once = source.ask(seconds(0, 480), false).await.unwrap().series;
    let mut step_by_step = source.ask(seconds(0, 60), false).await.unwrap().series;
    for step in 1..8 {
        let later = source.ask(seconds(60 * step, 60 * step + 60), false).await.unwrap().series;
        for (known, later) in step_by_step.iter_mut().zip(later) {
            known.arms.control.append(later.arms.control);
            known.arms.canary.append(later.arms.canary);
        }
    }
    assert_eq!(step_by_step, once);
    assert_eq!(once[0].arms.canary.replicas[0].observations.len(), 32);
}

#[tokio::test]
async fn all_who_ask_one_store_keep_to_its_limit_together() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let behaviour: Box<Behaviour> = Box::new(move |stream, request, _| {
        seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        #[expect(clippy::disallowed_methods, reason = "the server is slow, not serin")]
        std::thread::sleep(Duration::from_millis(5));
        now.fetch_sub(1, Ordering::SeqCst);
        answer(stream, "200 OK", JSON, body(request, 0).as_bytes());
    });
    let server = FaultyServer::start(behaviour);
    let stores = Stores::new(PathBuf::new(), 3);
    let asking = (0..10).map(|_| {
        let source = opened(&stores, &question(&server.url));
        tokio::spawn(async move { source.ask(seconds(0, 60), false).await.unwrap() })
    });
    for answered in asking.collect::<Vec<_>>() {
        assert_eq!(answered.await.unwrap().series[1].arms.control.replicas.len(), 1);
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[test]
fn a_check_without_a_store_is_not_begun() {
    let written =
        serin_check::read("serin.yaml", "service: shop\nchecks: {a: {gauge: a}}\n").unwrap();
    let error = Stores::new(PathBuf::new(), 20).open(&written, None).unwrap_err().to_string();
    assert!(error.contains("the Check names none") && error.contains("hint: "), "{error}");
}
