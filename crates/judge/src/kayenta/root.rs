//! Root finding, exactly as the reference does it.

/// Returns where `f` changes sign between `a` and `b`, to within `tolerance` and a little.
///
/// The method is Brent's (inverse quadratic interpolation, secant and bisection) in the very form
/// of R's `zeroin`, because Kayenta's answers lie at the jumps of a step function: another
/// root finder, or this one with its operations in another order, answers elsewhere within the
/// tolerance, and parity to 1e-9 is lost.
///
/// `f(a)` and `f(b)` should differ in sign; where they do not, the answer is a point of the
/// interval and means nothing. NaN from `f` ends in a point of the interval too. At most 1,001
/// steps, one evaluation each.
///
/// # Errors
///
/// The first error of `f`, as it is.
///
/// # References
///
/// * R. P. Brent, *Algorithms for Minimization without Derivatives* (1973), chapter 4.
/// * G. E. Forsythe, M. A. Malcolm and C. B. Moler, *Computer Methods for Mathematical
///   Computations* (1977), `zeroin`.
pub(crate) fn brent_root<E>(
    (mut a, mut f_a): (f64, f64),
    (mut b, mut f_b): (f64, f64),
    tolerance: f64,
    mut f: impl FnMut(f64) -> Result<f64, E>,
) -> Result<f64, E> {
    if is_zero(f_a) {
        return Ok(a);
    }
    if is_zero(f_b) {
        return Ok(b);
    }
    let (mut c, mut f_c) = (a, f_a);
    for _ in 0..=MOST_STEPS {
        let previous_step = b - a;
        if f_c.abs() < f_b.abs() {
            // `b` is always the best guess so far, and `c` the other end of the bracket.
            (a, b, c) = (b, c, b);
            (f_a, f_b, f_c) = (f_b, f_c, f_b);
        }
        let smallest_step = 2.0 * f64::EPSILON * b.abs() + tolerance / 2.0;
        let mut step = (c - b) / 2.0;
        if step.abs() <= smallest_step || is_zero(f_b) {
            return Ok(b);
        }
        if previous_step.abs() >= smallest_step && f_a.abs() > f_b.abs() {
            let (p, q) = interpolation((a, f_a), (b, f_b), (c, f_c));
            let inside = p < 0.75 * (c - b) * q - (smallest_step * q).abs() / 2.0;
            if inside && p < (previous_step * q / 2.0).abs() {
                step = p / q;
            }
        }
        if step.abs() < smallest_step {
            step = if step > 0.0 { smallest_step } else { -smallest_step };
        }
        (a, f_a) = (b, f_b);
        b += step;
        f_b = f(b)?;
        if (f_b > 0.0 && f_c > 0.0) || (f_b < 0.0 && f_c < 0.0) {
            (c, f_c) = (a, f_a);
        }
    }
    Ok(b)
}

/// Returns numerator and denominator of the step to where a secant, or an inverse parabola, through
/// the points has its zero; the numerator is never negative.
fn interpolation((a, f_a): Sample, (b, f_b): Sample, (c, f_c): Sample) -> (f64, f64) {
    let (p, q) = if a == c {
        let t = f_b / f_a;
        ((c - b) * t, 1.0 - t)
    } else {
        let (q, t1, t2) = (f_a / f_c, f_b / f_c, f_b / f_a);
        let p = t2 * ((c - b) * q * (q - t1) - (b - a) * (t1 - 1.0));
        (p, (q - 1.0) * (t1 - 1.0) * (t2 - 1.0))
    };
    if p > 0.0 { (p, -q) } else { (-p, q) }
}

type Sample = (f64, f64);

/// The reference compares with zero within one unit in the last place.
fn is_zero(value: f64) -> bool {
    value.abs() <= f64::from_bits(1)
}

const MOST_STEPS: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::brent_root;

    fn root(a: f64, b: f64, f: impl Fn(f64) -> f64) -> f64 {
        brent_root((a, f(a)), (b, f(b)), 1e-12, |x| Ok::<_, ()>(f(x))).unwrap()
    }

    #[test]
    fn finds_the_root_of_a_smooth_function() {
        assert!((root(0.0, 2.0, |x| x * x - 2.0) - 2.0_f64.sqrt()).abs() < 1e-11);
    }

    #[test]
    fn finds_the_jump_of_a_step() {
        let jump = root(-3.0, 9.0, |x| if x < 0.7 { 1.0 } else { -2.0 });
        assert!((jump - 0.7).abs() < 1e-11);
    }

    #[test]
    fn an_end_that_is_a_root_is_the_answer() {
        assert_eq!(root(1.0, 5.0, |x| x - 1.0), 1.0);
        assert_eq!(root(1.0, 5.0, |x| x - 5.0), 5.0);
    }

    #[test]
    fn ends_on_nan() {
        assert!((1.0..=5.0).contains(&root(1.0, 5.0, |x| if x == 1.0 { 1.0 } else { f64::NAN })));
    }
}
