//! What every source that is asked over HTTP must withstand: `docs/spec/source.md`, fault by fault.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
#![expect(clippy::disallowed_methods, reason = "a server that is slow waits")]

mod dialect;
mod faulty_server;

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serin_runner::{JudgeKind, Overrides, Question, ask};
use serin_sources::{SOURCES, Source, Transport};

use crate::dialect::{Dialect, cloudwatch_body, datadog_body, datadog_v1_body, prometheus_body};
use crate::faulty_server::{Behaviour, FaultyServer, answer};

const JSON: &str = "Content-Type: application/json\r\n";

/// The hour of the healthy answers.
const WINDOW: &str = "{start: 2020-09-13T12:30:00Z, end: 2020-09-13T13:30:00Z}";

fn check_file(kind: &str, url: &str, more: &str, checks: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    let (settings, checks) = (dialect::settings(kind), Dialect::of(kind).spoken(checks));
    writeln!(
        file,
        "service: shop\nsource: {{{kind}: {{url: '{url}', retries: 1{settings}{more}}}}}\n\
         arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\n\
         window: {WINDOW}\nchecks:\n{checks}"
    )
    .unwrap();
    file
}

/// Judges two metrics against a server, and says what a user would see first.
fn judged(kind: &str, server: &FaultyServer, more: &str) -> String {
    let checks = "  latency: {gauge: 'm{$arm}'}\n  saturation: {gauge: 'n{$arm}'}\n";
    let file = check_file(kind, &server.url, more, checks);
    said(&file).replace(&server.url, "http://SERVER")
}

fn said(file: &tempfile::NamedTempFile) -> String {
    let question = Question::of_check_file(file.path().to_str().unwrap()).unwrap();
    // A few minutes of points are enough for Kayenta to pass whatever it does not blame.
    let overrides = Overrides { judge: JudgeKind::Kayenta, ..Overrides::default() };
    match ask(&question, overrides, &()) {
        Err(error) => format!("no verdict: {error}"),
        Ok(report) => {
            let verdict = report.verdict;
            let mut said = format!("{}: {}", verdict.outcome, verdict.reason);
            for warning in verdict.warnings {
                let metric = warning.metric.unwrap_or_default();
                write!(said, "\n! {metric}: {}", warning.text).unwrap();
            }
            said
        }
    }
}

fn of_http() -> impl Iterator<Item = &'static dyn Source> {
    SOURCES.iter().copied().filter(|source| source.transport() == Transport::Http)
}

/// Tests every source that is asked over HTTP, all at once: a fault is waiting, most of the time.
fn of_each_source(test: impl Fn(&'static dyn Source) + Sync) {
    thread::scope(|scope| {
        for source in of_http() {
            let test = &test;
            scope.spawn(move || test(source));
        }
    });
}

/// A fault that holds for every request.
fn always(
    status: &'static str,
    headers: &'static str,
    body: impl AsRef<[u8]> + Send + Sync + 'static,
) -> Box<Behaviour> {
    Box::new(move |stream, _, _| answer(stream, status, headers, body.as_ref()))
}

/// A fault of the second metric alone: everything else is healthy.
fn in_part(kind: &'static str, fault: Box<Behaviour>) -> Box<Behaviour> {
    Box::new(move |stream, request, before| {
        if Dialect::of(kind).is_about("n", request) {
            fault(stream, request, before);
        } else {
            answer(stream, "200 OK", JSON, Dialect::of(kind).healthy(request).as_bytes());
        }
    })
}

/// A fault that passes: the first request meets it, and those after it do not.
fn at_first(kind: &'static str, fault: Box<Behaviour>) -> Box<Behaviour> {
    Box::new(move |stream, request, before| {
        if before == 0 {
            fault(stream, request, before);
        } else {
            answer(stream, "200 OK", JSON, Dialect::of(kind).healthy(request).as_bytes());
        }
    })
}

const HTML: &[u8] =
    b"<html><head><title>Sign in</title></head><body>Please <b>sign in</b>\x1b[2J</body>";

/// A fault by name, and what it does to a connection.
type Fault = (&'static str, Box<dyn Fn() -> Box<Behaviour>>);

/// A fault by name, and what it does where a store speaks like this.
type FaultOfDialect = (&'static str, fn(Dialect) -> Box<Behaviour>);

fn faults(kind: &'static str) -> Vec<Fault> {
    let dialect = Dialect::of(kind);
    let faults: Vec<FaultOfDialect> = vec![
        ("400", |dialect| {
            let body = dialect.failure("bad_data", "1:3: parse error: unexpected \"}\"");
            always("400 Bad Request", JSON, body)
        }),
        ("401", |_| always("401 Unauthorized", "", b"Unauthorized")),
        ("403", |_| always("403 Forbidden", "Content-Type: text/html\r\n", HTML)),
        ("404", |_| always("404 Not Found", "", b"404 page not found\n")),
        ("422", |dialect| {
            let words =
                "query processing would load too many samples into memory in query execution";
            let body = dialect.failure("execution", words);
            always("422 Unprocessable Entity", JSON, body)
        }),
        ("429 with Retry-After", |_| {
            always("429 Too Many Requests", "Retry-After: 1\r\n", b"slow down")
        }),
        ("429 until a date", |_| {
            let headers = "Date: Mon, 23 Nov 2026 11:00:00 GMT\r\nRetry-After: Mon, 23 Nov 2026 11:00:01 GMT\r\n";
            always("429 Too Many Requests", headers, b"")
        }),
        ("500", |_| always("500 Internal Server Error", "", b"")),
        ("503", |dialect| {
            let body = dialect.failure("timeout", "query timed out in expression evaluation");
            always("503 Service Unavailable", JSON, body)
        }),
        ("206", |_| always("206 Partial Content", "", b"the first half")),
        ("redirect", |_| {
            always("302 Found", "Location: https://me:hunter2@login/?token=hunter2\r\n", b"")
        }),
        ("hung", |_| Box::new(|_, _, _| thread::sleep(Duration::from_secs(6)))),
        ("a byte now and then, for ever", |_| {
            Box::new(|stream, _, _| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
                for _ in 0..200 {
                    let _ = stream.write_all(b" ").and_then(|()| stream.flush());
                    thread::sleep(Duration::from_millis(50));
                }
            })
        }),
        ("closed without a word", |_| Box::new(|_, _, _| {})),
        ("not HTTP", |_| {
            Box::new(|stream, _, _| drop(stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")))
        }),
        ("truncated body", |_| {
            Box::new(|stream, _, _| {
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{\"status\":\"succ",
                );
            })
        }),
        ("truncated JSON", |dialect| {
            let body = dialect.point("1600000200", "1");
            always("200 OK", JSON, body[..body.len() / 2].to_owned())
        }),
        ("empty body", |_| always("200 OK", JSON, b"")),
        ("garbage", |_| always("200 OK", JSON, b"\x00\xff\x1b[31mgarbage")),
        ("other JSON", |_| always("200 OK", JSON, br#"{"hello":"world"}"#)),
        ("a number that is none", |dialect| {
            always("200 OK", JSON, dialect.point("1600000200", "\"many\""))
        }),
        ("a time that is none", |dialect| always("200 OK", JSON, dialect.point("1e300", "1"))),
        ("a page to log in", |_| always("200 OK", "Content-Type: text/html\r\n", HTML)),
        ("a failure called a success", |dialect| {
            always("200 OK", JSON, dialect.failure("internal", "shard 3 is down"))
        }),
        ("broken gzip", |_| {
            always(
                "200 OK",
                "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
                b"\x1f\x8bnope",
            )
        }),
        ("huge", |_| {
            Box::new(|stream, _, _| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                let chunk = vec![b' '; 1 << 20];
                while stream.write_all(&chunk).is_ok() {}
            })
        }),
        ("a small file that unpacks to a huge one", |_| {
            Box::new(|stream, _, _| {
                let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
                for _ in 0..80 {
                    packed.write_all(&vec![b' '; 1 << 20]).unwrap();
                }
                answer(stream, "200 OK", "Content-Encoding: gzip\r\n", &packed.finish().unwrap());
            })
        }),
    ];
    let of_dialect =
        |(name, fault): FaultOfDialect| -> Fault { (name, Box::new(move || fault(dialect))) };
    // How much is read is the runner's to say: once for each way of speaking is enough.
    let is_tested = |(name, _): &FaultOfDialect| !is_relative(kind) || !name.contains("huge");
    faults.into_iter().filter(is_tested).map(of_dialect).collect()
}

/// Returns whether a kind of store is Prometheus by another name.
fn is_relative(kind: &str) -> bool {
    kind != "prometheus" && Dialect::of(kind) == Dialect::Prometheus
}

/// Returns what a kind is called in the names of snapshots, and what was said of it: Prometheus's
/// relatives all say the same, but for whom they let in.
fn told_alike(kind: &str, said: &str) -> (String, String) {
    if !is_relative(kind) {
        return (kind.to_owned(), said.to_owned());
    }
    let source = SOURCES.iter().find(|source| source.name() == kind).unwrap();
    let said = said.replace(&format!("{kind} at "), "RELATIVE at ");
    let said = said.replace(source.hint(401, "").unwrap(), "WHOM IT LETS IN");
    ("relative_of_prometheus".to_owned(), said)
}

/// Returns how long is waited: shortly for what never comes, and else as long as a busy machine takes.
fn patience(fault: &str) -> &'static str {
    match fault {
        "hung" | "a byte now and then, for ever" => ", timeout: 3s",
        _ if fault.contains("huge") => ", timeout: 60s",
        _ => "",
    }
}

static HUGE: Mutex<()> = Mutex::new(());

fn with_patience(kind: &str, server: &FaultyServer, fault: &str, more: &str) -> String {
    // Memory is for one at a time.
    let _one = fault.contains("huge").then(|| HUGE.lock().unwrap_or_else(PoisonError::into_inner));
    judged(kind, server, &format!("{more}{}", patience(fault)))
}

#[test]
fn a_source_that_fails_whole_gives_no_verdict() {
    of_each_source(|source| {
        let mut all = String::new();
        for (name, fault) in faults(source.name()) {
            let server = FaultyServer::start(fault());
            let said = with_patience(source.name(), &server, name, "");
            assert!(said.starts_with("no verdict: "), "{name}: {said}");
            write!(all, "── {name}\n{said}\n\n").unwrap();
        }
        assert!(!all.contains("hunter2") && !all.contains('\u{1b}'), "{all}");
        let (who, all) = told_alike(source.name(), &all);
        insta::assert_snapshot!(format!("{who}_fails_whole"), all);
    });
}

#[test]
fn a_source_that_fails_in_part_is_never_a_pass_and_never_a_failure_of_the_canary() {
    of_each_source(|source| {
        let mut all = String::new();
        for (name, fault) in faults(source.name()) {
            let server = FaultyServer::start(in_part(source.name(), fault()));
            let said = with_patience(source.name(), &server, name, "");
            let expected = "inconclusive: saturation was not judged: ";
            assert!(said.starts_with(expected), "{name}: {said}");
            write!(all, "── {name}\n{}\n\n", said.lines().next().unwrap()).unwrap();
        }
        let (who, all) = told_alike(source.name(), &all);
        insta::assert_snapshot!(format!("{who}_fails_in_part"), all);
    });
}

#[test]
fn a_failed_query_hides_no_harm_and_is_no_harm() {
    let twice_as_slow = |stream: &mut TcpStream, request: &str, _: usize| {
        if request.contains("n%7B") {
            return answer(stream, "404 Not Found", "", b"");
        }
        let body = prometheus_body(request, |_| true);
        let slow = request.contains("canary");
        let body = if slow { body.replace("\"1", "\"31") } else { body };
        answer(stream, "200 OK", JSON, body.as_bytes());
    };
    let checks = [
        ("harm elsewhere", "  latency: {gauge: 'm{$arm}'}\n  saturation: {gauge: 'n{$arm}'}\n"),
        (
            "critical",
            "  latency: {gauge: 'n{$arm}', critical: true}\n  ok: {gauge: 'm{$arm}', worse: lower}\n",
        ),
        (
            "with a limit",
            "  latency: {gauge: 'n{$arm}', limit: {above: 1}}\n  ok: {gauge: 'm{$arm}', worse: lower}\n",
        ),
        (
            "muted",
            "  latency: {gauge: 'n{$arm}', muted: true}\n  ok: {gauge: 'm{$arm}', worse: lower}\n",
        ),
        (
            "and what is left is muted",
            "  latency: {gauge: 'n{$arm}'}\n  ok: {gauge: 'm{$arm}', muted: true}\n",
        ),
    ];
    let mut all = String::new();
    for (name, checks) in checks {
        let server = FaultyServer::start(Box::new(twice_as_slow));
        let said = said(&check_file("prometheus", &server.url, "", checks));
        let first = said.lines().next().unwrap().replace(&server.url, "http://SERVER");
        write!(all, "── {name}\n{first}\n\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn whom_a_relative_of_prometheus_lets_in_is_said() {
    let mut all = String::new();
    for source in of_http().filter(|source| is_relative(source.name())) {
        let server = FaultyServer::start(always("401 Unauthorized", "", b"no org id"));
        let said = judged(source.name(), &server, "");
        writeln!(all, "── {}\n{}", source.name(), said.lines().last().unwrap()).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_fault_that_passes_leaves_no_trace() {
    of_each_source(|source| {
        for (name, fault) in faults(source.name()) {
            let passes =
                ["429", "500", "503", "hung", "a byte", "closed", "truncated", "empty body"];
            if !passes.iter().any(|passing| name.starts_with(passing)) {
                continue;
            }
            let server = FaultyServer::start(at_first(source.name(), fault()));
            let said = with_patience(source.name(), &server, name, ", in_flight: 1");
            assert!(said.starts_with("pass: "), "{name}: {said}");
            assert_eq!(server.requests(), 5, "{name}");
        }
    });
}

#[test]
fn what_no_retry_can_mend_is_asked_once() {
    of_each_source(|source| {
        for (name, fault) in faults(source.name()) {
            if ["400", "401", "403", "404", "422", "redirect", "garbage", "a page"].contains(&name)
            {
                let server = FaultyServer::start(fault());
                judged(source.name(), &server, ", in_flight: 1");
                assert!(server.requests() <= 4, "{name}: {} requests", server.requests());
            }
        }
    });
}

#[test]
fn a_store_that_asks_for_patience_is_waited_for() {
    of_each_source(|source| {
        let kind = source.name();
        let server = FaultyServer::start(Box::new(move |stream, request, before| {
            if before % 3 != 2 {
                let wait = "Retry-After: 0\r\n";
                return answer(stream, "429 Too Many Requests", wait, b"slow down");
            }
            answer(stream, "200 OK", JSON, Dialect::of(kind).healthy(request).as_bytes());
        }));
        let checks: String =
            (0..5).map(|n| format!("  c{n}: {{gauge: 'm{n}{{$arm}}'}}\n")).collect();
        let file = check_file(kind, &server.url, ", in_flight: 1", &checks);
        let text = std::fs::read_to_string(&file).unwrap().replace("retries: 1", "retries: 3");
        std::fs::write(&file, text).unwrap();
        let said = said(&file);
        assert!(said.starts_with("pass: "), "{said}");
    });
}

#[test]
fn a_store_that_is_down_is_not_waited_for_again_and_again() {
    of_each_source(|source| {
        let server = FaultyServer::start(Box::new(|_, _, _| {
            thread::sleep(Duration::from_secs(3));
        }));
        let checks: String =
            (0..50).map(|n| format!("  c{n}: {{gauge: 'm{n}{{$arm}}'}}\n")).collect();
        let file = check_file(source.name(), &server.url, ", timeout: 1s", &checks);
        let said = said(&file);
        assert!(
            said.starts_with("no verdict: ") && said.contains("did not answer within 1s"),
            "{said}"
        );
        assert!(server.requests() <= 4 * 2 * 2, "{} requests", server.requests());
    });
}

#[test]
fn the_deadline_ends_it() {
    of_each_source(|source| {
        let kind = source.name();
        let server = FaultyServer::start(Box::new(move |stream, request, _| {
            thread::sleep(Duration::from_millis(200));
            answer(stream, "200 OK", JSON, Dialect::of(kind).healthy(request).as_bytes());
        }));
        let checks: String =
            (0..50).map(|n| format!("  c{n}: {{gauge: 'm{n}{{$arm}}'}}\n")).collect();
        let file = check_file(source.name(), &server.url, ", in_flight: 2, deadline: 4s", &checks);
        let said = said(&file);
        assert!(said.contains("the deadline of 4s has passed"), "{said}");
        assert!(said.starts_with("inconclusive: "), "{said}");
    });
}

#[test]
fn no_more_requests_are_under_way_than_allowed() {
    of_each_source(|source| {
        let kind = source.name();
        let (at_once, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let most_seen = Arc::clone(&most);
        let server = FaultyServer::start(Box::new(move |stream, request, _| {
            most_seen.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(20));
            // Before the answer: with its last byte the client may ask again.
            at_once.fetch_sub(1, Ordering::SeqCst);
            answer(stream, "200 OK", JSON, Dialect::of(kind).healthy(request).as_bytes());
        }));
        let checks: String =
            (0..30).map(|n| format!("  c{n}: {{gauge: 'm{n}{{$arm}}'}}\n")).collect();
        let file = check_file(source.name(), &server.url, ", in_flight: 3", &checks);
        assert!(said(&file).starts_with("pass: "));
        assert_eq!(server.requests(), 60);
        assert_eq!(most.load(Ordering::SeqCst), 3);
    });
}

#[test]
fn compressed_and_slow_and_oddly_labelled_answers_are_answers() {
    of_each_source(|source| {
        let kind = source.name();
        let compressed: Box<Behaviour> = Box::new(move |stream, request, _| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(Dialect::of(kind).healthy(request).as_bytes()).unwrap();
            let headers = format!("{JSON}Content-Encoding: gzip\r\n");
            answer(stream, "200 OK", &headers, &packed.finish().unwrap());
        });
        let slow: Box<Behaviour> = Box::new(move |stream, request, _| {
            thread::sleep(Duration::from_millis(250));
            answer(stream, "200 OK", JSON, Dialect::of(kind).healthy(request).as_bytes());
        });
        let plain: Box<Behaviour> = Box::new(move |stream, request, _| {
            let body = Dialect::of(kind).healthy(request);
            answer(stream, "200 OK", "Content-Type: text/plain\r\n", body.as_bytes());
        });
        for behaviour in [compressed, slow, plain] {
            let said = judged(kind, &FaultyServer::start(behaviour), "");
            assert!(said.starts_with("pass: "), "{said}");
        }
    });
}

#[test]
fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    of_each_source(|source| {
        let checks = "  latency: {gauge: 'm{$arm}'}\n";
        let refused = said(&check_file(source.name(), &format!("http://{address}"), "", checks));
        let unknown = said(&check_file(source.name(), "http://no-such-host.invalid", "", checks));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let secure = format!("https://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
        });
        let secure = said(&check_file(source.name(), &secure, "", checks));
        for said in [&refused, &unknown, &secure] {
            assert!(said.contains("cannot be reached: "), "{said}");
        }
        let (who, refused) = told_alike(source.name(), &refused.replace(&address, "SERVER"));
        insta::assert_snapshot!(format!("{who}_is_not_there"), refused);
    });
}

/// What Prometheus itself can do to an answer that is otherwise right.
#[test]
fn what_prometheus_says_beside_its_answer_is_shown() {
    let with = |more: &'static str| -> Box<Behaviour> {
        Box::new(move |stream, request, _| {
            let body = prometheus_body(request, |_| true);
            let body = body.replacen("{\"status\"", &format!("{{{more},\"status\""), 1);
            answer(stream, "200 OK", JSON, body.as_bytes());
        })
    };
    let lies = |from: &'static str, to: &'static str| -> Box<Behaviour> {
        Box::new(move |stream, request, _| {
            let body = prometheus_body(request, |_| true).replace(from, to);
            answer(stream, "200 OK", JSON, body.as_bytes());
        })
    };
    let clock: Box<Behaviour> = Box::new(|stream, request, _| {
        let headers = "Content-Type: application/json\r\nDate: Mon, 23 Nov 2015 11:00:00 GMT\r\n";
        answer(stream, "200 OK", headers, prometheus_body(request, |_| true).as_bytes());
    });
    let twice: Box<Behaviour> = Box::new(|stream, request, _| {
        let body = prometheus_body(request, |_| true);
        let (head, series) = body.split_once("\"result\":[").unwrap();
        let one = series.strip_suffix("]}}").unwrap();
        let body = format!("{head}\"result\":[{one},{one}]}}}}");
        answer(stream, "200 OK", JSON, body.as_bytes());
    });
    let two_values: Box<Behaviour> = Box::new(|stream, request, _| {
        let body = prometheus_body(request, |_| true);
        let lie = "\"values\":[[1600000260,\"1\"],";
        let of_one = request.contains("n%7B");
        let body = if of_one { body.replace("\"values\":[", lie) } else { body };
        answer(stream, "200 OK", JSON, body.as_bytes());
    });
    let other: Box<Behaviour> = Box::new(|stream, request, _| {
        let body = prometheus_body(request, |minute| minute % 5 == 0);
        answer(stream, "200 OK", JSON, body.as_bytes());
    });
    let cases = [
        ("warnings", with("\"warnings\":[\"store gateway 2 did not answer\\u001b[2J\"]")),
        ("infos", with("\"infos\":[\"PromQL info: metric might not be a counter\"]")),
        ("null warnings", with("\"warnings\":null,\"infos\":null")),
        ("partial", with("\"isPartial\":true")),
        ("a result of another type", lies("\"matrix\"", "\"vector\"")),
        ("a series without a value", lies("\"values\"", "\"valeus\"")),
        ("another metric", lies("\"__name__\":\"", "\"__name__\":\"other_")),
        ("another arm", lies("\"canary\"", "\"stable\"")),
        ("no arm at all", lies("\"track\":\"canary\"", "\"track\":\"\"")),
        ("the same series twice", twice),
        ("two values at one moment, of one metric", two_values),
        ("another time", lies("[160000", "[150000")),
        ("gaps, written as null", lies("\"103\"", "null")),
        ("every fifth minute", other),
        ("a clock of long ago", clock),
    ];
    let mut all = String::new();
    for (name, behaviour) in cases {
        let said = judged("prometheus", &FaultyServer::start(behaviour), "");
        // How far the clocks are apart changes from run to run.
        let said = regex_free_seconds(&said);
        write!(all, "── {name}\n{said}\n\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

fn regex_free_seconds(said: &str) -> String {
    match said.split_once("the source's clock is ") {
        Some((before, after)) => {
            let after = after.trim_start_matches(|character: char| character.is_ascii_digit());
            format!("{before}the source's clock is N{after}")
        }
        None => said.to_owned(),
    }
}

#[test]
fn secrets_are_sent_and_never_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "hunter2hunter2\n").unwrap();
    let cases = [
        ("token: {file: token}", "authorization: bearer hunter2hunter2"),
        ("username: me, password: {file: token}", "authorization: basic bwu6ahvudgvymmh1bnrlcji="),
        ("headers: {X-Scope-OrgID: team-a, X-Api-Key: {file: token}}", "x-api-key: hunter2hunter2"),
    ];
    for (settings, sent) in cases {
        let server =
            FaultyServer::start(Box::new(move |stream: &mut TcpStream, request: &str, _| {
                let saw = request.to_ascii_lowercase().contains(sent);
                let body = format!("seen: {saw}; your secret is hunter2hunter2");
                answer(stream, "401 Unauthorized", "", body.as_bytes());
            }));
        let text = format!(
            "service: a\nsource: {{prometheus: {{url: '{}', {settings}}}}}\nwindow: {WINDOW}\n\
             checks: {{m: {{gauge: m}}}}\n",
            server.url
        );
        let path = folder.path().join("serin.yaml");
        std::fs::write(&path, text).unwrap();
        let question = Question::of_check_file(path.to_str().unwrap()).unwrap();
        let error = ask(&question, Overrides::default(), &()).unwrap_err().to_string();
        assert!(error.contains("seen: true; your secret is (a secret)"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_server_that_repeats_secrets_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "hunter2hunter2").unwrap();
    let sent = |request: &str| {
        let line =
            request.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization"));
        line.unwrap_or_default().to_owned()
    };
    let with = move |before: &'static str, after: &'static str| -> Box<Behaviour> {
        Box::new(move |stream, request, _| {
            answer(stream, "200 OK", JSON, format!("{before}{}{after}", sent(request)).as_bytes());
        })
    };
    for settings in ["token: {file: token}", "username: me, password: {file: token}"] {
        for behaviour in [
            with("{\"status\":\"error\",\"error\":\"you sent ", "\"}"),
            with("<p>", "</p>"),
            with(
                "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]},\"warnings\":[\"",
                "\"]}",
            ),
            with("{\"status\":\"success\",\"data\":{\"resultType\":\"", "\"}}"),
        ] {
            let server = FaultyServer::start(behaviour);
            let text = format!(
                "service: a\nsource: {{prometheus: {{url: '{}', retries: 0, {settings}}}}}\nwindow: {WINDOW}\n\
                 checks: {{m: {{gauge: m}}}}\n",
                server.url
            );
            let path = folder.path().join("serin.yaml");
            std::fs::write(&path, text).unwrap();
            let question = Question::of_check_file(path.to_str().unwrap()).unwrap();
            let error = ask(&question, Overrides::default(), &()).unwrap_err().to_string();
            assert!(error.contains("(a secret)"), "{error}");
            assert!(!error.contains("hunter2") && !error.contains("bWU6"), "{error}");
        }
    }
}

#[test]
fn one_query_that_is_too_much_takes_no_other_with_it() {
    of_each_source(|source| {
        let kind = source.name();
        let hangs: Box<Behaviour> = Box::new(move |stream, request, _| {
            if Dialect::of(kind).is_about("m7", request) {
                thread::sleep(Duration::from_secs(5));
            }
            answer(stream, "200 OK", JSON, Dialect::of(kind).healthy(request).as_bytes());
        });
        let refused: Box<Behaviour> = Box::new(move |stream, request, _| {
            if Dialect::of(kind).is_about("m7", request) {
                return answer(stream, "503 Service Unavailable", "", b"query timed out");
            }
            answer(stream, "200 OK", JSON, Dialect::of(kind).healthy(request).as_bytes());
        });
        for behaviour in [hangs, refused] {
            let server = FaultyServer::start(behaviour);
            // Six checks ask for it first, then twenty others.
            let hard: String =
                (0..6).map(|n| format!("  h{n}: {{gauge: 'm7{{n=\"{n}\", $arm}}'}}\n")).collect();
            let easy: String =
                (0..20).map(|n| format!("  c{n}: {{gauge: 'e{n}{{$arm}}'}}\n")).collect();
            let file = check_file(kind, &server.url, ", timeout: 3s", &(hard + &easy));
            let said = said(&file);
            assert!(said.starts_with("inconclusive: 6 of 26 metrics were not judged"), "{said}");
        }
    });
}

#[test]
fn a_secret_that_is_not_there_is_an_error_before_anything_is_asked() {
    let server = FaultyServer::start(Box::new(|_, _, _| {}));
    for (settings, expected) in [
        (
            ", token: {env: SERIN_TEST_UNSET}",
            "the environment variable `SERIN_TEST_UNSET` is not set",
        ),
        (", token: {file: /nonexistent/token}", "`/nonexistent/token` cannot be read"),
        (", token: {file: /dev/null}", "the file `/dev/null` is empty"),
        (", tls: {authority: /dev/null}", "`/dev/null` holds no certificate in PEM"),
        (", tls: {certificate: /dev/null, key: /dev/null}", "are no certificate and key in PEM"),
    ] {
        let said = judged("prometheus", &server, settings);
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn long_queries_go_into_the_body() {
    let server = FaultyServer::start(Box::new(|stream, request, _| {
        let status = if request.starts_with("POST ") { "200 OK" } else { "414 URI Too Long" };
        answer(stream, status, JSON, prometheus_body(request, |_| true).as_bytes());
    }));
    let pods: Vec<String> = (0..300).map(|pod| format!("checkout-{pod}")).collect();
    let checks = format!("  latency: {{gauge: 'm{{pod!~\"{}\", $arm}}'}}\n", pods.join("|"));
    let said = said(&check_file("prometheus", &server.url, "", &checks));
    assert!(said.starts_with("pass: "), "{said}");
}

/// Judges two metrics at a CloudWatch or a Datadog that answers in an odd way.
#[test]
fn what_stores_say_in_their_own_ways_is_understood() {
    let healthy = |kind: &'static str| -> Box<Behaviour> {
        Box::new(move |stream, request, _| {
            answer(stream, "200 OK", JSON, Dialect::of(kind).healthy(request).as_bytes());
        })
    };
    let pages: Box<Behaviour> = Box::new(|stream, request, _| {
        let body = cloudwatch_body(request);
        let (times, values) = body.split_once("\"Values\"").unwrap();
        let half = |text: &str, is_first: bool| {
            let (head, list) = text.split_once('[').unwrap();
            let (list, tail) = list.split_once(']').unwrap();
            let items: Vec<&str> = list.split(',').collect();
            let (first, second) = items.split_at(items.len() / 2);
            format!("{head}[{}]{tail}", if is_first { first } else { second }.join(","))
        };
        let is_first = !request.contains("\"NextToken\":\"page 2\"");
        let (head, times) = times.split_once("\"Timestamps\"").unwrap();
        let times = half(&format!("\"Timestamps\"{times}"), is_first);
        let values = half(&format!("\"Values\"{values}"), is_first);
        let mut body = format!("{head}{times}{values}");
        if is_first {
            let token = "}],\"NextToken\":\"page 2\"}";
            body = body.replace("}]}", token).replace("Complete", "PartialData");
        }
        answer(stream, "200 OK", JSON, body.as_bytes());
    });
    let endless: Box<Behaviour> = Box::new(|stream, _, _| {
        answer(stream, "200 OK", JSON, br#"{"MetricDataResults":[],"NextToken":"again"}"#);
    });
    let throttled: Box<Behaviour> = Box::new(|stream, request, before| {
        let body = br#"{"__type":"com.amazonaws.cloudwatch#ThrottlingException","message":"Rate exceeded"}"#;
        if before == 0 {
            return answer(stream, "400 Bad Request", JSON, body);
        }
        answer(stream, "200 OK", JSON, cloudwatch_body(request).as_bytes());
    });
    let always_throttled = br#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
    let partial: Box<Behaviour> = Box::new(|stream, request, _| {
        let body = cloudwatch_body(request).replace("Complete", "PartialData");
        answer(stream, "200 OK", JSON, body.as_bytes());
    });
    let unsigned: Box<Behaviour> = Box::new(|stream, request, _| {
        let head = request.to_ascii_lowercase();
        let is_signed = head.contains("authorization: aws4-hmac-sha256 credential=")
            && head.contains("/eu-west-1/monitoring/aws4_request")
            && head.contains("signedheaders=content-type;host;x-amz-date;x-amz-target");
        let status = if is_signed { "200 OK" } else { "403 Forbidden" };
        answer(stream, status, JSON, cloudwatch_body(request).as_bytes());
    });
    let limited: Box<Behaviour> = Box::new(|stream, request, before| {
        if before == 0 {
            let headers = "X-RateLimit-Limit: 100\r\nX-RateLimit-Reset: 1\r\n";
            return answer(
                stream,
                "429 Too Many Requests",
                headers,
                br#"{"errors":["Rate limit"]}"#,
            );
        }
        answer(stream, "200 OK", JSON, datadog_body(request).as_bytes());
    });
    let five_minutes: Box<Behaviour> = Box::new(|stream, request, _| {
        let body = datadog_v1_body(request).replace("\"interval\":60", "\"interval\":300");
        answer(stream, "200 OK", JSON, body.as_bytes());
    });
    let other_arm: Box<Behaviour> = Box::new(|stream, request, _| {
        let body = datadog_v1_body(request).replace("canary", "stable");
        answer(stream, "200 OK", JSON, body.as_bytes());
    });
    let gaps: Box<Behaviour> = Box::new(|stream, request, _| {
        let body = datadog_body(request).replace("103", "null");
        answer(stream, "200 OK", JSON, body.as_bytes());
    });
    let forbidden = br#"{"errors":["Forbidden"]}"#;
    let mut all = String::new();
    for (name, kind, behaviour) in [
        ("healthy", "cloudwatch", healthy("cloudwatch")),
        ("two pages", "cloudwatch", pages),
        ("pages without end", "cloudwatch", endless),
        ("asked too often, once", "cloudwatch", throttled),
        ("asked too often", "cloudwatch", always("400 Bad Request", JSON, always_throttled)),
        ("partial data", "cloudwatch", partial),
        ("signatures are asked for", "cloudwatch", unsigned),
        ("a limit of rate", "datadog", limited),
        ("no right", "datadog", always("403 Forbidden", JSON, forbidden)),
        ("gaps, written as null", "datadog", gaps),
        ("another interval", "datadog_v1", five_minutes),
        ("another arm's tags", "datadog_v1", other_arm),
    ] {
        let said = judged(kind, &FaultyServer::start(behaviour), ", in_flight: 1");
        write!(all, "── {kind}: {name}\n{said}\n\n").unwrap();
    }
    insta::assert_snapshot!(all);
}
