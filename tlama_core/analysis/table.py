"""The phases of a schedule as a table.

There is a row for every piece between two joints: which updates it owns, the first and the last value that
they use, and what follows. It is what `tlama show` prints, and what the documented functions print when they
are asked to.
"""

import math

import attrs

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._fields import MAX_STEPS
from tlama_core.algebra import Schedule, require_schedule
from tlama_core.analysis.joints import pieces
from tlama_core.analysis.parts import Piece
from tlama_core.analysis.values import jumps

WIDTH = 100
"""A printed table has at most this many columns."""

SHOWN_ROWS = 40
"""A longer table is printed without its middle."""


@attrs.frozen
class Row:
    """A phase of a schedule: its first and last update, and the values that these use."""

    phase: Schedule
    first_step: int
    last_step: int | float
    """Infinite where the phase never ends; `last_value` is None then."""
    first_value: float
    last_value: float | None
    then: str
    """What follows: `goes on`, `jumps to` a value, `holds` a value, or `never ends`."""


@attrs.frozen(repr=False)
class Description:
    """The phases of a schedule as rows; it prints as a table of at most 100 columns."""

    rows: tuple[Row, ...]

    def cells(self) -> list[tuple[str, ...]]:
        """Return the cells of every line, the titles first; the middle of a long table is left out."""
        return [
            ("phase", "from", "to", "first value", "last value", "then"),
            *(
                (
                    repr(row.phase),
                    shown_step(row.first_step),
                    shown_step(row.last_step),
                    f"{row.first_value:.6g}",
                    "" if row.last_value is None else f"{row.last_value:.6g}",
                    row.then,
                )
                for row in self._shown()
            ),
        ]

    def __repr__(self) -> str:
        """Return the table, one line a row."""
        lines = self.cells()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        widths[0] = min(widths[0], WIDTH - sum(widths[1:]) - 2 * len(widths[1:]))
        text = [_aligned(line, widths) for line in lines]
        if hidden := len(self.rows) - len(lines) + 1:
            text.insert(1 + SHOWN_ROWS // 2, f"… {hidden:,} more …")
        return "\n".join(text)

    def _shown(self) -> tuple[Row, ...]:
        """Return the rows that are printed."""
        half = SHOWN_ROWS // 2
        return self.rows if len(self.rows) <= SHOWN_ROWS else self.rows[:half] + self.rows[-half:]


def shown_step(step: float) -> str:
    """Return a number of updates as tables and messages show it.

    >>> shown_step(20_000), shown_step(10**12)
    ('20,000', '1e+12')
    """
    return f"{step:,}" if step < 10**10 else f"{step:.6g}"


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    """Return the cells of a line as text in columns of *widths*, the last one as wide as it is."""
    phase, *numbers, then = line
    if len(phase) > widths[0]:
        phase = f"{phase[: widths[0] - 1]}…"
    columns = (text.rjust(width) for text, width in zip(numbers, widths[1:-1], strict=True))
    return "  ".join([phase.ljust(widths[0]), *columns, then])


def describe(schedule: Schedule) -> Description:
    """Return a table of the phases: their first and last updates and values, and what follows.

    There is a row for every piece between two `breakpoints`, so every level of a `Step` and every cycle
    has one; where there are too many cycles to list, those after the first share a row. A phase of no
    length owns no update and has no row.

    >>> from tlama_core import Constant, Linear, Warmup
    >>> describe(Warmup(3e-4, steps=2_000) >> Constant.hold(78_000) >> Linear.to(0.0, steps=20_000))
    phase                               from      to  first value  last value  then
    Warmup(0.0003, steps=2000)             0   1,999      1.5e-07      0.0003  goes on
    Constant(0.0003, steps=78000)      2,000  79,999       0.0003      0.0003  goes on
    Linear(0.0003, 0.0, steps=20000)  80,000  99,999       0.0003     1.5e-08  holds 0
    """
    schedule = require_schedule("describe.schedule", schedule)
    found = list(pieces(schedule, 0, int(min(schedule.steps, MAX_STEPS))))
    followers = [*found[1:], None]
    return Description(tuple(_row(schedule, *both) for both in zip(found, followers, strict=False)))


def _row(schedule: Schedule, piece: Piece, after: Piece | None) -> Row:
    """Return the row of a *piece*, and what follows it; *after* is None for the last."""
    first, last = value_at(schedule, piece.start), value_at(schedule, piece.stop - 1)
    if after is None and math.isinf(schedule.steps):
        return Row(piece.phase, piece.start, math.inf, first, None, "never ends")
    if after is None:
        then = f"holds {value_at(schedule, schedule.steps):.6g}"
    elif jumps(schedule, piece, after):
        then = f"jumps to {value_at(schedule, after.start):.6g}"
    else:
        then = "goes on"
    return Row(piece.phase, piece.start, piece.stop - 1, first, last, then)
