"""Prints wilson_interval.tsv: SciPy's Wilson intervals for a grid of counts."""
import scipy
from scipy.stats import binomtest

print(f"# SciPy {scipy.__version__}, scipy.stats.binomtest(...).proportion_ci(method='wilson')")
print("# successes\ttrials\tconfidence\tlower\tupper")
for trials in [1, 2, 7, 26, 80, 253, 20_000, 10**9]:
    for successes in sorted({0, 1, trials // 3, trials - 1, trials}):
        for confidence in [0.5, 0.95, 0.999]:
            interval = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
            print(successes, trials, confidence, repr(float(interval.low)), repr(float(interval.high)), sep="\t")
