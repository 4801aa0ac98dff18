"""The leaves: one formula each. Values first, length last, anything else by keyword."""

from tlama_core.shapes.curves import PowerLaw, Warmup
from tlama_core.shapes.tables import Function, Step, through
from tlama_core.shapes.transitions import Cosine, Exponential, Linear, Polynomial, Sqrt, Transition

__all__ = [
    "Cosine",
    "Exponential",
    "Function",
    "Linear",
    "Polynomial",
    "PowerLaw",
    "Sqrt",
    "Step",
    "Transition",
    "Warmup",
    "through",
]
