"""Writes share_gap.tsv: the weights with their balance solved numerically to 40 digits, rounded once."""
import mpmath
from mpmath import mp, mpf

mp.dps = 40

print(f"# mpmath {mpmath.__version__}, root of the slope at no events of y, at 40 digits")
print("# tilt\ttrials_x\ttrials_y\tgap\tevent_x\tevent_y\tbin")
for n, m in [(1, 1), (14, 3), (3, 14), (600, 600), (0.25, 7.5), (5, 1e6)]:
    for tilt in [1e-6, 0.1, 0.7, 2.0, 6.0]:
        for gap in [0.0, 1e-4, 0.2, 0.9]:
            s, g, nn, mm = mpf(tilt), mpf(gap), mpf(n), mpf(m)
            log_mean = lambda beta, u: nn * mpmath.log(1 - (beta + g) * (1 - mpmath.exp(-s))) + mm * mpmath.log(1 + beta * (mpmath.exp(u) - 1))
            slope = lambda u: mm * (mpmath.exp(u) - 1) - nn * (1 - mpmath.exp(-s)) / (1 - g * (1 - mpmath.exp(-s)))
            u = mpmath.findroot(slope, mpmath.log(1 + nn / mm * (1 - mpmath.exp(-s))))
            print(tilt, float(n), float(m), gap, -tilt, repr(float(u)), repr(float(-log_mean(mpf(0), u))), sep="\t")
