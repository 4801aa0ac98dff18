"""Questions about a schedule, answered from its curve at whole updates; and `check`, before the run."""

from tlama_core.analysis.findings import check
from tlama_core.analysis.joints import fold, innermost, pieces
from tlama_core.analysis.parts import Piece
from tlama_core.analysis.questions import (
    Bounds,
    Difference,
    bounds,
    breakpoints,
    difference,
    first_step_above,
    first_step_below,
    mean,
)
from tlama_core.analysis.rules import Finding
from tlama_core.analysis.table import Description, Row, describe

__all__ = [
    "Bounds",
    "Description",
    "Difference",
    "Finding",
    "Piece",
    "Row",
    "bounds",
    "breakpoints",
    "check",
    "describe",
    "difference",
    "first_step_above",
    "first_step_below",
    "fold",
    "innermost",
    "mean",
    "pieces",
]
