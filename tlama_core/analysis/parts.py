"""What a schedule is split into: pieces, and what is known of very many cycles without listing them."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from typing import NamedTuple

from tlama_core._evaluation.clocks import Rescaled
from tlama_core._evaluation.python_numbers import value_at, walked
from tlama_core.algebra import Schedule, changed


def moment(numerator: int, denominator: int) -> int:
    """Return the time numerator / denominator: below a stretch, joints fall between the caller's updates.

    It is rational, exactly. Its type says otherwise, for `pieces` hands out whole updates alone.
    """
    time = Fraction(numerator, denominator)
    return time.numerator if time.denominator == 1 else time  # type: ignore[return-value]


def at(schedule: Schedule, time: int) -> float:
    """Return the value at a `moment`, which may be past the end."""
    if time >= schedule.steps:
        return value_at(schedule, schedule.steps)
    whole = time.denominator == 1
    return value_at(schedule, time) if whole else walked(schedule, Rescaled(time.numerator, time.denominator))


class Cycle(NamedTuple):
    """What is alike within a range: from one period to the next, no moment of it turns back.

    Of any t, t + 2 * period, t + 4 * period, … the values never rise or never fall; where no sign
    alternates, so do those of t, t + period, ….
    """

    period: int
    gain: float
    """By what a value is multiplied from one cycle to the next, or what is left of it without a constant."""
    cycles: int = 1
    """How many cycles a period has: those that end on a whole update together."""
    base: float | None = 0.0
    """Above it, heights are those of the period before times `gain**cycles`, save for rounding, if known."""

    affine: bool = True
    """Whether there is such a base, known or not: of several such ranges of one pace, so has the sum one."""

    @property
    def pure(self) -> bool:
        """Whether values themselves are those of the period before times `gain**cycles`."""
        return self.base == 0

    @property
    def pace(self) -> tuple[int, float, int]:
        """What two ranges have in common that shrink or grow together."""
        return self.period, self.gain, self.cycles

    @property
    def repeats(self) -> bool:
        """Whether all periods are the same, to the last bit."""
        return self.gain == 1

    @property
    def alternates(self) -> bool:
        """Whether the sign changes from one period to the next."""
        return self.gain < 0 and self.cycles % 2 == 1

    def scaled(self, factor: float) -> "Cycle":
        """Return the same range of values that are *factor* times as high."""
        return self.mapped(lambda base: factor * base)

    def mapped(self, value: Callable[[float], float]) -> "Cycle":
        """Return the same range where each height is *value* of it, which is affine."""
        if self.repeats:  # above any base
            return self
        base = None if self.base is None else value(self.base)
        return self._replace(base=None if base is None or math.isinf(base) else base)

    def on_whole_updates(self) -> "Cycle":
        """Return the same range by the shortest period that is a whole number of updates."""
        return self._replace(period=self.period.numerator, cycles=self.cycles * self.period.denominator)


class Piece(NamedTuple):
    """The updates *start* to *stop* - 1 of a schedule, between two changes of its formula.

    Inside a tree that is being split, both may lie between updates.
    """

    start: int
    stop: int
    direction: int | None
    """1: never falls, -1: never rises, 0: constant, None: only its values tell."""
    ending: Callable[[], float]
    """Computes `end`; few ask for it."""
    owner: Callable[[], Schedule]
    """Builds `phase`; few ask for it."""
    opens: bool = True
    """Whether a phase begins here, as opposed to a drop or a cycle within one."""
    many: bool = False
    """Whether it stands for cycles that are too many to be listed."""
    cycle: Cycle | None = None
    """What is known of these, if anything is."""
    turns: "tuple[Turn, ...]" = ()
    """In a join, the terms that change where it begins."""

    grain: float = 0.0
    """By how much its values step, about, where they hold in between as multiples do; 0 where they do not."""

    @property
    def end(self) -> float:
        """The value that it comes to at *stop*, where the next piece may have another."""
        return self.ending()

    @property
    def phase(self) -> Schedule:
        """The phase of a chain that applies here, under the operators around the chain."""
        return self.owner()

    def asked_once(self) -> "Piece":
        """Return this piece for several that ask: its end and phase are computed once."""
        return self._replace(ending=cache(self.ending), owner=cache(self.owner))

    def moved(self, by: int) -> "Piece":
        """Return this piece on a clock that began *by* updates earlier."""
        return self._replace(start=self.start + by, stop=self.stop + by)

    def on_clock(self, outside: int, inside: int) -> "Piece":
        """Return this piece on a clock that takes *outside* updates where its own takes *inside*."""

        def outer(time: int) -> int:
            return moment(time.numerator * outside, time.denominator * inside)

        cycle = self.cycle and self.cycle._replace(period=outer(self.cycle.period))
        return self._replace(start=outer(self.start), stop=outer(self.stop), cycle=cycle)

    def under(self, node: Schedule, inner: Schedule) -> "Piece":
        """Return this piece of *inner* as one of *node*, a cut or a stretch of it alone.

        Its phase is the node itself, unless *inner* has phases of its own.
        """
        return self._replace(owner=partial(_outer_phase, self.owner, node, inner))


class Turn(NamedTuple):
    """A joint of one term of a join: the pieces that meet there."""

    term: Schedule
    before: Piece
    after: Piece


def _outer_phase(owner: Callable[[], Schedule], node: Schedule, inner: Schedule) -> Schedule:
    phase = owner()
    return node if phase is inner else phase


def continuous(schedule: Schedule, before: Piece, after: Piece) -> bool:
    """Whether *after* begins with the very value that *before* ends with.

    Of a join only the terms that change there are asked: where they go on, so does their join.
    """
    if after.turns:
        return all(continuous(*turn) for turn in after.turns)
    return before.end == at(schedule, after.start)


def scaled_phase(node: Schedule, inner: Schedule, owner: Callable[[], Schedule]) -> Schedule:
    """Return the phase of a scaled node: the node itself, or the factor around the inner phase."""
    phase = owner()
    return node if phase is inner else changed(node, schedule=phase)
