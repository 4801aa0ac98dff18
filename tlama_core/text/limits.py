"""What building costs, and how much of it a text or data from outside may ask for.

The costs are in phases, terms and rows of a staircase that are touched. What a call joins is touched once
for each node, however often the node stands in a tree; what a call rebuilds is touched in every place.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from numbers import Integral

import attrs

from tlama_core._fields import is_number, refuse
from tlama_core.algebra import MAX_GROWN_CYCLES, Piecewise, Repeated, Schedule, Stretched, children
from tlama_core.shapes import Step


@attrs.frozen
class Limits:
    """How much a text may ask for, so that none takes long or much memory.

    `characters` of text; `digits` and `exponent` of a number; `depth` of brackets and of calls; `parts` of
    the expression; `cycles` of a repetition whose cycles grow, which lays out all of them; `work`: phases
    and terms touched while the schedule is built, and digits computed for roots, powers and logarithms.

    >>> Limits(cycles=10).cycles, Limits().work
    (10, 30000)
    """

    characters: int = 100_000
    digits: int = 400
    exponent: int = 400
    depth: int = 200
    parts: int = 30_000
    cycles: int = 1_000
    work: int = 30_000


LIMITS = Limits()
"""The limits that hold where a caller gives none."""


def require_limits(name: str, candidate: object) -> Limits:
    """Return *candidate*, or refuse it by *name*: names for a text are keywords, which is often forgotten."""
    if not isinstance(candidate, Limits):
        rule = "a Limits (names are bound by keyword: parse(text, total=100), or parse(text, **names))"
        refuse(name, rule, candidate, TypeError)
    return candidate


_REBUILDERS = (Schedule.repeat, Schedule.stretch)
"""The calls that make a tree anew instead of building on it."""


@attrs.define
class Budget:
    """The work of one text or of one piece of data: charged before it is done, and refused past the limit."""

    limits: Limits
    spent: int = 0

    def charge_call(
        self, build: Callable[..., object], given: Sequence[object], named: Mapping[str, object]
    ) -> None:
        """Charge for `build(*given, **named)`, or raise a `ValueError` where that is too much.

        What *build* does not take is not charged: it is refused by the call itself, in the call's own words.
        """
        measure = places if build in _REBUILDERS else size
        self.spent += 1 + sum(map(measure, given)) + sum(map(measure, named.values()))
        if build is Schedule.repeat:
            schedule, *positional = given
            times = positional[0] if positional else named.get("times")
            self._charge_cycles(schedule, times, named.get("growth", 1))
        self._refuse_excess()

    def charge_node(self, kind: type[Schedule], fields: Mapping[str, object]) -> None:
        """Charge for what `kind(**fields)` does beyond the data that say it, or raise a `ValueError`.

        Cycles that grow are laid out, the phases of a chain within a chain and the terms of a sum within a
        sum are copied, and what is stretched is rebuilt wherever it stands. Everything else is as large as
        its data.
        """
        if kind is Repeated:
            self._charge_cycles(fields.get("schedule"), fields.get("times"), fields.get("growth", 1))
        elif kind is Stretched:
            self.spent += places(fields.get("schedule")) - size(fields.get("schedule"))
        elif kind is Piecewise and isinstance(phases := fields.get("phases"), list):
            self.spent += sum(len(phase.phases) for phase in phases if isinstance(phase, Piecewise))
        elif isinstance(terms := fields.get("terms"), list) and terms and type(terms[0]) is kind:
            self.spent += len(children(terms[0]))
        self._refuse_excess()

    def charge_again(self, items: Sequence[object]) -> None:
        """Charge for a list that was read before: it is short in the data, and joined again nevertheless."""
        self.spent += len(items)
        self._refuse_excess()

    def charge_digits(self, numbers: Iterable[Fraction]) -> None:
        """Charge for a root, power, exponential or logarithm, or raise a `ValueError` for too many of them.

        Digits are computed until they tell which float is nearest: few, but for numbers made for it, which
        then take about as many as the numbers have themselves, and a time that grows with their square.
        """
        bits = max(abs(part).bit_length() for number in numbers for part in number.as_integer_ratio())
        self.spent += 4 + (bits // 50) ** 2
        if self.spent > self.limits.work:
            raise ValueError("this computes too many digits: write out roots, powers and logarithms")

    def _charge_cycles(self, schedule: object, times: object, growth: object) -> None:
        """Charge for the cycles that a repetition lays out: none where they are alike."""
        if not is_number(growth) or not 0 < growth < math.inf or growth == 1:
            return
        cycles = _cycles(times, growth)
        if cycles > self.limits.cycles:
            refuse("a repetition with growth", f"of at most {self.limits.cycles:,} cycles", cycles)
        self.spent += 2 * places(schedule) * max(0, cycles)  # each is rebuilt, and its start computed

    def _refuse_excess(self) -> None:
        """Raise a `ValueError` where more was charged than the limits allow."""
        if self.spent > self.limits.work:
            raise ValueError(f"this builds too much: at most {self.limits.work:,} phases and terms")


def size(argument: object) -> int:
    """Return how many nodes the schedules in *argument* touch where they are joined, rows included.

    A node that stands in several places is looked into once; every further time only its phases count, which
    a chain around it copies. So this takes time linear in what it counts, however much is shared.
    """
    left, seen, count = [argument], set(), 0
    while left:
        one = left.pop()
        if id(one) in seen:
            count += len(one.phases) if isinstance(one, Schedule) else 0
        elif isinstance(one, list):
            seen.add(id(one))
            left.extend(one)
        elif isinstance(one, Schedule):
            seen.add(id(one))
            count += 1 + _rows(one)
            left.extend(_parts(one))
    return count


def places(argument: object) -> int:
    """Return in how many places of *argument*, a schedule, nodes stand: what is touched to rebuild it.

    It is `size` where no node stands in two places, and may be exponential in the number of nodes where
    many do; it is found in time linear in that number.
    """
    known: dict[int, int] = {}

    def counted(schedule: Schedule) -> int:
        count = known.get(id(schedule))
        if count is None:
            count = known[id(schedule)] = 1 + _rows(schedule) + sum(map(counted, _parts(schedule)))
        return count

    return counted(argument) if isinstance(argument, Schedule) else 0


def _parts(schedule: Schedule) -> tuple[Schedule, ...]:
    """Return what *schedule* is built of: the cycles of a repetition where they are laid out."""
    if isinstance(schedule, Repeated) and schedule.cycles:
        return (schedule.cycles,)
    return children(schedule)


def _rows(schedule: Schedule) -> int:
    """Return how many rows the table of a staircase has, which is read and sorted; 0 for anything else."""
    return len(schedule.drops) if isinstance(schedule, Step) else 0


def _cycles(times: object, growth: float) -> int:
    """Return how many cycles are laid out: *times*, or in an endless repetition those up to 2**63 updates."""
    if isinstance(times, Integral):
        return int(times)
    return int(min(math.log(2**63) / abs(math.log(growth)), MAX_GROWN_CYCLES))
