//! Interim stand-ins until `stats` has them.
pub(crate) fn t_quantile(tail: f64, df: f64) -> f64 {
    let z = serin_stats::normal::survival_quantile(tail);
    // Cornish-Fisher, poor below 3
    let g1 = (z.powi(3) + z) / 4.0;
    let g2 = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let g3 = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + g1 / df + g2 / df.powi(2) + g3 / df.powi(3)
}
pub(crate) fn normal_mixture_radius(v: f64, rho: f64, alpha: f64) -> f64 {
    ((v + rho) * (libm::log(1.0 + v / rho) + 2.0 * libm::log(1.0 / alpha))).sqrt()
}
pub(crate) fn normal_mixture_rho(v: f64, alpha: f64) -> f64 {
    let l = 2.0 * libm::log(1.0 / alpha);
    v / (l + libm::log1p(l))
}
pub(crate) fn rate_ratio_confidence_sequence(
    k: f64,
    b: f64,
    x: f64,
    _alpha: f64,
) -> Option<(f64, f64)> {
    let r = (k + 0.5) / (b + 0.5) / x;
    let s = (1.0 / (k + 0.5) + 1.0 / (b + 0.5)).sqrt() * 3.0;
    Some((r * libm::exp(-s), r * libm::exp(s)))
}
