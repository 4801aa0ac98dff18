"""The fast path of calls at whole steps: what is called often becomes one plain function.

A long chain is a function of its own, which the source of whatever holds it calls by name: so a scaled or
clamped chain costs what the chain costs, and no part of evaluation asks whether a chain is the root. That
function finds the phase by bisection, remembers it for the next step, and calls one compiled formula for all
phases of a kind, with each one's numbers bound.

A user's function is called by name too, and never while its caller is compiled. Trees of very many nodes
are not compiled: to walk them costs less than to compile what may be called only a few times.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from tlama_core._evaluation.expressions import MAX_BRANCHES, Expression
from tlama_core._evaluation.kernels import Formula
from tlama_core._evaluation.python_numbers import walked
from tlama_core._evaluation.recorder import Compiled, Function, Recorder, TooLargeError
from tlama_core._evaluation.trees import survey
from tlama_core._fields import MAX_STEPS

if TYPE_CHECKING:
    from tlama_core._evaluation import Evaluable

MAX_COMPILED_NODES = 48
"""A tree of more nodes is walked: its source would take longer to compile than its calls are likely to."""


def compile_schedule(schedule: "Evaluable") -> Callable[[int], float]:
    """Return the value of *schedule* at whole steps >= 0 as a plain function, the fastest there is.

    It checks nothing, and from the end on it gives the end value. It is equal to a walk to the last bit.
    """
    end = min(schedule.steps, MAX_STEPS)
    count, shared = survey(schedule, MAX_COMPILED_NODES + 1, MAX_BRANCHES)
    if count > MAX_COMPILED_NODES:
        return lambda step: walked(schedule, min(end, step))
    recorder = Recorder("t", shared=shared, search=search_phases, most=10 * MAX_COMPILED_NODES)
    try:
        result = recorder.unclamped(Expression("t"), schedule, end)
    except TooLargeError:
        return lambda step: walked(schedule, min(end, step))
    return compile_source(recorder.program("def value(t):", result.text), "value", recorder.scope)


def search_phases(starts: Sequence[int], phases: "Sequence[Evaluable]") -> Function:
    """Return a long chain as a function: bisection, and one function for all phases of a formula.

    A phase is made a function when it is first asked for. Threads may share it: what it remembers of the
    last step is one tuple, which is replaced as a whole.
    """
    calls: list[Function | None] = [None] * len(phases)
    here: tuple[float, float, Function] = (0, 0, partial(walked, phases[0]))

    def value(t: float) -> float:
        nonlocal here
        begin, until, call = here  # training walks: most steps fall into the phase of the last one
        if begin <= t < until:
            return call(t - begin)
        i = bisect_right(starts, t) - 1
        begin = starts[i]
        call = calls[i] or _call_of(phases[i])
        calls[i] = call
        here = (begin, begin + phases[i].steps, call)
        return call(t - begin)

    return value


def _call_of(phase: "Evaluable") -> Function:
    """Return the value of one of many phases as a function of its own clock."""
    formula, numbers = phase._kernel()
    if formula is None:
        return partial(walked, phase)
    return partial(compile_formula(formula, len(numbers)), *numbers)


def compile_source(program: str, name: str, scope: "dict[str, Function] | None" = None) -> Compiled:
    """Return the function *name* of a recorded program, which calls those of *scope* by name."""
    namespace: dict[str, object] = dict(scope or {})
    exec(compile(program, f"<{name}>", "exec"), namespace)  # noqa: S102 - recorded: names of ours, and numbers
    return namespace[name]  # type: ignore[return-value]


@cache
def compile_formula(formula: Formula, count: int) -> Compiled:
    """Return *formula* as a plain function of *count* numbers and t: one for all phases of a kind."""
    names = [f"n{i}" for i in range(count)]
    recorder = Recorder(*names, "t")
    result = recorder.let(formula(recorder, Expression("t"), *map(Expression, names)), "value").text
    return compile_source(recorder.program(f"def value({', '.join([*names, 't'])}):", result), "value")
