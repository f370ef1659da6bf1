"""Writes moments.tsv: mean and variance in exact rational arithmetic, rounded once."""
import platform
import random
from fractions import Fraction

random.seed(1983)
print(f"# CPython {platform.python_version()}, fractions.Fraction")
print("# values\tmean\tvariance")


def report(values):
    exact = [Fraction(value) for value in values]
    n = len(exact)
    mean = sum(exact) / n
    variance = sum((value - mean) ** 2 for value in exact) / (n - 1)
    print(",".join(map(repr, values)), repr(float(mean)), repr(float(variance)), sep="\t")


for n in [2, 3, 10, 200]:
    report([random.uniform(0, 1) for _ in range(n)])
    report([random.gauss(1e9, 1e-3) for _ in range(n)])
    report([-random.gauss(1e15, 1) for _ in range(n)])
    report([random.lognormvariate(0, 5) for _ in range(n)])
    report([random.uniform(1e150, 1e153) for _ in range(n)])
    report([random.uniform(1e-140, 1e-150) for _ in range(n)])
report([1e16, 1.0, -1e16])
report([3.0, 1e100, -1e100, 2.0])
