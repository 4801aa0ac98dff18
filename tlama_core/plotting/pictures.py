"""Whole pictures: one schedule or several, two and their ratio, and what a notebook shows."""

import math
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from tlama_core._fields import as_length, refuse
from tlama_core.algebra import OpenChain, Schedule, require_schedule
from tlama_core.plotting.axes import (
    drawing,
    explain,
    in_thousands,
    label_axes,
    mark_phases,
    middle_cut,
    scale_of,
    scaled_label,
    unmark_phases,
    wrapped,
)
from tlama_core.plotting.curves import DRAWN_POINTS, curve, drawn_steps, shown_steps, values_at

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes

    Values = npt.NDArray[np.float64]

    Drawable = Schedule | Callable[[int], float]

DRAWN_ALIKE = 10
"""Up to so many curves have the colours of matplotlib's cycle, which then begins again; more, a gradient."""

_STYLE_LOCK = threading.Lock()
"""Held while `svg` has its own settings in matplotlib, which has one set of them for all threads."""


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
    with drawing(ax, (8, 4)) as axes:
        scale = scale_of(*(values for _, values in curves))
        for (at, values), name, color in zip(curves, names, _colors(len(curves)), strict=True):
            axes.plot(at, values / scale, label=name, color=color)
        title = _title(axes)
        if title is not None:
            mark_phases(axes, schedules[0], total)
        else:
            unmark_phases(axes)
            explain(axes)
        label_axes(axes, axes.get_title() if title is None else title, scaled_label("Value", scale))
        if log:
            axes.set_yscale("log", nonpositive="mask")
    return axes  # type: ignore[no-any-return]


def _colors(count: int) -> Sequence[object]:
    """Return a colour for each of *count* curves: None, for matplotlib's own, or a gradient."""
    if count <= DRAWN_ALIKE:
        return [None] * count
    import matplotlib as mpl

    return [mpl.colormaps["viridis"](0.95 * i / (count - 1)) for i in range(count)]


def _title(ax: "Axes") -> str | None:
    """Return the title that names the only curve of *ax*; None where a legend has to name the curves.

    That is where there are several, by this call or by those before, or where the caller gave a title. The
    title of a curve that is no longer alone goes.
    """
    names = ax.get_legend_handles_labels()[1]
    if names and ax.get_title() == wrapped(ax, names[0]):
        ax.set_title("")
    return names[0] if len(names) == 1 and not ax.get_title() else None


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
    curves = [curve(schedule, total) for schedule in both]
    at = sorted(set().union(*(drawn_steps(schedule, total, DRAWN_POINTS) for schedule in both)))
    scale = scale_of(*(values for _, values in curves))
    ratio = _ratio(*(values_at(schedule, at) for schedule in both))
    with drawing(None, (8, 5), nrows=2, sharex=True, height_ratios=(2, 1)) as (upper, lower):
        for (drawn, values), name in zip(curves, names, strict=True):
            upper.plot(drawn, values / scale, label=name)
        explain(upper)
        lower.axhline(1.0 / scale_of(ratio), color="grey", linewidth=1)
        lower.plot(np.asarray(at, dtype=np.float64), ratio / scale_of(ratio), color="C2")
        label_axes(upper, "", scaled_label("Value", scale))
        label_axes(lower, "", scaled_label("Ratio", scale_of(ratio)))
        upper.set_xlabel("")
    return upper, lower


def _ratio(first: "Values", second: "Values") -> "Values":
    """Return *second* / *first*; NaN, which is not drawn, where *first* is 0 or the ratio has no float."""
    import numpy as np

    ratio = np.full(len(first), math.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        np.divide(second, first, out=ratio, where=first != 0)
    return np.where(np.isfinite(ratio), ratio, math.nan)


def svg(schedule: Schedule) -> str:
    """Return a small picture of *schedule* as SVG, with its text and its length, for a notebook.

    Equal schedules have equal pictures. Any number of threads may draw at once.

    >>> from tlama_core import Linear
    >>> svg(Linear(1.0, 0.0, steps=10)).splitlines()[-1]
    '</svg>'
    """
    from io import StringIO

    import matplotlib as mpl
    from matplotlib.figure import Figure

    total = _total("svg", (require_schedule("svg.schedule", schedule),), None)
    ax = Figure(figsize=(6, 2.8), layout="constrained").add_subplot()
    at, values = curve(schedule, total, most=260)
    scale = scale_of(values)
    ax.plot(at, values / scale)
    mark_phases(ax, schedule, total)
    label_axes(ax, f"{_shown_text(schedule)}\n{_length(schedule)}", scaled_label("Value", scale))
    drawn = StringIO()
    # Letters as text, and no date: small, and the same for equal schedules.
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "tlama-core"}
    with _STYLE_LOCK, mpl.rc_context(style):
        ax.figure.savefig(drawn, format="svg", metadata={"Date": None})  # type: ignore[union-attr]
    return drawn.getvalue().rstrip()


def notebook(schedule: Schedule) -> dict[str, str]:
    """Return what a notebook shows of *schedule* and what a terminal does, by media type: picture and text.

    The text alone where matplotlib is not installed, or where a `Function` fails.

    >>> from tlama_core import Linear
    >>> sorted(notebook(Linear(1.0, 0.0, steps=10)))
    ['image/svg+xml', 'text/plain']
    """
    shown = {"text/plain": repr(schedule)}
    try:
        shown["image/svg+xml"] = svg(schedule)
    except (ArithmeticError, ImportError, LookupError, TypeError, ValueError):
        return shown
    return shown


def _shown_text(schedule: Schedule) -> str:
    """Return the text of *schedule*, without its middle where it is long, as the title of a picture."""
    return middle_cut(repr(schedule), 160)


def _length(schedule: Schedule) -> str:
    """Return how long *schedule* is.

    >>> from tlama_core import Constant, Linear
    >>> _length(Linear(1.0, 0.0, steps=2_000)), _length(Constant(1.0))
    ('2,000 steps', 'endless')
    """
    if math.isinf(schedule.steps):
        return "endless"
    return f"{schedule.steps:,} steps" if schedule.steps < 1e15 else f"{in_thousands(schedule.steps)} steps"


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


def _names(name: str, schedules: "Sequence[Drawable]", labels: Sequence[str] | None) -> list[str]:
    """Return a name for each of *schedules*: the labels, or their own texts."""
    if labels is None:
        widest = 160 if len(schedules) == 1 else 70
        return [middle_cut(repr(schedule), widest) for schedule in schedules]
    if isinstance(labels, str) or len(labels) != len(schedules):
        refuse(f"{name}.labels", f"one for each of {len(schedules)} schedules", labels)
    return list(labels)
