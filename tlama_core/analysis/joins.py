"""Where the formula of a join changes: the joints of all its terms, met in order.

A sum of 1,000 terms of different lengths has a thousand joints, and at each of them one term changes and the
others go on. What all of them do is therefore kept, and changed by the one: how many rise, fall or stand
still, and which of them move or are negative. A join goes one way where its terms do; a product also needs
them to keep their signs.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import attrgetter, itemgetter

from tlama_core.algebra import Pointwise, Product, Schedule, Sum, changed
from tlama_core.analysis.parts import Cycle, Piece, Turn, at, moment

START = attrgetter("start")


class Join:
    """The terms of a sum, product, maximum or minimum from joint to joint.

    What they do is kept up to date term by term, so that the cost is that of all terms' pieces and not of
    all terms at all joints.
    """

    def __init__(self, schedule: Pointwise, terms: list[list[Piece]]) -> None:
        """Take the *terms*' pieces, which cover one range."""
        self._schedule, self._terms = schedule, terms
        self._here = [pieces[0] for pieces in terms]
        self._directions: Counter[int | None] = Counter()
        self._moving: dict[int, Piece] = {}
        self._negative: set[int] = set()
        self._uncounted, self._smooth = set[int](), set[int]()  # of the moving: many pieces in one; no grain
        for i, piece in enumerate(self._here):
            self._enter(i, piece)
        self._split = any(len(pieces) > 1 for pieces in terms)

    def pieces(self) -> Iterator[Piece]:
        """Yield a piece between any two joints of any terms.

        Joints are those of all terms in order of time. Where several terms change at once, that is one joint,
        with a turn for each of them.
        """
        joints = sorted(
            ((piece.start, i, piece) for i, pieces in enumerate(self._terms) for piece in pieces[1:]),
            key=itemgetter(0, 1),
        )
        begin, turns = self._here[0].start, tuple[Turn, ...]()
        opens = any(piece.opens for piece in self._here)
        for joint, group in groupby(joints, key=itemgetter(0)):
            yield self._piece(begin, joint, opens=opens, turns=turns)
            turns = tuple(self._turn(i, piece) for _, i, piece in group)
            begin, opens = joint, any(turn.after.opens for turn in turns)
        yield self._piece(begin, self._terms[0][-1].stop, opens=opens, turns=turns)

    def _turn(self, i: int, piece: Piece) -> Turn:
        """Let term *i* go on with *piece*.

        What was counted of the piece before it is taken back; so a joint costs as much as the terms that
        change there, however many others there are.
        """
        before, self._here[i] = self._here[i], piece
        self._directions[before.direction] -= 1
        self._moving.pop(i, None)
        for kind in (self._negative, self._uncounted, self._smooth):
            kind.discard(i)
        self._enter(i, piece)
        return Turn(self._schedule.terms[i], before, piece)

    def _enter(self, i: int, piece: Piece) -> None:
        """Note what term *i* does in *piece*."""
        self._directions[piece.direction] += 1
        if piece.direction != 0:
            self._moving[i] = piece
            if piece.many:
                self._uncounted.add(i)
            if not piece.grain:
                self._smooth.add(i)
        # Where a factor is below 0, the others turn round; one that goes both ways decides nothing.
        if isinstance(self._schedule, Product) and piece.direction is not None:
            ends = at(self._schedule.terms[i], piece.start), piece.end
            if not min(ends) >= 0:  # nor is NaN
                self._negative.add(i)

    def _piece(self, start: int, stop: int, *, opens: bool, turns: tuple[Turn, ...]) -> Piece:
        schedule, many = self._schedule, bool(self._uncounted)
        return Piece(
            start,
            stop,
            self._direction(),
            partial(self._end, stop),
            partial(self._phase, start) if self._split else partial(_itself, schedule),
            opens=opens,
            many=many,
            cycle=self._cycle() if many else None,
            turns=turns,
            grain=self._grain(),
        )

    def _grain(self) -> float:
        """Return by how much the join steps where all terms that move do, such as one beside bounds."""
        if self._smooth or isinstance(self._schedule, Product):
            return 0.0
        return min((piece.grain for piece in self._moving.values()), default=0.0)

    def _direction(self) -> int | None:
        """Return the direction in which all terms go, and so their join, whatever the rounding.

        Sums, maxima and minima of rising terms rise, in floats too, since every rounding is monotone. So do
        products, as long as no factor is below 0. Constant terms have no say.
        """
        ways = [way for way in (1, -1, None) if self._directions[way]]
        if len(ways) > 1:
            return None
        if not ways:
            return 0
        return None if self._negative else ways[0]

    def _cycle(self) -> Cycle | None:
        """Return what is known of cycles, where all terms but constant ones are made of them.

        Cycles that all repeat come round together after the least common multiple of their periods. Those
        that shrink or grow have to do so at one pace.
        """
        cycles = [piece.cycle for piece in self._moving.values() if piece.cycle is not None]
        if len(cycles) < len(self._moving):
            return None
        if all(cycle.repeats for cycle in cycles):
            return _common_period(cycles)
        constants = len(cycles) < len(self._here)
        return _of_one_pace(self._schedule, cycles, constants=constants)

    def _end(self, stop: int) -> float:
        """Return what the terms come to at *stop* together.

        A term that has a joint there counts with the end of its piece, the others with their value.
        """
        return self._schedule.combined(
            piece.end if piece.stop == stop else at(term, stop)
            for term, piece in zip(self._schedule.terms, self._at(stop, -1), strict=True)
        )

    def _phase(self, start: int) -> Schedule:
        """Return the join of the terms' phases at *start*.

        It costs as much as building the join; a question that names no phase never does.
        """
        return changed(self._schedule, terms=tuple(piece.phase for piece in self._at(start, 0)))

    def _at(self, time: int, before: int) -> Iterator[Piece]:
        """Yield the terms' pieces that own *time*, or with *before* -1 those that come to it."""
        for pieces in self._terms:
            place = bisect_right(pieces, time, key=START) - 1
            yield pieces[place + before if place and pieces[place].start == time else place]


def _of_one_pace(schedule: Pointwise, cycles: list[Cycle], *, constants: bool) -> Cycle | None:
    """Return what is known where cycles shrink or grow, maybe beside *constants*; None if apart.

    A sum of geometric ranges of one pace is geometric, with constants it is affine. A product with constants
    stays what it was. A maximum only never turns back, unless all its terms are geometric and none is
    turned over.
    """
    first, several = cycles[0], len(cycles) > 1
    geometric, affine = all(cycle.pure for cycle in cycles), all(cycle.affine for cycle in cycles)
    if isinstance(schedule, Product):
        known, pure = not several, geometric
    elif isinstance(schedule, Sum):
        # Two ranges of which each never turns back may turn back together, unless both are affine.
        known, pure = affine or not several, geometric and not constants
    else:  # of several, a negative gain makes the largest the smallest
        pure, affine = geometric and not constants, affine and not constants
        known = not several or (pure and first.gain > 0)
    if not (known and all(cycle.pace == first.pace for cycle in cycles)):
        return None
    return first._replace(base=0.0 if pure else None, affine=affine)  # another base is not looked for


def _common_period(cycles: list[Cycle]) -> Cycle:
    """Return the period after which several ranges that repeat all begin again."""
    below = math.lcm(*(cycle.period.denominator for cycle in cycles))
    return Cycle(moment(math.lcm(*(int(cycle.period * below) for cycle in cycles)), below), 1.0)


def _itself(schedule: Schedule) -> Schedule:
    return schedule
