"""Powers that may be past the largest float: those by which cycles grow, as every number system has them.

A value is infinite only where the product is: of a small value and a power past every float it need not be.
"""

import math
from bisect import bisect_left
from functools import cache
from typing import TYPE_CHECKING

from tlama_core._evaluation.expressions import Expression, Term
from tlama_core._evaluation.powers import power_by_digits, power_up_to, powers
from tlama_core._notation import PRODUCT

if TYPE_CHECKING:
    from tlama_core._evaluation import Value
    from tlama_core._evaluation.recorder import Recorder
    from tlama_core._evaluation.traced import TracedNamespace


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


def grown(xp: "TracedNamespace", value: "Value", base: float, k: "Value", times: int | None) -> "Value":
    """Return a value times a power; 0 stays 0 where the power is infinite.

    A power that may be past this type's floats comes in two halves: a small value times both may be none.
    """
    if base <= 1:
        return value * power_by_digits(xp, base, k)
    largest = float(xp.lib.finfo(xp.real).max)
    fits = times is not None and power_up_to(largest, base, times - 1) < math.inf
    for part in (k,) if fits else (k // 2, k - k // 2):
        power = power_by_digits(xp, base, part)
        value = value * xp.where(value == 0, xp.minimum(power, 1.0), power)
    return value
