"""Plans of a run: one that is under way is changed, one on a clock in tokens is counted in updates."""

import math
from collections.abc import Iterator

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._fields import MAX_STEPS, as_length, refuse
from tlama_core.algebra import Constant, OpenChain, Piecewise, Schedule, require_schedule
from tlama_core.analysis import Piece, pieces
from tlama_core.shapes import Sqrt, Transition

MAX_BATCHES = 100_000
"""A batch changes at most so often: each change is a phase of the schedule that it makes."""

MAX_LOOKS = 1_000_000
"""A batch of unknown shape is asked at most so often."""


def retarget(schedule: Schedule, *, at: float, steps: float) -> Schedule:
    """Return *schedule* up to update *at*, and the rest of it in proportion, *steps* updates in all.

    Nothing that was already used changes, and it goes on at *at* with the value it had there.

    Raises `ValueError` where *schedule* is endless, or *at* is past its end or past *steps*.

    >>> from tlama_core import Cosine, Linear, Warmup
    >>> plan = Warmup(1.0, steps=10) >> Linear.to(0.0, steps=90)
    >>> longer = retarget(plan, at=50, steps=200)
    >>> longer.steps, longer(50) == plan(50), longer(200)
    (200, True, 0.0)
    """
    start = _update("retarget.at", at, schedule)
    total = as_length("retarget.steps", steps, at_least=start)
    return schedule[:start] >> schedule[start:].stretch(steps=total - start)


def cooldown(
    schedule: Schedule,
    *,
    at: float,
    steps: float,
    to: float = 0.0,
    shape: type[Transition] = Sqrt,
    **parameters: float,
) -> Schedule:
    """Return *schedule* up to update *at*, and then *steps* updates of a *shape* down to the value *to*.

    It starts from the schedule's own value at *at*, also where it jumps there; *parameters* are those of
    the shape, such as a power.

    Raises `ValueError` where *at* is past the schedule's end.

    >>> from tlama_core import Constant, Linear, Warmup
    >>> stable = Warmup(1.0, steps=10) >> Constant(1.0)
    >>> cooldown(stable, at=80, steps=20, shape=Linear)
    Warmup(1.0, steps=10) >> Constant(1.0, steps=70) >> Linear(1.0, 0.0, steps=20)

    Source: Hägele et al. 2024, https://arxiv.org/abs/2405.18392
    """
    start = _update("cooldown.at", at, schedule)
    if not (isinstance(shape, type) and issubclass(shape, Transition)):
        refuse("cooldown.shape", "a shape with two ends, such as Linear, Cosine or Sqrt", shape, TypeError)
    # Not shape.to(…): where the schedule jumps at *at*, the slice before it holds the old value.
    return schedule[:start] >> shape(value_at(schedule, start), to, steps, **parameters)


def _update(name: str, at: object, schedule: object) -> int:
    """Return *at* as an update of *schedule*, which may be its end; *name* is `function.argument`."""
    steps = require_schedule(f"{name.partition('.')[0]}.schedule", schedule).steps
    update = as_length(name, at)
    return update if update <= steps else refuse(name, f"at most the length {steps}", update)


def in_updates(schedule: Schedule, batch: float | Schedule, *, batch_clock: str = "updates") -> Schedule:
    """Return a *schedule* on a clock in tokens (or samples) as one on a clock in updates.

    value(k) = schedule(what was consumed before update k), in whole numbers

    *batch* is what one update consumes, in the units of the schedule's clock: a whole number, or a schedule
    of whole numbers, written on a clock in updates, or with `batch_clock="consumed"` on that of *schedule*.
    The result takes `updates_for(batch, schedule.steps)` updates. It is a chain of strided slices, one for
    each batch, so nothing is rounded, and no clock of tokens is left that an int32 could not count.

    Raises `ValueError` for a batch that is no whole number >= 1 where it is used, that changes more than
    100,000 times, or that goes on changing under an endless *schedule*.

    >>> from tlama_core import Constant, Linear
    >>> in_updates(Linear(1.0, 0.0, steps=1_000), 100)
    Linear(1.0, 0.0, steps=1000)[::100]
    >>> ramp = Constant(50, steps=4) >> Constant(200)
    >>> list(in_updates(Linear(1.0, 0.0, steps=1_000), ramp))
    [1.0, 0.95, 0.9, 0.85, 0.8, 0.6, 0.4, 0.2]
    """
    total = require_schedule("in_updates.schedule", schedule).steps
    slices: list[tuple[int, int | float, int]] = []
    begin: int | float = 0
    for updates, size in _runs("in_updates", batch, batch_clock, tokens=total):
        first, end = int(begin), min(begin + size * updates, total)
        if slices and slices[-1][2] == size:
            first = slices.pop()[0]
        slices.append((first, end, size))
        if len(slices) > MAX_BATCHES:
            refuse("in_updates.batch", f"a schedule that changes at most {MAX_BATCHES:,} times", batch)
        begin = end
    cuts = (schedule[i : j if j < math.inf else None : k] for i, j, k in slices)
    return Piecewise.of(cuts) if slices else schedule


def consumed(batch: float | Schedule, updates: float, *, batch_clock: str = "updates") -> int:
    """Return how many tokens (or samples) were consumed before update number *updates*.

    *batch* and *batch_clock* are as in `in_updates`.

    >>> from tlama_core import Constant
    >>> consumed(Constant(50, steps=4) >> Constant(200), 6)
    600
    """
    count = as_length("consumed.updates", updates)
    return sum(int(run) * size for run, size in _runs("consumed", batch, batch_clock, updates=count))


def updates_for(batch: float | Schedule, tokens: float, *, batch_clock: str = "updates") -> int:
    """Return the first update that begins when *tokens* (or samples) or more were consumed.

    It is how many updates consume that much. *batch* and *batch_clock* are as in `in_updates`.

    >>> from tlama_core import Constant
    >>> updates_for(Constant(50, steps=4) >> Constant(200), 601)
    7
    """
    count = as_length("updates_for.tokens", tokens)
    return sum(int(run) for run, _ in _runs("updates_for", batch, batch_clock, tokens=count))


def _runs(
    caller: str,
    batch: object,
    batch_clock: str,
    *,
    tokens: float = math.inf,
    updates: float = math.inf,
) -> Iterator[tuple[int | float, int]]:
    """Yield for how many updates in a row the batch is how large, until there are so many of either."""
    if batch_clock not in ("updates", "consumed"):
        refuse(f"{caller}.batch_clock", "'updates' or 'consumed'", batch_clock)
    if not isinstance(batch, (Schedule, OpenChain)):
        batch = Constant(as_length(f"{caller}.batch", batch, at_least=1))
    looks = _looks(caller, require_schedule(f"{caller}.batch", batch), batch_clock)
    run: int | float = 0
    while run < math.inf and tokens > 0 and updates > 0:
        run, size = next(looks)
        run = min(run, updates, -(-int(tokens) // size) if tokens < math.inf else tokens)
        yield run, size
        tokens, updates = tokens - run * size, updates - run


def _looks(caller: str, batch: Schedule, batch_clock: str) -> Iterator[tuple[int | float, int]]:
    """Yield for how many updates in a row the batch is how large, as its pieces tell; the last for ever.

    A batch is asked at its own time, and only where an update begins.
    """
    time = looks = 0
    parts = pieces(batch, 0, MAX_STEPS)
    piece = next(parts)
    while True:
        while time >= piece.stop:
            piece = next(parts)
        value, looks = value_at(batch, time), looks + 1
        if not 1 <= value < math.inf or not value.is_integer():
            rule = "whole numbers >= 1 (batch.quantize(...) gives them)"
            refuse(f"{caller}.batch at {time}", rule, value)
        if looks > MAX_LOOKS:
            refuse(f"{caller}.batch", f"a schedule that is known after {MAX_LOOKS:,} values", batch)
        change, speed = _change(batch, time, piece), 1 if batch_clock == "updates" else int(value)
        updates = -((time - change) // speed)
        yield math.inf if change >= MAX_STEPS else updates, int(value)
        time += updates * speed


def _change(batch: Schedule, time: int, piece: Piece) -> int:
    """Return the first update of a piece after *time* with another value, or the next of an unknown piece."""
    if piece.direction is None:
        return time + 1
    value = value_at(batch, time)
    if piece.direction == 0 or value_at(batch, piece.stop - 1) == value:
        return piece.stop
    same, other = time, time + 1
    while value_at(batch, other) == value:
        same, other = other, min(2 * other - time, piece.stop - 1)
    while other - same > 1:
        middle = (same + other) // 2
        same, other = (middle, other) if value_at(batch, middle) == value else (same, middle)
    return other
