"""Writes signed_rank.scipy.tsv: all ways to set the signs, ties and zeros among the differences."""
import itertools
import random
from fractions import Fraction

import scipy
from scipy.stats import rankdata

random.seed(1986)
print(f"# SciPy {scipy.__version__}, stats.rankdata; every set of signs, counted")
print("# differences\talternative\tmethod\tw\tp_value")
for n, top in [(1, 3), (3, 1), (5, 2), (8, 3), (11, 4), (14, 2), (15, 6)]:
    for lift in [0, 1]:
        differences = [random.randint(-top, top) + lift for _ in range(n)]
        signed = [d for d in differences if d]
        ranks = [int(2 * rank) for rank in rankdata([abs(d) for d in signed])] if signed else []
        observed = sum(rank for rank, d in zip(ranks, signed) if d > 0)
        sums = [sum(chosen) for chosen in itertools.product(*((0, rank) for rank in ranks))]
        less = Fraction(sum(s <= observed for s in sums), len(sums))
        greater = Fraction(sum(s >= observed for s in sums), len(sums))
        for name, p_value in [("less", less), ("greater", greater), ("two.sided", min(1, 2 * min(less, greater)))]:
            print(",".join(map(str, differences)), name, "exact", observed / 2, repr(float(p_value)), sep="\t")
