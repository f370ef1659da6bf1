//! The shop as a source of points: selectors choose among what was scraped.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use serin_check::WrittenAnalysis;
use serin_model::{Analysis, CounterForm, MetricSeries, Window};
use serin_runner::RunError;
use serin_runner::live::{Answered, PointSource, Sources};
use serin_runner::watch::Outage;
use serin_sources::{SourceError, read_recording};

use crate::shop::{SERVICES, Service, Shop, service_named};

/// Answers every Check from the shop, whatever store it names: nothing is sent anywhere.
#[derive(Clone, Copy, Debug)]
pub struct ShopSource(pub Shop);

/// One service of the shop, as one analysis asks it.
#[derive(Debug)]
struct ServicePoints {
    shop: Shop,
    service: &'static Service,
    analysis: Analysis,
}

const NAME: &str = "the simulated shop";

impl Sources for ShopSource {
    fn open(
        &self,
        asked: &WrittenAnalysis,
        _: Option<&str>,
    ) -> Result<Arc<dyn PointSource>, RunError> {
        let name = &asked.analysis.service;
        let Some(service) = service_named(name) else {
            let known = SERVICES.map(|service| service.name).join(", ");
            return Err(RunError::OtherSource {
                problem: format!("the simulated shop has no service `{name}`, only {known}"),
                hint: "ask about one of them; `serin serve` asks your own store",
            });
        };
        let points = ServicePoints { shop: self.0, service, analysis: asked.analysis.clone() };
        // Whether the queries can be asked does not depend on the time.
        points.read("")?;
        Ok(Arc::new(points))
    }
}

impl PointSource for ServicePoints {
    fn name(&self) -> &str {
        NAME
    }

    fn ask(&self, window: Window, _: bool) -> BoxFuture<'_, Result<Answered, Outage>> {
        let text = self.shop.recording(self.service, window);
        // Queries that could be asked once can be asked again.
        ready(Ok(self.read(&text).unwrap_or_default())).boxed()
    }
}

impl ServicePoints {
    /// Reads what the checks ask for. A recording without any of it is silence.
    fn read(&self, text: &str) -> Result<Answered, RunError> {
        match read_recording(NAME, text.as_bytes(), &self.analysis, CounterForm::Increments) {
            Ok(recording) => {
                Ok(Answered { series: recording.series, warnings: recording.warnings })
            }
            Err(SourceError::File(_)) => {
                let nothing = |check: &serin_model::Check| MetricSeries::nothing(&check.name);
                let series = self.analysis.checks().iter().map(nothing).collect();
                Ok(Answered { series, warnings: Vec::new() })
            }
            Err(error) => Err(error.into()),
        }
    }
}
