"""Writes quantile.numpy.tsv: NumPy's quantiles, by its default, linear method."""
import random

import numpy

random.seed(1996)
print(f"# NumPy {numpy.__version__}, quantile(method='linear')")
print("# values\tprobability\tquantile")
for n in [1, 2, 3, 4, 10, 11, 60]:
    for probability in [0.0, 0.01, 0.25, 1 / 3, 0.5, 0.75, 0.95, 0.99, 1.0]:
        values = [random.lognormvariate(0, 3) * random.choice([-1, 1, 1]) for _ in range(n)]
        answer = numpy.quantile(values, probability, method="linear")
        print(",".join(map(repr, values)), probability, repr(float(answer)), sep="\t")
