"""The values of a schedule, piece by piece: bounded by their ends where shapes tell, evaluated where not."""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._fields import refuse
from tlama_core.algebra import Schedule
from tlama_core.analysis.joints import MAX_EVALUATED, Piece, first_from

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

BLOCK = 2**18
"""How many updates are evaluated at a time: a few megabytes, however long the schedule."""

ROUNDING = 1e-9
"""Values that differ relatively by less may be the same to an array: single calls decide. None is a jump."""


def blocks(schedule: Schedule, start: int, stop: int) -> "Iterator[tuple[int, int, Values]]":
    """Evaluate every update from *start* up to *stop*; yield the range and the values of each block.

    Raises `ValueError` for more updates than `MAX_EVALUATED`.
    """
    import numpy as np

    from tlama_core._evaluation.numpy_arrays import MAX_INT_CLOCK

    if stop - start > MAX_EVALUATED:
        rule = f"at most {MAX_EVALUATED:,} (stop= or steps= sets a nearer end)"
        refuse("the number of updates to evaluate one by one", rule, stop - start)
    for a in range(start, stop, BLOCK):
        b = min(a + BLOCK, stop)
        with np.errstate(all="ignore"):
            if b <= MAX_INT_CLOCK:  # an array counts exactly
                values = schedule(np.arange(a, b))
            else:
                values = np.fromiter(map(schedule, range(a, b)), dtype=float, count=b - a)
        yield a, b, values


def known_values(schedule: Schedule, parts: Iterable[Piece]) -> "Iterator[tuple[int, int, Values | None]]":
    """Yield ranges of updates with their values; with None where the first and the last bound them all.

    A piece whose shape tells a direction is one range, however long, and only its ends are computed.
    """
    for piece in parts:
        # A direction is that of finite values: in a sum, inf - inf may come in between.
        ends = value_at(schedule, piece.start), value_at(schedule, piece.stop - 1)
        if piece.direction == 0 or (piece.direction is not None and all(map(math.isfinite, ends))):
            yield piece.start, piece.stop, None
        else:
            yield from blocks(schedule, piece.start, piece.stop)


def first_steps(schedule: Schedule, test: Callable[[Any], Any], parts: Iterable[Piece]) -> Iterator[int]:
    """Yield, part by part, the first update whose value passes *test*, which takes a number or an array.

    *test* must be a comparison: between two values that fail none may pass, nor one fail between two that
    pass. A piece with a direction is bisected; the others are evaluated, and where an array's rounding
    could decide, a single call does.
    """
    for a, b, values in known_values(schedule, parts):
        if values is not None:
            slack = _slack(values)
            near = (test(values - slack) | test(values + slack)).nonzero()[0].tolist()
            # Calls, which compile: a curve that is flat at a threshold is near it throughout.
            yield from islice((a + i for i in near if test(schedule(a + i))), 1)
        elif test(value_at(schedule, a)):
            yield a
        elif test(value_at(schedule, b - 1)):
            yield first_from(lambda step: bool(test(value_at(schedule, step))), a, b - 1)


def lowest_and_highest(schedule: Schedule, a: int, b: int, values: "Values | None") -> list[float]:
    """Return the lowest and the highest value of a range of `known_values`; NaN twice where one is NaN.

    They are those of single calls: an array may be off by its rounding.
    """
    if values is None:
        return sorted((value_at(schedule, a), value_at(schedule, b - 1)))
    low, high, slack = values.min(), values.max(), _slack(values)
    return [
        best((schedule(a + i) for i in near.nonzero()[0].tolist()), default=math.nan)
        for best, near in ((min, values <= low + slack), (max, values >= high - slack))
    ]


def _slack(values: "Values") -> float:
    """Return how far off a single call the values of an array may be."""
    import numpy as np

    return ROUNDING * float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def jumps(schedule: Schedule, before: Piece, after: Piece) -> bool:
    """Whether the value at a joint leaves the way to it by more than it changes in an update around it.

    The way to it goes from the last value before the joint to the end of the piece *before*.
    """
    last, now = value_at(schedule, before.stop - 1), value_at(schedule, after.start)
    following = value_at(schedule, min(after.start + 1, after.stop - 1))
    low, high = sorted((last, before.end))
    usual = max(abs(before.end - last), abs(following - now), ROUNDING * max(abs(before.end), abs(now)))
    return max(low - now, now - high) > usual
