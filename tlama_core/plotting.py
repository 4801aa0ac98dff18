"""Pictures of schedules on matplotlib axes; matplotlib is imported when something is drawn."""

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from tlama_core._fields import MAX_STEPS, as_length, refuse
from tlama_core.algebra import OpenChain, Repeated, Schedule, Sliced, children, require_schedule
from tlama_core.analysis import Piece, fold, innermost, pieces
from tlama_core.shapes import PowerLaw

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes

    Steps = npt.NDArray[np.int64]
    Values = npt.NDArray[np.float64]

    Drawable = Schedule | Callable[[int], float]

DRAWN_POINTS = 2_000
"""A curve has about as many points as this, and some at its joints."""

LABELLED_PHASES = 12
"""The phases of a picture are named if they are no more than this."""

MAX_JOINTS = 500
"""Joints are marked if they are no more than this: the marks would cover the picture."""

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def plot(
    *schedules: "Drawable",
    labels: Sequence[str] | None = None,
    ax: "Axes | None" = None,
    log: bool = False,
    steps: int | None = None,
) -> "Axes":
    """Draw *schedules* (or any callables of an update) and return the axes: *ax*, or those of a new figure.

    Every joint is drawn exactly, however long the schedule; the phases of a single schedule are named.
    The picture covers *steps* updates: without it, as many as the longest schedule has (or of an endless
    one, enough to show its shape). *labels* are the names in the legend; *log* makes the axis of values
    logarithmic.

    Raises `ValueError` where there is no schedule, or not one label for each, and `TypeError` for what is
    neither a schedule nor a callable.

    >>> from tlama_core import Cosine, Warmup
    >>> pretrain = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
    >>> ax = plot(pretrain, 0.5 * pretrain, labels=["body", "head"])
    >>> ax.figure.savefig("rates.svg")
    """
    if not schedules:
        raise ValueError("plot must be given at least one schedule, got none")
    for i, schedule in enumerate(schedules):
        require_callable(f"plot.schedules[{i}]", schedule)
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
    """Draw *a* and *b* on the same axes, and their ratio b / a on axes below; return both axes.

    The ratio has gaps where *a* is 0. *labels* and *steps* are those of `plot`, and so are the errors.

    >>> from tlama_core import Cosine, Linear
    >>> upper, lower = compare(Cosine(1.0, 0.1, steps=1_000), Linear(1.0, 0.1, steps=1_000))
    >>> lower.get_ylabel()
    'Ratio'
    """
    import numpy as np

    both = require_callable("compare.a", a), require_callable("compare.b", b)
    total = _total("compare", both, steps)
    names = _names("compare", both, labels)
    at = np.union1d(*(curve(schedule, total)[0] for schedule in both))
    first, second = (values_at(schedule, at) for schedule in both)
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

    total = _total("svg", (require_schedule("svg.schedule", schedule),), None)
    figure = Figure(figsize=(6, 2.5), layout="constrained")
    ax = figure.add_subplot()
    ax.plot(*curve(schedule, total, most=400))
    if len(joints(schedule, total)) <= LABELLED_PHASES:  # more marks would fill a small picture
        mark_phases(ax, schedule, total)
    label_axes(ax, "", "Value")
    drawn = StringIO()
    # Letters as text, and no date: small, and the same for equal schedules.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "tlama-core"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue().rstrip()


def require_callable(name: str, candidate: object) -> "Drawable":
    """Return *candidate*, or refuse it by *name* where it cannot be called, or is an open schedule."""
    if isinstance(candidate, OpenChain):
        require_schedule(name, candidate)
    if not callable(candidate):
        refuse(name, "a schedule or a callable", candidate, TypeError)
    return cast("Drawable", candidate)


def _total(name: str, schedules: "Sequence[Drawable]", steps: int | None) -> int:
    """Return how many updates the function *name* draws: *steps*, or enough for all of *schedules*."""
    if steps is not None:
        return int(as_length(f"{name}.steps", steps, at_least=1))
    lengths = [shown_steps(schedule) for schedule in schedules if isinstance(schedule, Schedule)]
    if not lengths:
        refuse(f"{name}.steps", "given for a plain callable, which has no length", steps)
    return max(lengths) or 1_000


def shown_steps(schedule: Schedule) -> int:
    """Return the length of *schedule*; of an endless one, enough updates to show its shape.

    >>> from tlama_core import Constant, Warmup
    >>> shown_steps(Warmup(1.0, steps=100) >> Constant(1.0))
    125
    """
    return fold(schedule, _shown_of_node)


def _shown_of_node(node: Schedule, shown: list[int]) -> int:
    """Return the `shown_steps` of a node, whose children's are *shown*."""
    if math.isfinite(node.steps):
        return int(node.steps)
    if len(node.phases) > 1:
        return node.starts[-1] + max(shown[-1], node.starts[-1] // 4)
    match node:
        case PowerLaw():
            return math.ceil(10 * node.timescale)
        case Repeated():
            return int(sum(node.cycle_lengths[:4]) or 4 * node.schedule.steps)
        case Sliced():
            return max(0, shown[0] - node.start)
    # A leaf is shown for a while after its last joint.
    return max(shown) if shown else max(piece.start for piece in pieces(node, 0, MAX_STEPS)) * 5 // 4


def _names(name: str, schedules: "Sequence[Drawable]", labels: Sequence[str] | None) -> list[str]:
    """Return a name for each of *schedules*: the labels, or their own texts."""
    if labels is None:
        widest = 160 if len(schedules) == 1 else 70
        texts = map(repr, schedules)
        return [text if len(text) <= widest else f"{text[:widest]}…" for text in texts]
    if isinstance(labels, str) or len(labels) != len(schedules):
        refuse(f"{name}.labels", f"one for each of {len(schedules)} schedules", labels)
    return list(labels)


def _explain(ax: "Axes") -> None:
    """Give *ax* its legend, above the axes and right of the power of ten: names are as long as texts."""
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")


def new_axes(figsize: tuple[float, float], **grid: Any) -> "tuple[Any, Callable[[], None] | None]":
    """Return axes on a new figure, and the function that shows it; None where the backend writes files.

    Under such a backend only the axes refer to the figure, so pyplot keeps none open.
    """
    import matplotlib as mpl
    from matplotlib.backends.registry import BackendFilter, backend_registry
    from matplotlib.figure import Figure

    registry: Any = backend_registry
    if mpl.get_backend().lower() in registry.list_builtin(BackendFilter.NON_INTERACTIVE):
        return Figure(figsize=figsize, layout="constrained").subplots(**grid), None
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained", **grid)[1], plt.show


def drawn_pieces(schedule: "Drawable", total: int) -> list[Piece]:
    """Return the pieces of *schedule* before its end and before *total*; none of a plain callable.

    They are the one source of what is marked, named and drawn exactly.
    """
    if not isinstance(schedule, Schedule):
        return []
    return list(pieces(schedule, 0, int(min(total, schedule.steps))))


def joints(schedule: "Drawable", total: int) -> list[int]:
    """Return the updates below *total* at which the formula of *schedule* changes; none if too many."""
    return _starts(drawn_pieces(schedule, total))


def _starts(found: list[Piece]) -> list[int]:
    """Return where pieces but the first start; nothing where there are too many cycles to list."""
    return [] if any(piece.many for piece in found) else [piece.start for piece in found[1:]]


def curve(schedule: "Drawable", total: int, most: int = DRAWN_POINTS) -> "tuple[Steps, Values]":
    """Return the steps and values to draw up to *total*: all of them, or about *most*, evenly spread.

    Joints stand in it exactly, with the updates before them, so that a jump is drawn as one.
    """
    import numpy as np

    end = last_step(schedule, total)
    drawn = np.linspace(0, end, min(end, most) + 1).round().astype(np.int64)
    near = [step for joint in joints(schedule, total)[: most // 4] for step in (joint - 1, joint)]
    steps = np.union1d(drawn, np.asarray(near, dtype=np.int64))
    return steps, values_at(schedule, steps)


def points(schedule: "Drawable", total: int, interval: int | None) -> "tuple[Steps, Values]":
    """Return the steps and values of a point every *interval* updates; of about twenty where it is None."""
    import numpy as np

    every = interval or max(1, math.ceil(total / 20))
    steps = np.arange(0, last_step(schedule, total) + 1, every, dtype=np.int64)
    return steps, values_at(schedule, steps)


def last_step(schedule: "Drawable", total: int) -> int:
    """Return the last update to draw: a schedule has a value at its end, a table only its entries."""
    return total if isinstance(schedule, Schedule) else total - 1


def values_at(schedule: "Drawable", steps: "Steps") -> "Values":
    """Return the values of a schedule, or of any callable of an integer, at *steps*.

    A callable is called for one step after the other; what it returns must convert to a float.
    """
    import numpy as np

    if isinstance(schedule, Schedule):
        return schedule(steps)
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
    """Return a number of updates the way people say it.

    >>> in_thousands(10_000), in_thousands(1.5e6), in_thousands(3e11)
    ('10k', '1.5M', '300B')
    """
    for size, unit in UNITS:
        if size <= abs(step) < 1e15:
            return f"{step / size:g}{unit}"
    return f"{step:g}"


def mark_phases(ax: "Axes", schedule: "Drawable", total: int) -> None:
    """Mark where the phases of *schedule* meet, also below operators, and name those with room for it.

    A single phase needs no name, and what joins several shapes has none. Of a plain callable nothing is
    known, and nothing marked.
    """
    found = drawn_pieces(schedule, total)
    marks, phases = _starts(found), [piece for piece in found if piece.opens]
    if len(marks) <= MAX_JOINTS:
        at = ax.get_xaxis_transform()
        ax.vlines(marks, 0, 1, transform=at, color="grey", linestyle=":", linewidth=1)
    if len(phases) < 2 or len(found) > LABELLED_PHASES:
        return
    ax.margins(y=0.1)  # room for the names above the curve
    width = ax.get_position().width * ax.figure.get_figwidth()  # type: ignore[union-attr]  # in inches
    style: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": "small", "color": "dimgrey"}
    stops = [*(after.start for after in phases[1:]), found[-1].stop]
    for piece, stop in zip(phases, stops, strict=True):
        name = _phase_name(piece.phase)
        if name and (stop - piece.start) / total * width > 0.09 * (len(name) + 1):
            ax.text((piece.start + stop) / 2, 0.985, name, transform=ax.get_xaxis_transform(), **style)


def _phase_name(phase: Schedule) -> str:
    """Return the shape that a phase is, below its operators; nothing for a join, which has several."""
    shape = innermost(phase)
    return "" if children(shape) else type(shape).__name__
