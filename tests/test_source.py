"""Schedules as plain source: what it says, and that it computes the very same."""

import ast
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Linear,
    Piecewise,
    Polynomial,
    PowerLaw,
    Sqrt,
    Step,
    Warmup,
    to_function,
    to_source,
)
from tlama_core.testing.laws import steps_of
from tlama_core.testing.strategies import schedules

PRETRAIN = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)


@given(schedules(5, functions=False), st.floats(0, 2e3))
def test_source_is_equal_to_the_last_bit(a, fractional):
    fast = to_function(a)
    for step in (*steps_of(a), fractional):
        assert fast(step) == a(step), (a, step)


def test_the_source_reads_like_code_by_hand():
    assert (
        to_source(PRETRAIN, name="rate")
        == '''\
from math import sin


def rate(step):
    """Warmup(0.0003, steps=2000) >> Cosine(0.0003, 3e-05, steps=98000)"""
    if type(step) is not int:
        step = as_step(step)
    if step < 2000:
        if step < 0:
            raise ValueError(f"a step must be >= 0, got {step}")
        return 0.0003 * ((step + 1) / 2000 if step < 1999 else 1.0)
    elif step < 100000:
        t = step - 2000
        x = sin(1.5707963267948966 * ((98000 - t) / 98000))
        return 3e-05 + 0.00026999999999999995 * x * x
    else:
        return 3e-05


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
    )


@pytest.mark.parametrize(
    "a",
    [
        PRETRAIN,
        Piecewise.of([Sqrt(1, 0, 5), Exponential(1, 0.1, 7)] * 50),
        Step(1, {i: i / 20 for i in range(1, 20)}),
    ],
    ids=["short", "long", "steps"],
)
def test_the_source_needs_nothing_but_math_and_bisect(a):
    text = to_source(a)
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert {node.module for node in imports} <= {"math", "bisect"}
    assert "tlama" not in text
    program = f"{text}\nprint(repr([schedule(k) for k in range(0, 300, 7)]))"
    run = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == repr([a(k) for k in range(0, 300, 7)])


@pytest.mark.parametrize(
    "a", [PRETRAIN, PowerLaw(1.0, timescale=4), Constant(1.0, 0)], ids=["finite", "endless", "empty"]
)
def test_the_function_checks_what_the_schedule_checks(a):
    fast = to_function(a)
    for step in (3, 3.5, np.int8(3), np.float32(3.5), np.uint64(3), 10**400, 1e305):
        assert fast(step) == a(step)
        assert type(fast(step)) is float
    for wrong in (
        -1,
        -0.5,
        math.nan,
        -math.inf,
        np.int8(-1),
        True,
        "3",
        None,
        1j,
        [1],
        np.bool_(True),
        np.array([1, 2]),
    ):
        with pytest.raises((ValueError, TypeError)):
            fast(wrong)
    if math.isinf(a.steps):
        with pytest.raises(ValueError, match="endless schedule has no value at step inf"):
            fast(math.inf)
    else:
        assert fast(math.inf) == a(math.inf)


def test_what_has_no_source_says_so():
    with pytest.raises(ValueError, match="a Function has no source, got <built-in function sqrt>"):
        to_source(Constant(1.0, 3) >> Function(math.sqrt))
    with pytest.raises(TypeError, match="to_source.schedule must be a schedule, got 5"):
        to_source(5)


@pytest.mark.parametrize("name", ["", "1x", "a b", "def", "x:\n import os"])
def test_a_name_is_a_python_name(name):
    with pytest.raises(ValueError, match="to_source.name must be a Python name, got"):
        to_source(PRETRAIN, name=name)


@pytest.mark.parametrize("name", ["x", "t", "value", "step", "STARTS"])
def test_any_name_will_do(name):
    scope = {}
    exec(to_source(Piecewise.of([PRETRAIN] * 5), name=name), scope)
    assert scope[name](2_000) == 3e-4


def test_clocks_that_are_too_long_for_floats_stay_exact():
    a = (Polynomial(1.0, 0.0, 10**17, power=2) * 1.0)[5:].stretch(steps=10**16)
    fast = to_function(a)
    for step in (0, 1, 10**15, 10**16 - 1, 0.5, 1e15):
        assert fast(step) == a(step)


def test_a_very_long_text_is_cut_in_the_docstring():
    text = to_source(Piecewise.of([Linear(1.0, 0.0, 10)] * 500))
    docstring = ast.get_docstring(ast.parse(text).body[-2])
    assert len(docstring) < 2_100
    assert docstring.endswith("characters)")


def test_many_different_phases_are_searched_by_halves():
    chain = Piecewise.of([Linear(float(i), 0.0, 3) + Constant(float(i), 2) for i in range(40)])
    fast = to_function(chain)
    assert [fast(t) for t in range(125)] == [chain(t) for t in range(125)]
