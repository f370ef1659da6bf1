"""Writes mann_whitney_u.scipy.tsv: SciPy's U test on samples from a fixed seed.

SciPy's exact method makes no correction for ties, so with ties the exact p-values
are those of its permutation test over all permutations.
"""
import random

import numpy
import scipy
from scipy.stats import mannwhitneyu, permutation_test, rankdata

random.seed(1947)
ALTERNATIVES = ["two-sided", "less", "greater"]


def u_statistic(x, y, axis):
    ranks = rankdata(numpy.concatenate([x, y], axis=axis), axis=axis)
    n_x = x.shape[axis]
    return ranks[..., :n_x].sum(axis=axis) - n_x * (n_x + 1) / 2


def report(x, y, alternative, method, u, p_value):
    print(",".join(map(repr, x)), ",".join(map(repr, y)), alternative, method,
          repr(float(u)), repr(float(p_value)), sep="\t")


print(f"# SciPy {scipy.__version__}, stats.mannwhitneyu and stats.permutation_test")
print("# x\ty\talternative\tmethod\tu\tp_value")

SHAPES = [(1, 1, 9), (1, 7, 3), (5, 4, 99), (8, 8, 999), (8, 8, 2), (20, 20, 99999),
          (13, 40, 10**6), (30, 25, 12), (60, 60, 5), (3, 200, 50), (60, 50, 10**7), (150, 120, 9)]
for n_x, n_y, top in SHAPES:
    for lift in [0, top // 2]:
        x = [random.randint(0, top) + lift for _ in range(n_x)]
        y = [random.randint(0, top) for _ in range(n_y)]
        has_ties = len(set(x + y)) < n_x + n_y
        for alternative in ALTERNATIVES:
            for method in ["asymptotic"] if has_ties else ["asymptotic", "exact"]:
                result = mannwhitneyu(x, y, alternative=alternative, method=method)
                report(x, y, alternative, method, result.statistic, result.pvalue)

for n_x, n_y, top in [(2, 2, 0), (2, 5, 1), (4, 4, 2), (3, 9, 3), (9, 3, 3), (6, 6, 4), (7, 7, 9),
                      (8, 8, 5), (5, 12, 1), (2, 60, 8)]:
    x = [random.randint(0, top) for _ in range(n_x)]
    y = [random.randint(0, top) for _ in range(n_y)]
    for alternative in ALTERNATIVES:
        result = permutation_test((x, y), u_statistic, vectorized=True, n_resamples=numpy.inf,
                                  alternative=alternative)
        report(x, y, alternative, "exact", result.statistic, result.pvalue)
