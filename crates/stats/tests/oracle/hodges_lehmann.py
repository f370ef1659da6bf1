"""Writes hodges_lehmann.numpy.tsv: all differences listed and sorted, and the
order statistics that the normal approximation names, for samples with ties or
too large for the exact distribution."""
import math
import random

import numpy
import scipy
from scipy.stats import norm

random.seed(1999)
print(f"# NumPy {numpy.__version__} sort, SciPy {scipy.__version__} stats.norm.isf")
print("# x\ty\tconfidence\testimate\tlower\tupper\tattained")
SHAPES = [(1, 1, 0), (2, 2, 1), (4, 6, 3), (15, 15, 9), (21, 22, 10**6), (60, 60, 40),
          (60, 60, 10**6), (7, 200, 10**9), (200, 30, 4), (90, 110, 1000)]
for n_x, n_y, top in SHAPES:
    for confidence in [0.5, 0.9, 0.95, 0.98]:
        x = [random.randint(0, top) / 8 for _ in range(n_x)]
        y = [random.randint(0, top) / 8 for _ in range(n_y)]
        if n_x == 7:
            x[0] = y[0]
        differences = numpy.sort(numpy.subtract.outer(x, y), axis=None)
        n = n_x * n_y
        z = norm.isf((1 - confidence) / 2)
        k = max(0, math.floor(n / 2 - z * math.sqrt(n * (n_x + n_y + 1) / 12) - 0.5))
        print(",".join(map(repr, x)), ",".join(map(repr, y)), confidence,
              repr(float(numpy.median(differences))), repr(float(differences[k])),
              repr(float(differences[n - k - 1])), confidence, sep="\t")
