"""Writes normal.tsv: the normal distribution to 60 digits, rounded once."""
import random

import mpmath
from mpmath import mp, mpf

mp.dps = 60
random.seed(1988)


def survival(z):
    return mpmath.erfc(mpf(z) / mpmath.sqrt(2)) / 2


def ln_survival(z):
    return mpmath.log(survival(z)) if z > 0 else mpmath.log1p(-survival(-z))


def survival_quantile(tail):
    guess = mpmath.sqrt(-2 * mpmath.log(tail)) if tail < 0.01 else mpf(1) / 2 - tail
    return mpmath.findroot(lambda z: mpmath.log(survival(z)) - mpmath.log(tail), guess)


print(f"# mpmath {mpmath.__version__}, erfc and findroot at 60 digits")
print("# function\targument\tvalue")
for _ in range(150):
    z = random.uniform(-37, 37)
    print("cdf", repr(z), repr(float(survival(-z))), sep="\t")
    print("survival", repr(z), repr(float(survival(z))), sep="\t")
for z in [-37.0, -26.5, -8.3, -1.25, -0.5, 1e-300, 0.1, 1.0, 5.0, 37.0]:
    print("cdf", repr(z), repr(float(survival(-z))), sep="\t")
probabilities = [5e-324, 1e-310, 1e-300, 1.3887943864964e-11, 1 - 1e-16, 0.5 + 1e-15, 0.075, 0.925]
probabilities += [10 ** random.uniform(-300, -0.31) for _ in range(100)]
probabilities += [random.random() for _ in range(100)]
probabilities += [1 - 10 ** random.uniform(-15.9, -1) for _ in range(50)]
for p in probabilities:
    exact = mpf(p)
    z = survival_quantile(1 - exact) if exact > 0.5 else -survival_quantile(exact)
    print("quantile", repr(p), repr(float(z)), sep="\t")
    print("survival_quantile", repr(p), repr(float(-z)), sep="\t")
for _ in range(40):
    z = random.choice([1, -1]) * 10 ** random.uniform(-2, 4)
    print("ln_cdf", repr(z), repr(float(ln_survival(-z))), sep="\t")
    print("ln_survival", repr(z), repr(float(ln_survival(z))), sep="\t")
