"""Shapes with two ends: a way to go from *start* to *end*, one formula each."""

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Concatenate, Literal, ParamSpec

import attrs

from tlama_core._evaluation import Clock, Namespace, Value
from tlama_core._evaluation.kernels import Clipping, Formula, Kernel, constantly
from tlama_core._fields import final_kind, final_value, length, number, refuse
from tlama_core.algebra import OpenChain, Schedule, changed, open_phase

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
HALF_PI = math.pi / 2


@final_value
class Transition(Schedule):
    """A transition from *start* to *end* in *steps* updates: what all two-ended shapes share.

    A shape says how much of an amount is left (`_remaining`) and how much of it has come (`_arrived`), each
    accurate where it is small. The value is built from the end smaller in magnitude, so that nothing
    cancels, and clipped, so that rounding never leaves the range between the ends.
    """

    start: float = number()
    end: float = number()
    steps: int = length()
    _known_kernel: Kernel = attrs.field(init=False, eq=False, repr=False)

    if TYPE_CHECKING:  # what is inherited cannot be a `Length`: checkers would read a float

        def __init__(self, start: float, end: float, steps: float) -> None: ...  # noqa: D107

    hint: ClassVar[str] = "{name}.to(end, steps) starts where the phase before it ends"
    _never_overshoots: ClassVar[bool] = False
    """Whether no weight is ever above 1, whatever the rounding."""

    @staticmethod
    @abstractmethod
    def _remaining(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        """Return what is left of *amount*: all of it at t = 0, 0 at left = 0."""

    @staticmethod
    @abstractmethod
    def _arrived(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        """Return what has come of *amount*: 0 at t = 0, all of it at left = 0."""

    def _extra(self) -> tuple[float, ...]:
        """Return the numbers that the weights need besides the times."""
        return ()

    @classmethod
    def _from_end(
        cls, xp: Namespace, t: Clock, near: Value, span: Value, steps: Value, *extra: Value
    ) -> Value:
        return near + cls._remaining(xp, span, t, steps - t, steps, *extra)

    @classmethod
    def _from_start(
        cls, xp: Namespace, t: Clock, near: Value, span: Value, steps: Value, *extra: Value
    ) -> Value:
        return near + cls._arrived(xp, span, t, steps - t, steps, *extra)

    @classmethod
    def _blended(
        cls, xp: Namespace, t: Clock, start: Value, end: Value, steps: Value, *extra: Value
    ) -> Value:
        left = steps - t
        going = cls._remaining(xp, start, t, left, steps, *extra)
        return going + cls._arrived(xp, end, t, left, steps, *extra)

    def _formulas(self) -> tuple[Formula, Formula, Formula]:
        """Return the formulas built from the end, from the start, and of ends of opposite sign."""
        return self._from_end, self._from_start, self._blended

    @classmethod
    def to(
        cls: "Callable[Concatenate[float, P], Transition]", *end_and_more: P.args, **parameters: P.kwargs
    ) -> OpenChain:
        """Return an open phase from wherever the phase before it ends: `to(end, steps, …)`.

        It takes what the shape takes, but for its start: the end, the length, and by keyword what else
        there is, such as a power.

        >>> from tlama_core import Constant
        >>> Constant(2.0, steps=5) >> Polynomial.to(0.0, steps=10, power=2)
        Constant(2.0, steps=5) >> Polynomial(2.0, 0.0, steps=10, power=2.0)
        """
        shape = cls(1.0, *end_and_more, **parameters)
        return open_phase(shape, f"{type(shape).__name__}.to")

    def __attrs_post_init__(self) -> None:
        # Once: long chains ask for it again and again, and a compiler would trace how it comes about.
        object.__setattr__(self, "_known_kernel", self._new_kernel())

    def _kernel(self) -> Kernel:
        return self._known_kernel

    def _new_kernel(self) -> Kernel:
        """Return the formula that serves these ends, and its numbers."""
        start, end = self.start, self.end
        low, high = min(start, end), max(start, end)
        rest = (self.steps, *self._extra())
        from_end, from_start, blended = self._formulas()
        if self.steps == 0 or start == end:
            return Kernel(constantly, (end,))
        if low < 0 < high:  # ends of opposite sign: their difference may be past any float
            return Kernel(Clipping(blended), (low, high, start, end, *rest))
        near, far = (end, start) if abs(start) >= abs(end) else (start, end)
        formula: Formula = from_end if near == end else from_start
        span = _span(near, far)
        if self._never_overshoots and near + span == far:  # rounding is monotone: nothing can leave the range
            return Kernel(formula, (near, span, *rest))
        return Kernel(Clipping(formula), (low, high, near, span, *rest))

    def _value(self, xp: Namespace, t: Clock) -> Value:
        return self._kernel().value(xp, t)

    def _with_length(self, steps: int, stretch: object) -> Schedule:
        return changed(self, steps=steps)


def _span(near: float, far: float) -> float:
    """Return far - near, such that near + span reaches *far* in spite of rounding."""
    span = far - near
    return span if abs(near + span) >= abs(far) else math.nextafter(span, math.copysign(math.inf, span))


@final_kind
class Linear(Transition):
    """A straight line from *start* to *end*.

    value(t) = start + (end - start) * t / steps,  t in optimizer updates

    >>> list(Linear(1.0, 0.0, steps=4))
    [1.0, 0.75, 0.5, 0.25]
    """

    _never_overshoots = True

    @staticmethod
    def _remaining(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        return amount * (left / steps)

    @staticmethod
    def _arrived(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        return amount * (t / steps)


@final_kind
class Cosine(Transition):
    """Half a cosine wave from *start* to *end*, down or up.

    value(t) = end + (start - end) * (1 + cos(pi * t / steps)) / 2,  t in optimizer updates

    >>> [round(value, 3) for value in Cosine(1.0, 0.0, steps=4)]
    [1.0, 0.854, 0.5, 0.146]

    Source: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983
    """

    _never_overshoots = True

    @staticmethod
    def _remaining(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        wave = xp.sin(HALF_PI * (left / steps))  # (1 + cos) / 2 would cancel near its zero
        return amount * wave * wave

    @staticmethod
    def _arrived(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        wave = xp.sin(HALF_PI * (t / steps))
        return amount * wave * wave


@final_kind
class Sqrt(Transition):
    """A square root from *start* to *end*: steep at first. Downwards, the "1-sqrt" cooldown.

    value(t) = start + (end - start) * sqrt(t / steps),  t in optimizer updates

    >>> Sqrt(1.0, 0.0, steps=100)(25)
    0.5

    Source: Hägele et al. 2024, https://arxiv.org/abs/2405.18392
    """

    _never_overshoots = True

    @staticmethod
    def _remaining(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        # Apart at 0, where the slope is infinite, so that the gradient there is 0.
        return amount * xp.where(t > 0, left / steps / (1 + xp.sqrt(t / steps)), 1.0)

    @staticmethod
    def _arrived(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        return amount * xp.sqrt(t / steps)


@final_kind
class Rex(Transition):
    """A reflected exponential from *start* to *end*: slow at first, fast at the end.

    value(t) = end + (start - end) * (1 - p) / (1 - p / 2),  p = t / steps,  t in optimizer updates

    >>> [round(value, 3) for value in Rex(1.0, 0.0, steps=4)]
    [1.0, 0.857, 0.667, 0.4]

    Source: Chen et al. 2021, https://arxiv.org/abs/2107.04197
    """

    _never_overshoots = True

    @staticmethod
    def _remaining(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        return amount * (2 * (left / steps) / (1 + left / steps))

    @staticmethod
    def _arrived(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        return amount * (t / steps / (1 + left / steps))


def _of(of: object) -> str:
    """Return which time a power is taken of, or refuse it."""
    if of not in ("left", "elapsed"):
        refuse("Polynomial.of", "'left' or 'elapsed'", of, ValueError if isinstance(of, str) else TypeError)
    return str(of)


@final_value
class Polynomial(Transition):
    """A power of the time that is left, or of the time elapsed, from *start* to *end*.

    value(t) = end + (start - end) * (1 - t / steps)**power,  t in optimizer updates;  power > 0

    With of="elapsed" it is the mirror image, `start + (end - start) * (t / steps)**power`: a convex warmup
    for a power above 1, and `Sqrt` for 0.5.

    >>> Polynomial(1.0, 0.0, steps=10, power=2)(5), Polynomial(0.0, 1.0, 10, power=3, of="elapsed")(5)
    (0.25, 0.125)

    Source: Chen et al. 2017, https://arxiv.org/abs/1606.00915 (the "poly" policy)
    """

    power: float = number(kw_only=True, above=0.0)
    of: str = attrs.field(default="left", kw_only=True, converter=_of)

    if TYPE_CHECKING:

        def __init__(  # noqa: D107
            self,
            start: float,
            end: float,
            steps: float,
            *,
            power: float,
            of: Literal["left", "elapsed"] = ...,
        ) -> None: ...

    def _extra(self) -> tuple[float, ...]:
        return (self.power,)

    def _formulas(self) -> tuple[Formula, Formula, Formula]:
        if self.of == "left":
            return super()._formulas()
        return self._mirrored_from_end, self._mirrored_from_start, self._mirrored_blend

    # In the mirror, what is left is what has come, at a time that is left: neither time is rounded for it.

    @classmethod
    def _mirrored_from_end(
        cls, xp: Namespace, t: Clock, near: Value, span: Value, steps: Value, *extra: Value
    ) -> Value:
        return near + cls._arrived(xp, span, steps - t, t, steps, *extra)

    @classmethod
    def _mirrored_from_start(
        cls, xp: Namespace, t: Clock, near: Value, span: Value, steps: Value, *extra: Value
    ) -> Value:
        return near + cls._remaining(xp, span, steps - t, t, steps, *extra)

    @classmethod
    def _mirrored_blend(
        cls, xp: Namespace, t: Clock, start: Value, end: Value, steps: Value, *extra: Value
    ) -> Value:
        return cls._blended(xp, steps - t, end, start, steps, *extra)

    @staticmethod
    def _remaining(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        (power,) = extra
        # A high power makes much of the rounding of its base, which a logarithm of the other share has not.
        logarithm = _log_left(xp, t / steps, left / steps, left)
        high = xp.where(left > 0, xp.exp(power * logarithm), 0.0)
        return amount * xp.where(power > 20, high, xp.pow(left / steps, power))

    @staticmethod
    def _arrived(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        (power,) = extra
        # 1 - q**power would cancel near 0.
        logarithm = _log_left(xp, t / steps, left / steps, left)
        return amount * xp.where(left > 0, -xp.expm1(power * logarithm), 1.0)


def _log_left(xp: Namespace, p: Value, q: Value, left: Value) -> Value:
    """Return log(q), each of two logarithms where it is accurate, both always finite; q is 1 - p."""
    early = xp.log1p(-xp.minimum(p, 0.25))
    return xp.where(p < 0.25, early, xp.log(xp.where(left > 0, q, 1.0)))


@final_value
class Exponential(Transition):
    """An exponential from *start* to *end*, which it reaches.

    value(t) = end + (start - end) * (e**(-rate * p) - e**-rate) / (1 - e**-rate),  p = t / steps

    With rate=None (`ln(start / end)`, both ends > 0) every update multiplies by the same ratio. Another
    rate > 0 also serves an end of 0; a larger one falls faster at first.

    >>> round(Exponential(1.0, 0.01, steps=2)(1), 4)
    0.1
    >>> round(Exponential(1.0, 0.0, steps=2, rate=3)(1), 4)
    0.1824
    """

    rate: float | None = number(default=None, kw_only=True, above=0.0)

    if TYPE_CHECKING:

        def __init__(  # noqa: D107
            self, start: float, end: float, steps: float, *, rate: float | None = ...
        ) -> None: ...

    def _extra(self) -> tuple[float, float]:
        """Return the rate, negative where the steep side is the end's, and what the weights divide by."""
        for name in ("start", "end"):
            if self.rate is None and getattr(self, name) <= 0:
                refuse(f"Exponential.{name}", "> 0 where no rate is given", getattr(self, name))
        if self.rate is not None:  # outside of this range, the curve is the same line or the same drop
            rate = min(max(self.rate, 1e-20), 1e30)
        elif math.isinf(ratio := max(self.start, self.end) / min(self.start, self.end)):
            rate = math.log(self.start) - math.log(self.end)
        else:
            rate = math.copysign(math.log(ratio), self.start - self.end)
        return rate, math.expm1(-abs(rate))

    @staticmethod
    def _remaining(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        rate, whole = extra
        # In two halves: with ends 600 decades apart the whole exponential would be below any float.
        half = xp.exp(-rate / 2 * (t / steps))
        # Apart at 0: a library's expm1 may differ from the one that *whole* comes from.
        return amount * half * xp.where(t > 0, half * (xp.expm1(-rate * (left / steps)) / whole), 1.0)

    @staticmethod
    def _arrived(xp: Namespace, amount: Value, t: Clock, left: Value, steps: Value, *extra: Value) -> Value:
        rate, whole = extra
        steep = -abs(rate)
        # A constant ratio climbs as it falls, seen from the other end.
        half = xp.where(rate < 0, xp.exp(steep / 2 * (left / steps)), 1.0)
        return amount * half * xp.where(left > 0, half * (xp.expm1(steep * (t / steps)) / whole), 1.0)
