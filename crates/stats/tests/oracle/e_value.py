"""Writes e_value.tsv: weighted means by mpmath, and e-BH by its definition in exact arithmetic."""
import random
from fractions import Fraction

import mpmath
from mpmath import mp, mpf

mp.dps = 50
random.seed(2021)


def numbers(values):
    return ",".join(map(repr, values))


print(f"# mpmath {mpmath.__version__} at 50 digits, fractions of Python")
print("# function\tvalues\tweights_or_alpha\tvalue")
for n in [1, 2, 3, 7, 30]:
    for spread in [0.1, 5, 900]:
        values = [random.uniform(-spread, spread) for _ in range(n)]
        weights = [random.choice([0.0, 1.0, random.random()]) for _ in range(n - 1)] + [random.random()]
        total = sum(mpf(w) * mpmath.exp(mpf(v)) for v, w in zip(values, weights))
        mean = mpmath.log(total / sum(map(mpf, weights)))
        print("mean", numbers(values), numbers(weights), repr(float(mean)), sep="\t")
for n in [1, 2, 3, 8, 25]:
    for alpha in [0.01, 0.1, 0.5, 1.0]:
        # E-values themselves, whole numbers: the test takes their logarithms.
        values = [random.choice([0, 1, 3, 3, 17, 40, 99, 250, 1001, 4999]) for _ in range(n)]
        descending = sorted(values, reverse=True)
        rejected = max((k for k in range(1, n + 1) if k * descending[k - 1] * Fraction(str(alpha)) >= n), default=0)
        places = sorted(range(n), key=lambda i: (-values[i], i))[:rejected]
        print("e_bh", ",".join(map(str, values)), alpha, ",".join(map(str, sorted(places))) or "none", sep="\t")
