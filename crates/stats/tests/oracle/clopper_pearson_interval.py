"""Prints clopper_pearson_interval.tsv: SciPy's exact intervals for a grid of counts.

binomtest searches for the ends; the quantiles of the beta distribution, which they are,
have more digits.
"""
import scipy
from scipy.stats import beta, binomtest

print(f"# SciPy {scipy.__version__}, scipy.stats.beta.ppf and isf")
print("# successes\ttrials\tconfidence\tlower\tupper")
for trials in [1, 2, 7, 26, 80, 253, 20_000, 10**6]:
    for successes in sorted({0, 1, trials // 3, trials - 1, trials}):
        for confidence in [0.5, 0.9, 0.95, 0.999]:
            tail = (1 - confidence) / 2
            lower = beta.ppf(tail, successes, trials - successes + 1) if successes else 0.0
            upper = beta.isf(tail, successes + 1, trials - successes) if successes < trials else 1.0
            interval = binomtest(successes, trials).proportion_ci(confidence, method="exact")
            assert abs(interval.low - lower) < 1e-9 and abs(interval.high - upper) < 1e-9
            print(successes, trials, confidence, repr(float(lower)), repr(float(upper)), sep="\t")
