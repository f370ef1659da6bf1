"""Writes mid_ranks.tsv: SciPy's average ranks."""
import random

import scipy
from scipy.stats import rankdata

random.seed(1945)
print(f"# SciPy {scipy.__version__}, stats.rankdata(method='average')")
print("# values\tranks")
for n, top in [(1, 1), (2, 0), (5, 3), (20, 6), (20, 10**9), (100, 30)]:
    values = [random.randint(-top, top) / 4 for _ in range(n)]
    ranks = rankdata(values, method="average")
    print(",".join(map(repr, values)), ",".join(repr(float(rank)) for rank in ranks), sep="\t")
