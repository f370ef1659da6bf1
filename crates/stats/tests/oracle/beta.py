"""Writes beta.tsv: the beta distribution to 50 digits, rounded once."""
import random

import mpmath
from mpmath import mp, mpf

mp.dps = 50
random.seed(1992)


def tail_over_power(x, y, a, b):
    """The lower tail divided by x^a y^b / B(a, b): DLMF 8.17.22, x below the mean."""
    fraction, d, c = mpf(1), mpf(0), mpf(1)
    m, is_even = 0, False
    while True:
        if is_even:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + term * d)
        c = 1 + term / c
        fraction *= c * d
        if abs(c * d - 1) < mpf(10) ** (5 - mp.dps):
            return 1 / (a * fraction)
        m, is_even = m + (not is_even), not is_even


def ln_lower(x, y, a, b):
    ln_power = a * mpmath.log(x) + b * mpmath.log(y) - ln_beta(a, b)
    if x <= a / (a + b):
        return ln_power + mpmath.log(tail_over_power(x, y, a, b))
    return mpmath.log1p(-mpmath.exp(ln_power + mpmath.log(tail_over_power(y, x, b, a))))


def ln_beta(a, b):
    return mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b)


def report(name, x, a, b, value):
    print(name, repr(x), repr(a), repr(b), repr(float(value)), sep="\t")


for x, a, b in [("0.3", "2.5", "4"), ("0.9", "0.5", "0.1"), ("0.01", "30", "200")]:
    x, a, b = mpf(x), mpf(a), mpf(b)
    expected = mpmath.betainc(a, b, 0, x, regularized=True)
    assert abs(mpmath.exp(ln_lower(x, 1 - x, a, b)) / expected - 1) < mpf(10) ** -40

print(f"# mpmath {mpmath.__version__}, the continued fraction and loggamma at 50 digits")
print("# function\tx\ta\tb\tvalue")

shapes = [(0.5, 0.5), (0.5, 3.0), (0.1, 7.5), (1.0, 1.0), (1.0, 1e5), (10.0, 10.0), (9.5, 2e3), (60.5, 61.5),
          (1200.0, 3000.0), (1001.0, 5e5), (999.0, 2e4), (2.5e4, 2.4e4), (0.5, 1e6), (3e5, 25.0)]
shapes += [(10 ** random.uniform(-1, 4), 10 ** random.uniform(-1, 4)) for _ in range(40)]
for a, b in shapes:
    report("ln_beta", 0.0, a, b, ln_beta(mpf(a), mpf(b)))
    mean, deviation = a / (a + b), (a * b / (a + b + 1)) ** 0.5 / (a + b)
    for deviations in [-30, -8, -3, -1, -0.1, 0.0, 0.2, 1, 4, 12]:
        x = mean + deviations * deviation
        if not 0 < x < 1:
            x = random.random()
        exact = mpf(x), 1 - mpf(x)
        lower = ln_lower(exact[0], exact[1], mpf(a), mpf(b))
        upper = ln_lower(exact[1], exact[0], mpf(b), mpf(a))
        report("ln_cdf", x, a, b, lower)
        report("ln_survival", x, a, b, upper)
        if lower > -500:
            report("cdf", x, a, b, mpmath.exp(lower))
        if upper > -500:
            report("survival", x, a, b, mpmath.exp(upper))
for a, b in [(1e9, 1.0), (1e9, 1e9), (3.5, 1e12), (1e-3, 1e-3), (1e-9, 1e9), (12.0, 1e15)]:
    report("ln_beta", 0.0, a, b, ln_beta(mpf(a), mpf(b)))


def quantile(ln_probability, a, b, is_upper):
    """Bisection of the odds' logarithm, in the smaller tail."""
    low, high = mpf(-100), mpf(100)
    while high - low > mpf(10) ** -20:
        t = (low + high) / 2
        x, y = 1 / (1 + mpmath.exp(-t)), 1 / (1 + mpmath.exp(t))
        is_low = ln_lower(y, x, b, a) > ln_probability if is_upper else ln_lower(x, y, a, b) < ln_probability
        low, high = (t, high) if is_low else (low, t)
    return 1 / (1 + mpmath.exp(-low))


mp.dps = 30
for a, b in [(0.5, 0.5), (0.5, 30.0), (1.0, 4.0), (3.0, 2.0), (26.0, 1.0), (3.0, 251.0), (60.5, 61.5), (1200.0, 3000.0)]:
    for probability in [1e-12, 0.005, 0.025, 0.3, 0.5]:
        ln_probability = mpmath.log(mpf(probability))
        report("quantile", probability, a, b, quantile(ln_probability, mpf(a), mpf(b), False))
        report("survival_quantile", probability, a, b, quantile(ln_probability, mpf(a), mpf(b), True))
    for probability in [0.75, 0.999]:
        ln_probability = mpmath.log1p(-mpf(probability))
        report("quantile", probability, a, b, quantile(ln_probability, mpf(a), mpf(b), True))
        report("survival_quantile", probability, a, b, quantile(ln_probability, mpf(a), mpf(b), False))
