"""Writes rate_ratio.tsv: the beta-binomial mixture to 40 digits, rounded once.

The e-value is integrated over the prior rather than taken from the beta function.
"""
import mpmath
from mpmath import mp, mpf

mp.dps = 40
HALF = mpf(1) / 2


def one_sided(x, y, p0):
    def integral(x, y):
        # With p = sin^2(angle) the prior is uniform.
        low = mpmath.asin(mpmath.sqrt(p0))
        peak = mpmath.atan(mpmath.sqrt(x / y)) if y else mp.pi / 2
        width = HALF / mpmath.sqrt(x + y + 1)
        points = sorted({low, mp.pi / 2} | {point for k in range(-30, 31, 3) if low < (point := peak + k * width) < mp.pi / 2})
        return mpmath.quad(lambda angle: mpmath.exp(2 * x * mpmath.log(mpmath.sin(angle) / mpmath.sqrt(p0))
                                                    + 2 * y * mpmath.log(mpmath.cos(angle) / mpmath.sqrt(1 - p0))
                                                    if angle < mp.pi / 2 or not y else -mp.inf), points)
    return mpmath.log(integral(mpf(x), mpf(y)) / (mp.pi / 2 - mpmath.asin(mpmath.sqrt(p0))))


def two_sided(x, y, p):
    return (mpmath.loggamma(x + HALF) + mpmath.loggamma(y + HALF) - mpmath.loggamma(x + y + 1)
            - mpmath.log(mp.pi) - x * mpmath.log(p) - y * mpmath.log(1 - p))


def end(x, y, alpha, inside, outside):
    for _ in range(110):
        middle = (inside + outside) / 2
        p = 1 / (1 + mpmath.exp(-middle))
        inside, outside = (middle, outside) if two_sided(x, y, p) < -mpmath.log(alpha) else (inside, middle)
    return mpmath.exp(inside)


print(f"# mpmath {mpmath.__version__}, quadrature and bisection at 40 digits")
print("# function\tevents_x\tevents_y\tshare_or_ratio\talpha\tvalue")
COUNTS = [(0.0, 1.0), (1.0, 0.0), (9.0, 11.0), (2.0, 18.0), (3.5, 0.25), (0.0, 40.0), (40.0, 0.0), (120.0, 130.0),
          (30.0, 900.0), (700.0, 1500.0), (2600.0, 2500.0)]
for x, y in COUNTS:
    for p0 in [0.01, 0.1, 0.5, 5 / 9, 0.95]:
        print("log_e", x, y, repr(p0), 0, repr(float(one_sided(x, y, mpf(p0)))), sep="\t")
mp.dps = 30
for x, y in COUNTS:
    for ratio, alpha in [(1.0, 0.05), (0.1, 0.01), (25.0, 0.5)]:
        centre = mpmath.log(mpf(max(x, 0.01)) / mpf(max(y, 0.01)))
        if x > 0:
            value = end(mpf(x), mpf(y), mpf(alpha), centre, mpf(-60)) / mpf(ratio)
            print("lower", x, y, ratio, alpha, repr(float(value)), sep="\t")
        if y > 0:
            value = end(mpf(x), mpf(y), mpf(alpha), centre, mpf(60)) / mpf(ratio)
            print("upper", x, y, ratio, alpha, repr(float(value)), sep="\t")
