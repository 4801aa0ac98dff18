"""Pictures of schedules on matplotlib axes; matplotlib is imported when something is drawn."""

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tlama_core._fields import as_length, refuse
from tlama_core.algebra import OpenChain, Piecewise, Repeated, Schedule, Sliced, children
from tlama_core.analysis import innermost, pieces
from tlama_core.shapes import PowerLaw, Step

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes

    Steps = npt.NDArray[np.int64]
    Values = npt.NDArray[np.float64]

    Drawable = Callable[[int], float]

DRAWN_POINTS = 2_000
LABELLED_PHASES = 12
MAX_JOINTS = 500
UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def plot(
    *schedules: "Drawable",
    labels: Sequence[str] | None = None,
    ax: "Axes | None" = None,
    log: bool = False,
    steps: int | None = None,
) -> "Axes":
    """Draw *schedules* (or any callables of an update) and return the axes: *ax*, or those of a new figure.

    Every joint is drawn exactly, however long the schedule; of a single one, the phases are named. The
    picture covers *steps* updates: without it, the longest schedule (of an endless one, enough to see its
    shape). *labels* are what the legend says; *log* makes the axis of values logarithmic.

    Raises `ValueError` where there is no schedule, or not one label for each.

    >>> from tlama_core import Cosine, Warmup
    >>> pretrain = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
    >>> ax = plot(pretrain, 0.5 * pretrain, labels=["body", "head"])
    >>> ax.figure.savefig("rates.svg")
    """
    total = _total("plot", schedules, steps)
    names = _names("plot", schedules, labels)
    curves = [curve(schedule, total) for schedule in schedules]  # values first: a failure leaves no figure
    ax, show = new_axes((8, 4)) if ax is None else (ax, None)
    for drawn, name in zip(curves, names, strict=True):
        ax.plot(*drawn, label=name)
    title = names[0] if len(schedules) == 1 else ""
    if title:
        mark_phases(ax, schedules[0], total)
    else:
        _explain(ax)
    label_axes(ax, title, "Value")
    if log:
        ax.set_yscale("log", nonpositive="mask")
    if show is not None:
        show()
    return ax


def compare(
    a: "Drawable", b: "Drawable", *, labels: Sequence[str] | None = None, steps: int | None = None
) -> "tuple[Axes, Axes]":
    """Draw *a* and *b* on one axis, and their ratio b / a below; return both axes.

    There is no ratio where *a* is 0. *labels* and *steps* are those of `plot`.

    >>> from tlama_core import Cosine, Linear
    >>> upper, lower = compare(Cosine(1.0, 0.1, steps=1_000), Linear(1.0, 0.1, steps=1_000))
    >>> lower.get_ylabel()
    'Ratio'
    """
    import numpy as np

    both = (a, b)
    total = _total("compare", both, steps)
    names = _names("compare", both, labels)
    at = np.union1d(*(curve(one, total)[0] for one in both))
    first, second = (values_at(one, at) for one in both)
    ratio = np.full(len(at), math.nan)
    np.divide(second, first, out=ratio, where=first != 0)
    (upper, lower), show = new_axes((8, 5), nrows=2, sharex=True, height_ratios=(2, 1))
    upper.plot(at, first, label=names[0])
    upper.plot(at, second, label=names[1])
    _explain(upper)
    lower.axhline(1.0, color="grey", linewidth=1)
    lower.plot(at, ratio, color="C2")
    label_axes(upper, "", "Value")
    label_axes(lower, "", "Ratio")
    upper.set_xlabel("")
    if show is not None:
        show()
    return upper, lower


def svg(schedule: Schedule) -> str:
    """Return a small picture of *schedule* as SVG, which a notebook shows.

    >>> from tlama_core import Linear
    >>> svg(Linear(1.0, 0.0, steps=10)).splitlines()[-1]
    '</svg>'
    """
    from io import StringIO

    import matplotlib as mpl
    from matplotlib.figure import Figure

    total = _total("svg", (schedule,), None)
    figure = Figure(figsize=(6, 2.5), layout="constrained")
    ax = figure.add_subplot()
    ax.plot(*curve(schedule, total, most=400))
    if len(joints(schedule, total)) <= LABELLED_PHASES:
        mark_phases(ax, schedule, total)
    label_axes(ax, "", "Value")
    drawn = StringIO()
    # Letters as text, and no date: small, and the same for equal schedules.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "tlama-core"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue().rstrip()


def _total(name: str, schedules: "Sequence[Drawable]", steps: int | None) -> int:
    """Return how many updates to draw."""
    if not schedules:
        raise ValueError(f"{name} must be given at least one schedule, got none")
    for schedule in schedules:
        if isinstance(schedule, OpenChain) or not callable(schedule):
            refuse(f"what {name} draws", "a schedule or a callable", schedule, TypeError)
    if steps is not None:
        return int(as_length(f"{name}.steps", steps, at_least=1))
    told = [shown_steps(one) for one in schedules if isinstance(one, Schedule)]
    if not told:
        refuse(f"{name}.steps", "given for a plain callable, which has no length", steps)
    return max(told) or 1_000


def shown_steps(schedule: Schedule) -> int:
    """Return the length; of an endless schedule, so many updates that its shape is seen."""
    if math.isfinite(schedule.steps):
        return int(schedule.steps)
    if isinstance(schedule, Piecewise):
        start = schedule.starts[-1]
        return start + max(shown_steps(schedule.phases[-1]), start // 4)
    if isinstance(schedule, Repeated):
        return int(sum(schedule.cycle_lengths[:4]) or 4 * schedule.schedule.steps)
    if isinstance(schedule, Step):
        return max((time for time, _ in schedule.drops), default=0) * 5 // 4
    if isinstance(schedule, PowerLaw):
        return math.ceil(10 * schedule.timescale)
    shown = max(map(shown_steps, children(schedule)), default=0)
    return max(0, shown - schedule.start) if isinstance(schedule, Sliced) else shown


def _names(name: str, schedules: "Sequence[Drawable]", labels: Sequence[str] | None) -> list[str]:
    """Return a name for each of *schedules*: the labels, or their own texts."""
    if labels is None:
        widest = 160 if len(schedules) == 1 else 70
        return [text if len(text := repr(one)) <= widest else f"{text[:widest]}…" for one in schedules]
    if isinstance(labels, str) or len(labels) != len(schedules):
        refuse(f"{name}.labels", f"one for each of {len(schedules)} schedules", labels)
    return list(labels)


def _explain(ax: "Axes") -> None:
    """Give *ax* its legend, above the curves and beside the power of ten: names are as long as texts."""
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")


def new_axes(figsize: tuple[float, float], **grid: Any) -> "tuple[Any, Callable[[], None] | None]":
    """Return axes on a new figure, and what shows it: None where the backend only writes files.

    Under such a backend the figure belongs to its axes alone, so that none is left open in pyplot.
    """
    import matplotlib as mpl
    from matplotlib.backends.registry import BackendFilter, backend_registry
    from matplotlib.figure import Figure

    registry: Any = backend_registry
    if mpl.get_backend().lower() in registry.list_builtin(BackendFilter.NON_INTERACTIVE):
        return Figure(figsize=figsize, layout="constrained").subplots(**grid), None
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained", **grid)[1], plt.show


def joints(schedule: "Drawable", total: int) -> list[int]:
    """Return the updates below *total* at which *schedule* changes its formula, where it tells."""
    if not isinstance(schedule, Schedule):
        return []
    found = list(pieces(schedule, 0, int(min(total, schedule.steps))))
    return [] if any(piece.many for piece in found) else [piece.start for piece in found[1:]]


def curve(schedule: "Drawable", total: int, most: int = DRAWN_POINTS) -> "tuple[Steps, Values]":
    """Return what to draw over updates 0 to *total*: all, or a few thousand, every joint exact."""
    import numpy as np

    end = last_step(schedule, total)
    drawn = np.linspace(0, end, min(end, most) + 1).round().astype(np.int64)
    near = [step for joint in joints(schedule, total)[: most // 4] for step in (joint - 1, joint)]
    steps = np.union1d(drawn, np.asarray(near, dtype=np.int64))
    return steps, values_at(schedule, steps)


def points(schedule: "Drawable", total: int, interval: int | None) -> "tuple[Steps, Values]":
    """Return a point every *interval* updates; about twenty of them where it is None."""
    import numpy as np

    every = interval or max(1, math.ceil(total / 20))
    steps = np.arange(0, last_step(schedule, total) + 1, every, dtype=np.int64)
    return steps, values_at(schedule, steps)


def last_step(schedule: "Drawable", total: int) -> int:
    """Return the last update to draw: a schedule also has an end value, a table only its entries."""
    return total if isinstance(schedule, Schedule) else total - 1


def values_at(schedule: "Drawable", steps: "Steps") -> "Values":
    """Return the values of a schedule, or of any callable of an integer, at *steps*."""
    import numpy as np

    if isinstance(schedule, Schedule):
        return schedule(steps)  # type: ignore[no-any-return]
    return np.asarray([float(schedule(step)) for step in steps.tolist()])


def label_axes(ax: "Axes", title: str, ylabel: str) -> None:
    """Give *ax* its title, its labels, and ticks such as 10k, 1.5M, 300B."""
    ax.set(title=textwrap.fill(title, 80), xlabel="Step", ylabel=ylabel)
    ax.title.set_fontsize("medium")
    ax.xaxis.set_major_formatter(in_thousands)
    ax.ticklabel_format(axis="y", style="scientific", scilimits=(-3, 4))
    ax.margins(x=0.01)
    ax.grid(visible=True, linestyle="--", alpha=0.5)


def in_thousands(step: float, _position: object = None) -> str:
    """Return a number of updates as people say it.

    >>> in_thousands(10_000), in_thousands(1.5e6), in_thousands(3e11)
    ('10k', '1.5M', '300B')
    """
    for size, unit in UNITS:
        if size <= abs(step) < 1e15:
            return f"{step / size:g}{unit}"
    return f"{step:g}"


def mark_phases(ax: "Axes", schedule: "Drawable", total: int) -> None:
    """Mark where the phases of *schedule* meet, and name those wide enough for a name."""
    marks = joints(schedule, total)
    if len(marks) <= MAX_JOINTS:
        at = ax.get_xaxis_transform()
        ax.vlines(marks, 0, 1, transform=at, color="grey", linestyle=":", linewidth=1)
    if not isinstance(schedule, Piecewise) or len(marks) >= LABELLED_PHASES:
        return
    ax.margins(y=0.1)  # room for the names above the curve
    width = ax.get_position().width * ax.figure.get_figwidth()  # type: ignore[union-attr]  # in inches
    style: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": "small", "color": "dimgrey"}
    for phase, start in zip(schedule.phases, schedule.starts, strict=True):
        name, stop = type(innermost(phase)).__name__, min(start + phase.steps, total)
        if (stop - start) / total * width > 0.09 * (len(name) + 1):
            ax.text((start + stop) / 2, 0.985, name, transform=ax.get_xaxis_transform(), **style)
