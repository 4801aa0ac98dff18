"""Schedules as plain Python source, and as plain Python functions."""

import builtins
import keyword
import math
from collections.abc import Callable

from tlama_core._evaluation.expressions import Expression
from tlama_core._evaluation.fast_calls import compile_source
from tlama_core._evaluation.recorder import Recorder
from tlama_core._evaluation.trees import survey
from tlama_core._fields import refuse, short_repr
from tlama_core.algebra import Schedule, require_schedule

_AS_STEP = '''

def as_step(step):
    """Return a step as a number >= 0, or refuse it."""
    if hasattr(step, "item"):
        step = step.item()
    if not isinstance(step, float):
        if isinstance(step, bool) or not hasattr(step, "__index__"):
            raise TypeError(f"a step must be a number, got a {type(step).__name__}")
        step = step.__index__()
    elif step.is_integer():
        step = int(step)
    if not step >= 0:
        raise ValueError(f"a step must be >= 0, got {step}")
    return step
'''

_KIND = """    if type(step) is not int:
        step = as_step(step)"""
_SIGN = """if step < 0:
    raise ValueError(f"a step must be >= 0, got {step}")"""
_ENDLESS = """    if step > 1e300:
        if step == float("inf"):
            raise ValueError("an endless schedule has no value at step inf")
        step = 10**300"""

_TAKEN = {"as_step", "bisect_right", *dir(builtins), *dir(math)}

MAX_DOCSTRING = 2_000


def to_source(schedule: Schedule, name: str = "schedule") -> str:
    """Return *schedule* as a Python function called *name*, which needs only `math` and `bisect`.

    The function takes one number, refuses what the schedule refuses, and is equal to the schedule to the
    last bit. Paste it into any code base.

    Raises `ValueError` where the schedule holds a `Function`, which has no source.

    >>> from tlama_core import Linear
    >>> print(to_source(Linear(1.0, 0.0, steps=10), name="rate").partition("def as_step")[0].rstrip())
    def rate(step):
        \"\"\"Linear(1.0, 0.0, steps=10)\"\"\"
        if type(step) is not int:
            step = as_step(step)
        if step < 10:
            if step < 0:
                raise ValueError(f"a step must be >= 0, got {step}")
            return 0.0 + 1.0 * ((10 - step) / 10)
        else:
            return 0.0
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        refuse("to_source.name", "a Python name", name)
    if name in _TAKEN:
        refuse("to_source.name", "a name that its source does not use itself", name)
    endless = math.isinf(require_schedule("to_source.schedule", schedule).steps)
    recorder = Recorder(name, "step", shared=survey(schedule)[1])
    result = recorder.unclamped(Expression("step"), schedule, schedule.steps, _SIGN)
    head = [
        f"def {name}(step):",
        f'    """{short_repr(schedule, MAX_DOCSTRING)}"""',
        _KIND,
        *[_ENDLESS] * endless,
    ]
    return recorder.program("\n".join(head), result.text) + _AS_STEP


def to_function(schedule: Schedule) -> Callable[[float], float]:
    """Return *schedule* as a plain function of one number: `to_source(schedule)`, compiled.

    It is about as fast as code written by hand, and equal to the schedule to the last bit.

    >>> from tlama_core import Cosine, Warmup
    >>> schedule = Warmup(1.0, steps=10) >> Cosine.to(0.0, steps=90)
    >>> fast = to_function(schedule)
    >>> fast(42) == schedule(42)
    True
    """
    return compile_source(to_source(schedule), "schedule")
