"""Writes betting.tsv: the capital in exact fractions of whole numbers, its logarithm to 40 digits."""
import random
from fractions import Fraction

import mpmath
from mpmath import mp, mpf

mp.dps = 40
random.seed(2024)


def log_capital(values, mean):
    past, squares, capital = [Fraction(1, 2)], [Fraction(1, 4)], Fraction(1)
    for value in values:
        gain = sum(past) / len(past) - mean
        variance = sum(squares) / len(squares)
        stake = max(Fraction(0), min(gain / (variance + gain**2), 1 / (2 * mean)))
        # Rounded far below the digits that are printed: the fractions would double in length.
        capital = Fraction(round(capital * (1 + stake * (value - mean)) * 2**160), 2**160)
        past.append(value)
        squares.append(Fraction(round((value - sum(past) / len(past))**2 * 2**160), 2**160))
    return mpmath.log(mpf(capital.numerator) / capital.denominator)


print(f"# mpmath {mpmath.__version__}, fractions of Python")
print("# values\tmean\tlog_e")
for n in [1, 2, 5, 20, 60]:
    for lift in [0, 0.2, 0.4]:
        for mean in [0.05, 0.5, 0.7]:
            values = [min(1.0, max(0.0, round(random.gauss(mean + lift, 0.3), 6))) for _ in range(n)]
            log_e = log_capital([Fraction(value) for value in values], Fraction(mean))
            print(",".join(map(repr, values)), mean, repr(float(log_e)), sep="\t")
