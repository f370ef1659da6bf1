//! What the control's own past says about its noise, and about how unlike its replicas are.

use serde::{Deserialize, Serialize};
use serin_stats::{DEVIATIONS_PER_MEDIAN_ABSOLUTE_DEVIATION, quantile};

use super::excursions::{Excursions, FAR_OUT};

/// How one replica of the control varies over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Noise {
    /// The standard deviation of one replica about its level, in units of the comparison's scale.
    pub(crate) deviation: f64,
    /// The correlation of neighbouring steps, corrected for the smallness of the sample.
    pub(crate) correlation: f64,
    /// What the correlation of steps further apart comes to for neighbours: larger, where fast noise
    /// lies on a slow drift.
    pub(crate) lasting: f64,
    /// How many steps this rests on, over all replicas.
    pub(crate) steps: f64,
    /// The level of the control.
    pub(crate) level: f64,
    /// Whether it rests on one replica alone, which has nothing to be freed of.
    pub(crate) alone: bool,
    /// How often it went far out, and for how long.
    pub(crate) excursions: Excursions,
}

/// How unlike the replicas of the control are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// The variance of their levels, less what noise explains of it.
    pub(crate) variance: f64,
    /// How many replicas showed it.
    pub(crate) replicas: usize,
}

/// The past of one replica: steps, counted in steps from any beginning, and their values.
pub(crate) type Past = Vec<(i64, f64)>;

/// Fewer steps than this, of all replicas together, tell nothing of their noise.
const FEWEST_STEPS: usize = 10;

/// A replica with fewer steps than this is left out.
const FEWEST_STEPS_EACH: usize = 5;

/// Values that lie further out than this many scaled median absolute deviations, so many steps in a
/// row, are an incident and no noise: what went wrong once must not hide the next time. One that lies
/// out there alone is noise, and counts as lying at the edge.
const CLIP: f64 = 5.0;
const STEPS_OF_AN_INCIDENT: usize = 3;

impl Noise {
    /// Returns what the past of the control shows, or `None` when it is too short.
    ///
    /// Replicas that ran side by side are freed of what they have in common, as the comparison will
    /// be; one alone keeps it, which makes its noise larger than the comparison's, never smaller.
    pub(crate) fn of(replicas: &[Past]) -> Option<Self> {
        let known: Vec<&Past> =
            replicas.iter().filter(|past| past.len() >= FEWEST_STEPS_EACH).collect();
        let steps: usize = known.iter().map(|past| past.len()).sum();
        if steps < FEWEST_STEPS {
            return None;
        }
        let levels: Vec<f64> = known.iter().filter_map(|past| level(past)).collect();
        let freed = without_common_part(&known, &levels);
        let mut all: Vec<f64> = freed.iter().flatten().map(|(_, value)| value.abs()).collect();
        all.sort_by(f64::total_cmp);
        let clip = match CLIP
            * DEVIATIONS_PER_MEDIAN_ABSOLUTE_DEVIATION
            * serin_stats::quantile_of_sorted(&all, 0.5)?
        {
            clip if clip > 0.0 => clip,
            // More than half of the values are the level itself.
            _ => f64::INFINITY,
        };
        let (mut squares, mut count, mut products, mut pairs) = (0.0, 0.0, 0.0, 0.0);
        let mut far = [(0.0, 0.0); FAR_LAGS.len()];
        for past in freed.iter().map(|past| without_incidents(past, clip)) {
            squares += past.iter().map(|(_, value)| value * value).sum::<f64>();
            count += past.len() as f64;
            for pair in past.windows(2) {
                products += pair[0].1 * pair[1].1;
                pairs += 1.0;
            }
            for (lag, far) in FAR_LAGS.iter().zip(&mut far) {
                for (before, after) in past.iter().zip(past.iter().skip(*lag)) {
                    far.0 += before.1 * after.1;
                    far.1 += 1.0;
                }
            }
        }
        let free = count - known.len() as f64;
        let variance = squares / f64::max(free, 1.0);
        let plain = if pairs > 0.0 && variance > 0.0 { products / pairs / variance } else { 0.0 };
        let near = corrected(plain, steps as f64 / known.len() as f64);
        let is_out = |(_, value): &(i64, f64)| value.abs() > FAR_OUT * clip / CLIP;
        let excursions = Excursions::of(freed.iter().map(|past| past.iter().map(is_out)));
        let lasting = FAR_LAGS.iter().zip(far).map(|(lag, (products, pairs))| {
            lasting_correlation(products / f64::max(pairs, 1.0) / variance, *lag, pairs)
        });
        Some(Self {
            deviation: variance.sqrt(),
            correlation: near,
            lasting: lasting.fold(near, f64::max),
            steps: steps as f64,
            level: quantile(&levels, 0.5)?,
            alone: known.len() == 1,
            excursions,
        })
    }

    /// Returns the standard error of the level.
    pub(crate) fn error_of_level(&self) -> f64 {
        let correlation = self.correlation.clamp(0.0, 0.9);
        self.deviation * ((1.0 + correlation) / (1.0 - correlation) / self.steps.max(1.0)).sqrt()
    }
}

/// Returns the level of each replica's past less that of the others, as a spread, or `None` with
/// fewer than two replicas.
pub(crate) fn spread_of(replicas: &[Past], noise: Option<&Noise>) -> Option<Spread> {
    let known: Vec<&Past> =
        replicas.iter().filter(|past| past.len() >= FEWEST_STEPS_EACH).collect();
    let levels: Vec<f64> = known.iter().filter_map(|past| level(past)).collect();
    if levels.len() < 2 {
        return None;
    }
    let moments = serin_stats::moments(&levels)?;
    let steps = known.iter().map(|past| past.len()).sum::<usize>() as f64 / known.len() as f64;
    let explained = noise.map_or(0.0, |noise| {
        let correlation = noise.correlation.clamp(0.0, 0.95);
        noise.deviation * noise.deviation * (1.0 + correlation) / (1.0 - correlation) / steps
    });
    Some(Spread { variance: (moments.variance - explained).max(0.0), replicas: levels.len() })
}

fn without_incidents(past: &Past, clip: f64) -> Past {
    let is_out = |value: f64| value.abs() > clip;
    let follows = |a: &(i64, f64), b: &(i64, f64)| b.0 - a.0 == 1 && is_out(a.1) == is_out(b.1);
    let runs = past.chunk_by(follows);
    let kept = runs.filter(|run| run.len() < STEPS_OF_AN_INCIDENT || !is_out(run[0].1));
    kept.flatten().map(|(step, value)| (*step, value.clamp(-clip, clip))).collect()
}

fn level(past: &Past) -> Option<f64> {
    let values: Vec<f64> = past.iter().map(|(_, value)| *value).collect();
    quantile(&values, 0.5)
}

/// Returns each replica's values less its level and, where two or more ran, less what all did at
/// that step; scaled so that the variance stays that of one replica.
fn without_common_part(known: &[&Past], levels: &[f64]) -> Vec<Past> {
    let mut common: std::collections::BTreeMap<i64, (f64, u32)> = std::collections::BTreeMap::new();
    for (past, level) in known.iter().zip(levels) {
        for (step, value) in past.iter() {
            let entry = common.entry(*step).or_insert((0.0, 0));
            entry.0 += value - level;
            entry.1 += 1;
        }
    }
    let freed = |(past, level): (&&Past, &f64)| {
        let one = |(step, value): &(i64, f64)| {
            let (sum, count) = common.get(step).copied().unwrap_or((0.0, 1));
            let count = f64::from(count);
            let own = value - level;
            let scale = if count > 1.0 { (count / (count - 1.0)).sqrt() } else { 1.0 };
            let shared = if count > 1.0 { sum / count } else { 0.0 };
            (*step, (own - shared) * scale)
        };
        past.iter().map(one).collect()
    };
    known.iter().zip(levels).map(freed).collect()
}

/// How many steps apart a slow drift under fast noise is looked for.
const FAR_LAGS: [usize; 3] = [2, 4, 8];

/// Returns what a correlation at a distance comes to for neighbours, or nothing unless it is surely
/// there.
pub(crate) fn lasting_correlation(correlation: f64, lag: usize, pairs: f64) -> f64 {
    if pairs < 1.0 || correlation < SURELY / pairs.sqrt() {
        return 0.0;
    }
    libm::pow(correlation.min(0.99), 1.0 / lag as f64)
}

/// So many standard errors of a correlation that is none are hardly ever reached by chance.
const SURELY: f64 = 3.0;

/// Returns a lag-one correlation freed of its bias (M. G. Kendall, "Note on bias in the estimation
/// of autocorrelation", *Biometrika* 41 (1954), 403–404: −(1 + 3ρ)/n about an estimated mean).
pub(crate) fn corrected(correlation: f64, steps: f64) -> f64 {
    let steps = steps.max(4.0);
    (correlation + (1.0 + 3.0 * correlation) / steps).clamp(-0.99, 0.99)
}

/// Returns the correlation to be prepared for, given an estimate from so many steps.
pub(crate) fn upper_correlation(correlation: f64, steps: f64, errors: f64, most: f64) -> f64 {
    let error = ((1.0 - correlation * correlation).max(0.0) / steps.max(1.0)).sqrt();
    let unknown = UNKNOWN_STEPS / steps.max(1.0);
    // Alternation is never bet on: it would make every step count for more than it says.
    (correlation + errors * (error + unknown)).clamp(0.0, most)
}

/// A correlation is not known at all from this many steps.
const UNKNOWN_STEPS: f64 = 3.0;
