"""Writes effect_size.tsv: both effect sizes by their definitions, in exact
rational arithmetic, rounded once."""
import platform
import random
from fractions import Fraction

random.seed(1992)
print(f"# CPython {platform.python_version()}, fractions.Fraction")
print("# x\ty\tmean_ratio\tcommon_language_effect_size")
for n_x, n_y, top in [(1, 1, 9), (3, 4, 2), (10, 10, 10**9), (25, 60, 12), (100, 7, 100)]:
    for shift in [0.125, 1000.5, -3.25]:
        x = [random.randint(0, top) + shift for _ in range(n_x)]
        y = [random.randint(0, top) + 0.125 for _ in range(n_y)]
        mean = lambda values: sum(map(Fraction, values)) / len(values)
        wins = sum(Fraction(2 * (a > b) + (a == b), 2) for a in x for b in y)
        print(",".join(map(repr, x)), ",".join(map(repr, y)), repr(float(mean(x) / mean(y))),
              repr(float(wins / (n_x * n_y))), sep="\t")
