//! The key `source` of a Check file.

use serin_check::{checked_url, read, store_keys, write};

fn file(source: &str) -> String {
    format!("service: a\nsource: {source}\nchecks: {{m: {{gauge: g}}}}\n")
}

#[test]
fn what_cannot_be_a_source_is_refused_with_what_to_write() {
    let sources = [
        "{prometheus: {}}",
        "{prometheus: http://p:9090}",
        "{prometheus: {url: ''}}",
        "{prometheus: {url: p:9090}}",
        "{prometheus: {url: 'ftp://p'}}",
        "{prometheus: {url: 'file:///etc/passwd'}}",
        "{prometheus: {url: 'http://'}}",
        "{prometheus: {url: 'http://me:hunter2@p'}}",
        "{prometheus: {url: 'http://p/?token=hunter2'}}",
        "{prometheus: {url: 'http://p/api/v1'}}",
        "{prometheus: {url: 'http://p', token: hunter2}}",
        "{prometheus: {url: 'http://p', token: {}}}",
        "{prometheus: {url: 'http://p', token: {env: A, file: b}}}",
        "{prometheus: {url: 'http://p', token: {env: $A}}}",
        "{prometheus: {url: 'http://p', token: {exec: cat}}}",
        "{prometheus: {url: 'http://p', username: me}}",
        "{prometheus: {url: 'http://p', password: {env: A}}}",
        "{prometheus: {url: 'http://p', username: me, password: {env: A}, token: {env: B}}}",
        "{prometheus: {url: 'http://p', headers: {Authorization: Bearer hunter2}}}",
        "{prometheus: {url: 'http://p', headers: {Host: other}}}",
        "{prometheus: {url: 'http://p', headers: {'a b': c}}}",
        "{prometheus: {url: 'http://p', headers: {A: \"b\\r\\nC: d\"}}}",
        "{prometheus: {url: 'http://p', tls: {certificate: a.pem}}}",
        "{prometheus: {url: 'http://p', tls: {insecure: true}}}",
        "{prometheus: {url: 'http://p', in_flight: 0}}",
        "{prometheus: {url: 'http://p', in_flight: 65}}",
        "{prometheus: {url: 'http://p', retries: 11}}",
        "{prometheus: {url: 'http://p', timeout: 0s}}",
        "{prometheus: {url: 'http://p', timeout: 30}}",
        "{prometheus: {url: 'http://p', deadline: 25h}}",
        "{prometheus: {url: 'http://p', timout: 30s}}",
        "{datadog: {url: 'http://p', headers: {DD-APPLICATION-KEY: hunter2}}}",
        "{prometheus: {url: 'http://p', aws: {region: eu-west-1}}}",
        "{cloudwatch: {url: 'http://p', token: {env: A}}}",
        "{cloudwatch: {url: 'http://p', aws: {secret_access_key: {env: A}}}}",
        "{cloudwatch: {url: 'http://p', aws: {access_key_id: {env: A}, secret_access_key: hunter2}}}",
        "{postgres: {url: 'http://p'}}",
        "{postgres: {url: 'postgres:///p'}}",
        "{postgres: {url: 'postgres://me:hunter2@p/m'}}",
        "{postgres: {url: 'postgres://p/m?sslmode=prefer'}}",
        "{postgres: {url: 'postgres://p/m', token: {env: A}}}",
        "{postgres: {url: 'postgres://p/m', headers: {X-Scope-OrgID: a}}}",
        "{postgres: {url: 'postgres://p/m', parameters: {sslmode: disable}}}",
        "{prometheus: {url: 'postgres://p'}}",
        "{promtheus: {url: 'http://p'}}",
        "{statsd: {url: 'http://p'}}",
        "{graphite: {url: 'http://p/render/'}}",
        "{influxdb: {url: 'http://p', parameters: {db: m, p: hunter2}}}",
        "{influxdb: {url: 'http://p', parameters: {db: \"m\\nx\"}}}",
        "{influxdb: {url: 'http://p', parameters: {db: [m]}}}",
        "{prometheus: {url: 'http://p'}, file: {path: a.csv}}",
    ];
    let message = |source: &&str| {
        read("serin.yaml", &file(source)).map(|_| "accepted").unwrap_or_default().to_owned()
            + &read("serin.yaml", &file(source)).err().map(|it| it.to_string()).unwrap_or_default()
    };
    let messages: Vec<String> = sources.iter().map(message).collect();
    insta::assert_snapshot!(messages.join("\n\n────\n\n"));
    assert!(!messages.concat().contains("hunter2"), "an error shows a secret");
}

#[test]
fn a_store_is_written_as_it_was_read() {
    for source in [
        "{prometheus: {url: 'http://p:9090'}}",
        "{prometheus: {url: 'https://p/prom/', token: {env: TOKEN}}}",
        "{prometheus: {url: 'http://p', username: me, password: {file: /run/secret}}}",
        "{prometheus: {url: 'http://p', headers: {X-Scope-OrgID: 12, X-Other: {env: A}}}}",
        "{prometheus: {url: 'https://p', tls: {authority: ca.pem, certificate: a, key: b}}}",
        "{influxdb: {url: 'http://p', parameters: {db: m, chunked: false, limit: 7}}}",
        "{prometheus: {url: 'http://p', in_flight: 9, retries: 0, timeout: 1s, deadline: 2m}}",
        "{cloudwatch: {url: 'https://monitoring.eu-west-1.amazonaws.com'}}",
        "{cloudwatch: {url: 'http://p', aws: {region: r, access_key_id: {env: A}, secret_access_key: {file: b}, session_token: {env: C}}}}",
        "{postgres: {url: 'postgres://p:5432/m?sslmode=disable', username: me, password: {env: A}}}",
    ] {
        let first = read("serin.yaml", &file(source)).unwrap();
        let again = read("again.yaml", &write(&first, &[]).unwrap()).unwrap();
        assert_eq!(again, first, "{source}");
    }
}

#[test]
fn a_url_loses_the_slash_at_its_end() {
    assert_eq!(checked_url("prometheus", "http://p:9090/").unwrap(), "http://p:9090");
    assert_eq!(checked_url("prometheus", " https://p/prom/ ").unwrap(), "https://p/prom");
    assert_eq!(checked_url("prometheus", "http://[::1]:9090").unwrap(), "http://[::1]:9090");
}

#[test]
fn every_key_of_a_store_is_described() {
    let keys = store_keys();
    assert_eq!(keys.iter().filter(|key| key.required).count(), 1);
    assert!(keys.iter().all(|key| key.about.ends_with('.')), "{keys:?}");
}
