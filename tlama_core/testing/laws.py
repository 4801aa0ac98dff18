"""The laws of the algebra: plain functions, each of one claim, which raise `AssertionError` where it fails.

`LAWS` lists them with the kinds of their arguments, so that a property test can draw these (with
`tlama_core.testing.strategies.arguments`), and so that a schedule of your own can be put through all.

Values are compared at whole steps. "About equal" means within 8 units in the last place of the largest
intermediate magnitude.
"""

import copy
import json
import math
import pickle
from collections.abc import Callable, Iterable
from fractions import Fraction
from operator import add, mul, sub
from typing import NamedTuple

import numpy as np

from tlama_core.algebra import (
    OpenChain,
    Piecewise,
    Product,
    Quantized,
    Repeated,
    Scaled,
    Schedule,
    Sum,
    maximum,
    minimum,
    stands_for_a_number,
)
from tlama_core.analysis import fold, pieces
from tlama_core.shapes import Transition, Warmup
from tlama_core.text import Limits, fingerprint, from_dict, parse, to_dict

ULPS = 8
"""Values that differ by no more units in the last place than these are about equal."""

MAX_VISITED = 48
"""Of the steps between the ends of a schedule about as many are visited, and of its joints at most."""

WIDE = Limits(characters=10**8, parts=10**8, cycles=10**4, work=10**8)
"""What a random tree may cost to read back: far more than texts of unknown origin may."""


class Law(NamedTuple):
    """A claim, and the kinds of arguments that it is about."""

    check: Callable[..., None]
    kinds: tuple[str, ...]

    @property
    def name(self) -> str:
        """The claim's name."""
        return self.check.__name__


def steps_of(*schedules: Schedule) -> list[int]:
    """Return whole steps worth looking at: joints and their neighbours, ends, and some between.

    Joints are those of `pieces`, also below operators; of very many, some that are spread evenly.

    >>> from tlama_core import Constant, Linear
    >>> {499, 500, 501} <= set(steps_of(0.5 * (Constant(1.0, steps=500) >> Linear.to(0.0, steps=501))))
    True
    """
    found = {0, 1}
    for schedule in schedules:
        end = 1_000 if math.isinf(schedule.steps) else int(schedule.steps)
        found |= {end - 1, end, end + 1, 2 * end + 3, *range(0, end, max(1, end // MAX_VISITED))}
        for joint in _some([piece.start for piece in pieces(schedule, 0, end)]):
            found |= {joint - 1, joint, joint + 1}
    return sorted(step for step in found if step >= 0)


def _some(joints: list[int]) -> list[int]:
    """Return *joints*, or as many as are visited where there are more, spread evenly."""
    return joints[:: max(1, math.ceil(len(joints) / MAX_VISITED))]


def magnitude(schedule: Schedule) -> float:
    """Return an upper bound of all values that arise while *schedule* is computed.

    >>> from tlama_core import Constant, Linear
    >>> magnitude(Linear(1.0, -3.0, steps=10) + 2.0)
    5.0
    """
    return fold(schedule, _magnitude_of_node)


def _magnitude_of_node(node: Schedule, inner: list[float]) -> float:
    """Return the `magnitude` of a node, whose children's are *inner*."""
    match node:
        case Scaled():
            return max(1.0, abs(node.factor)) * inner[0]
        case Sum():
            return math.fsum(inner)
        case Product():
            return math.prod(max(1.0, factor) for factor in inner)
        case Quantized():
            return inner[0] + node.multiple
        case Repeated():
            return _magnitude_of_cycles(node, inner[0])
        case Transition():
            return max(abs(node.start), abs(node.end))
    return max(inner) if inner else max(abs(node(step)) for step in steps_of(node))


def _magnitude_of_cycles(node: Repeated, first: float) -> float:
    """Return the `magnitude` of cycles, whose first one's is *first*; infinite where they grow for ever."""
    grown = max(1.0, abs(node.gain))
    cycles = node.times or len(node.cycle_lengths)
    height = first + abs(node.base)
    if not cycles and grown > 1 and height:
        return math.inf
    return abs(node.base) + grown ** max(0, cycles - 1) * height


def about_equal(got: float, wanted: float, scale: float) -> bool:
    """Whether two values differ by at most 8 units in the last place of *scale*."""
    return abs(got - wanted) <= ULPS * math.ulp(scale)


def _agree(got: float, wanted: float, step: float, *subjects: object, scale: float | None = None) -> None:
    """Assert that two values are equal, or about equal on *scale*; the error says where, and both of them."""
    if got != wanted and (scale is None or not about_equal(got, wanted, scale)):
        of = "\n".join(f"  {subject!r}" for subject in subjects)
        raise AssertionError(f"at step {step}: got {got!r}, wanted {wanted!r}, of\n{of}")


def _lies(low: float, got: float, high: float, step: float, a: Schedule) -> None:
    """Assert that a value is within a range; the error says where, and all three numbers."""
    if not low <= got <= high:
        raise AssertionError(f"at step {step}: got {got!r}, wanted one from {low!r} to {high!r}, of\n  {a!r}")


def _same_values(a: Schedule, b: Schedule) -> None:
    """Assert a ~ b at the steps worth looking at of both."""
    scale = max(magnitude(a), magnitude(b))
    for step in steps_of(a, b):
        _agree(a(step), b(step), step, a, b, scale=scale)


def chaining_is_associative(a: Schedule, b: "Schedule | OpenChain", c: "Schedule | OpenChain") -> None:
    """(a >> b) >> c == a >> (b >> c), open phases included."""
    assert (a >> b) >> c == a >> (b >> c), (a, b, c)


def chained_lengths_add_up(a: Schedule, b: Schedule) -> None:
    """(a >> b).steps == a.steps + b.steps."""
    assert (a >> b).steps == a.steps + b.steps, (a, b)


def a_chain_hands_over(a: Schedule, b: Schedule) -> None:
    """(a >> b)(t) is a(t) before a.steps, and b(t - a.steps) from there on.

    What is handed over at the joint is only the clock: it is counted from 0 again.
    """
    chain, hand_over = a >> b, int(a.steps)
    for step in steps_of(chain):
        wanted = a(step) if step < hand_over else b(step - hand_over)
        _agree(chain(step), wanted, step, a, b)


def a_chain_cut_at_its_joint_gives_its_parts(a: Schedule, b: Schedule) -> None:
    """(a >> b)[:a.steps] == a and (a >> b)[a.steps:] == b.

    A phase of no length at the joint belongs to both sides of the cut, so the law is about joints without.
    """
    before, after = a.phases[-1], b.phases[0]
    if before.steps:
        assert (a >> b)[a.steps :] == b, (a, b)
    if after.steps:
        assert (a >> b)[: a.steps] == a, (a, b)


def a_schedule_cut_in_two_can_be_chained_again(a: Schedule, k: int) -> None:
    """a[:k] >> a[k:] ~ a.

    A run can be stopped at any update and be continued by another run, with nothing lost or used twice.
    """
    k = int(min(k, a.steps))
    _same_values(a[:k] >> a[k:], a)


def a_slice_of_a_slice_is_one_slice(a: Schedule, i: int, j: int) -> None:
    """a[i:][j:] == a[i + j:].

    They are equal objects, so that it does not matter in how many runs a schedule was used up.
    """
    i = int(min(i, a.steps))
    j = int(min(j, a.steps - i))
    assert a[i:][j:] == a[i + j :], (a, i, j)


def a_slice_is_a_window(a: Schedule, i: int, j: int) -> None:
    """a[i:j](t) == a(i + t) for t < j - i, and the slice is j - i long.

    Exactly: what is cut is looked up where it stood, and not computed anew.
    """
    i = int(min(i, a.steps))
    j = int(min(i + j, a.steps))
    window = a[i:j]
    assert window.steps == j - i, (a, i, j)
    for step in steps_of(window):
        if step < j - i:
            _agree(window(step), a(i + step), step, window, a)


def a_stride_visits_every_so_many(a: Schedule, i: int, j: int, k: int) -> None:
    """a[i:j:k](t) == a[i:j](k * t), for as many t as range(i, j, k) has; then it holds what a[i:j] holds.

    Exactly, wherever the joints of *a* fall between the updates that are visited.
    """
    i = int(min(i, a.steps))
    j = int(min(i + j, a.steps))
    coarse, window = a[i:j:k], a[i:j]
    assert coarse.steps == math.ceil(Fraction(j - i, k)), (a, i, j, k)
    for step in steps_of(coarse):
        _agree(coarse(step), window(min(k * step, j - i)), step, coarse, a)


def a_stride_is_that_of_a_slice(a: Schedule, i: int, j: int, k: int) -> None:
    """a[i:j:k] == a[i:j][::k]."""
    i = int(min(i, a.steps))
    j = int(min(i + j, a.steps))
    assert a[i:j:k] == a[i:j][::k], (a, i, j, k)


def strides_multiply(a: Schedule, k: int, m: int) -> None:
    """a[::k][::m] == a[::k * m]."""
    assert a[::k][::m] == a[:: k * m], (a, k, m)


def scaling_distributes_over_chaining(c: float, a: Schedule, b: Schedule) -> None:
    """c * (a >> b) ~ (c * a) >> (c * b).

    About equal, and not the same objects: floating products are not folded into one another.
    """
    _same_values(c * (a >> b), (c * a) >> (c * b))


def one_is_neutral(a: Schedule) -> None:
    """1 * a ~ a.

    What an operator adds to a tree changes no value that it should not.
    """
    _same_values(1 * a, a)


def operators_are_pointwise(a: Schedule, b: Schedule) -> None:
    """(a * b)(t) == a(t) * b(t) at every t, past the ends too; likewise +, -, maximum, minimum.

    Exactly: the values of the terms are joined by one floating operation each. A term that is shorter holds
    its end value there.
    """
    joins = (a * b, mul), (a + b, add), (a - b, sub), (maximum(a, b), max), (minimum(a, b), min)
    for step in steps_of(a, b):
        x, y = a(step), b(step)
        for joined, join in joins:
            _agree(joined(step), join(x, y), step, joined)


def pointwise_lengths_are_the_longest(a: Schedule, b: Schedule) -> None:
    """(a + b).steps is the longer of both; a number or an endless Constant has no say.

    So a floor or an offset leaves the length of a schedule alone.
    """
    lengths = [term.steps for term in (a, b) if not stands_for_a_number(term)]
    for join in (add, mul, maximum, minimum):
        assert join(a, b).steps == max(lengths, default=math.inf), (a, b)
    assert (a + 1.0).steps == (1.0 - a).steps == a.steps, a


def sums_and_products_commute(a: Schedule, b: Schedule) -> None:
    """a + b ~ b + a and a * b ~ b * a.

    They are different objects, as they are written differently, with the same values.
    """
    _same_values(a + b, b + a)
    _same_values(a * b, b * a)


def clamping_twice_is_clamping_once(a: Schedule, low: float, high: float) -> None:
    """a.clamp(low, high).clamp(low, high) ~ a.clamp(low, high), which stays within both.

    No value is outside of the bounds by not even one unit in the last place.
    """
    low, high = sorted((low, high))
    once = a.clamp(low, high)
    _same_values(once.clamp(low, high), once)
    for step in steps_of(a):
        _lies(low, once(step), high, step, once)


def quantizing_twice_is_quantizing_once(a: Schedule, multiple: float) -> None:
    """a.quantize(m).quantize(m) ~ a.quantize(m), of all three kinds, and whatever the kind of the second.

    A multiple is the one nearest to itself, also where a quotient is rounded.
    """
    for quantized in _quantized(a, multiple):
        for again in _quantized(quantized, multiple):
            _same_values(again, quantized)


def quantizing_goes_to_a_multiple_nearby(a: Schedule, multiple: float) -> None:
    """a.quantize(m) is a multiple of m, m / 2 away at most, and by "down" and "up" the one below and above.

    Save for what counts as rounding: 1e-9 of the value or of the multiple.
    """
    nearest, down, up = _quantized(a, multiple)
    for step in steps_of(a):
        value = a(step)
        slack = 1e-9 * max(abs(value), multiple)
        _lies(value - multiple - slack, down(step), value + slack, step, down)
        _lies(value - slack, up(step), value + multiple + slack, step, up)
        _lies(value - multiple / 2 - slack, nearest(step), value + multiple / 2 + slack, step, nearest)
        for quantized in (nearest, down, up):
            _agree(quantized(step), multiple * round(quantized(step) / multiple), step, quantized)


def quantizing_keeps_the_order(a: Schedule, multiple: float) -> None:
    """Where a(s) <= a(t), a.quantize(m)(s) <= a.quantize(m)(t).

    So what never turns back does not when it is quantized either, and the bounds are those of a, quantized.
    """
    steps = sorted(steps_of(a), key=a)
    for quantized in _quantized(a, multiple):
        values = [quantized(step) for step in steps]
        assert values == sorted(values), (quantized, steps)


def _quantized(a: Schedule, multiple: float) -> tuple[Schedule, Schedule, Schedule]:
    """Return *a* in multiples, of all three kinds."""
    return a.quantize(multiple), a.quantize(multiple, how="down"), a.quantize(multiple, how="up")


def repeating_is_chaining(a: Schedule, times: int, gain: float, growth: float, base: float = 0.0) -> None:
    """a.repeat(n, gain=g, growth=r, base=b) ~ a >> b + g * (a1 - b) >> b + g**2 * (a2 - b) >> ….

    Here ak is a.stretch(steps=round(a.steps * r**k)). It is what a repetition means: cycles laid out one
    after the other, their lengths rounded from rationals.
    """
    lengths = [round(int(a.steps) * Fraction(growth) ** k) for k in range(times)]
    if not a.steps or 0 in lengths:
        return
    cycles = (base + gain**k * (a.stretch(steps=n) - base) for k, n in enumerate(lengths))
    _same_values(a.repeat(times, gain=gain, growth=growth, base=base), Piecewise.of(cycles))


def a_stretched_schedule_has_that_length(a: Schedule, n: int) -> None:
    """a.stretch(steps=n).steps == n, it ends where a ends, and a.stretch(steps=a.steps) == a.

    The lengths of phases are rounded so that the whole is exact.
    """
    stretched = a.stretch(steps=n)
    assert stretched.steps == n, (a, n)
    assert a.stretch(steps=int(a.steps)) == a, a
    if isinstance(a, Transition) or len(a.phases) > 1:
        before, after = a.phases[-1], stretched.phases[-1]
        _agree(after(after.steps), before(before.steps), after.steps, a, after, scale=magnitude(a))


def stretching_the_rest_does_not_jump(a: Schedule, k: int, more: int) -> None:
    """a[:k] >> a[k:].stretch(steps=n) goes on at k, inside a phase, with the value a had there.

    That is how a run is made longer, or shorter, while it is under way.
    """
    k = min(k, int(a.steps))
    if k in (*a.starts, a.steps):
        return
    resumed = a[:k] >> a[k:].stretch(steps=int(a.steps) - k + more)
    _agree(resumed(k), a(k), k, resumed, a, scale=magnitude(a))


def an_ended_schedule_holds(a: Schedule, later: int) -> None:
    """a(t) == a(a.steps) for every t past the end, however far.

    It never climbs again, turns negative, restarts or raises.
    """
    if math.isinf(a.steps):
        return
    end = a(a.steps)
    for step in (int(a.steps) + later, 10**400, 1e300, math.inf):
        _agree(a(step), end, step, a)


def arrays_are_served_alike(a: Schedule) -> None:
    """a(np.arange(n)) ~ [a(k) for k in range(n)], in any order and shape, and past the end.

    Numbers and arrays are computed by one formula, and differ by the rounding of NumPy's functions alone.
    """
    steps = steps_of(a)
    wanted, scale = [a(step) for step in steps], magnitude(a)
    for order in (steps, steps[::-1], steps[::2] + steps[1::2]):
        got = a(np.asarray(order))
        for step, value in zip(order, got.tolist(), strict=True):
            _agree(value, wanted[steps.index(step)], step, a, scale=scale)
    again = a(np.asarray(steps, dtype=float)[:, None])
    assert again.shape == (len(steps), 1), a


def equality_is_equality_of_text(a: Schedule, b: Schedule) -> None:
    """(a == b) == (repr(a) == repr(b)), and equal objects hash alike.

    What prints is what builds, so schedules can be compared by eye, as keys, and across processes as text.
    """
    assert (a == b) == (repr(a) == repr(b)), (a, b)
    assert a == copy.deepcopy(a), a
    assert hash(a) == hash(copy.deepcopy(a)), a


def pickles_and_copies_are_equal(a: Schedule) -> None:
    """pickle, copy and deepcopy give an equal schedule, with the same hash.

    Whatever was compiled on the way stays behind, and is compiled again when it is called often.
    """
    for twin in (pickle.loads(pickle.dumps(a)), copy.copy(a), copy.deepcopy(a)):  # noqa: S301 - made here
        assert twin == a, a
        assert hash(twin) == hash(a), a
        assert repr(twin) == repr(a), a


def text_and_data_read_back(a: Schedule) -> None:
    """parse(repr(a)) == a, and from_dict(json.loads(json.dumps(to_dict(a)))) == a.

    For trees without a `Function`. Both twins have the fingerprint of the original.
    """
    twins = parse(repr(a), WIDE), from_dict(json.loads(json.dumps(to_dict(a))), WIDE)
    for twin in twins:
        assert twin == a, (a, twin)
        assert fingerprint(twin) == fingerprint(a), (a, twin)


def a_shape_hits_its_ends(a: Transition) -> None:
    """The start and the end are hit bit for bit, whatever the way between them.

    For numbers and arrays, any magnitudes, and a length of 0, where only the end is left.
    """
    _agree(a(0), a.start if a.steps else a.end, 0, a)
    _agree(a(a.steps), a.end, a.steps, a)
    assert a(np.asarray([0, a.steps])).tolist() == [a(0), a.end], a


def a_shape_stays_between_its_ends(a: Transition, fractions: Iterable[float]) -> None:
    """No value leaves the range between the ends, by not even one unit in the last place.

    At whole steps and at *fractions* of the length, for numbers and arrays.
    """
    low, high = min(a.start, a.end), max(a.start, a.end)
    times = [*steps_of(a), *(fraction * a.steps for fraction in fractions)]
    for t, value in zip(times, a(np.asarray(times, dtype=float)).tolist(), strict=True):
        _lies(low, a(t), high, t, a)
        _lies(low, value, high, t, a)


def a_shape_never_turns_back(a: "Transition | Warmup") -> None:
    """A shape that falls never rises between whole steps, and one that rises never falls.

    Rounding is no excuse: the weights of a shape are monotone as they are computed.
    """
    start = a.start if isinstance(a, Transition) else 0.0
    end = a(a.steps)
    values = [a(step) for step in steps_of(a)]
    assert values == sorted(values, reverse=end < start), a


LAWS: tuple[Law, ...] = (
    Law(chaining_is_associative, ("finite", "phase", "last")),
    Law(chained_lengths_add_up, ("finite", "schedule")),
    Law(a_chain_hands_over, ("finite", "schedule")),
    Law(a_chain_cut_at_its_joint_gives_its_parts, ("finite", "finite")),
    Law(a_schedule_cut_in_two_can_be_chained_again, ("schedule", "length")),
    Law(a_slice_of_a_slice_is_one_slice, ("schedule", "length", "length")),
    Law(a_slice_is_a_window, ("schedule", "length", "length")),
    Law(a_stride_visits_every_so_many, ("schedule", "length", "length", "stride")),
    Law(a_stride_is_that_of_a_slice, ("schedule", "length", "length", "stride")),
    Law(strides_multiply, ("schedule", "stride", "stride")),
    Law(scaling_distributes_over_chaining, ("number", "finite", "schedule")),
    Law(one_is_neutral, ("schedule",)),
    Law(operators_are_pointwise, ("schedule", "schedule")),
    Law(pointwise_lengths_are_the_longest, ("schedule", "schedule")),
    Law(sums_and_products_commute, ("schedule", "schedule")),
    Law(clamping_twice_is_clamping_once, ("schedule", "number", "number")),
    Law(quantizing_twice_is_quantizing_once, ("schedule", "multiple")),
    Law(quantizing_goes_to_a_multiple_nearby, ("schedule", "multiple")),
    Law(quantizing_keeps_the_order, ("schedule", "multiple")),
    Law(repeating_is_chaining, ("finite", "times", "gain", "growth", "base")),
    Law(a_stretched_schedule_has_that_length, ("finite", "length")),
    Law(stretching_the_rest_does_not_jump, ("finite", "length", "length")),
    Law(an_ended_schedule_holds, ("schedule", "length")),
    Law(arrays_are_served_alike, ("schedule",)),
    Law(equality_is_equality_of_text, ("schedule", "schedule")),
    Law(pickles_and_copies_are_equal, ("kept",)),
    Law(text_and_data_read_back, ("written",)),
    Law(a_shape_hits_its_ends, ("shape",)),
    Law(a_shape_stays_between_its_ends, ("shape", "fractions")),
    Law(a_shape_never_turns_back, ("shape",)),
)
