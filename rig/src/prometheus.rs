//! Prometheus, which scrapes everything while the rig runs, and from which the
//! recordings are taken.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/>

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use reqwest::{Client, Url};
use serde::Deserialize;

use crate::client::client_builder;
use crate::daemon::{Daemon, Program, free_ports};
use crate::exposition::Sample;
use crate::fleet::Pod;

/// What is scraped of one scenario.
#[derive(Debug)]
pub struct Watched<'fleet> {
    /// The scenario's name, as a label of every series.
    pub scenario: &'static str,
    /// The replicas.
    pub pods: &'fleet [Pod],
    /// Where the balancer shows what it counts.
    pub balancer: SocketAddr,
}

/// How Prometheus scrapes.
#[derive(Debug)]
pub struct Scraping<'run> {
    /// Name of the service, as a label of every series.
    pub service: &'run str,
    /// The time between two scrapes.
    pub interval: Duration,
    /// How long a scrape may take.
    pub limit: Duration,
}

/// A running Prometheus. It ends when this is dropped.
#[derive(Debug)]
pub struct Prometheus {
    daemon: Daemon,
    client: Client,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts a Prometheus that scrapes all of `watched`, and waits until it
    /// answers.
    ///
    /// * `folder`: for its configuration and its data.
    ///
    /// # Errors
    ///
    /// When its files cannot be written, or it does not start.
    pub async fn start(
        program: &Program,
        folder: &Path,
        scraping: &Scraping<'_>,
        watched: &[Watched<'_>],
    ) -> anyhow::Result<Self> {
        let settings = folder.join("prometheus.yml");
        fs::write(&settings, configuration(scraping, watched))
            .with_context(|| format!("failed to write the file `{}`", settings.display()))?;
        let [address] = free_ports()?;
        let flags = [
            format!("--config.file={}", settings.display()),
            format!("--storage.tsdb.path={}", folder.join("prometheus").display()),
            format!("--web.listen-address={address}"),
            "--log.level=warn".to_owned(),
        ];
        let mut daemon = Daemon::start(program, &flags, folder.join("prometheus.log"))?;
        let client = client_builder()
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()
            .context("failed to set up the HTTP client")?;
        daemon.ready(&format!("http://{address}/-/ready")).await?;
        Ok(Self { daemon, client, address })
    }

    /// Its address without a path, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every sample that was scraped in a window, by its moment; the end is
    /// not part of the window.
    ///
    /// # Errors
    ///
    /// When Prometheus does not answer, or not with samples.
    pub async fn samples(
        &self,
        selector: &str,
        start: Timestamp,
        end: Timestamp,
    ) -> anyhow::Result<Vec<(Timestamp, Sample)>> {
        let length = end.as_millisecond() - start.as_millisecond() - 1;
        if length < 1 {
            return Ok(Vec::new());
        }
        // A range reaches back from the moment it is asked for, both ends included.
        let moment = (end.as_millisecond() - 1) as f64 / 1e3;
        let parameters =
            [("query", format!("{selector}[{length}ms]")), ("time", format!("{moment:.3}"))];
        let url = Url::parse_with_params(&format!("{}/api/v1/query", self.url()), parameters)?;
        let answer = async { self.client.get(url).send().await?.text().await };
        let answer = answer.await.context("Prometheus did not answer")?;
        read_answer(&answer).with_context(|| format!("Prometheus was asked for `{selector}`"))
    }

    /// Completes when Prometheus ends by itself, which it should not.
    pub async fn ended(&mut self) -> anyhow::Error {
        self.daemon.ended().await
    }

    /// Ends Prometheus and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When the operating system will not say that it ended.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.daemon.stop().await
    }
}

/// The answer to an instant query.
#[derive(Debug, Deserialize)]
struct Answer {
    data: Option<Matrix>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Matrix {
    result: Vec<Series>,
}

#[derive(Debug, Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// Seconds since 1970, to the millisecond, and the value as text.
    values: Vec<(f64, String)>,
}

fn read_answer(text: &str) -> anyhow::Result<Vec<(Timestamp, Sample)>> {
    let answer: Answer = serde_json::from_str(text)
        .with_context(|| format!("not an answer of Prometheus: `{text:.80}`"))?;
    let Some(matrix) = answer.data else {
        bail!("it refused: {}", answer.error.unwrap_or_default());
    };
    let mut samples = Vec::new();
    for Series { mut metric, values } in matrix.result {
        let name = metric.remove("__name__").context("a series without a name")?;
        for (seconds, value) in values {
            let time = Timestamp::from_millisecond((seconds * 1e3).round() as i64)?;
            let value = value.parse().with_context(|| format!("`{value}` is not a number"))?;
            samples.push((time, Sample { name: name.clone(), labels: metric.clone(), value }));
        }
    }
    // A stable sort: the samples of a moment keep the order of the series.
    samples.sort_by_key(|&(time, _)| time);
    Ok(samples)
}

fn configuration(scraping: &Scraping<'_>, watched: &[Watched<'_>]) -> String {
    let mut text = format!(
        "\
global:
  scrape_interval: {}ms
  scrape_timeout: {}ms
scrape_configs:
  - job_name: service
    static_configs:
",
        scraping.interval.as_millis(),
        scraping.limit.as_millis(),
    );
    for Watched { scenario, pods, .. } in watched {
        for Pod { track, name, address } in *pods {
            let labels = format!(
                "{{service: {}, scenario: {scenario}, track: {track}, pod: {name}}}",
                scraping.service
            );
            push_target(&mut text, address.trim_start_matches("http://"), &labels);
        }
    }
    text.push_str(BALANCER_JOB);
    for Watched { scenario, balancer, .. } in watched {
        let labels = format!("{{service: {}, scenario: {scenario}}}", scraping.service);
        push_target(&mut text, &balancer.to_string(), &labels);
    }
    text
}

/// What the balancer counts for each server. A server is called after its
/// replica, and so its series get the labels that the replica's own have.
const BALANCER_JOB: &str = r#"  - job_name: haproxy
    params: {scope: [server]}
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: haproxy_server_(http_responses|response_errors|connection_errors)_total
        action: keep
      - {source_labels: [server], target_label: pod}
      - {source_labels: [server], regex: ".+-(stable|canary)-[0-9]+", target_label: track}
      - {regex: proxy|server, action: labeldrop}
    static_configs:
"#;

fn push_target(text: &mut String, address: &str, labels: &str) {
    writeln!(text, "      - {{targets: [\"{address}\"], labels: {labels}}}")
        .expect("a string can always be written to");
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::fleet::Track;

    use super::*;

    #[test]
    fn every_replica_and_every_balancer_is_scraped() {
        let pods = [Track::Stable, Track::Canary].map(|track| Pod {
            track,
            name: format!("storefront-{track}-1"),
            address: "http://127.0.0.1:40001".to_owned(),
        });
        let balancer = "127.0.0.1:42000".parse().unwrap();
        let watched = [Watched { scenario: "good", pods: &pods, balancer }];
        let scraping = Scraping {
            service: "storefront",
            interval: Duration::from_secs(5),
            limit: Duration::from_millis(2_500),
        };
        assert_snapshot!(configuration(&scraping, &watched), @r#"
        global:
          scrape_interval: 5000ms
          scrape_timeout: 2500ms
        scrape_configs:
          - job_name: service
            static_configs:
              - {targets: ["127.0.0.1:40001"], labels: {service: storefront, scenario: good, track: stable, pod: storefront-stable-1}}
              - {targets: ["127.0.0.1:40001"], labels: {service: storefront, scenario: good, track: canary, pod: storefront-canary-1}}
          - job_name: haproxy
            params: {scope: [server]}
            metric_relabel_configs:
              - source_labels: [__name__]
                regex: haproxy_server_(http_responses|response_errors|connection_errors)_total
                action: keep
              - {source_labels: [server], target_label: pod}
              - {source_labels: [server], regex: ".+-(stable|canary)-[0-9]+", target_label: track}
              - {regex: proxy|server, action: labeldrop}
            static_configs:
              - {targets: ["127.0.0.1:42000"], labels: {service: storefront, scenario: good}}
        "#);
    }

    #[test]
    fn samples_come_in_the_order_of_their_moments() {
        let samples = read_answer(
            r#"{"status":"success","data":{"resultType":"matrix","result":[
              {"metric":{"__name__":"up","pod":"a"},"values":[[1795422305.123,"1"],[1795422310.125,"0"]]},
              {"metric":{"__name__":"up","pod":"b"},"values":[[1795422305.123,"+Inf"]]}]}}"#,
        )
        .unwrap();
        let shown: Vec<_> = samples
            .iter()
            .map(|(time, sample)| format!("{time} {} {}", sample.labels["pod"], sample.value))
            .collect();
        assert_eq!(
            shown,
            [
                "2026-11-23T08:25:05.123Z a 1",
                "2026-11-23T08:25:05.123Z b inf",
                "2026-11-23T08:25:10.125Z a 0",
            ]
        );
    }

    #[test]
    fn what_is_no_matrix_is_an_error() {
        for (answer, message) in [
            (
                r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#,
                "it refused: parse error",
            ),
            ("<html>", "not an answer of Prometheus: `<html>`"),
            (
                r#"{"status":"success","data":{"result":[{"metric":{},"values":[]}]}}"#,
                "a series without a name",
            ),
        ] {
            assert_eq!(read_answer(answer).unwrap_err().to_string(), message);
        }
    }
}
