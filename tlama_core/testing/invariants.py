"""Claims about one's own schedule: never negative, falls after the warmup, ends at 0.

An invariant is a value. Called with a subject it returns, or raises an `AssertionError` that says the claim,
the first update that breaks it and the rates around that; `holds` says whether it would return. A subject is
a schedule, a function of the update (of optax, of Keras, of one's own), a scheduler object of torch,
transformers or timm, which is read on a copy, or a list of rates.

The updates that are looked at are those from 0 to *steps*, the end included: by default to the end of a
schedule or a list. Whatever else is asked needs *steps*. Of a schedule, pieces tell the whole curve, so 10**9
updates are quick, but for what `spends` and `same_as` have to evaluate; of anything else every update is
looked at.

>>> from tlama_core import Cosine, Warmup
>>> schedule = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=998_000)
>>> sound = all_of(bounded(0.0, 3e-4), peak_at(1_999), monotone("down", start=2_000), ends_at(3e-5))
>>> sound(schedule)
>>> sound.holds(2 * schedule)
False
>>> sound.holds(lambda step: 3e-4 * min(1.0, step / 2_000), steps=9_000)
False
"""

from collections.abc import Callable, Hashable
from typing import Literal, NamedTuple, TypeAlias, get_args

import attrs

from tlama_core._fields import as_length, as_number, refuse, short_repr
from tlama_core.algebra import Schedule
from tlama_core.testing.subjects import LARGEST, Curve, ScheduleCurve, curve_of, jumping

Way: TypeAlias = Literal["down", "up"]

AROUND = 2
"""So many updates before and after the first that breaks a claim are shown with it."""


class Breach(NamedTuple):
    """Where a claim is broken, and by what."""

    claim: str
    step: int
    reason: str


@attrs.frozen
class Invariant:
    """A claim about the rates of a subject, checked by calling it.

    Raises `AssertionError` where the claim is broken; `TypeError` for what is no subject; `ValueError` where
    *steps* is missing.

    >>> ends_at(0.0)
    ends_at(0.0)
    >>> ends_at(0.0)([0.2, 0.1])
    Traceback (most recent call last):
    AssertionError: ends_at(0.0) is broken at update 1: it ends at 0.1
      update 0 uses 0.2
      update 1 uses 0.1
    of [0.2, 0.1]
    """

    claim: str
    _find: Callable[[Curve], Breach | None] = attrs.field(eq=False)
    _about: Hashable = None

    def __repr__(self) -> str:
        return self.claim

    def __call__(self, subject: object, steps: float | None = None) -> None:
        """Raise an `AssertionError` if *subject* breaks the claim at an update from 0 to *steps*."""
        curve = curve_of(subject, steps)
        breach = self._find(curve)
        if breach is not None:
            raise AssertionError(_told(breach, curve, subject))

    def holds(self, subject: object, steps: float | None = None) -> bool:
        """Return whether *subject* keeps the claim at every update from 0 to *steps*."""
        return self._find(curve_of(subject, steps)) is None


def _told(breach: Breach, curve: Curve, subject: object) -> str:
    """Return the message of a broken claim, with the rates around."""
    around = range(max(0, breach.step - AROUND), min(breach.step + AROUND, curve.last) + 1)
    rates = [f"\n  update {step:,} uses {curve.value(step)!r}" for step in around]
    head = f"{breach.claim} is broken at update {breach.step:,}: {breach.reason}"
    return f"{head}{''.join(rates)}\nof {short_repr(subject, 500)}"


def _not_negative(name: str, value: object) -> float:
    """Return a tolerance as a number, or refuse it by *name*."""
    number = as_number(name, value)
    return number if number >= 0 else refuse(name, "a number >= 0", value)


def bounded(low: float, high: float) -> Invariant:
    """Claim that every rate is from *low* to *high*, save for rounding; NaN is not.

    >>> bounded(0.0, 1.0).holds([0.5, 1.0]), bounded(0.0, 1.0).holds([0.5, float("nan")])
    (True, False)
    """
    lowest, highest = as_number("bounded.low", low), as_number("bounded.high", high)
    if lowest > highest:
        refuse("bounded.low", f"at most high, {highest!r}", lowest)
    return _within(f"bounded({lowest!r}, {highest!r})", lowest, highest)


def nonnegative() -> Invariant:
    """Claim that no rate is below 0, infinite or NaN.

    >>> nonnegative().holds([0.5, -1e-12])
    False
    """
    return _within("nonnegative()", 0.0, LARGEST)


def _within(claim: str, low: float, high: float) -> Invariant:
    """Claim that every rate is from *low* to *high*."""

    def find(curve: Curve) -> Breach | None:
        lowest, highest = low - curve.rounding * abs(low), high + curve.rounding * abs(high)
        step = curve.first_outside(lowest, min(highest, LARGEST))
        return None if step is None else Breach(claim, step, f"it uses {curve.value(step)!r}")

    return Invariant(claim, find)


def monotone(way: Way, *, start: int = 0, stop: int | None = None) -> Invariant:
    """Claim that rates never turn back between two updates: none rises going "down", none falls going "up".

    A change within rounding is none: 1e-12 of the rate, or 1e-6 where a framework computed it.

    >>> monotone("down").holds([0.3, 0.3, 0.1]), monotone("up", stop=1).holds([0.3, 0.3, 0.1])
    (True, True)
    """
    if way not in get_args(Way):
        refuse("monotone.way", "one of down, up", way)
    first = int(as_length("monotone.start", start))
    end = None if stop is None else int(as_length("monotone.stop", stop, at_least=first))
    given = [repr(way), *([f"start={first}"] if first else []), *([] if end is None else [f"stop={end}"])]
    claim = f"monotone({', '.join(given)})"

    def find(curve: Curve) -> Breach | None:
        last = curve.last if end is None else min(end, curve.last)
        if first >= last:
            refuse("monotone.start", f"before the last update that is looked at, {last}", first)
        step = curve.first_turn(-1 if way == "down" else 1, first, last)
        word = "rises" if way == "down" else "falls"
        return None if step is None else Breach(claim, step, f"it {word} from the update before")

    return Invariant(claim, find)


def continuous(*, max_jump: float) -> Invariant:
    """Claim that two updates in a row differ by at most *max_jump*.

    >>> continuous(max_jump=0.2).holds([0.3, 0.2, 0.1, 0.4])
    False
    """
    most = _not_negative("continuous.max_jump", max_jump)
    claim = f"continuous(max_jump={most!r})"

    def find(curve: Curve) -> Breach | None:
        step = curve.first_jump(most)
        if step is None:
            return None
        return Breach(claim, step, f"it jumps by {curve.value(step) - curve.value(step - 1):g}")

    return Invariant(claim, find)


def ends_at(value: float) -> Invariant:
    """Claim that the rate after the last update is *value*, save for rounding.

    That is what a schedule holds from then on. The last update of a run uses the rate before it.

    >>> ends_at(0.0).holds(lambda step: 1 - step / 10, steps=10)
    True
    """
    wanted = as_number("ends_at.value", value)
    claim = f"ends_at({wanted!r})"

    def find(curve: Curve) -> Breach | None:
        end = curve.value(curve.last)
        near = abs(end - wanted) <= curve.rounding * max(abs(wanted), curve.size())
        return None if near else Breach(claim, curve.last, f"it ends at {end!r}")

    return Invariant(claim, find)


def peak_at(step: int) -> Invariant:
    """Claim that update *step* is the first that uses the highest rate, save for rounding.

    >>> peak_at(1).holds([0.1, 0.3, 0.3])
    True
    """
    wanted = int(as_length("peak_at.step", step))
    claim = f"peak_at({wanted})"

    def find(curve: Curve) -> Breach | None:
        if curve.is_peak(wanted):
            return None
        peak = curve.peak()
        return Breach(claim, peak, f"it peaks here, at {curve.value(peak)!r}")

    return Invariant(claim, find)


def warms_up_within(steps: int) -> Invariant:
    """Claim that the highest rate is used by one of the first *steps* updates, and none before it falls.

    >>> warms_up_within(2).holds([0.1, 0.3, 0.2]), warms_up_within(1).holds([0.1, 0.3, 0.2])
    (True, False)
    """
    most = int(as_length("warms_up_within.steps", steps, at_least=1))
    claim = f"warms_up_within({most})"

    def find(curve: Curve) -> Breach | None:
        peak = curve.peak()
        if peak >= most:
            return Breach(claim, peak, f"it peaks here, at {curve.value(peak)!r}")
        step = curve.first_turn(1, 0, peak)
        return None if step is None else Breach(claim, step, "it falls from the update before")

    return Invariant(claim, find)


def spends(*, mean: float, rel: float = 1e-9) -> Invariant:
    """Claim that the rates of all updates have that *mean*, within *rel* of it. The end held is no update.

    >>> spends(mean=0.25).holds([0.4, 0.1, 0.0])
    True
    """
    wanted, within = as_number("spends.mean", mean), _not_negative("spends.rel", rel)
    claim = f"spends(mean={wanted!r})" if rel == 1e-9 else f"spends(mean={wanted!r}, rel={within!r})"

    def find(curve: Curve) -> Breach | None:
        spent = curve.mean()
        near = abs(spent - wanted) <= max(within, curve.rounding) * abs(wanted)
        return None if near else Breach(claim, curve.last, f"up to here the mean is {spent!r}")

    return Invariant(claim, find)


def same_as(other: object, *, tolerance: float | None = None) -> Invariant:
    """Claim that rates are those of *other*, any subject, within *tolerance* of its largest magnitude.

    Without it that is 1e-9, or 1e-6 where a framework computed one of them.

    >>> from tlama_core import Linear
    >>> same_as(lambda step: 1 - step / 10).holds(Linear(1.0, 0.0, steps=10))
    True
    """
    within = None if tolerance is None else _not_negative("same_as.tolerance", tolerance)
    claim = f"same_as({short_repr(other)}{'' if within is None else f', tolerance={within!r}'})"

    def find(curve: Curve) -> Breach | None:
        theirs = curve_of(other, curve.last)
        near = max(1e-9, curve.rounding, theirs.rounding) if within is None else within
        step = _first_apart(curve, theirs, near)
        return None if step is None else Breach(claim, step, f"the other uses {theirs.value(step)!r}")

    return Invariant(claim, find, other if isinstance(other, Schedule) else id(other))


def _first_apart(ours: Curve, theirs: Curve, within: float) -> int | None:
    """Return the first update whose rates are further apart than that part of *theirs* largest magnitude."""
    most = within * theirs.size()
    if isinstance(ours, ScheduleCurve) and isinstance(theirs, ScheduleCurve):
        if ours.schedule == theirs.schedule:
            return None
        return ScheduleCurve(ours.schedule - theirs.schedule, ours.last).first_outside(-most, most)
    apart = jumping(most)
    return next((k for k in range(ours.last + 1) if apart(ours.value(k), theirs.value(k))), None)


def all_of(*invariants: Invariant) -> Invariant:
    """Claim all of *invariants*; the first that is broken is told.

    >>> all_of(nonnegative(), ends_at(0.0))
    all_of(nonnegative(), ends_at(0.0))
    """
    for one in invariants:
        if not isinstance(one, Invariant):
            refuse("an argument of all_of", "an invariant", one, TypeError)

    def find(curve: Curve) -> Breach | None:
        return next(filter(None, (one._find(curve) for one in invariants)), None)  # noqa: SLF001

    return Invariant(f"all_of({', '.join(map(repr, invariants))})", find)
