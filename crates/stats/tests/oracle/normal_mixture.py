"""Writes normal_mixture.tsv: mixtures integrated over their prior, to 40 digits, rounded once."""
import mpmath
from mpmath import mp, mpf

mp.dps = 40


def log_e(s, v, rho, is_one_sided):
    """The mean of exp(drift s - drift^2 v / 2) over drifts from N(0, 1/rho), or from its upper half."""
    s, v, rho = mpf(s), mpf(v), mpf(rho)
    peak, width = s / (v + rho), 1 / mpmath.sqrt(v + rho)
    low = mpf(0) if is_one_sided else peak - 60 * width
    high = max(peak, 0 if is_one_sided else peak) + 60 * width
    if is_one_sided and s < 0:
        # Only the end of the integrand's range has any mass.
        high = min(high, 120 * width, 200 / -s)
    top = peak if peak > low else low
    scale = top * s - top**2 * (v + rho) / 2
    points = [low + (high - low) * k / 60 for k in range(61)]
    total = mpmath.quad(lambda d: mpmath.exp(d * s - d * d * (v + rho) / 2 - scale), points)
    return mpmath.log(total * mpmath.sqrt(rho / (2 * mp.pi)) * (2 if is_one_sided else 1)) + scale


def rho(v, alpha):
    """Where the radius is smallest, by Lambert's W."""
    return v / (-mpmath.lambertw(-mpf(alpha)**2 / mp.e, -1).real - 1)


print(f"# mpmath {mpmath.__version__}, quad at 40 digits and lambertw")
print("# function\tsum\tvariance\trho\tvalue")
for s, v in [(0.0, 0.0), (1.0, 0.0), (0.0, 10.0), (3.0, 1.0), (-3.0, 1.0), (25.0, 60.0), (-25.0, 60.0), (400.0, 1e3),
             (-400.0, 1e3), (2e3, 1e5), (-2e4, 1e5), (0.01, 1e-4), (-1e5, 10.0)]:
    for r in [0.01, 1.0, 7.5, 300.0]:
        if s >= 0 or v > 0:
            print("two_sided", s, v, r, repr(float(log_e(s, v, r, False))), sep="\t")
        print("one_sided", s, v, r, repr(float(log_e(s, v, r, True))), sep="\t")
for v in [1.0, 60.0]:
    for alpha in [1e-6, 0.001, 0.01, 0.05, 0.1, 0.2]:
        print("best_rho", 0.0, v, alpha, repr(float(rho(mpf(v), alpha))), sep="\t")
