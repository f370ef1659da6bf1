"""Writes theil_sen.tsv: SciPy's slope and interval on points from a fixed seed."""
import random

import scipy
from scipy.stats import theilslopes

random.seed(1968)
print(f"# SciPy {scipy.__version__}, stats.theilslopes")
print("# times\tvalues\tconfidence\testimate\tlower\tupper")
for n, has_ties in [(2, False), (3, False), (6, False), (7, True), (15, False), (40, True), (61, False)]:
    for slope in [0, 0.25, -3]:
        times = [60.0 * (t // 2 if has_ties else t) for t in range(n)]
        values = [slope * t + random.gauss(0, 40) for t in times]
        values = [float(round(value / 20)) if has_ties else value for value in values]
        for confidence in [0.5, 0.9, 0.95, 0.99]:
            result = theilslopes(values, times, confidence)
            print(",".join(map(repr, times)), ",".join(map(repr, values)), confidence, repr(float(result.slope)),
                  repr(float(result.low_slope)), repr(float(result.high_slope)), sep="\t")
