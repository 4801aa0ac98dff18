"""An independent, slow evaluator: rational clocks and mpmath, written from what the documents promise.

It knows the nodes' public fields and nothing of how the package computes.
"""

from contextlib import contextmanager
from fractions import Fraction
from itertools import accumulate

import mpmath

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Geometric,
    Linear,
    Maximum,
    Minimum,
    Piecewise,
    Polynomial,
    PowerLaw,
    Product,
    Quantized,
    Repeated,
    Rex,
    Scaled,
    Sliced,
    Sqrt,
    Step,
    Stretched,
    Sum,
    Warmup,
)

PRECISION = mpmath.mp.clone() if hasattr(mpmath.mp, "clone") else mpmath.MPContext()
PRECISION.prec = 1_200  # enough for fractions of lengths and values 600 decades apart
mpf = PRECISION.mpf


class UnsettledError(ArithmeticError):
    """A value is as near to the edge between two multiples as its own rounding: either may be used."""


class Rounding:
    """What a number system makes of multiples: the tolerance, and how far off the values of a node may be."""

    tolerance = 1e-9

    @staticmethod
    def error(_):
        return 0.0


@contextmanager
def rounding(tolerance, error):
    """Take values to be computed with that *tolerance*, and to be off by `error(node)`."""
    before = Rounding.tolerance, Rounding.error
    Rounding.tolerance, Rounding.error = tolerance, error
    try:
        yield
    finally:
        Rounding.tolerance, Rounding.error = before


def value(a, t):
    """Return the exact value of *a* at the rational time *t*, as a real number of high precision."""
    t = min(Fraction(t), Fraction(a.steps)) if a.steps != float("inf") else Fraction(t)
    return RULES[type(a)](a, t)


def real(x):
    return mpf(x.numerator) / mpf(x.denominator) if isinstance(x, Fraction) else mpf(x)


def share(a, t):  # noqa: PLR0911 - a case for each shape
    """Return how much of the way from start to end is behind at *t*."""
    if a.steps == 0:
        return mpf(1)
    p = real(t / a.steps)
    if isinstance(a, (Linear, Cosine)):
        return p if isinstance(a, Linear) else (1 - PRECISION.cos(PRECISION.pi * p)) / 2
    if isinstance(a, Sqrt):
        return PRECISION.sqrt(p)
    if isinstance(a, Polynomial):
        if a.of == "elapsed":
            return p ** real(a.power) if p else p
        return 1 - (1 - p) ** real(a.power) if p < 1 else mpf(1)
    if isinstance(a, Rex):  # in the words of the paper: progress z, (1 - z) / (1/2 + (1 - z) / 2) is left
        return 1 - (1 - p) / (mpf("0.5") + mpf("0.5") * (1 - p))
    return gone(a, p)


def gone(a, p):
    """Return the share of an exponential: of its rate, or of a constant ratio."""
    if a.rate is not None:
        return PRECISION.expm1(-real(a.rate) * p) / PRECISION.expm1(-real(a.rate))
    ratio = real(a.end) / real(a.start)
    return p if ratio == 1 else (ratio**p - 1) / (ratio - 1)


def transition(a, t):
    return real(a.start) + (real(a.end) - real(a.start)) * share(a, t)


def warmup(a, t):
    return real(a.peak) * min(mpf(1), real((t + 1) / a.steps)) if a.steps else real(a.peak)


def step(a, t):
    factors = [factor for time, factor in a.drops if time <= t]
    return real(a.start * factors[-1] if factors else a.start)


def piecewise(a, t):
    starts = [0, *accumulate(phase.steps for phase in a.phases[:-1])]
    owner = max(i for i, start in enumerate(starts) if start <= t)
    return value(a.phases[owner], t - starts[owner])


def repeated(a, t):
    cycle, k, begin, base = a.schedule, 0, 0, real(a.base)
    if a.growth == 1:
        k = int(t // cycle.steps)
        k = k if a.times is None else min(k, a.times - 1)
        return base + real(a.gain) ** k * (value(cycle, t - k * cycle.steps) - base)
    while True:
        length = round(cycle.steps * Fraction(a.growth) ** k)
        if t < begin + length or k + 1 == a.times:
            return base + real(a.gain) ** k * (value(cycle.stretch(steps=length), t - begin) - base)
        k, begin = k + 1, begin + length


def quantized(a, t):
    exact, off = value(a.schedule, t), real(Rounding.error(a.schedule))
    found = {multiple(a, exact - off), multiple(a, exact + off)}
    if len(found) > 1:
        raise UnsettledError
    return found.pop()


def multiple(a, x):
    """Return the multiple that *x* counts as, by the words of the document, one after the other."""
    quotient = x / real(a.multiple)
    near = Rounding.tolerance * max(abs(quotient), 1)
    below, nearest = PRECISION.floor(quotient), PRECISION.floor(quotient + mpf(1) / 2)
    if abs(quotient - nearest) <= near or a.how == "nearest":
        tie = abs(quotient - below - mpf(1) / 2) <= near < abs(quotient - nearest)
        return real(a.multiple) * (below + 1 if tie else nearest)
    return real(a.multiple) * (below if a.how == "down" else below + 1)


def joined(combine):
    def rule(a, t):
        first, *others = (value(term, t) for term in a.terms)
        for other in others:
            first = combine(first, other)
        return first

    return rule


RULES = {
    Constant: lambda a, t: real(a.value),
    Warmup: warmup,
    Linear: transition,
    Cosine: transition,
    Sqrt: transition,
    Polynomial: transition,
    Rex: transition,
    Exponential: transition,
    PowerLaw: lambda a, t: real(a.start) * (1 + real(t) / real(a.timescale)) ** real(a.exponent),
    Geometric: lambda a, t: real(a.start) * real(a.factor) ** (real(t) / real(a.interval)),
    Step: step,
    Piecewise: piecewise,
    Scaled: lambda a, t: real(a.factor) * value(a.schedule, t),
    Sum: joined(lambda x, y: x + y),
    Product: joined(lambda x, y: x * y),
    Maximum: joined(max),
    Minimum: joined(min),
    Quantized: quantized,
    Repeated: repeated,
    Sliced: lambda a, t: value(a.schedule, min(a.start + a.stride * t, a.stop)),
    Stretched: lambda a, t: value(
        a.schedule, t * a.schedule.steps / a.steps if a.steps else a.schedule.steps
    ),
}
