"""A composable schedule algebra: what a hyper-parameter does over training time, as a value."""

from importlib import import_module
from typing import TYPE_CHECKING

from tlama_core.algebra import (
    Constant,
    Maximum,
    Minimum,
    OpenScheduleError,
    Piecewise,
    Product,
    Repeated,
    Scaled,
    Schedule,
    Sliced,
    Stretched,
    Sum,
    maximum,
    minimum,
)
from tlama_core.shapes import (
    Cosine,
    Exponential,
    Function,
    Linear,
    Polynomial,
    PowerLaw,
    Sqrt,
    Step,
    Warmup,
    through,
)

if TYPE_CHECKING:
    from tlama_core.analysis import (
        Bounds,
        Description,
        Difference,
        Finding,
        bounds,
        breakpoints,
        check,
        describe,
        difference,
        first_step_above,
        first_step_below,
        mean,
    )
    from tlama_core.plans import cooldown, retarget
    from tlama_core.source import to_function, to_source
    from tlama_core.text import Limits, ParseError, fingerprint, from_dict, parse, to_dict

__version__ = "0.1.0"

__all__ = [
    "Bounds",
    "Constant",
    "Cosine",
    "Description",
    "Difference",
    "Exponential",
    "Finding",
    "Function",
    "Limits",
    "Linear",
    "Maximum",
    "Minimum",
    "OpenScheduleError",
    "ParseError",
    "Piecewise",
    "Polynomial",
    "PowerLaw",
    "Product",
    "Repeated",
    "Scaled",
    "Schedule",
    "Sliced",
    "Sqrt",
    "Step",
    "Stretched",
    "Sum",
    "Warmup",
    "bounds",
    "breakpoints",
    "check",
    "cooldown",
    "describe",
    "difference",
    "fingerprint",
    "first_step_above",
    "first_step_below",
    "from_dict",
    "maximum",
    "mean",
    "minimum",
    "parse",
    "retarget",
    "through",
    "to_dict",
    "to_function",
    "to_source",
]

_ROOMS = {
    "Bounds": "analysis",
    "Description": "analysis",
    "Difference": "analysis",
    "Finding": "analysis",
    "Limits": "text",
    "ParseError": "text",
    "bounds": "analysis",
    "breakpoints": "analysis",
    "check": "analysis",
    "cooldown": "plans",
    "describe": "analysis",
    "difference": "analysis",
    "fingerprint": "text",
    "first_step_above": "analysis",
    "first_step_below": "analysis",
    "from_dict": "text",
    "mean": "analysis",
    "parse": "text",
    "retarget": "plans",
    "to_dict": "text",
    "to_function": "source",
    "to_source": "source",
}


def __getattr__(name: str) -> object:
    """Import what not every program needs when it is asked for: importing the package stays light."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
