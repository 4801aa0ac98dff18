"""Staircases, functions and points."""

import math
import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Function,
    Linear,
    Polynomial,
    Step,
    Warmup,
    through,
)


def test_a_staircase_drops_at_its_times():
    a = Step(2.0, {60: 0.01, 30: 0.1}, 90)
    assert [a(t) for t in (0, 29, 29.9, 30, 59, 60, 90, 10**6)] == [2, 2, 2, 0.2, 0.2, 0.02, 0.02, 0.02]
    assert a(np.array([30, 29, 60])).tolist() == [0.2, 2.0, 0.02]
    assert a == Step(2.0, [(30, 0.1), (60, 0.01)], 90) == Step(2.0, iter(a.drops), 90)
    assert Step.every(1.0, gamma=0.5, interval=30) == Constant(1.0, 30).repeat(gain=0.5)


def test_a_staircase_may_be_written_by_its_values():
    assert Step.values({0: 0.1, 60: 0.0, 30: 0.05}) == (
        Constant(0.1, 30) >> Constant(0.05, 30) >> Constant(0.0)
    )
    assert Step.values([(0, 0.1)]) == Constant(0.1)
    assert Step.values({0: 0.0, 5: 1.0})(5) == 1.0  # from 0, where no factor leads anywhere


def test_a_staircase_starts_where_the_phase_before_it_ends():
    before = Linear(0.0, 2.0, 10)
    assert before >> Step.from_here({3: 0.5}, 9) == before >> Step(2.0, {3: 0.5}, 9)
    assert before >> Step.every_from_here(0.5, 30) == before >> Step.every(2.0, 0.5, 30)
    assert repr(Step.every_from_here(1, 3e1)) == "Step.every_from_here(gamma=1.0, interval=30)"
    assert repr(Step.from_here([(3, 0.5)]) >> Linear.to(0, 5)) == (
        "Step.from_here({3: 0.5}) >> Linear.to(0.0, steps=5)"
    )
    assert pickle.loads(pickle.dumps(Step.every_from_here(0.5, 30))) == Step.every_from_here(0.5, 30)


def test_the_tables_of_the_caller_are_copied():
    drops = {30: 0.1}
    a = Step(1.0, drops)
    drops[30] = 9.0
    assert a(30) == 0.1


def test_a_function_joins_the_algebra():
    table = [0.1, 0.2, 0.4]
    a = Function(table.__getitem__, steps=3)
    assert [a(0), a(2), a(3), a(10**6)] == [0.1, 0.4, 0.4, 0.4]
    assert a(np.array([[2, 0], [1, 9]])).tolist() == [[0.4, 0.1], [0.2, 0.4]]
    assert list(Constant(1.0, 2) >> a) == [1.0, 1.0, 0.1, 0.2, 0.4]
    assert (a * 2)[1:](1) == 0.8
    assert Function(math.sqrt)(2.25) == 1.5
    assert Function(math.sqrt) == Function(math.sqrt) != Function(math.cos)


@pytest.mark.parametrize(
    "returned",
    [
        math.nan,
        math.inf,
        True,
        "1",
        None,
        1j,
        [1.0],
        np.array([1.0, 2.0]),
        np.array([]),
        np.array(math.nan),
        np.array([True]),
        np.array("1"),
        np.array(None),
    ],
    ids=repr,
)
def test_what_a_function_returns_is_checked(returned):
    a = Function(lambda t: returned, 5)
    for step in (3, np.arange(3)):
        with pytest.raises((ValueError, TypeError), match="returns at step . must be a finite number"):
            a(step)


@pytest.mark.parametrize("kind", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@given(value=st.floats(-(2.0**99), 2.0**99, width=32))
def test_an_array_of_one_element_is_a_number(kind, shape, value, jax, torch):
    array = {"numpy": np.full, "torch": torch.full, "jax": jax.numpy.full}[kind]
    of_type = {"numpy": np.float32, "torch": torch.float32, "jax": np.float32}[kind]
    a = Function(lambda _: array(shape, value, dtype=of_type), 5)
    assert a(3) == value
    assert a(np.arange(2)).tolist() == [value, value]


def test_a_schedule_of_optax_is_a_function(jax, optax):
    theirs = optax.cosine_decay_schedule(0.3, 100)
    ours = Function(theirs, steps=100)
    assert ours(3) == float(theirs(3))
    assert (Warmup(0.3, 5) >> ours)(8) == float(theirs(3))


def test_points_are_joined():
    points = {5_000: 0.0, 0: 1.0, 1_000: 0.3}
    assert through(points) == Linear(1.0, 0.3, 1_000) >> Linear(0.3, 0.0, 4_000)
    assert through(list(points.items()), shape=Cosine) == Cosine(1, 0.3, 1_000) >> Cosine(0.3, 0, 4_000)
    assert through([(0, 1), (5, 2)], partial(Polynomial, power=2)) == Polynomial(1, 2, 5, power=2)
