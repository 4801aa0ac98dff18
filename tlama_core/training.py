"""The documented functions: short constructors that return composed schedules."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from tlama_core import plotting
from tlama_core._fields import as_length, as_number, refuse, short_repr
from tlama_core.algebra import Constant, Piecewise, Schedule
from tlama_core.analysis import describe
from tlama_core.shapes import Cosine, Exponential, Function, Linear, Step, Warmup

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "get_combined_lr_scheduler",
    "get_lr_scheduler",
    "get_multi_step_lr_scheduler",
    "plot_lr_schedule",
]

DECAYS: dict[str, Callable[[float, float, int], Schedule]] = {
    "cosine": Cosine,
    "linear": Linear,
    "exponential": lambda start, end, steps: Exponential(start, end, steps, rate=None if end > 0 else 3.0),
}


def get_lr_scheduler(
    max_lr: float,
    min_lr: float | None,
    warmup_steps: float,
    max_steps: float,
    decay_type: str = "cosine",
    final_div_factor: float | None = None,
    verbose: bool = False,
) -> Schedule:
    """Return a warmup to *max_lr* and a decay that reaches *min_lr* at update *max_steps*.

    It is `Warmup(max_lr, warmup_steps) >> Shape(max_lr, min_lr, max_steps - warmup_steps)`, without
    the warmup where *warmup_steps* is 0; from *max_steps* on it stays at *min_lr*.

    Args:
        max_lr: the rate at the end of the warmup, > 0.
        min_lr: the rate at the end, from 0 to *max_lr*; None where *final_div_factor* gives it.
        warmup_steps: length of the warmup in optimizer updates, below *max_steps*.
        max_steps: length of the whole schedule in optimizer updates.
        decay_type: "cosine", "linear" or "exponential" (a constant ratio per update; with
            min_lr=0, an `Exponential` of rate 3).
        final_div_factor: if given, > 1, the end is `max_lr / final_div_factor` instead of *min_lr*.
        verbose: whether to print the phases that were built, as `describe` shows them.

    Raises:
        ValueError, TypeError: for any other value, by the name of the argument.

    >>> get_lr_scheduler(1e-4, 1e-6, warmup_steps=1_000, max_steps=50_000)
    Warmup(0.0001, steps=1000) >> Cosine(0.0001, 1e-06, steps=49000)
    """
    peak = as_number("get_lr_scheduler.max_lr", max_lr, above=0)
    if final_div_factor is not None:
        end = peak / as_number("get_lr_scheduler.final_div_factor", final_div_factor, above=1)
    elif min_lr is not None:
        end = as_number("get_lr_scheduler.min_lr", min_lr, at_least=0)
    else:
        refuse("get_lr_scheduler.min_lr", "a number where final_div_factor is not given", min_lr)
    if end > peak:
        refuse("get_lr_scheduler.min_lr", f"at most max_lr ({peak!r})", min_lr)
    total = int(as_length("get_lr_scheduler.max_steps", max_steps, at_least=1))
    warmup = int(as_length("get_lr_scheduler.warmup_steps", warmup_steps))
    if warmup >= total:
        refuse("get_lr_scheduler.warmup_steps", f"below max_steps ({total})", warmup)
    if not isinstance(decay_type, str) or decay_type not in DECAYS:
        refuse("get_lr_scheduler.decay_type", f"one of {', '.join(map(repr, DECAYS))}", decay_type)
    schedule = DECAYS[decay_type](peak, end, total - warmup)
    if warmup:
        schedule = Warmup(peak, warmup) >> schedule
    if verbose:
        print(describe(schedule))
    return schedule


def get_combined_lr_scheduler(
    schedulers: Mapping[tuple[int, int], Schedule | Callable[[int], float]],
) -> Schedule:
    """Return the schedulers one after the other, each over its range and on a clock of its own.

    Args:
        schedulers: maps (start_step, end_step), in optimizer updates and in any order, to a schedule or
            to any callable of the update number *counted from its range's start*. The ranges must
            follow each other without gap or overlap from 0. A schedule that is longer than its range
            is cut, one that is shorter holds its end value.

    Raises:
        ValueError, TypeError: for anything else, naming the ranges.

    >>> get_combined_lr_scheduler({(10, 15): Constant(0.1), (0, 10): Linear(1.0, 0.1, steps=10)})
    Linear(1.0, 0.1, steps=10) >> Constant(0.1, steps=5)
    """
    if not isinstance(schedulers, Mapping) or not schedulers:
        rule = "a mapping of at least one (start_step, end_step) to a scheduler"
        error = ValueError if isinstance(schedulers, Mapping) else TypeError
        refuse("get_combined_lr_scheduler.schedulers", rule, schedulers, error)
    by_span = {_span(key): scheduler for key, scheduler in schedulers.items()}
    spans = sorted(by_span)
    if spans[0][0] != 0:
        refuse("the first range of get_combined_lr_scheduler", "from step 0", spans[0])
    for before, after in pairwise(spans):
        if before[1] != after[0]:
            fault = "a gap" if before[1] < after[0] else "an overlap"
            refuse("ranges of get_combined_lr_scheduler", f"without {fault}", (before, after))
    return Piecewise.of(_fitted(by_span[span], span) for span in spans)


def get_multi_step_lr_scheduler(
    max_lr: float,
    warmup_steps: float,
    total_tokens: float,
    tokens_per_step: float,
    step_milestones: Sequence[float],
    step_factors: Sequence[float],
    min_lr: float | None = None,
    verbose: bool = False,
) -> Schedule:
    """Return a warmup to *max_lr* and a staircase of drops at fractions of the tokens.

    The run has `ceil(total_tokens / tokens_per_step)` updates. Milestone m is update m * total, rounded
    down unless it is whole up to 1e-9 (0.29 of 100 is 29); from there the rate is its factor times *max_lr*.

    Args:
        max_lr: the rate after the warmup, > 0.
        warmup_steps: length of the warmup in optimizer updates, below the length of the run.
        total_tokens: tokens of the whole run.
        tokens_per_step: tokens of one optimizer update.
        step_milestones: strictly increasing fractions of the run, in (0, 1), none inside the warmup.
        step_factors: as many factors in (0, 1], relative to *max_lr*.
        min_lr: a floor under the part after the warmup, from 0 to *max_lr*; None for no floor.
        verbose: whether to print the phases that were built, as `describe` shows them.

    Raises:
        ValueError, TypeError: for any other value, by the name of the argument.

    >>> get_multi_step_lr_scheduler(1.0, 10, 1_000, 10, [0.5, 0.8], [0.5, 0.1])
    Warmup(1.0, steps=10) >> Step(1.0, {40: 0.5, 70: 0.1}, steps=90)
    """
    name = "get_multi_step_lr_scheduler"
    peak = as_number(f"{name}.max_lr", max_lr, above=0)
    warmup = int(as_length(f"{name}.warmup_steps", warmup_steps))
    tokens = int(as_length(f"{name}.total_tokens", total_tokens, at_least=1))
    per_step = int(as_length(f"{name}.tokens_per_step", tokens_per_step, at_least=1))
    total = -(-tokens // per_step)
    if warmup >= total:
        refuse(f"{name}.warmup_steps", f"below the {total} steps of the run", warmup)
    drops = _milestones(name, step_milestones, step_factors, warmup, total)
    if 0 in drops:  # the first drop comes with the very first step: cut off the step before it
        late = {at + 1: factor for at, factor in drops.items()}
        staircase = Step(peak, late, total - warmup + 1)[1:]
    else:
        staircase = Step(peak, drops, total - warmup)
    if min_lr is not None:
        floor = as_number(f"{name}.min_lr", min_lr, at_least=0, at_most=peak)
        staircase = staircase.clamp(low=floor)
    schedule = Warmup(peak, warmup) >> staircase if warmup else staircase
    if verbose:
        print(describe(schedule))
    return schedule


def plot_lr_schedule(
    lr_scheduler: Schedule | Callable[[int], float],
    total_steps: float,
    title: str | None = None,
    figsize: tuple[float, float] = (10, 6),
    point_interval: float | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw any learning rate schedule over its first *total_steps* updates, and return the axes.

    Args:
        lr_scheduler: a schedule, or any callable of the update number.
        total_steps: how many optimizer updates to draw, >= 1.
        title: the title; "Learning rate schedule" if None.
        figsize: width and height of a new figure in inches.
        point_interval: a point on the curve every so many updates; None for about twenty.
        ax: axes to draw on; if None, those of a new figure, which is shown where the backend can show
            it. Under a backend that only writes files, save it with `ax.figure.savefig(…)`; pyplot
            keeps no figure open.

    Raises:
        ValueError, TypeError: for a length or interval that is no whole number >= 1, or a scheduler that
            cannot be called.

    >>> plot_lr_schedule(Warmup(0.1, steps=10) >> Cosine.to(0.0, steps=90), 100).get_xlabel()
    'Step'
    """
    total = int(as_length("plot_lr_schedule.total_steps", total_steps, at_least=1))
    every = point_interval
    if every is not None:
        every = as_length("plot_lr_schedule.point_interval", every, at_least=1)
    plotting.require_callable("plot_lr_schedule.lr_scheduler", lr_scheduler)
    # Values first: a scheduler that fails leaves no figure behind.
    curve = plotting.curve(lr_scheduler, total)
    points = plotting.points(lr_scheduler, total, every)
    with plotting.drawing(ax, figsize) as axes:
        (line,) = axes.plot(*curve)
        axes.plot(*points, "o", color=line.get_color(), markersize=4)
        plotting.mark_phases(axes, lr_scheduler, total)
        plotting.label_axes(axes, "Learning rate schedule" if title is None else title, "Learning rate")
    return axes  # type: ignore[no-any-return]


def _span(key: object) -> tuple[int, int]:
    """Return a range's two steps as integers, or refuse it."""
    name = "a range of get_combined_lr_scheduler"
    if not isinstance(key, tuple) or len(key) != 2:
        refuse(name, "a pair (start_step, end_step)", key, TypeError)
    start, stop = (int(as_length(f"{name}, here {short_repr(key)},", end)) for end in key)
    if start >= stop:
        refuse(name, "of start_step < end_step", key)
    return start, stop


def _fitted(scheduler: object, span: tuple[int, int]) -> Schedule:
    """Return *scheduler* cut or held to the length of *span*; a plain callable becomes a Function."""
    steps = span[1] - span[0]
    phase = plotting.require_callable(f"the scheduler of range {span}", scheduler)
    if not isinstance(phase, Schedule):
        return Function(phase, steps)
    if phase.steps >= steps:
        return phase[:steps]
    return phase >> Constant.hold(steps - int(phase.steps))


def _milestones(name: str, milestones: object, factors: object, warmup: int, total: int) -> dict[int, float]:
    """Return the factor of every drop by its update since the warmup; of several at one, the last."""
    for key, given in (("step_milestones", milestones), ("step_factors", factors)):
        if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
            refuse(f"{name}.{key}", "a list of numbers", given, TypeError)
    fractions = [as_number(f"{name}.step_milestones", m, above=0, below=1) for m in cast("Any", milestones)]
    levels = [as_number(f"{name}.step_factors", f, above=0, at_most=1) for f in cast("Any", factors)]
    if len(fractions) != len(levels):
        refuse(f"{name}.step_factors", f"as many as the {len(fractions)} milestones", levels)
    if any(a >= b for a, b in pairwise(fractions)):
        refuse(f"{name}.step_milestones", "strictly increasing", milestones)
    drops: dict[int, float] = {}
    for fraction, level in zip(fractions, levels, strict=True):
        at = _whole(Fraction(repr(fraction)) * total)
        if at < warmup:
            refuse(f"{name}.step_milestones", f"after the {warmup} steps of the warmup", fraction)
        if at >= total:
            refuse(f"{name}.step_milestones", "before the last step", fraction)
        drops[at - warmup] = level
    return drops


def _whole(exact: Fraction) -> int:
    """Return the whole number within 1e-9 of *exact* if there is one, else the one below."""
    nearest = round(exact)
    return nearest if abs(exact - nearest) <= Fraction(1, 10**9) else math.floor(exact)
