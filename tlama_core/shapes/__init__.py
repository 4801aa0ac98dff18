"""The leaves: one formula each. Values first, length last, anything else by keyword."""

from tlama_core.shapes.curves import Geometric, PowerLaw, Warmup
from tlama_core.shapes.tables import Function, Step, through
from tlama_core.shapes.transitions import Cosine, Exponential, Linear, Polynomial, Rex, Sqrt, Transition

__all__ = [
    "Cosine",
    "Exponential",
    "Function",
    "Geometric",
    "Linear",
    "Polynomial",
    "PowerLaw",
    "Rex",
    "Sqrt",
    "Step",
    "Transition",
    "Warmup",
    "through",
]
