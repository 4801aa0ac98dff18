"""What is drawn at random: every kind of node and length, also those that are rare and take ways of their own."""

import math

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

import tlama_core
from tlama_core import Function, Linear, Piecewise, Schedule
from tlama_core.algebra import children, nodes
from tlama_core.testing.laws import LAWS
from tlama_core.testing.strategies import WEIGHTS, arguments, leaves, open_phases, repetitions, schedules

DRAWN = 1_000
CYCLE = Linear(1.0, 0.0, steps=9)


def sample(strategy, count):
    """Return *count* values, always the same."""
    found = []

    @seed(7)
    @settings(max_examples=count)
    @given(strategy)
    def keep(value):
        found.append(value)

    keep()
    return found


@pytest.fixture(scope="module")
def drawn():
    return sample(schedules(), DRAWN)


def depth_of(schedule):
    """Return how many operators are on the longest way to a leaf."""
    depths = {}
    for node in reversed(in_order(schedule)):
        depths[id(node)] = max((1 + depths[id(child)] for child in children(node)), default=0)
    return depths[id(schedule)]


def in_order(schedule):
    """Return every place of the tree, a node before what it holds, as often as it stands there."""
    places, todo = [], [schedule]
    while todo:
        places.append(todo.pop())
        todo.extend(children(places[-1]))
    return places


def share(drawn, holds):
    """Return in what share of the trees *holds* is true."""
    return sum(map(holds, drawn)) / len(drawn)


def final(cls):
    """Return the classes under *cls* that have values, by name."""
    below = cls.__subclasses__()
    return {cls.__name__} if not below else set().union(*map(final, below))


def test_every_kind_of_schedule_is_drawn_often(drawn):
    kinds = sorted(final(Schedule) & set(tlama_core.__all__))
    found = [{type(node).__name__ for node in nodes(schedule)} for schedule in drawn]
    rare = {kind: times for kind in kinds if (times := share(found, lambda names: kind in names)) < 0.12}  # noqa: B023
    assert rare == {}


def test_trees_are_of_any_depth_and_no_deeper_than_asked(drawn):
    depths = [depth_of(schedule) for schedule in drawn]
    assert max(depths) == 6
    for depth in range(7):
        assert depths.count(depth) > 0.04 * DRAWN
    assert max(map(depth_of, sample(schedules(2), 300))) == 2
    assert max(map(depth_of, sample(schedules(1), 300))) == 1
    assert not any(children(leaf) for leaf in sample(schedules(0), 50))


def test_lengths_are_none_tiny_and_long(drawn):
    lengths = [leaf.steps for tree in drawn for leaf in nodes(tree) if not children(leaf)]
    assert share(lengths, lambda n: n == 0) > 0.05
    assert share(lengths, lambda n: 100 < n < math.inf) > 0.15
    assert share(lengths, math.isinf) > 0.1
    assert 0.1 < share(drawn, lambda schedule: math.isinf(schedule.steps)) < 0.4


def test_some_chains_are_long_enough_to_be_searched(drawn):
    longest = [max(len(node.phases) for node in nodes(schedule)) for schedule in drawn]
    assert 0.08 < share(longest, lambda phases: phases > 8) < 0.25
    assert share(longest, lambda phases: 2 <= phases <= 8) > 0.3


def test_some_nodes_stand_in_a_tree_twice(drawn):
    """Also inner ones, and not only the phases of a long chain."""

    def twice(schedule):
        places = [
            child
            for node in nodes(schedule)
            if not isinstance(node, Piecewise)
            for child in children(node)
            if children(child)
        ]
        return len(places) > len(set(map(id, places)))

    assert share(drawn, twice) > 0.01
    assert share(drawn, lambda schedule: len(in_order(schedule)) > len({*map(id, in_order(schedule))})) > 0.05


def test_most_examples_are_distinct(drawn):
    assert len(set(map(repr, drawn))) > 0.75 * DRAWN


@given(schedules(4, endless=False))
def test_a_length_can_be_asked_for(schedule):
    assert math.isfinite(schedule.steps)


@given(schedules(4, functions=False))
def test_a_text_can_be_asked_for(schedule):
    assert not any(isinstance(node, Function) for node in nodes(schedule))


@given(leaves() | leaves(endless=False, functions=False), open_phases())
def test_leaves_hold_nothing_and_open_phases_follow_anything(leaf, phase):
    assert not children(leaf)
    if math.isfinite(leaf.steps):
        assert (leaf >> phase).steps >= leaf.steps


@given(
    st.booleans().flatmap(lambda endless: st.tuples(st.just(endless), repetitions(CYCLE, endless=endless)))
)
def test_a_repetition_is_endless_only_where_asked(drawn):
    endless, repeated = drawn
    assert repeated(0) == CYCLE(0)
    assert endless or math.isfinite(repeated.steps)


def test_no_strategy_is_built_twice():
    """Each new one is checked before it is drawn from, which costs more than drawing."""
    assert schedules(3) is schedules(3, endless=True)
    assert schedules(3) is not schedules(3, endless=False)
    assert min(WEIGHTS.values()) >= 1


@given(st.sampled_from(LAWS).flatmap(lambda law: st.tuples(st.just(law), arguments(law, 2))))
def test_every_law_gets_as_many_arguments_as_it_has_kinds(drawn):
    law, values = drawn
    assert len(values) == len(law.kinds)
