"""Powers that may be past the largest float: those by which cycles grow, as every number system has them.

A value is infinite only where the product is: of a small value and a power past every float it need not be.
"""

import math
from bisect import bisect_left
from functools import cache
from typing import TYPE_CHECKING

from tlama_core._evaluation.expressions import Expression, Term
from tlama_core._notation import PRODUCT

if TYPE_CHECKING:
    from tlama_core._evaluation import Value
    from tlama_core._evaluation.recorder import Recorder
    from tlama_core._evaluation.traced import TracedNamespace


def power_up_to(largest: float, base: float, k: int) -> float:
    """Return a power of a number > 0; infinity where it is past the *largest* of some type."""
    try:
        power = base**k
    except OverflowError:
        return math.inf
    return power if power <= largest else math.inf


def powers(base: float, k: int) -> tuple[float, ...]:
    """Return factors that make a power of a number > 1: two halves where the power itself is past a float.

    What they multiply may be so small that the product is none.
    """
    power = power_up_to(math.inf, base, k)
    if power < math.inf:
        return (power,)
    return power_up_to(math.inf, base, k // 2), power_up_to(math.inf, base, k - k // 2)


@cache
def last_finite(base: float) -> int:
    """Return the largest k of which the power of a number > 1 is no more than the largest float."""
    # The float next to 1 comes there before 2**62 too.
    overflows = bisect_left(range(2**62), True, key=lambda k: math.isinf(power_up_to(math.inf, base, k)))
    return overflows - 1


def written(xp: "Recorder", value: Term, base: float, k: Term, times: int | None) -> Term:
    """Write a value times a power; one that no float holds in halves, as infinity or 0."""
    if times is not None or base <= 1:
        return xp.pow(base, k) * value
    value = xp.kept(value)
    if not isinstance(k, Expression):
        for power in powers(base, int(k)):
            value = xp.kept(_unless_zero(xp, value, value * power))
        return value
    k, most = xp.let(k, "cycle"), last_finite(base)
    half = xp.let(Expression(f"{k.text} // 2", PRODUCT), "half")
    halves = value * xp.pow(base, half) * xp.pow(base, k - half)
    far = xp.where(k < 2 * most + 1, halves, _unless_zero(xp, value, value * math.inf))
    return xp.where(k < most + 1, xp.pow(base, k) * value, far)


def _unless_zero(xp: "Recorder", value: Term, product: Term) -> Term:
    """Write a product; 0 stays 0 whatever it was multiplied by."""
    if isinstance(value, Expression):
        return xp.where(value, product, value)
    return product if value else value


def traced(xp: "TracedNamespace", value: "Value", base: float, k: "Value", times: int | None) -> "Value":
    """Return a value times a power; 0 stays 0 where the power is infinite.

    A power that may be past this type's floats comes in two halves: a small value times both may be none.
    """
    if base == 0.0:
        return value * xp.where(k > 0, 0.0, xp.full_like(k, 1.0))
    # From a power on all are 0 or infinite.
    most = min(xp.lib.iinfo(xp.whole).max, math.ceil(2_200 / max(abs(math.log2(base)), 1e-300)))
    k = xp.lib.astype(xp.minimum(k, most), xp.whole)
    if base <= 1:
        return value * _digits(xp, base, k, most)
    largest = float(xp.lib.finfo(xp.real).max)
    fits = times is not None and power_up_to(largest, base, times - 1) < math.inf
    for part in (k,) if fits else (k // 2, k - k // 2):
        power = _digits(xp, base, part, most)
        value = value * xp.where(value == 0, xp.minimum(power, 1.0), power)
    return value


def _digits(xp: "TracedNamespace", base: float, k: "Value", most: int) -> "Value":
    """Return a power, k at most *most*, as a product of table entries: one for each digit to the base of 256.

    A rounded base raised at once would be off by k times its rounding, and a logarithm by that of its
    product with k. Each entry is computed in double precision and rounded once, so that the error is
    that of so many roundings as k has digits.
    """
    value, place, largest = None, 1, float(xp.lib.finfo(xp.real).max)
    while place <= most:
        digit = (k // place) % 256
        entries = [_entry(largest, base, d * place) for d in range(256)]
        here = xp.lib.take(xp.lib.asarray(entries, dtype=xp.real, **xp.device), digit, axis=0)
        value, place = here if value is None else value * here, place * 256
    return value


def _entry(largest: float, base: float, k: int) -> float:
    """Return a power of a number > 0; infinity where it is past the *largest* of some type.

    Nothing is raised and caught, as in `power_up_to`: torch.compile traces this, and refuses what raises.
    """
    size = k * math.log2(base)
    if size > 1_025:
        return math.inf
    power = base**k if size < 1_023 else base ** (k // 2) * base ** (k - k // 2)
    return power if power <= largest else math.inf
