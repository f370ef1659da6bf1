"""Writes student_t.tsv: Student's t distribution to 160 digits, rounded once."""
import random

import mpmath
from mpmath import mp, mpf

mp.dps = 160
random.seed(1908)


def survival(t, freedom):
    """For t >= 0. Of the two series, the one that converges fast."""
    t, half = mpf(t), mpf(freedom) / 2
    x, y = 2 * half / (2 * half + t * t), t * t / (2 * half + t * t)
    if y > 0.5:
        return mpmath.betainc(half, mpf(1) / 2, 0, x, regularized=True) / 2
    power = mpmath.exp(half * mpmath.log1p(-y) + mpmath.log(y) / 2 - mpmath.log(mpmath.beta(half, mpf(1) / 2))) if y else mpf(0)
    return (1 - 2 * power * mpmath.hyp2f1(1, half + mpf(1) / 2, mpf(3) / 2, y)) / 2


def survival_quantile(tail, freedom):
    low, high = mpf(0), mpf(1)
    while survival(high, freedom) > tail:
        high *= 2
    while high - low > high * mpf(10) ** -19:
        middle = (low + high) / 2
        low, high = (middle, high) if survival(middle, freedom) > tail else (low, middle)
    return high


def report(name, argument, freedom, value):
    print(name, repr(argument), repr(freedom), repr(float(value)), sep="\t")


for t, freedom, tail in [("1", "1", "0.25"), ("2", "2", 1 / mpf(2) - 1 / mpmath.sqrt(6))]:
    assert abs(survival(mpf(t), mpf(freedom)) - mpf(tail)) < mpf(10) ** -38

print(f"# mpmath {mpmath.__version__}, betainc and hyp2f1 at 160 digits")
print("# function\targument\tdegrees_of_freedom\tvalue")
for freedom in [0.2, 1.0, 1.5, 2.0, 3.0, 7.25, 30.0, 119.0, 1000.5, 250000.0]:
    for t in [1e-6, 0.3, 0.999, 1.0, 2.326, 6.0, 25.0] + [10 ** random.uniform(-2, 1.3) for _ in range(5)]:
        report("survival", t, freedom, survival(t, freedom))
        report("survival", -t, freedom, 1 - survival(t, freedom))
        report("cdf", -t, freedom, survival(t, freedom))
report("survival", 1e300, 0.01, survival(1e300, 0.01))
mp.dps = 40
for freedom in [0.2, 1.0, 2.0, 3.0, 7.25, 30.0, 119.0, 1000.5]:
    for tail in [1e-10, 0.001, 0.01, 0.05, 0.2, 0.3, 0.499]:
        value = survival_quantile(mpf(tail), freedom)
        report("survival_quantile", tail, freedom, value)
        report("quantile", tail, freedom, -value)
    report("quantile", 0.995, freedom, survival_quantile(1 - mpf(0.995), freedom))
