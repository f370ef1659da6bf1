"""Writes rate_gap.tsv: the balance of the two arms solved numerically to 40 digits, rounded once."""
import mpmath
from mpmath import mp, mpf

mp.dps = 40


def solve(function):
    low, high = mpf(0), mpf(60)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return low


print(f"# mpmath {mpmath.__version__}, bisection at 40 digits")
print("# direction\ttilt\texposure_x\texposure_y\tevent_x\tevent_y\tgap")
for n, m in [(1, 1), (600, 600), (100, 900), (900, 100), (3, 1e6), (0.25, 7.5)]:
    for tilt in [1e-6, 0.1, 0.5, 0.69, 1.1, 2.0, 5.0]:
        s, nn, mm = mpf(tilt), mpf(n), mpf(m)
        rise, fall = mpmath.exp(s) - 1, 1 - mpmath.exp(-s)
        if nn * rise < mm * (1 - mpmath.exp(-60)):
            u = solve(lambda u: mm * (1 - mpmath.exp(-u)) - nn * rise)
            print("above", tilt, float(n), float(m), tilt, repr(float(-u)), repr(float(-nn * rise)), sep="\t")
        else:
            print("above", tilt, float(n), float(m), "none", "none", "none", sep="\t")
        u = solve(lambda u: mm * (mpmath.exp(u) - 1) - nn * fall)
        print("below", tilt, float(n), float(m), -tilt, repr(float(u)), repr(float(nn * fall)), sep="\t")
