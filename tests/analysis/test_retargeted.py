"""Questions against brute force over random trees after one to three retargets: jumps between two updates."""

import itertools

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tlama_core import (
    Cosine,
    Linear,
    Step,
    bounds,
    breakpoints,
    describe,
    difference,
    first_step_above,
    first_step_below,
    retarget,
)
from tlama_core.analysis import pieces
from tlama_core.testing.strategies import schedules

MOST = 1_500
"""So many updates are asked one by one; the trees may be longer."""


@st.composite
def retargeted(draw, trees):
    """Draw a tree whose plan was changed one to three times, also in the middle of its cycles."""
    a = draw(trees)
    assume(0 < a.steps < 10**6)
    if draw(st.booleans()):
        a = a.repeat(draw(st.integers(2, 4)), gain=draw(st.sampled_from([1.0, 0.5, -0.7])))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, min(int(a.steps), MOST)))
        a = retarget(a, at=at, steps=at + draw(st.integers(1, 12) | st.integers(1, 2 * MOST)))
    return a


changed_plans = retargeted(schedules(3, endless=False, functions=False))


@settings(max_examples=100)
@given(changed_plans, st.data())
def test_bounds_and_first_steps_after_retargets(a, data):
    start = data.draw(st.integers(0, min(int(a.steps), MOST)))
    stop = start + data.draw(st.integers(1, 400))
    values = [a(step) for step in range(start, stop)]
    found = bounds(a, start, stop)
    assert (found.low, found.low_step - start) == (min(values), values.index(min(values)))
    assert (found.high, found.high_step - start) == (max(values), values.index(max(values)))
    value = data.draw(st.sampled_from(values))
    below = [step for step, used in enumerate(values, start) if used < value]
    above = [step for step, used in enumerate(values, start) if used > value]
    assert first_step_below(a, value, start, stop) == (below[0] if below else None)
    assert first_step_above(a, value, start, stop) == (above[0] if above else None)


@settings(max_examples=100)
@given(changed_plans, changed_plans, st.integers(1, 400))
def test_differences_after_retargets(a, b, stop):
    gaps = [abs(a(step) - b(step)) for step in range(stop)]
    found = difference(a, b, stop=stop)
    assert (found.gap, found.step) == (max(gaps), gaps.index(max(gaps)))


@settings(max_examples=100)
@given(changed_plans)
def test_between_breakpoints_and_rows_a_retargeted_schedule_keeps_its_way(a):
    end = min(int(a.steps), MOST)
    cuts = breakpoints(a, end)
    rows = [row for row in describe(a).rows if row.first_step < end]
    assert [row.first_step for row in rows][1:] == list(cuts)
    for row in rows:
        assert row.first_value == a(row.first_step)
        assert row.last_value == a(row.last_step)
    for piece in pieces(a, 0, max(end, 1)):
        if piece.direction is not None:
            values = [a(step) for step in range(piece.start, piece.stop)]
            assert values == sorted(values, reverse=piece.direction < 0)
            assert piece.direction or len(set(values)) == 1


@settings(max_examples=200)
@given(st.data())
def test_every_jump_of_a_retargeted_staircase_is_a_breakpoint(data):
    """Nothing else changes the value of a staircase, so the breakpoints that change it are its jumps."""
    times = data.draw(st.lists(st.integers(1, 400), min_size=1, max_size=6, unique=True))
    levels = st.floats(-4, 4)
    base = Step(1.0, {time: data.draw(levels) for time in times}, steps=401)
    a = data.draw(retargeted(st.just(base)))
    values = [a(step) for step in range(min(int(a.steps), MOST))]
    jumps = {k for k, (x, y) in enumerate(itertools.pairwise(values), 1) if x != y}
    assert jumps <= set(breakpoints(a))


def test_a_jump_that_hides_between_two_inner_updates_is_found():
    """The outer clock visits moments of the inner one that are no whole updates of it."""
    r = retarget(Cosine(1.0, 0.1, steps=1000).repeat(5), at=1500, steps=7000)
    r = retarget(r, at=3000, steps=10_000)
    values = [r(step) for step in range(3000, 4502)]
    found = bounds(r, 3000, 4502)
    assert (found.low, found.low_step) == (min(values), 3000 + values.index(min(values)))
    assert found.low < 0.1001
    assert found.low_step == 4499


def test_every_second_retarget_of_three_cycles_answers_right():
    cycles = Cosine(1.0, 0.1, steps=30).repeat(3)
    for first, second in itertools.product(range(5, 90, 17), range(20, 150, 11)):
        a = retarget(cycles, at=first, steps=151)
        a = retarget(a, at=second, steps=211)
        values = [a(step) for step in range(second, 211)]
        found = bounds(a, second, 211)
        assert (found.low, found.high) == (min(values), max(values)), (first, second)


def test_nested_cycles_that_grow_are_split_where_they_jump():
    inner = Linear(1.0, 0.0, steps=7).repeat(3, growth=1.5)
    for growth in (1.1, 1.3, 1.7):
        a = inner.repeat(3, growth=growth, gain=0.8)
        values = list(a)
        found = bounds(a, 0, int(a.steps))
        assert (found.low, found.low_step) == (min(values), values.index(min(values)))
        for start in range(0, int(a.steps) - 5, 5):
            assert bounds(a, start, start + 5).low == min(values[start : start + 5])
