//! Canary configs.

use std::collections::BTreeMap;

use serin_model::{
    EffectSizeMeasure, EffectSizeOptions, FileError, KayentaOptions, NanStrategy, Outliers, Worse,
};

use super::json::{Json, parse};

/// What a canary config says, as far as judging goes.
#[derive(Clone, Debug, PartialEq)]
pub struct KayentaConfig {
    /// The file's name, for errors.
    pub file: String,
    /// The first application, or the config's own name.
    pub service: String,
    /// The metrics, in their order.
    pub metrics: Vec<KayentaMetric>,
    /// The weights of the groups, unchecked.
    pub group_weights: BTreeMap<String, f64>,
    /// What Kayenta reads otherwise than a reader might think.
    pub notes: Vec<String>,
}

/// One metric of a canary config.
#[derive(Clone, Debug, PartialEq)]
pub struct KayentaMetric {
    /// Its name.
    pub name: String,
    /// The groups it counts in.
    pub groups: Vec<String>,
    /// The scope whose data it is judged on.
    pub scope_name: String,
    /// Its query as JSON, for people to read.
    pub query: String,
    /// How it is judged.
    pub configuration: MetricConfiguration,
}

/// How one metric is judged: `analysisConfigurations.canary`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricConfiguration {
    /// Which change is bad.
    pub worse: Worse,
    /// Whether it can take the score to zero.
    pub critical: bool,
    /// Whether it is left out of the score.
    pub muted: bool,
    /// The rest.
    pub kayenta: KayentaOptions,
}

/// Reads a canary config, or the `canaryConfig` of a request that carries one.
///
/// # Errors
///
/// [`FileError`] when it is not JSON, or when an option has another type than Kayenta takes.
pub fn read_config(file: &str, text: &str) -> Result<KayentaConfig, FileError> {
    let value = parse(file, text)?;
    let document = Json::document(file, text, &value);
    let config = document.get("canaryConfig")?.unwrap_or(document);
    let mut notes = Vec::new();
    judge_name(&config)?;
    if let Some(judge) = config.get("judge")?
        && let Some(configurations) = judge.get("judgeConfigurations")?
        && !configurations.entries()?.is_empty()
    {
        notes.push(
            "`judge.judgeConfigurations` has no effect: Kayenta's confidence is 0.98 and its \
             tolerance 0.25, whatever it says"
                .to_owned(),
        );
    }
    let mut metrics = Vec::new();
    for metric in config.require("metrics")?.items()? {
        metrics.push(read_metric(&metric, &mut notes)?);
    }
    let mut group_weights = BTreeMap::new();
    if let Some(classifier) = config.get("classifier")?
        && let Some(weights) = classifier.get("groupWeights")?
    {
        for (group, weight) in weights.entries()? {
            group_weights.insert(group.to_owned(), weight.number()?);
        }
    }
    Ok(KayentaConfig {
        file: file.to_owned(),
        service: service(&config)?,
        metrics,
        group_weights,
        notes,
    })
}

fn judge_name(config: &Json<'_>) -> Result<(), FileError> {
    let Some(judge) = config.get("judge")? else { return Ok(()) };
    let Some(name) = judge.get("name")? else { return Ok(()) };
    match name.text()? {
        "NetflixACAJudge-v1.0" => Ok(()),
        other => Err(name.error(
            &format!("is `{other}`, a judge that is not here"),
            "the kayenta judge is NetflixACAJudge-v1.0",
        )),
    }
}

fn service(config: &Json<'_>) -> Result<String, FileError> {
    let applications = match config.get("applications")? {
        Some(applications) => applications.items()?,
        None => Vec::new(),
    };
    let name = match applications.first() {
        Some(application) => Some(application.text()?),
        None => config.get("name")?.map(|name| name.text()).transpose()?,
    };
    let name = name.filter(|name| !name.trim().is_empty());
    Ok(name.unwrap_or("unnamed").to_owned())
}

fn read_metric(metric: &Json<'_>, notes: &mut Vec<String>) -> Result<KayentaMetric, FileError> {
    let name = metric.require("name")?.text()?;
    if name.trim().is_empty() {
        return Err(metric.error("has an empty name", "give each metric a name"));
    }
    let mut groups = Vec::new();
    if let Some(list) = metric.get("groups")? {
        for group in list.items()? {
            // Kayenta takes them as a set.
            let group = group.text()?.to_owned();
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
    }
    let configurations = metric.get("analysisConfigurations")?;
    let canary = configurations.map(|configurations| configurations.get("canary")).transpose()?;
    let canary = canary.flatten().map(|canary| canary.of_metric(name));
    let configuration = OptionsReader { metric: name, canary }.read(notes)?;
    Ok(KayentaMetric {
        groups,
        scope_name: match metric.get("scopeName")? {
            Some(scope) => scope.text()?.to_owned(),
            None => "default".to_owned(),
        },
        query: metric.get("query")?.map(|query| query.value.to_string()).unwrap_or_default(),
        configuration,
        name: name.to_owned(),
    })
}

/// Reads `analysisConfigurations.canary` by itself; `null` is Kayenta's defaults.
///
/// * `file`, `metric`: what errors call them.
///
/// # Errors
///
/// [`FileError`] when an option has another type than Kayenta takes.
pub fn read_configuration(
    file: &str,
    metric: &str,
    canary: &serde_json::Value,
) -> Result<MetricConfiguration, FileError> {
    let canary = (!canary.is_null()).then(|| Json::document(file, "", canary).of_metric(metric));
    OptionsReader { metric, canary }.read(&mut Vec::new())
}

/// Reads `analysisConfigurations.canary` of one metric.
struct OptionsReader<'a> {
    metric: &'a str,
    canary: Option<Json<'a>>,
}

impl<'a> OptionsReader<'a> {
    fn read(&self, notes: &mut Vec<String>) -> Result<MetricConfiguration, FileError> {
        Ok(MetricConfiguration {
            worse: self.worse(notes)?,
            critical: self.flag("critical")?,
            muted: self.flag("muted")?,
            kayenta: KayentaOptions {
                nan_strategy: self.nan_strategy(notes)?,
                outliers: self.outliers()?,
                must_have_data: self.flag("mustHaveData")?,
                effect_size: self.effect_size()?,
            },
        })
    }

    fn get(&self, key: &'a str) -> Result<Option<Json<'a>>, FileError> {
        self.canary.as_ref().map_or(Ok(None), |canary| canary.get(key))
    }

    fn flag(&self, key: &'a str) -> Result<bool, FileError> {
        self.get(key)?.map_or(Ok(false), |flag| flag.boolean())
    }

    fn worse(&self, notes: &mut Vec<String>) -> Result<Worse, FileError> {
        let Some(direction) = self.get("direction")? else { return Ok(Worse::Either) };
        Ok(match direction.text()? {
            "increase" => Worse::Higher,
            "decrease" => Worse::Lower,
            "either" => Worse::Either,
            other => {
                notes.push(format!(
                    "metric `{}`: Kayenta reads the direction `{other}` as `either`",
                    self.metric
                ));
                Worse::Either
            }
        })
    }

    fn nan_strategy(&self, notes: &mut Vec<String>) -> Result<NanStrategy, FileError> {
        let Some(strategy) = self.get("nanStrategy")? else { return Ok(NanStrategy::Remove) };
        Ok(match strategy.text()? {
            "replace" => NanStrategy::Replace,
            "remove" | "none" => NanStrategy::Remove,
            other => {
                notes.push(format!(
                    "metric `{}`: Kayenta reads the nanStrategy `{other}` as `remove`",
                    self.metric
                ));
                NanStrategy::Remove
            }
        })
    }

    fn outliers(&self) -> Result<Outliers, FileError> {
        let Some(outliers) = self.get("outliers")? else { return Ok(Outliers::Keep) };
        let strategy = outliers.get("strategy")?.map(|strategy| strategy.text()).transpose()?;
        let factor = match outliers.get("outlierFactor")? {
            Some(written) => {
                let factor = written.number()?;
                if factor <= 0.0 {
                    return Err(
                        written.error(&format!("is {factor}"), "write a number above 0, such as 3")
                    );
                }
                factor
            }
            None => 3.0,
        };
        Ok(if strategy == Some("remove") { Outliers::Remove { factor } } else { Outliers::Keep })
    }

    fn effect_size(&self) -> Result<EffectSizeOptions, FileError> {
        let Some(sizes) = self.get("effectSize")? else { return Ok(EffectSizeOptions::default()) };
        let measure = match sizes.get("measure")?.map(|measure| measure.text()).transpose()? {
            Some("cles") => EffectSizeMeasure::CommonLanguage,
            _ => EffectSizeMeasure::MeanRatio,
        };
        let none = EffectSizeOptions::without_margin(measure);
        let bound = |key: &'a str, default: f64| {
            sizes.get(key)?.map_or(Ok(default), |bound| bound.number())
        };
        Ok(EffectSizeOptions {
            measure,
            allowed_increase: bound("allowedIncrease", none.allowed_increase)?,
            allowed_decrease: bound("allowedDecrease", none.allowed_decrease)?,
            critical_increase: bound("criticalIncrease", none.critical_increase)?,
            critical_decrease: bound("criticalDecrease", none.critical_decrease)?,
        })
    }
}
