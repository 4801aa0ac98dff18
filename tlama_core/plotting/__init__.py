"""Pictures of schedules on matplotlib axes; matplotlib is imported when something is drawn."""

from tlama_core.plotting.axes import drawing, in_thousands, label_axes, mark_phases
from tlama_core.plotting.curves import DRAWN_POINTS, curve, points, shown_steps
from tlama_core.plotting.pictures import compare, notebook, plot, require_callable, svg

__all__ = [
    "DRAWN_POINTS",
    "compare",
    "curve",
    "drawing",
    "in_thousands",
    "label_axes",
    "mark_phases",
    "notebook",
    "plot",
    "points",
    "require_callable",
    "shown_steps",
    "svg",
]
