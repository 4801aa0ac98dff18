"""A composable schedule algebra: what a hyper-parameter does over training time, as a value.

A schedule is a small immutable object. It is built from shapes (`Warmup`, `Cosine`, `Linear`, …) by operators
(`>>` in time; `*`, `+`, `maximum`, `minimum` in value), and called with the number of an optimizer update,
counted from 0. Past its end it holds its end value.

>>> from tlama_core import Cosine, Warmup
>>> schedule = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
>>> schedule
Warmup(0.0003, steps=2000) >> Cosine(0.0003, 3e-05, steps=98000)
>>> schedule(2_000), schedule(10**9)
(0.0003, 3e-05)

What is known about a schedule is asked with functions: `bounds`, `mean`, `check`, `describe`. `parse` reads
the text that `repr` prints. Four rooms have doors of their own:

- `tlama_core.training`: functions that build the usual schedules from a trainer's arguments
- `tlama_core.plotting`: pictures
- `tlama_core.testing`: the laws of the algebra, and random schedules to try them on
- `tlama_core.adapters`: torch, Keras, pydantic, jsonargparse; each is imported by its own full name

Importing the package loads attrs and nothing else third-party.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tlama_core.algebra import (
    Constant,
    Maximum,
    Minimum,
    OpenScheduleError,
    Piecewise,
    Product,
    Quantized,
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
    Geometric,
    Linear,
    Polynomial,
    PowerLaw,
    Rex,
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
    from tlama_core.plans import consumed, cooldown, in_updates, retarget, updates_for
    from tlama_core.source import to_function, to_source
    from tlama_core.text import Limits, ParseError, as_schedule, fingerprint, from_dict, parse, to_dict

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
    "Geometric",
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
    "Quantized",
    "Repeated",
    "Rex",
    "Scaled",
    "Schedule",
    "Sliced",
    "Sqrt",
    "Step",
    "Stretched",
    "Sum",
    "Warmup",
    "as_schedule",
    "bounds",
    "breakpoints",
    "check",
    "consumed",
    "cooldown",
    "describe",
    "difference",
    "fingerprint",
    "first_step_above",
    "first_step_below",
    "from_dict",
    "in_updates",
    "maximum",
    "mean",
    "minimum",
    "parse",
    "retarget",
    "through",
    "to_dict",
    "to_function",
    "to_source",
    "updates_for",
]

_ROOMS = {
    "Bounds": "analysis",
    "Description": "analysis",
    "Difference": "analysis",
    "Finding": "analysis",
    "Limits": "text",
    "ParseError": "text",
    "as_schedule": "text",
    "bounds": "analysis",
    "breakpoints": "analysis",
    "check": "analysis",
    "consumed": "plans",
    "cooldown": "plans",
    "describe": "analysis",
    "difference": "analysis",
    "fingerprint": "text",
    "first_step_above": "analysis",
    "first_step_below": "analysis",
    "from_dict": "text",
    "in_updates": "plans",
    "mean": "analysis",
    "parse": "text",
    "retarget": "plans",
    "to_dict": "text",
    "to_function": "source",
    "to_source": "source",
    "updates_for": "plans",
}


def __getattr__(name: str) -> object:
    """Import what not every program needs when it is asked for: importing the package stays light.

    A name that is not in `__all__` is an `AttributeError`, as in any module.
    """
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names, also those that have not been imported yet."""
    return __all__
