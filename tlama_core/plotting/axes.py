"""The axes around a curve: title, ticks, marks of phases, legend; every name fits the room there is.

Names of schedules are their texts, and so may be long: a title wraps between phases and is cut to the room
above the axes, and a legend stands outside of them. A dollar sign is a dollar sign. Marks of phases are left
out where they would be so many that they hide the curve. Axes that are used again name all of their curves.

A figure that nobody asked for is shown where the backend shows figures, and closed where drawing fails, so
that a mistake leaves nothing open.
"""

import math
import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from tlama_core.algebra import Schedule, children
from tlama_core.analysis import innermost
from tlama_core.plotting.curves import drawn_pieces, joints

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes

    Drawable = Schedule | Callable[[int], float]

LABELLED_PHASES = 12
"""The phases of a picture are named if they are no more than this."""

MARK_GAP = 12
"""Joints are marked where they are this many points apart, on average: more marks would hide the curve."""

LISTED_ABOVE = 4
"""A legend stands above the axes if it names no more curves than this, and right of them if it does."""

TITLE_LINES = 4
"""A title has at most as many lines as this."""

PHASE_MARK = "_phase"
"""The label of marks and names of phases, to find them again; for its underscore, no legend shows it."""

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


@contextmanager
def drawing(ax: "Axes | None", figsize: tuple[float, float], **grid: Any) -> Iterator[Any]:
    """Give axes to draw on: *ax*, or those of a new figure, shown at the end where there is a screen.

    Under a backend that writes files, only the axes refer to the new figure, so pyplot keeps none open. What
    fails while it is drawn leaves no figure open either.
    """
    if ax is not None:
        yield ax
        return
    import matplotlib as mpl
    from matplotlib.backends.registry import BackendFilter, backend_registry
    from matplotlib.figure import Figure

    registry: Any = backend_registry
    if mpl.get_backend().lower() in registry.list_builtin(BackendFilter.NON_INTERACTIVE):
        yield Figure(figsize=figsize, layout="constrained").subplots(**grid)
        return
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=figsize, layout="constrained", **grid)
    try:
        yield axes
    except BaseException:
        plt.close(figure)
        raise
    plt.show()


def label_axes(ax: "Axes", title: str, ylabel: str) -> None:
    """Give *ax* its title, its labels, and ticks such as 10k, 1.5M, 300B.

    The title is wrapped between phases so that it is no wider than the axes; dollar signs are literal.
    """
    ax.set(xlabel="Step", ylabel=ylabel)
    for text in (ax.title, ax.xaxis.label, ax.yaxis.label):
        text.set_parse_math(False)
    ax.title.set_fontsize("medium")
    ax.title.set_text(wrapped(ax, title))
    ax.xaxis.set_major_formatter(in_thousands)
    if ax.get_yscale() == "linear":
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


def scale_of(*curves: "npt.NDArray[np.float64]") -> float:
    """Return what to divide the values of *curves* by: 1, or 1e100 where they near the largest float.

    >>> import numpy as np
    >>> scale_of(np.array([1e308, -1e308]))
    1e+100
    """
    import numpy as np

    highest = max(float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0)) for values in curves)
    return 1e100 if highest > 1e300 else 1.0


def scaled_label(label: str, scale: float) -> str:
    """Return the *label* of an axis whose values are divided by *scale*."""
    return label if scale == 1 else f"{label} / {scale:g}"


def room(ax: "Axes") -> tuple[float, float]:
    """Return the width and height of *ax* in points, as long as nothing is laid out."""
    box, dpi = ax.get_window_extent(), ax.figure.dpi
    return box.width / dpi * 72, box.height / dpi * 72


def width_of(text: str, size: float) -> float:
    """Return the width in points of *text* in letters of *size* points, a little more than it is drawn."""
    return 0.105 * size * sum(map(_letter_width, text))


@cache
def _letter_width(letter: str) -> float:
    """Return how far *letter*, in 10 points, moves the next one; one that the font may lack is a wide one."""
    from matplotlib.textpath import TextPath

    plain = letter if " " <= letter <= "~" and letter not in "$\\" else "M"
    wide, narrow = (TextPath((0, 0), text, size=10).get_extents().width for text in (f"|{plain}|", "||"))
    return float(wide - narrow)


def wrapped(ax: "Axes", title: str) -> str:
    """Return *title* in lines that are no wider than *ax*, broken between phases where it can be."""
    width, size = room(ax)[0], float(ax.title.get_fontsize())
    lines = str(title).splitlines()
    most = max(map(len, lines), default=0)
    while most > 1 and any(width_of(line, size) > width for line in lines):
        most = min(most - 1, int(most * 0.95))
        lines = [line for paragraph in str(title).splitlines() for line in _broken(paragraph, most)]
    fit = _title_lines(ax)
    if len(lines) > fit:
        lines = [*lines[: fit - 1], f"{lines[fit - 1][:-1]}…"]
    return "\n".join(lines)


def _title_lines(ax: "Axes") -> int:
    """Return how many lines a title of *ax* may have: only a figure with a layout makes room for more."""
    figure = ax.get_figure(root=True)
    if figure is None or figure.get_layout_engine() is not None:
        return TITLE_LINES
    above = (figure.bbox.y1 - ax.get_window_extent().y1) / figure.dpi * 72
    return max(1, min(TITLE_LINES, int((above - 18) / (1.2 * float(ax.title.get_fontsize())))))


def _broken(text: str, most: int) -> list[str]:
    """Return *text* in lines of at most *most* characters, broken before `>>` where that is possible."""
    lines: list[str] = []
    for phase in re.split(r" (?=>> )", text):
        if lines and len(lines[-1]) + 1 + len(phase) <= most:
            lines[-1] += f" {phase}"
        else:
            lines += textwrap.wrap(phase, most)
    return lines


def shortened(name: str, width: float, size: float) -> str:
    """Return *name* without its middle where it is wider than *width* points in letters of *size*."""
    kept = len(name)
    while kept > 4 and width_of(text := middle_cut(name, kept), size) > width:
        kept = min(kept - 1, int(kept * max(0.5, width / width_of(text, size))))
    return middle_cut(name, kept)


def middle_cut(name: str, most: int) -> str:
    """Return *name* if it has at most *most* characters, else its beginning and its end.

    >>> middle_cut("Warmup(0.1, steps=10)", 12)
    'Warmup(…=10)'
    """
    if len(name) <= most:
        return name
    tail = (most - 1) * 2 // 5
    return f"{name[: most - 1 - tail]}…{name[len(name) - tail :]}"


def explain(ax: "Axes") -> None:
    """Give *ax* its legend, outside: above the axes, or right of them where many curves have names.

    Names are shortened to the room there is. Of more curves than fit, every second, third, … is named.
    """
    handles, names = ax.get_legend_handles_labels()
    width, height = room(ax)
    style: dict[str, Any] = {"frameon": False, "fontsize": "small"}
    size, every = 8.5, 1
    if len(names) <= LISTED_ABOVE:
        style |= {"loc": "lower right", "bbox_to_anchor": (1, 1)}
        width -= 4 * size
    else:
        rows = max(1, int(height / (1.5 * size)))
        width = 0.35 * width - 4 * size
        widest = max(width_of(name, size) for name in names)
        columns = 2 if len(names) > rows and widest < width / 2 - 4 * size else 1
        every = math.ceil(len(names) / (columns * rows))
        style |= {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "ncols": columns, "borderaxespad": 0}
        figure = ax.get_figure(root=True)
        if figure is not None and figure.get_layout_engine() is None:
            figure.set_layout_engine("constrained")  # without one, what is outside would be cut off
    shown = [shortened(name, width, size) for name in names[::every]]
    legend = ax.legend(handles[::every], shown, title=f"one in {every}" if every > 1 else None, **style)
    for text in legend.get_texts():
        text.set_parse_math(False)


def mark_phases(ax: "Axes", schedule: "Drawable", total: int) -> None:
    """Mark where the phases of *schedule* meet, also below operators, and name those with room for it.

    Where the marks would hide the curve there are none. A single phase needs no name, and what joins
    several shapes has none. Of a plain callable nothing is known, and nothing marked.
    """
    found = drawn_pieces(schedule, total)
    width = room(ax)[0]
    marks, phases = joints(found), [piece for piece in found if piece.opens]
    at = ax.get_xaxis_transform()
    if 0 < len(marks) <= max(2, width / MARK_GAP):
        where = [float(mark) for mark in marks]
        style: dict[str, Any] = {"color": "grey", "linestyle": ":", "linewidth": 1, "label": PHASE_MARK}
        ax.vlines(where, 0, 1, transform=at, **style)
    if len(phases) < 2 or len(found) > LABELLED_PHASES:
        return
    ax.margins(y=0.1)  # room for the names above the curve
    style = {"ha": "center", "va": "top", "fontsize": "small", "color": "dimgrey", "label": PHASE_MARK}
    stops = [*(after.start for after in phases[1:]), found[-1].stop]
    for piece, stop in zip(phases, stops, strict=True):
        name = _phase_name(piece.phase)
        if name and (stop - piece.start) / total * width > 6.5 * (len(name) + 1):
            ax.text((piece.start + stop) / 2, 0.985, name, transform=at, **style)


def unmark_phases(ax: "Axes") -> None:
    """Take away what `mark_phases` put on *ax*: it is of one curve, and now there are several."""
    for artist in [*ax.collections, *ax.texts]:
        if artist.get_label() == PHASE_MARK:
            artist.remove()


def _phase_name(phase: Schedule) -> str:
    """Return the shape that a phase is, below its operators; nothing for a join, which has several."""
    shape = innermost(phase)
    return "" if children(shape) else type(shape).__name__
