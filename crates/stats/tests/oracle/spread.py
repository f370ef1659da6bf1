"""Writes spread.tsv: SciPy's median absolute deviation, and NumPy's deviation after clipping."""
import random

import numpy
import scipy
from scipy.stats import median_abs_deviation

random.seed(1974)
print(f"# SciPy {scipy.__version__}, stats.median_abs_deviation; NumPy {numpy.__version__}, clip and std")
print("# values\tclip\tmedian_absolute_deviation\twinsorised_standard_deviation")
for n in [2, 3, 4, 9, 30, 101]:
    for outliers in [0, 1, n // 3]:
        values = [random.gauss(250, 20) for _ in range(n - outliers)] + [random.gauss(900, 400) for _ in range(outliers)]
        for clip in [0.5, 1.5, 3.0, 1000.0]:
            deviation = median_abs_deviation(values)
            reach = clip * median_abs_deviation(values, scale="normal")
            median = numpy.median(values)
            winsorised = numpy.std(numpy.clip(values, median - reach, median + reach), ddof=1)
            print(",".join(map(repr, values)), clip, repr(float(deviation)), repr(float(winsorised)), sep="\t")
