"""Print the largest error of every shape over a million steps, against 80-bit arithmetic.

    python tests/benchmarks/precision.py [steps]

Absolute errors are in units of the larger end, relative ones of the value itself (where both ends have one
sign, or one is 0). Exits with 1 where an error is past its bound.
"""

import math
import sys
from collections.abc import Callable, Iterator

import numpy as np

from tlama_core import (
    Cosine,
    Exponential,
    Geometric,
    Linear,
    Polynomial,
    PowerLaw,
    Rex,
    Schedule,
    Sqrt,
    Warmup,
)

L = np.longdouble
PI = L("3.14159265358979323846264338327950288")

ABSOLUTE_BOUND = 1e-15
RELATIVE_BOUND = 2e-15  # times the power, or the logarithm of the ratio, where that is above 1

Reference = Callable[[np.ndarray, np.ndarray], np.ndarray]


def mixed(start: float, end: float, fall: Reference, rise: Reference) -> Reference:
    """Return the exact mix of two ends by weights that are each exact where they are small."""
    return lambda p, q: L(start) * fall(p, q) + L(end) * rise(p, q)


def mirrored(reference: Reference) -> Reference:
    """Return the reference at the time that is left."""
    return lambda p, q: reference(q, p)


def cases(steps: int) -> Iterator[tuple[Schedule, Reference, float]]:
    """Yield every shape with its reference in 80 bits and its condition: the factor on the bound."""
    for start, end in [(1.0, 0.0), (0.0, 1.0), (3e-4, 3e-5), (3e-5, 3e-4), (1.0, -0.7), (1e300, 1e-300)]:
        line = mixed(start, end, lambda p, q: q, lambda p, q: p)
        yield Linear(start, end, steps), line, 1
        wave = mixed(start, end, lambda p, q: np.sin(PI * q / 2) ** 2, lambda p, q: np.sin(PI * p / 2) ** 2)
        yield Cosine(start, end, steps), wave, 1
        root = mixed(start, end, lambda p, q: q / (1 + np.sqrt(p)), lambda p, q: np.sqrt(p))
        yield Sqrt(start, end, steps), root, 1
        late = mixed(start, end, lambda p, q: 2 * q / (1 + q), lambda p, q: p / (1 + q))
        yield Rex(start, end, steps), late, 1
        for power in (0.01, 0.5, 2.0, 10.0):
            yield Polynomial(start, end, steps, power=power), mixed(start, end, *powers(power)), power
            elapsed = Polynomial(start, end, steps, power=power, of="elapsed")
            yield elapsed, mirrored(mixed(end, start, *powers(power))), power
        for rate in (1e-9, 0.5, 3.0, 50.0):
            yield Exponential(start, end, steps, rate=rate), mixed(start, end, *decays(rate)), rate
        if start > 0 and end > 0:
            log = np.log(L(end) / L(start)) if start < 1e200 else np.log(L(end)) - np.log(L(start))
            ratio = lambda p, q, start=start, log=log: L(start) * np.exp(log * p)  # noqa: E731
            yield Exponential(start, end, steps), ratio, abs(float(log))
    yield Warmup(3e-4, steps), lambda p, q: L(3e-4) * np.minimum(p + L(1) / steps, L(1)), 1
    for factor in (0.5, 0.1):
        falling = lambda p, q, f=factor: L(f) ** (p * steps / 1000)  # noqa: E731
        yield Geometric(1.0, steps, factor=factor, interval=1000), falling, 1e-3 * steps * -math.log(factor)
    for exponent in (-0.5, -1.0, -3.0):
        law = lambda p, q, e=exponent: (1 + p * steps / 1000) ** L(e)  # noqa: E731
        yield PowerLaw(1.0, steps, timescale=1000, exponent=exponent), law, 1


def powers(power: float) -> tuple[Reference, Reference]:
    """Return the two weights of a polynomial."""

    def rise(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        log_q = np.where(p < 0.5, np.log1p(-np.minimum(p, L(0.5))), np.log(np.where(q > 0, q, 1)))
        return np.where(q > 0, -np.expm1(L(power) * log_q), L(1))

    return lambda p, q: q ** L(power), rise


def decays(rate: float) -> tuple[Reference, Reference]:
    """Return the two weights of an exponential."""
    r = L(rate)
    return (
        lambda p, q: np.exp(-r * p) * np.expm1(-r * q) / np.expm1(-r),
        lambda p, q: np.expm1(-r * p) / np.expm1(-r),
    )


def errors(schedule: Schedule, reference: Reference, steps: int, *, scalar: bool) -> tuple[float, float]:
    """Return the largest absolute error (of the larger end) and the largest relative one."""
    times = np.arange(steps + 1)
    exact = reference(times.astype(L) / steps, (steps - times).astype(L) / steps)
    got = np.asarray([schedule(t) for t in times.tolist()]) if scalar else schedule(times)
    error = np.abs(got.astype(L) - exact)
    ends = exact[0], exact[-1]
    relative = math.nan
    if min(ends) >= 0:
        here = exact > np.finfo(float).tiny
        relative = float((error[here] / exact[here]).max())
    return float(error.max() / max(map(abs, ends))), relative


def main(steps: int) -> int:
    """Print the table; return the exit status."""
    if np.finfo(L).nmant < 63:
        print("this machine has no 80-bit numbers to compare with")
        return 1
    worst = 0
    print(f"{'absolute':>9} {'relative':>9} {'its bound':>9}  over {steps:,} steps, Python and NumPy steps")
    for schedule, reference, condition in cases(steps):
        both = [errors(schedule, reference, steps, scalar=scalar) for scalar in (True, False)]
        absolute, relative = (max(pair) for pair in zip(*both, strict=True))
        bound = RELATIVE_BOUND * max(1.0, condition)
        past = absolute > ABSOLUTE_BOUND or relative > bound
        worst |= past
        print(f"{absolute:9.1e} {relative:9.1e} {bound:9.1e}  {schedule!r}{'  PAST ITS BOUND' * past}")
    return int(worst)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
