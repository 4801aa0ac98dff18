"""Pictures of schedules on matplotlib axes; matplotlib is imported when something is drawn."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tlama_core.algebra import Piecewise, Schedule

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes

DRAWN_POINTS = 2_000
LABELLED_PHASES = 12


def new_axes(figsize: tuple[float, float]) -> "tuple[Axes, Callable[[], None]]":
    """Return axes on a new figure, and what shows it: nothing where the backend only writes files.

    Under such a backend the figure belongs to its axes alone, so that none is left open in pyplot.
    """
    import matplotlib as mpl
    from matplotlib.backends.registry import BackendFilter, backend_registry
    from matplotlib.figure import Figure

    registry: Any = backend_registry
    if mpl.get_backend().lower() in registry.list_builtin(BackendFilter.NON_INTERACTIVE):
        return Figure(figsize=figsize, layout="constrained").add_subplot(), lambda: None
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1], plt.show


def boundaries(schedule: Callable[[int], float], total: int) -> list[int]:
    """Return the updates below *total* at which a new phase of *schedule* begins, where it tells."""
    if not isinstance(schedule, Piecewise):
        return []
    return [start for start in schedule.starts[1:] if 0 < start < total]


def draw(ax: "Axes", schedule: Callable[[int], float], total: int, **line: Any) -> None:
    """Draw *schedule* over updates 0 to *total*: every update, or a few thousand, every joint exact."""
    import numpy as np

    joints, end = boundaries(schedule, total), last_step(schedule, total)
    drawn = np.linspace(0, end, min(end, DRAWN_POINTS) + 1).round().astype(np.int64)
    around = np.asarray([step for joint in joints for step in (joint - 1, joint)], dtype=np.int64)
    steps = np.union1d(drawn, around)
    ax.plot(steps, values_at(schedule, steps), **line)
    ax.margins(x=0.01)


def last_step(schedule: Callable[[int], float], total: int) -> int:
    """Return the last update to draw: a schedule also has an end value, a table only its entries."""
    return total if isinstance(schedule, Schedule) else total - 1


def values_at(schedule: Callable[[int], float], steps: "npt.NDArray[np.int64]") -> "npt.NDArray[np.float64]":
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
    ax.grid(visible=True, linestyle="--", alpha=0.5)


def mark_phases(ax: "Axes", schedule: Callable[[int], float], total: int) -> None:
    """Mark where the phases of *schedule* meet, and name those wide enough for a name."""
    joints = boundaries(schedule, total)
    for joint in joints:
        ax.axvline(joint, color="grey", linestyle=":", linewidth=1)
    if not isinstance(schedule, Piecewise) or len(joints) >= LABELLED_PHASES:
        return
    phases = [p for p, s in zip(schedule.phases, schedule.starts, strict=True) if p.steps and s < total]
    ax.margins(y=0.1)  # room for the names above the curve
    for phase, (start, stop) in zip(phases, pairwise([0, *joints, total]), strict=False):
        name = _shape_of(phase)
        if (stop - start) / total > 0.012 * len(name):
            ax.text(
                (start + stop) / 2,
                0.985,
                name,
                transform=ax.get_xaxis_transform(),
                ha="center",
                va="top",
                fontsize="small",
                color="dimgrey",
            )


def _shape_of(phase: Schedule) -> str:
    """Return the name of the shape that a cut, stretched or scaled phase still is."""
    while len(parts := phase._parts()) == 1:
        (phase,) = parts
    return type(phase).__name__


def draw_points(ax: "Axes", schedule: Callable[[int], float], total: int, interval: int | None) -> None:
    """Draw a point every *interval* updates; about twenty of them where it is None."""
    import numpy as np

    every = interval or max(1, math.ceil(total / 20))
    points = np.arange(0, last_step(schedule, total) + 1, every, dtype=np.int64)
    ax.plot(points, values_at(schedule, points), "o", color="C0", markersize=4)
