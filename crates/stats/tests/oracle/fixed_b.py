"""Writes fixed_b.tsv: critical values simulated by NumPy, 1,000 values a series, 200,000 series."""
import numpy

rng = numpy.random.default_rng(2005)
N, BATCHES, BATCH = 1000, 100, 2000
WIDTHS = [10, 50, 100, 200, 300, 500, 1000]
statistics = {width: [] for width in WIDTHS}
for _ in range(BATCHES):
    values = rng.standard_normal((BATCH, N))
    means = values.mean(axis=1)
    sums = numpy.cumsum(values - means[:, None], axis=1)
    for width in WIDTHS:
        # Bartlett's weights make the variance a sum over partial sums of deviations.
        apart = numpy.einsum("ij,ij->i", sums[:, : N - width], sums[:, width:])
        variance = 2 / (width * N) * (numpy.einsum("ij,ij->i", sums, sums) - apart)
        statistics[width].append(means * numpy.sqrt(N / variance))

print(f"# NumPy {numpy.__version__}, simulation with seed 2005")
print("# confidence\tb\tvalue")
for width in WIDTHS:
    both_sides = numpy.abs(numpy.concatenate(statistics[width]))
    for confidence in [0.9, 0.95, 0.975, 0.99]:
        value = numpy.quantile(both_sides, 2 * confidence - 1)
        print(confidence, width / N, repr(float(value)), sep="\t")
