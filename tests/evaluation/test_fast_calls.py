"""Calls of whole steps: compiled on the way, and as fast inside of a tree as alone."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Function,
    Linear,
    Piecewise,
    PowerLaw,
    maximum,
    to_function,
    to_source,
)
from tlama_core._evaluation.fast_calls import MAX_COMPILED_NODES, compile_schedule
from tlama_core._evaluation.python_numbers import value_at
from tlama_core.algebra import CALLS_BEFORE_COMPILING
from tlama_core.testing.laws import steps_of
from tlama_core.testing.strategies import leaves, schedules

AROUND = {
    "scaled": lambda a: -0.5 * a,
    "clamped": lambda a: a.clamp(-0.3, 0.4),
    "added": lambda a: a + a[1:],
    "multiplied": lambda a: a * a,
    "repeated": lambda a: a.repeat(3, gain=-0.5),
    "grown": lambda a: a.repeat(3, growth=2),
    "cut": lambda a: (1.0 * a)[2:],
    "stretched": lambda a: (0.1 + a).stretch(steps=3 * int(a.steps) + 1),
    "chained": lambda a: Constant(1.0, 3) >> 0.5 * a >> Linear.to(0.0, 4),
}
long_chains = st.lists(leaves(endless=False), min_size=9, max_size=20).map(Piecewise.of)
around = pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)


def test_what_is_called_often_is_compiled_and_nobody_can_tell():
    @given(schedules(5))
    def holds(a):
        steps = [t for t in steps_of(a) if t < 10**6]
        before = [value_at(a, t) for t in steps]
        for _ in range(CALLS_BEFORE_COMPILING + 2):
            a(0)
        assert [a(t) for t in steps] == before
        assert a._fast is not None

    holds()


@around
@given(long_chains.filter(lambda a: a.steps >= 3), st.data())
def test_what_holds_a_long_chain_is_compiled_to_the_last_bit(around, a, data):
    """A long chain is called by name: under any operator, past the end too, and with users' functions."""
    tree = around(a)
    fast = compile_schedule(tree)
    steps = [*steps_of(tree), data.draw(st.integers(0, int(tree.steps) + 5))]
    assert [fast(t) for t in steps] == [value_at(tree, t) for t in steps]


@around
def test_compiling_enters_no_long_chain(around):
    """The source of what holds a chain is no longer for more phases: they are one call."""
    compiled = compile_schedule(around(Piecewise.of([Linear(1.0, i / 7, 10) for i in range(500)])))
    names = compiled.__code__.co_names + compiled.__code__.co_varnames
    assert any(name.startswith("chain") for name in compiled.__globals__)
    assert len(names) < 30


@given(st.integers(0, 400))
def test_a_long_chain_is_compiled_by_kind(step):
    phases = [Cosine(1.0 + i % 7, 0.5, 10) if i % 3 else Linear(0, 1, 4) + 1 for i in range(40)]
    chain = Piecewise.of(phases)
    wide = 1.0 * chain
    assert [compile_schedule(a)(step) for a in (chain, wide)] == [value_at(chain, step)] * 2


def test_a_schedule_past_every_float_is_still_called():
    huge = 1e300 * Constant(1e300, 5)
    assert [huge(0) for _ in range(CALLS_BEFORE_COMPILING + 3)][-1] == math.inf
    assert to_function(-1.0 * huge)(7) == -math.inf
    assert math.isnan(to_function(huge + -1.0 * huge)(3))


@given(st.sampled_from([1e300, -1e300, 5e-324]), st.integers(0, 12))
def test_infinite_values_enter_the_source_by_name(factor, step):
    a = factor * (1e200 * Linear(1.0, 2.0, 9)) + 0.0
    assert to_function(a)(step) == a(step)
    assert "from math import inf" in to_source(1e300 * Constant(1e300, 5))


def test_a_tree_too_large_to_compile_is_walked():
    a = sum((Linear(1.0, 0.0, 10 + i) for i in range(MAX_COMPILED_NODES)), Constant(1.0))
    assert [a(k) for k in range(3 * CALLS_BEFORE_COMPILING)] == [
        value_at(a, k) for k in range(3 * CALLS_BEFORE_COMPILING)
    ]


@pytest.mark.parametrize("before", [0, 1, 20])
@pytest.mark.parametrize("around", [lambda a: a, lambda a: 1.0 * a, lambda a: maximum(a, 0.0)])
def test_compiling_asks_a_function_for_no_step_that_nobody_asked_for(before, around):
    """A table without an end is only ever asked for the entries that are called."""
    table = [0.1, 0.2, 0.3]
    a = around(Piecewise.of([*[Constant(1.0, 1)] * before, Function(table.__getitem__)]))
    for _ in range(CALLS_BEFORE_COMPILING + 5):
        assert a(before + 2) == 0.3
    with pytest.raises(IndexError):
        a(before + 3)
    with pytest.raises(ValueError, match="a Function has no source"):
        to_source(a)


def test_compiling_calls_no_function_of_the_user():
    asked = []
    ends = 2.0 * (Constant(1.0, 5) >> Function(lambda t: asked.append(t) or 3.0, 4))
    fast = compile_schedule(ends)
    assert asked == []
    assert [fast(5), fast(10**9)] == [6.0, 6.0]
    assert asked == [0, 3]


def test_a_long_chain_without_an_end_is_called_anywhere():
    chain = Piecewise.of([*[Linear(1.0, 0.5, 3)] * 20, PowerLaw(1.0, timescale=4)])
    for a in (chain, 0.5 * chain):
        fast = compile_schedule(a)
        for step in (0, 59, 60, 61, 10**18, 10**400):
            assert fast(step) == value_at(a, min(step, 10**300))


@given(st.permutations(range(60)))
def test_a_long_chain_meets_its_steps_in_any_order(order):
    chain = Piecewise.of([Linear(float(i), 0.0, 3) for i in range(20)])
    fast = compile_schedule(chain)
    assert [fast(t) for t in order] == [chain(np.array(t)).item() for t in order]
