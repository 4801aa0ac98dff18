"""Pictures of schedules on matplotlib axes; matplotlib is imported when something is drawn."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tlama_core.algebra import Piecewise, Schedule
from tlama_core.analysis import core, pieces

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes

    Steps = npt.NDArray[np.int64]
    Values = npt.NDArray[np.float64]

DRAWN_POINTS = 2_000
LABELLED_PHASES = 12
MOST_JOINTS = 500


def new_axes(figsize: tuple[float, float]) -> "tuple[Axes, Callable[[], None] | None]":
    """Return axes on a new figure, and what shows it: None where the backend only writes files.

    Under such a backend the figure belongs to its axes alone, so that none is left open in pyplot.
    """
    import matplotlib as mpl
    from matplotlib.backends.registry import BackendFilter, backend_registry
    from matplotlib.figure import Figure

    registry: Any = backend_registry
    if mpl.get_backend().lower() in registry.list_builtin(BackendFilter.NON_INTERACTIVE):
        return Figure(figsize=figsize, layout="constrained").add_subplot(), None
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1], plt.show


def joints(schedule: Callable[[int], float], total: int) -> list[int]:
    """Return the updates below *total* at which *schedule* changes its formula, where it tells."""
    if not isinstance(schedule, Schedule):
        return []
    found = list(pieces(schedule, 0, int(min(total, schedule.steps))))
    return [] if any(piece.many for piece in found) else [piece.start for piece in found[1:]]


def curve(schedule: Callable[[int], float], total: int) -> "tuple[Steps, Values]":
    """Return what to draw over updates 0 to *total*: all, or a few thousand, every joint exact."""
    import numpy as np

    end = last_step(schedule, total)
    drawn = np.linspace(0, end, min(end, DRAWN_POINTS) + 1).round().astype(np.int64)
    near = [step for joint in joints(schedule, total)[:MOST_JOINTS] for step in (joint - 1, joint)]
    steps = np.union1d(drawn, np.asarray(near, dtype=np.int64))
    return steps, values_at(schedule, steps)


def points(schedule: Callable[[int], float], total: int, interval: int | None) -> "tuple[Steps, Values]":
    """Return a point every *interval* updates; about twenty of them where it is None."""
    import numpy as np

    every = interval or max(1, math.ceil(total / 20))
    steps = np.arange(0, last_step(schedule, total) + 1, every, dtype=np.int64)
    return steps, values_at(schedule, steps)


def draw(ax: "Axes", schedule: Callable[[int], float], total: int, **line: Any) -> None:
    """Draw *schedule* over updates 0 to *total*."""
    ax.plot(*curve(schedule, total), **line)


def last_step(schedule: Callable[[int], float], total: int) -> int:
    """Return the last update to draw: a schedule also has an end value, a table only its entries."""
    return total if isinstance(schedule, Schedule) else total - 1


def values_at(schedule: Callable[[int], float], steps: "Steps") -> "Values":
    """Return the values of a schedule, or of any callable of an integer, at *steps*."""
    import numpy as np

    if isinstance(schedule, Schedule):
        return schedule(steps)  # type: ignore[no-any-return]
    return np.asarray([float(schedule(step)) for step in steps.tolist()])


def label_axes(ax: "Axes", title: str, ylabel: str) -> None:
    """Give *ax* its title, its labels, and ticks such as 10k, 1.5M, 300G."""
    from matplotlib.ticker import EngFormatter

    ax.set(title=title, xlabel="Step", ylabel=ylabel)
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.ticklabel_format(axis="y", style="scientific", scilimits=(-3, 4))
    ax.margins(x=0.01)
    ax.grid(visible=True, linestyle="--", alpha=0.5)


def mark_phases(ax: "Axes", schedule: Callable[[int], float], total: int) -> None:
    """Mark where the phases of *schedule* meet, and name those wide enough for a name."""
    marks = joints(schedule, total)
    if len(marks) <= MOST_JOINTS:
        at = ax.get_xaxis_transform()
        ax.vlines(marks, 0, 1, transform=at, color="grey", linestyle=":", linewidth=1)
    if not isinstance(schedule, Piecewise) or len(marks) >= LABELLED_PHASES:
        return
    ax.margins(y=0.1)  # room for the names above the curve
    style: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": "small", "color": "dimgrey"}
    for phase, start in zip(schedule.phases, schedule.starts, strict=True):
        name, stop = type(core(phase)).__name__, min(start + phase.steps, total)
        if (stop - start) / total > 0.012 * len(name):
            ax.text((start + stop) / 2, 0.985, name, transform=ax.get_xaxis_transform(), **style)
