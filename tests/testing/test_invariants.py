"""Claims about schedules: whatever tells a whole curve from its pieces finds what looking at every update finds."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Linear,
    OpenScheduleError,
    Piecewise,
    PowerLaw,
    Step,
    Warmup,
    mean,
)
from tlama_core.analysis import joints
from tlama_core.testing.invariants import (
    all_of,
    bounded,
    continuous,
    ends_at,
    monotone,
    nonnegative,
    peak_at,
    same_as,
    spends,
    warms_up_within,
)
from tlama_core.testing.laws import magnitude
from tlama_core.testing.strategies import schedules

PRETRAIN = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
BILLION = 10**9
NUMBERS = st.floats(-8, 8)
CLAIMS = st.one_of(
    st.builds(lambda a, b: bounded(min(a, b), max(a, b)), NUMBERS, NUMBERS),
    st.just(nonnegative()),
    st.builds(lambda jump: continuous(max_jump=jump), st.floats(0, 3)),
    st.builds(ends_at, NUMBERS | st.just(0.0)),
    st.builds(peak_at, st.integers(0, 20)),
    st.builds(lambda mean: spends(mean=mean), NUMBERS),
)


def breach(invariant, subject, steps):
    """Return the message of the claim's breach without its subject, and None where it holds."""
    assert invariant.holds(subject, steps) is (told(invariant, subject, steps) is None)
    message = told(invariant, subject, steps)
    return message and message.rpartition("\nof ")[0]


def told(invariant, subject, steps):
    try:
        invariant(subject, steps)
    except AssertionError as error:
        return str(error)
    return None


def listed(a, steps):
    values = [a(step) for step in range(steps + 1)]
    assume(all(map(math.isfinite, values)))
    return values


@pytest.fixture(params=[joints.MAX_PIECES, 3], ids=["pieces", "many cycles"], scope="module")
def _pieces(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joints, "MAX_PIECES", request.param)
        yield


@pytest.mark.usefixtures("_pieces")
@given(schedules(3), st.integers(1, 400), CLAIMS)
def test_a_claim_about_a_schedule_is_one_about_its_values(a, steps, claim):
    values = listed(a, steps)
    told_of_a, told_of_values = breach(claim, a, steps), breach(claim, values, None)
    if repr(claim).startswith("spends"):  # a mean of pieces may be rounded otherwise in its last digit
        told_of_a, told_of_values = first_step(told_of_a), first_step(told_of_values)
    assert told_of_a == told_of_values


@pytest.mark.usefixtures("_pieces")
@given(schedules(3), st.integers(1, 400), st.sampled_from(["down", "up"]), st.integers(0, 40))
def test_what_turns_back_is_found_where_it_first_does(a, steps, way, start):
    """A piece that goes one way may turn by less than a list of values would take for a turn."""
    values = listed(a, steps)
    sign = -1 if way == "down" else 1
    claim = monotone(way, start=start)
    assume(start < steps)
    in_list, in_pieces = (first_step(breach(claim, one, steps)) for one in (values, a))
    if in_pieces is None:
        assert in_list is None
    else:
        assert sign * (values[in_pieces] - values[in_pieces - 1]) < 0
        assert in_list is None or in_pieces <= in_list


def first_step(message):
    """Return the update that a message names."""
    return message and int(message.partition("at update ")[2].partition(":")[0].replace(",", ""))


@settings(max_examples=60)
@given(schedules(2), st.integers(1, 200), st.floats(0.5, 2))
def test_two_schedules_are_the_same_or_not_whatever_they_are(a, steps, factor):
    values = listed(a, steps)
    size = max(map(abs, values))
    for other, held in ((a, values), (factor * a, [factor * value for value in values])):
        messages = {
            breach(same_as(theirs, tolerance=1e-9), ours, steps).__class__
            for ours in (a, values, a.__call__)
            for theirs in (other, held, other.__call__)
        }
        apart = max(abs(x - y) for x, y in zip(values, held, strict=True)) > 1e-9 * max(map(abs, held))
        assert messages == {str if apart else type(None)}, size


HUGE = {
    "chain": (Warmup(1.0, steps=10**6) >> Cosine.to(0.1, steps=BILLION - 10**6), 10**6 - 1),
    "scaled": (0.5 * (Warmup(2.0, steps=10**6) >> Exponential.to(0.1, steps=BILLION - 10**6)), 10**6 - 1),
    "clamped": (
        (Warmup(1.0, steps=10**6) >> Cosine.to(0.0, steps=BILLION - 10**6)).clamp(low=0.1),
        10**6 - 1,
    ),
    "endless": (Warmup(1.0, steps=10**6) >> PowerLaw(1.0, timescale=10**6), 10**6 - 1),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_billion_updates_are_quick(name):
    a, peak = HUGE[name]
    all_of(
        nonnegative(), bounded(0.0, 1.0), peak_at(peak), warms_up_within(10**6), monotone("up", stop=peak),
        monotone("down", start=peak), continuous(max_jump=1e-4), same_as(a),
    )(a, BILLION)  # fmt: skip
    late = a[:900_000_000] >> Constant.hold(1) >> Linear(0.5, 0.4, steps=10**6)
    for claim in (monotone("down", start=peak), continuous(max_jump=1e-4)):
        assert first_step(breach(claim, late, None)) == 900_000_001


def test_a_million_cycles_are_quick():
    saw = Linear(1.0, 0.0, steps=1_000).repeat(10**6)
    assert first_step(breach(monotone("down"), saw, None)) == 1_000
    assert first_step(breach(monotone("down"), Linear(1.0, 1.0, steps=10) >> saw, None)) == 1_010
    continuous(max_jump=1.0)(saw)
    growing = (Linear(1.0, 0.0, steps=1_000) >> Linear(0.0, 1.0, steps=1_000)).repeat(10**6, gain=1.000001)
    jump = first_step(breach(continuous(max_jump=0.002), growing, None))
    assert abs(growing(jump) - growing(jump - 1)) > 0.002
    before = growing[jump - 2_500 : jump - 1]
    continuous(max_jump=0.002)(before, before.steps - 1)
    shrinking = (Linear(1.0, 0.0, steps=700) >> Linear(0.0, 1.0, steps=700)).repeat(10**6, gain=-0.999)
    assert first_step(breach(monotone("down"), shrinking, None)) == 701


MISTAKEN = Warmup(1.0, steps=3) >> Linear(1.0, -0.25, steps=5)
MESSAGES = {
    bounded(0, 0.5): "bounded(0.0, 0.5) is broken at update 1: it uses 0.6666666666666666",
    nonnegative(): "nonnegative() is broken at update 8: it uses -0.25",
    monotone("up"): "monotone('up') is broken at update 4: it falls from the update before",
    monotone(
        "down", stop=2
    ): "monotone('down', stop=2) is broken at update 1: it rises from the update before",
    monotone("up", start=2): "monotone('up', start=2) is broken at update 4: it falls from the update before",
    continuous(max_jump=0.3): "continuous(max_jump=0.3) is broken at update 1: it jumps by 0.333333",
    ends_at(0): "ends_at(0.0) is broken at update 8: it ends at -0.25",
    peak_at(3): "peak_at(3) is broken at update 2: it peaks here, at 1.0",
    warms_up_within(2): "warms_up_within(2) is broken at update 2: it peaks here, at 1.0",
    spends(mean=0.5): "spends(mean=0.5) is broken at update 8: up to here the mean is 0.5625",
    spends(
        mean=0.5, rel=0.1
    ): "spends(mean=0.5, rel=0.1) is broken at update 8: up to here the mean is 0.5625",
    same_as(
        Constant(1 / 3)
    ): "same_as(Constant(0.3333333333333333)) is broken at update 1: the other uses 0.333",
    all_of(peak_at(2), nonnegative()): "nonnegative() is broken at update 8: it uses -0.25",
}


@pytest.mark.parametrize("claim", MESSAGES, ids=repr)
def test_a_broken_claim_tells_what_where_and_the_rates_around(claim):
    for subject in (MISTAKEN, [*MISTAKEN, MISTAKEN(8)], MISTAKEN.__call__):
        steps = 8 if callable(subject) and subject is not MISTAKEN else None
        message = told(claim, subject, steps)
        assert message.startswith(MESSAGES[claim])
        step = first_step(message)
        for near in range(max(0, step - 2), min(step + 2, 8) + 1):
            assert f"\n  update {near} uses {MISTAKEN(near)!r}" in message
        assert message.count("\n  update") == min(step + 2, 8) - max(0, step - 2) + 1
        assert not claim.holds(subject, steps)
    assert told(claim, MISTAKEN, None).endswith(f"\nof {MISTAKEN!r}")


def test_claims_are_values():
    assert bounded(0, 1) == bounded(0, 1) != bounded(0, 2)
    assert len({nonnegative(), nonnegative(), all_of(nonnegative())}) == 2
    assert same_as(PRETRAIN) == same_as(Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 98_000))
    assert same_as(PRETRAIN) != same_as(PRETRAIN, tolerance=0.5)
    long = [Linear(1.0, 0.0, 5)] * 60
    assert same_as(Piecewise.of(long)) != same_as(Piecewise.of([*long[:-1], Linear(1.0, 0.0, 6)]))
    assert (
        repr(all_of(monotone("down", start=3), ends_at(0)))
        == "all_of(monotone('down', start=3), ends_at(0.0))"
    )


@pytest.mark.parametrize(
    ("rates", "claim", "step"),
    [
        ([0.1, math.nan, 0.3], bounded(0, 1), 1),
        ([0.1, math.nan, 0.3], nonnegative(), 1),
        ([0.1, math.nan, 0.3], monotone("up"), 1),
        ([0.1, math.nan, 0.3], continuous(max_jump=1), 1),
        ([0.1, 0.2, math.nan], ends_at(0.2), 2),
        ([math.nan] * 3, peak_at(1), 0),
        ([0.1, math.inf, 0.3], nonnegative(), 1),
        ([0.1, math.nan, 0.3], spends(mean=0.1), 2),
        ([0.1, math.nan, 0.3], same_as([0.1, 0.2, 0.3]), 1),
        ([0.3, math.inf, 0.1], monotone("down"), 1),
        ([0.3, math.inf, 0.4], monotone("up"), 2),
        ([1.0, math.inf], ends_at(1.0), 1),
        ([5.0, 7.0, 9.0], same_as([1.0, math.inf, 1.0]), 0),
        ([0.1, 0.2, 0.3], same_as([0.1, -0.2, 0.3]), 1),
        ([0.2, 0.1, 0.3], warms_up_within(3), 1),
    ],
)
def test_what_is_no_number_breaks_every_claim(rates, claim, step):
    assert first_step(told(claim, rates, None)) == step


def test_a_schedule_that_overflows_breaks_every_claim():
    grown = Constant(1.0, steps=1).repeat(gain=10.0)
    assert first_step(told(nonnegative(), grown, 400)) == 309
    assert first_step(told(nonnegative(), grown - grown, 400)) == 309


def test_what_stays_infinite_does_not_change():
    rates = [1.0, math.inf, math.inf]
    all_of(monotone("up"), same_as(rates))(rates)
    assert not same_as(rates).holds([1.0, math.inf, 1.0])
    monotone("up")(Constant(1.0, steps=1).repeat(gain=10.0), 400)


def test_a_mean_of_cycles_in_cycles_is_that_of_all_values():
    """What is known of the inner ones is known of every outer one, above its base."""
    a = Linear(0.5, -1.0, 3).repeat(200_000, gain=0.5).repeat(3, gain=0.5, base=0.3)
    wanted = math.fsum(a) / len(a)
    spends(mean=wanted)(a)
    assert mean(a) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.usefixtures("_pieces")
@settings(max_examples=60)
@given(schedules(2, endless=False), st.integers(2, 4), st.floats(-1, 1), st.floats(-2, 2))
def test_what_is_spent_is_the_mean_of_all_values(a, times, gain, base):
    assume(0 < a.steps < 60)
    a = a.repeat(9, gain=gain).repeat(times, gain=gain, base=base)
    values = listed(a, int(a.steps))
    size = max(magnitude(a), 1e-300)
    assert abs(mean(a) - math.fsum(values[:-1]) / a.steps) <= 1e-12 * size


def test_the_first_of_few_that_fail_is_found():
    """Where a range of a piece fails only in its middle, and where only the last cycle does, cut short."""
    a = Cosine(1.0, 0.0, 10**4)
    largest = max(a(k - 1) - a(k) for k in range(1, 10**4))
    values = [a(k) for k in range(10**4 + 1)]
    claim = continuous(max_jump=0.99999 * largest)
    assert breach(claim, a, None) == breach(claim, values, None)
    grown = (Constant(0.0, 1) >> Constant(1.0, 1) >> Constant(0.0, 2)).repeat(60_000, gain=1.00001)
    last = 200_001
    claim = continuous(max_jump=0.999999 * abs(grown(last) - grown(last - 1)))
    assert first_step(breach(claim, grown, last + 1)) == last


def test_changes_within_rounding_are_none():
    monotone("down")([0.3, 0.1, 0.1 * (1 + 1e-14)])
    bounded(0.1, 0.3)([0.3 * (1 + 1e-15), 0.1 * (1 - 1e-15)])
    assert not bounded(0.0, 0.3).holds([0.3, -1e-300])
    monotone("down")(lambda step: np.float32(0.1) + np.float32(6e-9) * (step % 2), 9)
    assert not monotone("down").holds(lambda step: 0.1 + 6e-9 * (step % 2), 9)
    peak_at(0)([0.1, 0.1 * (1 + 1e-15)])
    peak_at(0)(0.1 * Function([1.0, 1 + 1e-15].__getitem__, steps=2))
    peak_at(1)(Linear(-1.0, 0.0, 1))
    for step in (9_999, 10_000):  # the last of them is the highest, and no other before as high
        assert peak_at(step).holds(Cosine(0.0, 1.0, 10**4)) is (Cosine(0.0, 1.0, 10**4)(step) > 1 - 1e-12)
    peak_at(10**7)(Cosine(0.0, 1.0, 10**7))
    assert not peak_at(2).holds([0.1, 0.3, 0.3])
    assert not peak_at(5).holds([0.1, 0.3])
    assert not peak_at(5).holds(Linear(0, 1, 3))
    ends_at(0.0)([0.3, 1e-17])


def test_rates_may_be_of_any_library():
    rule = lambda step: np.float32(0.5) ** step  # noqa: E731
    same_as(Constant(1.0, steps=1).repeat(gain=0.5))(rule, 20)
    all_of(monotone("down"), peak_at(0), continuous(max_jump=0.5))(np.asarray([1.0, 0.5, 0.25]).tolist())


@pytest.mark.parametrize(
    ("mistake", "kind", "message"),
    [
        (lambda: nonnegative()(abs), ValueError, "the steps of an invariant must be given for what has no length of its own, got <built-in"),
        (lambda: nonnegative()(Constant(1.0)), ValueError, "the steps of an invariant must be given for an endless schedule, got Constant"),
        (lambda: nonnegative()(Constant(1.0), -1), ValueError, "the steps of an invariant must be a whole number >= 0, got -1"),
        (lambda: nonnegative()([]), ValueError, "the subject of an invariant must be a sequence of at least one rate, got \\[\\]"),
        (lambda: nonnegative()("0.1", 3), TypeError, "the subject of an invariant must be a schedule, a function of the update, .* got '0.1'"),
        (lambda: nonnegative()(0.1, 3), TypeError, "the subject of an invariant must be"),
        (lambda: nonnegative()(Cosine.to(0.0, 9), 3), OpenScheduleError, "has no start"),
        (lambda: nonnegative()(["0.1"]), TypeError, "the rate of update 0 must be a number, got '0.1'"),
        (lambda: nonnegative()(lambda k: k > 3, 5), TypeError, "the rate of update 0 must be a number, got False"),
        (lambda: nonnegative()(lambda k: None if k else 0.1, 5), TypeError, "the rate of update 1 must be a number, got None"),
        (lambda: nonnegative()([0.1, 0.1], 2), ValueError, "the steps of an invariant must be at most 1, where the rates end, got 2"),
        (lambda: same_as([0.1])([0.1, 0.2]), ValueError, "the steps of an invariant must be at most 0, where the rates end, got 1"),
        (lambda: bounded("a", 1), TypeError, "bounded.low must be a finite number, got 'a'"),
        (lambda: bounded(2, 1), ValueError, "bounded.low must be at most high, 1.0, got 2.0"),
        (lambda: continuous(max_jump=-1), ValueError, "continuous.max_jump must be a number >= 0, got -1"),
        (lambda: spends(mean=1, rel=-1), ValueError, "spends.rel must be a number >= 0, got -1"),
        (lambda: same_as([1.0], tolerance=-1), ValueError, "same_as.tolerance must be a number >= 0, got -1"),
        (lambda: monotone("up", start=50)([0.1] * 11), ValueError, "monotone.start must be before the last update that is looked at, 10, got 50"),
        (lambda: monotone("sideways"), ValueError, "monotone.way must be one of down, up, got 'sideways'"),
        (lambda: monotone("up", start=5, stop=3), ValueError, "monotone.stop must be a whole number >= 5, got 3"),
        (lambda: peak_at(1.5), ValueError, "peak_at.step must be a whole number"),
        (lambda: warms_up_within(0), ValueError, "warms_up_within.steps must be a whole number >= 1, got 0"),
        (lambda: all_of(nonnegative), TypeError, "an argument of all_of must be an invariant, got <function"),
    ],
)  # fmt: skip
def test_what_is_no_claim_and_no_subject_is_refused(mistake, kind, message):
    with pytest.raises(kind, match=message):
        mistake()


def test_steps_say_how_much_of_a_schedule_is_looked_at():
    nonnegative()(MISTAKEN, 7)
    assert not nonnegative().holds(MISTAKEN, 8)
    assert nonnegative().holds([0.1, -0.1], 1) is False
    nonnegative()([0.1, 0.1, -0.1], 1)
    assert not bounded(0, 0.5).holds(Step(0.1, {50: 10.0}), 50)
