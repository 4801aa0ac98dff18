"""Powers of the time: without overflow on the way, and without a rounded base raised to a large one.

A power in double precision is accurate as it is; in single precision it is a product of table entries.
"""

import math
from typing import TYPE_CHECKING

from tlama_core._evaluation.clocks import Affine
from tlama_core._fields import MAX_STEPS

if TYPE_CHECKING:
    from tlama_core._evaluation import Clock, Namespace, Value
    from tlama_core._evaluation.traced import TracedNamespace

MAX_EXPONENT = 709.0
"""Up to here, e to that power is a finite float."""

MAX_BITS = 2_200
"""From this power of 2 on, any number is infinite in any type, and 0 from its inverse on."""


def compounded(
    xp: "Namespace", start: float, factor: float, interval: float, t: "Value", last: float
) -> "Value":
    """Return start * factor**(t / interval), no start of 0, for a t up to *last*, in double precision.

    Where the power alone could overflow it is taken in parts: from a small start, the value is finite long
    after the power is not, and a float to a power raises an error where a product of two is infinite.
    """
    rate, x = math.log(factor), t if interval == 1 else t / interval
    if rate * (last / interval) <= MAX_EXPONENT:
        return start * xp.pow(factor, x)
    most = MAX_EXPONENT / rate
    most = most // 1 or most  # whole powers of whole factors are exact
    value = start * xp.pow(factor, xp.minimum(x, most))
    for part in range(1, math.ceil((1 + MAX_EXPONENT - math.log(abs(start))) / (rate * most))):
        value = value * xp.pow(factor, xp.clip(x - part * most, 0.0, most))
    return value


def compounded_by_digits(
    xp: "TracedNamespace", start: float, factor: float, interval: float, t: "Clock"
) -> "Value":
    """Return start * factor**(t / interval) in the type of the values, as accurate in a narrow one.

    From a start below 1 the power may be past the largest number long before the value is: then that of
    half the time is multiplied twice. A start that is 0 in the type, or not a normal number, stays 0.
    """
    k, beside = xp.cycle(t, 1, None)
    if abs(start) < float(xp.lib.finfo(xp.real).smallest_normal):
        return xp.full_like(t, 0.0)
    halved = factor > 1 > abs(start)
    interval = 2 * interval if halved else interval
    power = power_by_digits(xp, factor, k, interval)
    if isinstance(beside, Affine) or xp.lib.isdtype(beside.dtype, "real floating"):
        power = power * xp.lib.exp(math.log(factor) / interval * xp.number(beside))
    return start * power * power if halved else start * power


def power_law(
    xp: "Namespace", start: float, timescale: float, exponent: float, t: "Value", last: float
) -> "Value":
    """Return start * (1 + t / timescale)**exponent, no start of 0, for a t up to *last*.

    Where the base or its power could overflow, the base is taken in parts: each is 1 until the one before it
    has its most. From where the value is past the largest number, it is infinity.
    """
    smallest = math.exp(10 - xp.most_exponent)
    if timescale < smallest:  # it may be 0 in the type; beside t / timescale, 1 is nothing from update 1 on
        half = power_up_to(math.inf, smallest / timescale, exponent / 2)
        later = start * half * half
        if later and math.isfinite(later):
            return xp.where(t > 0, power_law(xp, later, smallest, exponent, t, last), start)
        return xp.where(t > 0, xp.full_like(t, later), start)
    longest = min(math.log(max(1, min(last, MAX_STEPS))), xp.most_exponent)
    most, rise, end = max(0.0, longest - math.log(timescale)) + 1, xp.most_exponent - 10, math.inf
    if exponent > 0:
        rise = min(rise, xp.most_exponent / exponent)
        finite = max(0.0, (xp.most_exponent + 2 - math.log(abs(start))) / exponent)
        if finite < most:
            most, end = finite, _time_of(timescale, finite)
    value = xp.full_like(t, start)
    for part in range(math.ceil(most / rise)):
        sizes = rise * part, min(most, rise * (part + 1))
        low, high = (min(_time_of(timescale, size), math.exp(xp.most_exponent)) for size in sizes)
        held = xp.clip(t, low, high)
        base = (timescale + held) / (timescale + low) if part else 1 + held / timescale
        power = xp.pow(base, exponent)  # of the later parts 1 before they begin, whatever a division rounds
        value = value * (xp.where(t > low, power, xp.full_like(t, 1.0)) if part else power)
    return value if end == math.inf else xp.where(t < end, value, math.copysign(math.inf, start))


def _time_of(timescale: float, size: float) -> float:
    """Return when 1 + t / timescale is e to the power of *size*."""
    half = math.exp(size / 2)
    return timescale * math.expm1(size) if size < MAX_EXPONENT else timescale * half * half


def power_by_digits(xp: "TracedNamespace", base: float, k: "Value", interval: float = 1.0) -> "Value":
    """Return base**(k / interval) as a product of table entries, one for each digit of k to the base of 256.

    A rounded base raised at once would be off by k times its rounding, and a logarithm by that of its
    product with k. Each entry is computed in double precision and rounded once, so that the error is
    that of so many roundings as k has digits. Where powers are 0 or infinite k is cut off.
    """
    if base == 0.0:
        return xp.where(k > 0, 0.0, xp.full_like(k, 1.0))
    steepness = max(abs(math.log2(base)), 1e-300)
    most = math.ceil(min(xp.lib.iinfo(xp.whole).max, MAX_BITS / steepness * interval))
    k = xp.lib.astype(xp.minimum(k, most), xp.whole)
    value, place, largest = None, 1, float(xp.lib.finfo(xp.real).max)
    while place <= most:
        digit = (k // place) % 256
        entries = [power_up_to(largest, base, d * place / interval) for d in range(256)]
        here = xp.lib.take(xp.lib.asarray(entries, dtype=xp.real, **xp.device), digit, axis=0)
        value, place = here if value is None else value * here, place * 256
    return value


def power_up_to(largest: float, base: float, exponent: float) -> float:
    """Return a power of a number >= 0; infinity where it is past the *largest* of some type.

    Nothing is raised and caught: torch.compile traces this, and refuses what raises.
    """
    size = exponent * math.log2(base) if base else 0.0
    if size > 1_025:
        return math.inf
    half = exponent // 2
    power = base**exponent if size < 1_023 else base**half * base ** (exponent - half)
    return power if power <= largest else math.inf


def powers(base: float, k: int) -> tuple[float, ...]:
    """Return factors that make a power of a number > 1: two halves where the power itself is past a float.

    What they multiply may be so small that the product is none.
    """
    power = power_up_to(math.inf, base, k)
    if power < math.inf:
        return (power,)
    return power_up_to(math.inf, base, k // 2), power_up_to(math.inf, base, k - k // 2)
