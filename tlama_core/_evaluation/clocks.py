"""Clocks that run at another rate than the caller's, counted in whole numbers.

A stretched schedule is asked at `t * to / of`. Joints, drops and cycle starts are whole numbers of that
clock, so whether one is reached is a question of whole numbers too: a jump falls on the same update in every
number system, and only what a formula computes with is a rounded quotient. A clock that does not run at
another rate is a plain number or array.
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlama_core._evaluation import Value


class Rescaled:
    """The clock n / den of a whole number n that has been formed: a number, an array, or source.

    Of a fractional time, n is a float; of source, den may be source too.
    """

    __slots__ = ("den", "n")

    def __init__(self, n: "Value", den: "Value") -> None:
        self.n, self.den = n, den

    def __eq__(self, other: object) -> bool:
        """Whether two clocks of numbers stand at the same time, written alike."""
        return isinstance(other, Rescaled) and (self.n, self.den) == (other.n, other.den)

    def __hash__(self) -> int:
        """Return a hash of the time, so that what was computed at it can be found again."""
        return hash((self.n, self.den))


class Affine:
    """The clock (num * t + shift) / den + rest of a whole array t, whose type may not hold the numerator.

    num, shift and den are Python's. t is at most *top*, the numerator at most *cap*, and *rest*, where there
    is one, a fraction below 1.
    """

    __slots__ = ("cap", "den", "num", "rest", "shift", "t", "top")

    def __init__(
        self, t: "Value", top: int, cap: int, num: int = 1, shift: int = 0, den: int = 1, rest: "Value" = None
    ) -> None:
        self.t, self.cap, self.num, self.shift, self.den, self.rest = t, cap, num, shift, den, rest
        self.top = min(top, max(0, -((shift - cap) // num)))

    def first(self, time: int) -> int:
        """Return the first t at which the clock has reached *time*."""
        return max(0, -((self.shift - time * self.den) // self.num))

    def highest(self) -> int:
        """Return the largest numerator that is formed before it is held at *cap*."""
        return self.num * self.top + self.shift

    def moved(self, by: int) -> "Affine":
        """Return this clock, ahead by *by*."""
        more = by * self.den
        return Affine(self.t, self.top, self.cap + more, self.num, self.shift + more, self.den, self.rest)

    def since(self, time: int, t: "Value") -> "Affine":
        """Return a clock that stands at 0 until *time*, where *t* counts from the first t that reaches it.

        What is left over at that first t, less than a step of t, becomes the shift: so the numerators of a
        phase stay as small as the phase is long, and floats have digits left for them.
        """
        first = self.first(time)
        shift = self.num * first + self.shift - time * self.den
        cap = max(0, self.cap - time * self.den)
        return Affine(t, max(0, self.top - first), cap, self.num, shift, self.den, self.rest)

    def until(self, time: int, t: "Value") -> "Affine":
        """Return this clock, held at *time*, where *t* is not past the first t that reaches it."""
        cap = min(self.cap, time * self.den)
        return Affine(t, self.top, cap, self.num, self.shift, self.den, self.rest)

    def rescaled(self, to: int, of: int) -> "Affine":
        """Return this clock times to / of."""
        num, shift, den, cap = self.num * to, self.shift * to, self.den * of, self.cap * to
        common = math.gcd(num, shift, den)
        return Affine(self.t, self.top, cap // common, num // common, shift // common, den // common)
