"""A clock in tokens or samples, counted in updates: every value is that of the tokens consumed so far."""

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
    Step,
    Warmup,
    consumed,
    in_updates,
    parse,
    updates_for,
)
from tlama_core.testing.laws import arrays_are_served_alike
from tlama_core.testing.strategies import schedules

CLOCKS = st.sampled_from(["updates", "consumed"])


@st.composite
def batches(draw):
    """Draw a batch: a whole number, or a schedule of whole numbers whose length and shape may be any."""
    whole = st.integers(1, 40).map(float)
    level = st.builds(Constant, whole, st.integers(0, 60))
    levels = st.lists(level, min_size=1, max_size=6).map(Piecewise.of)
    tables = st.builds(lambda *table: Function(lambda t: table[int(t)], steps=3), whole, whole, whole)
    ramps = st.builds(
        lambda a, n, stride: Linear(a, a + 3 * n, n)[::stride].quantize(),
        whole,
        st.integers(1, 30),
        st.integers(1, 3),
    )
    falling = st.builds(lambda a, n: Linear(a + n, a, n).quantize(), whole, st.integers(1, 30))
    flat = st.builds(lambda a: Linear(a, a, 20), whole)
    staircases = st.builds(lambda a, k: Constant(a, steps=k).repeat(4, gain=2.0), whole, st.integers(1, 30))
    drops = st.builds(lambda a, t: Step(a, {t: 3.0}), whole, st.integers(1, 60))
    plateaus = st.builds(lambda a, n: Linear(a + 8, a + 48, n).quantize(8), whole, st.integers(10, 300))
    doubled = levels.map(lambda a: a >> 2 * a)
    return draw(
        st.one_of(whole.map(int), levels, tables, ramps, falling, flat, staircases, drops, plateaus, doubled)
    )


def by_hand(batch, clock, updates):
    """Return what was consumed before every update up to *updates*, one after the other."""
    tokens = [0]
    for k in range(updates):
        size = batch if isinstance(batch, int) else batch(k if clock == "updates" else tokens[-1])
        assert size == int(size)
        tokens.append(tokens[-1] + int(size))
    return tokens


@given(schedules(endless=False), batches(), CLOCKS)
def test_every_update_has_the_value_of_what_was_consumed_before_it(a, batch, clock):
    if a.steps > 10**6:
        a = a[: 10**6]
    shown = 300
    tokens = by_hand(batch, clock, shown)
    b = in_updates(a, batch, batch_clock=clock)
    assert [b(k) for k in range(shown)] == [a(min(before, a.steps)) for before in tokens[:shown]]
    arrays_are_served_alike(b)
    assert b.steps == updates_for(batch, a.steps, batch_clock=clock)
    assert b(b.steps) == a(a.steps)
    if b.steps <= shown:
        assert tokens[int(b.steps)] >= a.steps
        assert b.steps == 0 or tokens[int(b.steps) - 1] < a.steps


@given(batches(), CLOCKS, st.integers(0, 200))
def test_counts_agree_with_counting(batch, clock, updates):
    tokens = by_hand(batch, clock, updates + 1)
    assert consumed(batch, updates, batch_clock=clock) == tokens[updates]
    assert updates_for(batch, tokens[updates], batch_clock=clock) == updates
    assert updates_for(batch, tokens[updates] + 1, batch_clock=clock) == updates + 1


def test_a_ramp_is_counted_by_its_plateaus():
    ramp = Linear(9, 49, 100).quantize(8)
    assert consumed(ramp, 150) == sum(int(ramp(k)) for k in range(150))
    run = in_updates(Linear(1.0, 0.0, 500), ramp)
    assert [phase.stride for phase in run.phases] == [8, 16, 24]


def test_an_endless_schedule_stays_endless():
    ramp = Step(8, {10: 4})
    b = in_updates(Warmup(1.0, 100) >> PowerLaw(1.0, timescale=50), ramp)
    assert b.steps == float("inf")
    assert b(10) == Warmup(1.0, 100)(80)
    assert b(10**9) == PowerLaw(1.0, timescale=50)(80 + 32 * (10**9 - 10) - 100)
    assert parse(repr(b)) == b


def test_a_schedule_of_no_length_takes_no_update():
    assert in_updates(Linear(1.0, 0.5, 0), 7) == Linear(1.0, 0.5, 0)


def megatron(start, increment, ramp_samples, last):
    """Return the batch after so many samples, as Megatron-LM's calculator of micro-batches has it.

    Source: NVIDIA/Megatron-LM, megatron/core/num_microbatches_calculator.py, its calculator of a ramped batch.
    """
    per_increment = ramp_samples / ((last - start) // increment)

    def batch(samples):
        if samples > ramp_samples:
            return last
        return min(start + int(samples / per_increment) * increment, last)

    return batch


def test_a_decay_ends_with_the_run_where_the_batch_grows():
    """100 iterations, from 8 samples to 16 over the first 160: a decay in samples ends at iteration 100."""
    theirs, samples = megatron(8, 8, 160, 16), [0]
    for _ in range(100):
        samples.append(samples[-1] + theirs(samples[-1]))
    batch = Constant(8, steps=160) >> Constant(16)
    assert samples == [consumed(batch, k, batch_clock="consumed") for k in range(101)]
    total = samples[-1]
    plan = Warmup(1e-3, steps=160) >> Constant.hold(steps=total - 160 - 480) >> Linear.to(0.0, steps=480)
    run = in_updates(plan, batch, batch_clock="consumed")
    assert run.steps == 100
    assert [run(k) for k in range(101)] == [plan(before) for before in samples]
    assert run(99) > run(100) == 0.0


@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        (0, ValueError, "in_updates.batch must be a whole number >= 1, got 0"),
        (2.5, ValueError, "in_updates.batch must be a whole number"),
        ("8", TypeError, "in_updates.batch must be"),
        (Linear(8, 9, 10), ValueError, r"in_updates.batch at 1 must be whole numbers >= 1 \(batch.quantize"),
        (Constant(0.0), ValueError, "in_updates.batch at 0 must be whole numbers >= 1 .*, got 0.0"),
        (Constant.hold(5), TypeError, "has no start"),
        (Step.every(2.0**40, 0.5, 3), ValueError, r"batch at 123 must be whole numbers"),
    ],
)
def test_what_is_no_batch_is_refused(batch, error, words):
    with pytest.raises(error, match=words):
        in_updates(Linear(1, 0, 10**18), batch)


def test_other_mistakes_name_what_was_called():
    a = Linear(1, 0, 100)
    with pytest.raises(
        ValueError, match="updates_for.batch_clock must be 'updates' or 'consumed', got 'tokens'"
    ):
        updates_for(8, 100, batch_clock="tokens")
    with pytest.raises(ValueError, match="consumed.updates must be a whole number >= 0, got -1"):
        consumed(8, -1)
    with pytest.raises(TypeError, match="in_updates.schedule must be a schedule, got 5"):
        in_updates(5, 8)
    with pytest.raises(
        ValueError, match="in_updates.batch must be a schedule that changes at most 100,000 times"
    ):
        in_updates(PowerLaw(1.0, timescale=1), (Constant(1, 1) >> Constant(2, 1)).repeat())
    with pytest.raises(
        ValueError, match="in_updates.batch must be a schedule that is known after 1,000,000 values"
    ):
        in_updates(PowerLaw(1.0, timescale=1), Function(lambda t: 4.0))
    assert in_updates(a, Function(lambda t: 4.0)) == a[::4]


def test_ten_thousand_pieces_are_evaluated_like_a_chain(torch):
    """Numbers by bisection, arrays by formula."""
    batch = Piecewise.of(Constant(float(8 + k % 97), steps=3) for k in range(10_000))
    total = consumed(batch, 30_000)
    plan = Warmup(1e-3, total // 100) >> Cosine.to(1e-5, total - total // 100)
    run = in_updates(plan, batch)
    assert run.steps == 30_000
    assert 9_990 <= len(run.phases) <= 10_001
    steps = np.arange(30_010)
    assert run(steps).tolist() == [run(int(k)) for k in steps]
    assert np.allclose(run(torch.from_numpy(steps)).numpy(), run(steps), rtol=0, atol=2e-6 * 1e-3)


@pytest.mark.parametrize("clock", ["int32", "float32"])
def test_three_hundred_billion_tokens_in_jax(jax, clock):
    """No clock of tokens is formed, so that int32 and float32 serve."""
    batch = Constant(2.0**20, steps=20_000) >> Constant(2.0**21, steps=30_000) >> Constant(2.0**22)
    total = 3 * 10**11
    plan = Warmup(3e-4, 2 * 10**9) >> Cosine.to(3e-5, total - 2 * 10**9)
    run = in_updates(plan, batch)
    steps = np.unique(np.linspace(0, int(run.steps) + 10, 5_000).astype(int))
    wanted = np.array([plan(min(consumed(batch, int(k)), total)) for k in steps])
    got = jax.jit(run)(jax.numpy.asarray(steps, dtype=clock))
    assert got.dtype == "float32"
    assert np.abs(np.asarray(got, dtype=float) - wanted).max() <= 2e-6 * 3e-4
