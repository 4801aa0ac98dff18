"""Where a formula changes: complete, true, below operators, and found once for every node."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tlama_core import Cosine, Function, Linear, Piecewise, Sum, Warmup
from tlama_core.analysis import fold, innermost, joints, pieces
from tlama_core.testing.strategies import schedules

ranges = st.tuples(st.integers(0, 40), st.integers(1, 400)).map(lambda pair: (pair[0], sum(pair)))
small = schedules(5)


@given(small, ranges)
def test_pieces_cover_a_range_and_go_the_way_they_say(a, where):
    """One mechanism carries all questions: its cuts are complete and its directions true."""
    start, stop = where
    found = list(pieces(a, start, stop))
    assert [piece.start for piece in found] == [start, *(piece.stop for piece in found[:-1])]
    assert found[-1].stop == stop
    for piece in found:
        assert piece.start < piece.stop
        if piece.direction is not None:
            values = [a(step) for step in range(piece.start, piece.stop)]
            assert values == sorted(values, reverse=piece.direction < 0), piece
            assert piece.direction or len(set(values)) == 1, piece


@given(schedules(3, endless=False), schedules(3, endless=False))
def test_a_piece_ends_where_its_phase_does(a, b):
    """At a joint, the end of the piece before it is the end value of the phase before it."""
    assume(a.steps and b.steps)
    at_joint = next(piece for piece in pieces(a >> b, 0, int((a >> b).steps)) if piece.stop == a.steps)
    own = list(pieces(a, 0, int(a.steps)))[-1]
    assert at_joint.end == own.end
    if not a._children():
        assert own.end == a(a.steps)


def test_the_shape_below_operators_is_found():
    assert innermost(0.5 * Warmup(1.0, 10)[2:5]) == Warmup(1.0, 10)
    chain = Warmup(1.0, 10) >> Cosine.to(0.0, 90)
    assert innermost(chain) == chain


# --- nodes that stand in a tree several times


@pytest.fixture(name="visits")
def visits_of_nodes(monkeypatch):
    """Return a list to which every splitting of a node adds that node."""
    visited, split = [], joints._split

    def counted(schedule, *rest):
        visited.append(schedule)
        return split(schedule, *rest)

    monkeypatch.setattr(joints, "_split", counted)
    return visited


def squared(a):
    return (a + 0.5) * a * 0.3


def doubled(a):
    return 1.0 * a + a


def shortened(a):
    return a[1:] + a[1:]


def widened(a):
    return (a >> a).clamp(low=0.0)


def cycled(a):
    return a.repeat(2) + a


@pytest.mark.parametrize("grown", [squared, doubled, shortened, widened, cycled])
def test_a_node_that_stands_in_a_tree_several_times_is_split_once(grown, visits):
    """Eight levels make hundreds of ways to the innermost node; visits grow in step with the levels."""
    a, counts = Cosine(1.0, 0.1, steps=100), []
    for _ in range(8):
        a = grown(a)
        visits.clear()
        assert list(pieces(a, 0, int(a.steps)))
        counts.append(len(visits))
    assert counts[-1] <= 8 * counts[0]


def test_phases_that_are_one_object_are_split_once(visits):
    cycle = 0.5 * Cosine(1.0, 0.0, steps=10)
    chain = Piecewise.of([cycle] * 1_000)
    assert len(list(pieces(chain, 0, 10_000))) == 1_000
    assert len(visits) == 3


def test_pieces_are_found_one_by_one():
    """An answer that is early does not wait for all of a long chain."""
    calls = []
    chain = Piecewise.of(Function(lambda t, k=k: calls.append(k) or 1.0, steps=5) for k in range(100))
    first = next(pieces(chain, 0, 500))
    assert (first.stop, calls) == (5, [])
    assert first.end == 1.0
    assert set(calls) == {0}


@given(small)
def test_sharing_changes_no_piece(a):
    """A node that is split once gives what it gives alone."""
    twice = Sum((a, a))
    alone, shared = (list(pieces(tree, 0, 50)) for tree in (a, twice))
    assert [piece.start for piece in shared] == [piece.start for piece in alone]
    assert [piece.direction for piece in shared] == [piece.direction for piece in alone]


def test_a_tree_is_folded_from_its_leaves():
    def text(node, inner):
        return f"{type(node).__name__}({', '.join(inner)})"

    a = Linear(1.0, 0.0, steps=10)
    assert fold(0.5 * a + a, text) == "Sum(Scaled(Linear()), Linear())"
