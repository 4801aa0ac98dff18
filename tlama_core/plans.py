"""Changed plans: what to do with the schedule of a run that is under way."""

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._fields import as_length, refuse
from tlama_core.algebra import Schedule, require_schedule
from tlama_core.shapes import Sqrt, Transition


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
