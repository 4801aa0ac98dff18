"""A node that stands in a tree several times is computed once."""

import pickle
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlama_core import Constant, Cosine, Function, Linear, Piecewise, maximum, to_function, to_source
from tlama_core._evaluation.fast_calls import compile_schedule
from tlama_core._evaluation.python_numbers import value_at
from tlama_core._evaluation.trees import survey
from tlama_core.testing.laws import about_equal, magnitude
from tlama_core.testing.strategies import schedules

GROW = {
    "products": lambda s: (s + 0.5) * s * 0.3,
    "maxima": lambda s: maximum(0.5 * s, s - 0.1),
    "shorter": lambda s: s + (s + Constant(0.0, 9)),
    "cuts": lambda s: 0.5 * s[:] + 0.5 * (1.0 * s),
    "slices": lambda s: 0.5 * ((1.0 * s)[:] + s),
    "repeats": lambda s: s.repeat(2)[:20] + s,
    "chains": lambda s: (s >> Constant(1.0, 1))[:20] * s,
}
grow = pytest.mark.parametrize("grow", GROW.values(), ids=GROW)


def grown(start, grow, times):
    for _ in range(times):
        start = grow(start)
    return start


@grow
def test_a_number_asks_a_shared_node_once(grow):
    asked = []
    a = grown(Function(lambda t: asked.append(t) or 0.5, 20), grow, 15)
    value_at(a, 3)
    assert len(asked) <= 2


def test_the_memory_is_of_one_call():
    a = grown(Function(lambda t: t / 20, 20), GROW["products"], 12)
    assert [value_at(a, 3), value_at(a, 17)] == [value_at(a, t) for t in (3, 17)]
    assert value_at(a, 3) != value_at(a, 17)


@grow
def test_an_array_asks_a_shared_node_once(grow):
    asked = []
    a = grown(Function(lambda t: asked.append(t) or t / 20, 20), grow, 12)
    steps = np.array([3, 5, 11])
    values = a(steps)
    assert len(asked) <= 2 * len(steps)
    assert values.tolist() == pytest.approx([a(t) for t in steps.tolist()], rel=1e-12)


def test_a_traced_array_asks_a_shared_node_once(jax):
    asked = []
    a = grown(Function(lambda t: asked.append(t) or 0.1 * t, 20), GROW["shorter"], 12)
    b = grown(Linear(0.0, 2.0, 20), GROW["shorter"], 12)
    assert jax.jit(a)(jax.numpy.arange(4)).shape == (4,)
    assert len(asked) == 1
    assert jax.jit(b)(4).item() == pytest.approx(b(4), rel=1e-5)


def test_torch_compiles_a_tree_of_shared_nodes(torch):
    a = grown(Cosine(1.0, 0.1, 20), lambda s: s * s * s * s, 5)  # wide, for dynamo recurses by depth
    steps = torch.arange(5)
    compiled = torch.compile(lambda t: a(t), backend="eager", fullgraph=True)
    assert compiled(steps).tolist() == pytest.approx([a(t) for t in range(5)], rel=1e-3)


@pytest.mark.parametrize("kind", sorted(GROW.keys() - {"repeats"}))  # whose clocks differ, written down
def test_the_source_of_a_shared_node_stands_there_once(kind):
    a = grown(Cosine(1.0, 0.1, 20), GROW[kind], 15)
    source = to_source(a)
    assert source.count("sin(") <= 4
    assert [to_function(a)(t) for t in (0, 7, 99)] == [value_at(a, t) for t in (0, 7, 99)]


def test_a_long_chain_that_stands_in_a_tree_twice_is_called_once():
    chain = Piecewise.of([Linear(1.0, 0.0, 3)] * 20)
    compiled = compile_schedule(chain * chain + chain)
    assert [name for name in compiled.__globals__ if name.startswith("chain")] == ["chain"]
    assert compiled(1) == chain(1) * chain(1) + chain(1)


@given(schedules(4), st.sampled_from(sorted(GROW)))
def test_sharing_changes_no_value(a, kind):
    if kind in ("cuts", "slices", "repeats", "chains") and (a.steps < 1 or a.steps == float("inf")):
        return
    if kind in ("repeats", "chains"):
        a = (a >> Constant(0.0, 20))[:20]
    shared, apart = grown(a, GROW[kind], 3), grown(a, GROW[kind], 3)
    for step in range(0, 25, 4):
        assert about_equal(value_at(shared, step), compile_schedule(apart)(step), magnitude(shared))


def test_a_survey_counts_every_node_once_and_knows_which_are_shared():
    leaf = Linear(1.0, 0.0, 3)
    twice = 0.5 * leaf
    assert survey(twice + twice) == (3, frozenset({id(twice)}))
    assert survey(twice + twice, max_nodes=2) == (2, frozenset({id(twice)}))
    assert survey(Piecewise.of([leaf] * 9), max_phases=8) == (1, frozenset())


def test_shared_nodes_of_cycles_that_grow_are_computed_once(torch):
    a = grown(Linear(1.0, 0.0, 10), GROW["products"], 16).repeat(3, growth=2)
    assert a(np.arange(3)).tolist() == pytest.approx([a(t) for t in range(3)], rel=1e-9)
    assert a(torch.arange(3)).tolist() == pytest.approx([a(t) for t in range(3)], rel=1e-3)
    assert to_function(a)(2) == a(2)


def test_clocks_that_are_moved_alike_are_one_clock(torch):
    a = grown(Linear(1.0, 0.0, 10**6), lambda s: (s[1:] + s[2:]) * 0.5, 9)
    assert a(torch.arange(3)).tolist() == pytest.approx([a(t) for t in range(3)], rel=1e-5)


def test_a_tree_that_stands_in_too_many_branches_is_walked():
    s, a, b = Linear(1.0, 0.0, 4), Constant(0.1, 5), Constant(0.2, 5)
    for _ in range(13):
        s = (s >> a) + (s >> b)
    assert [s(k) for k in range(40)][:3] == [value_at(s, k) for k in range(3)]
    for _ in range(8):
        s = (s >> a) + (s >> b)
    with pytest.raises(ValueError, match="the source of this schedule is too long"):
        to_source(s)
    nested = Linear(1.0, 0.0, 10)
    for _ in range(5):
        nested = nested.repeat(8, growth=2)
    assert compile_schedule(nested)(5) == value_at(nested, 5)


def test_only_numbers_have_no_say_in_a_length():
    w, c = Linear(1.0, 0.0, 5), Constant(2.0)
    assert {((c * c) * w).steps, (w * (c * c)).steps, ((c + c) * w).steps, (c * c * w + c).steps} == {5}
    assert (c * c).steps == float("inf")


def shared(depth, first=1.0):
    return reduce(lambda a, _: a + a * 0.5, range(depth), Linear(first, 0.0, 9))


def test_what_stands_many_times_is_hashed_and_compared_once():
    a, b = shared(28), shared(28)
    assert a == b
    assert hash(a) == hash(b)
    assert pickle.loads(pickle.dumps(a)) == a
    assert a != shared(28, first=2.0)
    assert a != shared(27)


def test_values_of_one_hash_are_told_apart():
    a, b = Constant(-1.0, 5), Constant(-2.0, 5)  # Python's own hashes of -1 and -2 are the same
    assert hash(a) == hash(b)
    assert a != b
    assert a + a * a != b + b * b
