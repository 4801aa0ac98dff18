"""The fast path of calls at whole steps: what is called often becomes one plain function.

Like every namespace it knows no node: only that a chain has `starts` and `phases`.
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from tlama_core._evaluation.python_numbers import PYTHON
from tlama_core._evaluation.recorder import MAX_BRANCHES, NoSourceError, compile_formula, compile_schedule
from tlama_core._fields import MAX_STEPS

CALLS_BEFORE_COMPILING = 32
MAX_COMPILED_NODES = 48


def compiled(schedule: Any) -> Callable[[int], float]:
    """Return the value of *schedule* at whole steps >= 0 as a plain function, the fastest there is."""
    end = schedule.steps if math.isfinite(schedule.steps) else MAX_STEPS
    if len(getattr(schedule, "phases", ())) > MAX_BRANCHES:
        return _searching(schedule, end)
    if _is_small(schedule):
        try:
            return compile_schedule(schedule, end)
        except NoSourceError:  # a `Function`, or a value past every float
            pass
    return partial(_walked, schedule, end)


def _walked(schedule: Any, end: float, step: int) -> float:
    return schedule._value(PYTHON, min(end, step))  # type: ignore[no-any-return]


def _searching(chain: Any, end: float) -> Callable[[int], float]:
    """Return a long chain's function: bisection, and one function for all phases of a kind."""
    starts, phases = chain.starts, chain.phases
    calls: list[Callable[[int], float] | None] = [None] * len(phases)
    here: tuple[int, float, Callable[[int], float]] = (0, 0, partial(_walked, chain, end))

    def value(step: int) -> float:
        nonlocal here
        begin, until, call = here  # training walks: most steps fall into the phase of the last one
        if begin <= step < until:
            return call(step - begin)
        if step >= end:
            return _walked(chain, end, step)
        i = bisect_right(starts, step) - 1
        known = calls[i]
        if known is None:
            formula, numbers = phases[i]._kernel()
            if formula is None:
                known = partial(phases[i]._value, PYTHON)
            else:
                known = partial(compile_formula(formula, len(numbers)), *numbers)
            calls[i] = known
        here = (starts[i], starts[i] + phases[i].steps, known)
        return known(step - starts[i])

    return value


def _is_small(schedule: Any) -> bool:
    """Whether a tree has few enough nodes to be worth compiling."""
    found: list[Any] = [schedule]
    for node in found:
        found.extend(islice(node._children(), MAX_COMPILED_NODES))
        if len(found) > MAX_COMPILED_NODES:
            return False
    return True
