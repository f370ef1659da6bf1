//! A fleet whose past cannot be had is judged as one canary is: with less known, and saying so.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod faulty_server;

use std::io::Write as _;

use serin_runner::{Overrides, Question, ask, ask_each};

use crate::faulty_server::{FaultyServer, answer};

/// 2020-09-13T12:30:00Z.
const START: i64 = 1_600_000_200;

/// Answers for the hour from then on, and fails for whatever lies before.
fn forgetful_store() -> FaultyServer {
    FaultyServer::start(Box::new(|stream, request, _| {
        let parameter = |name: &str| {
            let (_, rest) = request.split_once(&format!("{name}="))?;
            rest.split(['.', '&', ' ']).next()?.parse::<i64>().ok()
        };
        let (Some(start), Some(end)) = (parameter("start"), parameter("end")) else {
            let probed = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
            answer(stream, "200 OK", "", probed.as_bytes());
            return;
        };
        if start < START {
            answer(stream, "400 Bad Request", "", b"beyond the retention");
            return;
        }
        let track = if request.contains("canary") { "canary" } else { "stable" };
        let points: Vec<String> = (start..=end)
            .step_by(60)
            .map(|time| format!("[{time},\"{}\"]", 50 + time / 60 * 7919 % 11))
            .collect();
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"service":"shop","track":"{track}"}},"values":[{}]}}]}}}}"#,
            points.join(",")
        );
        answer(stream, "200 OK", "Content-Type: application/json\r\n", body.as_bytes());
    }))
}

#[test]
fn a_past_that_cannot_be_had_is_said() {
    let server = forgetful_store();
    let question = |who: &str| {
        let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        writeln!(
            file,
            "{who}\nsource: {{prometheus: {{url: '{}', retries: 1}}}}\n\
             arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\n\
             window: {{start: 2020-09-13T12:30:00Z, end: 2020-09-13T13:30:00Z}}\n\
             checks:\n  level: {{gauge: 'sum by (service) (level{{$arm}})', worse: higher}}\n",
            server.url
        )
        .unwrap();
        Question::of_check_file(file.path().to_str().unwrap()).unwrap()
    };
    let alone = ask(&question("service: shop"), Overrides::default(), &()).unwrap();
    let each =
        ask_each(&question("for_each: [service]"), Overrides::default(), &(), &|_| {}).unwrap();
    let [member] = each.members.as_slice() else { panic!("{} members", each.members.len()) };
    let told = |report: &serin_report::Report| {
        let warnings = report.verdict.warnings.iter().map(|warning| warning.text.clone());
        let about_past = warnings.filter(|text| text.contains("past"));
        (report.verdict.outcome, about_past.collect::<Vec<_>>())
    };
    let (outcome, warnings) = told(member);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the control's past of `level` is not known"), "{warnings:?}");
    assert_eq!(told(&alone), (outcome, warnings));
}
