"""Schedules as people write them, each with one usual mistake: a claim or a law catches every one of them."""

import math

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tlama_core import Constant, Cosine, Function, Linear, Warmup
from tlama_core.testing.checking import check_laws
from tlama_core.testing.invariants import (
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

RUNS = st.tuples(st.floats(1e-5, 1.0), st.integers(5, 20), st.integers(60, 120))
"""A peak, the updates of the warmup, and all updates."""


def plan(peak, warmup, total):
    return Warmup(peak, warmup) >> Cosine.to(peak / 10, total - warmup)


def claims(peak, warmup, total):
    """Return what a person expects of the run."""
    return [
        nonnegative(),
        bounded(0.0, peak),
        warms_up_within(warmup),
        peak_at(warmup - 1),
        monotone("down", start=warmup),
        continuous(max_jump=1.01 * peak / warmup),
        ends_at(peak / 10),
        spends(mean=sum(plan(peak, warmup, total)) / total),
        same_as(plan(peak, warmup, total)),
    ]


def by_hand(peak, warmup, total):
    """Return the plan as a function, as a training script has it."""

    def rate(step):
        if step < warmup:
            return peak * (step + 1) / warmup
        progress = min(1.0, (step - warmup) / (total - warmup))
        return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * progress)))

    return rate


def changed(change):
    """Return a mistake made in the script: *change* takes its rate, the update and the run."""
    return lambda *run: lambda step: change(by_hand(*run)(step), step, *run)


OWN = {
    "starts at 0": lambda peak, w, n: Linear(0.0, peak, w) >> Cosine.to(peak / 10, n - w),
    "warms up one update too long": lambda peak, w, n: Warmup(peak, w + 1) >> Cosine.to(peak / 10, n - w - 1),
    "decays over all updates": lambda peak, w, n: Warmup(peak, w) >> Cosine.to(peak / 10, n),
    "has a negative tail": lambda peak, w, n: Warmup(peak, w) >> Linear.to(-peak / 10, n - w),
    "scales the warmup alone": lambda peak, w, n: 0.5 * Warmup(peak, w) >> Cosine(peak, peak / 10, n - w),
    "restarts at a resume": lambda peak, w, n: plan(peak, w, n)[: n // 2] >> plan(peak, w, n),
    "counts epochs for updates": lambda peak, w, n: plan(peak, w, n)[::4],
    "swaps start and end": lambda peak, w, n: Warmup(peak, w) >> Cosine(peak / 10, peak, n - w),
    "is scaled twice": lambda peak, w, n: 2 * plan(peak, w, n),
    "warms up twice": lambda peak, w, n: Warmup(1.0, 2 * w) * plan(peak, w, n),
}
BY_HAND = {
    "forgets the clamp": lambda peak, w, n: lambda k: peak * min(1, (k + 1) / w) * (1.1 - (k + 1) / (n - w)),
    "climbs past the end": lambda peak, w, n: (
        lambda k: by_hand(peak, w, n - w)(k) if k < n - w else peak * k / n
    ),
    "is NaN at one update": changed(lambda rate, k, _, w, __: math.nan if k == w else rate),
    "divides whole numbers": lambda peak, w, n: (
        lambda k: peak * ((k + 1) // w) if k < w else by_hand(peak, w, n)(k)
    ),
    "wraps at the end": changed(lambda rate, k, _, __, n: rate if k < n else 0.0),
    "forgets to halve": changed(lambda rate, *_: 2 * rate),
    "counts degrees": lambda peak, w, n: (
        lambda k: (
            by_hand(peak, w, n)(k) if k < w else peak * (0.1 + 0.45 * (1 + math.cos(180 * (k - w) / (n - w))))
        )
    ),
    "has another value each time": lambda *run: _moody(*run),
}


def _moody(*run):
    calls = iter(range(10**9))
    return lambda step: by_hand(*run)(step) * (1 + next(calls) % 2)


def torch_runs(torch):
    """Return schedulers of torch with a usual mistake, of an optimizer whose rate is the peak."""
    lr = torch.optim.lr_scheduler

    def of(build):
        return lambda peak, w, n: build(
            torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak), peak, w, n
        )

    def sequence(o, peak, w, n, *, at=0, decay=0):
        parts = [lr.LinearLR(o, 1 / w, 1.0, w - 1), lr.CosineAnnealingLR(o, n - w + decay, peak / 10)]
        return lr.SequentialLR(o, parts, milestones=[w + at])

    return {
        "sound": of(sequence),
        "changes over late": of(lambda o, peak, w, n: sequence(o, peak, w, n, at=5)),
        "decays over all updates": of(lambda o, peak, w, n: sequence(o, peak, w, n, decay=w)),
        "is one cycle with its defaults": of(lambda o, peak, _, n: lr.OneCycleLR(o, peak, n + 1)),
        "multiplies rates by rates": of(lambda o, *run: lr.LambdaLR(o, by_hand(*run))),
    }


def caught_by(mistake):
    """Return what catches a mistake within 200 runs drawn at random."""
    caught = {}

    @settings(max_examples=200, phases=[Phase.generate])
    @given(RUNS)
    def sound(run):
        for claim in claims(*run):
            try:
                claim(mistake(*run), run[2])
            except AssertionError:
                caught.setdefault(repr(claim).partition("(")[0], run)
                raise

    try:
        sound()
    except AssertionError:
        return next(iter(caught))
    return None


def test_what_is_sound_is_not_caught(torch):
    assert caught_by(plan) is caught_by(by_hand) is caught_by(torch_runs(torch)["sound"]) is None


@pytest.mark.parametrize("name", [*OWN, *BY_HAND])
def test_a_mistake_is_caught(name):
    found = caught_by({**OWN, **BY_HAND}[name])
    print(f"{name}: caught by {found}")
    assert found is not None


@pytest.mark.parametrize(
    "name",
    [
        "changes over late",
        "decays over all updates",
        "is one cycle with its defaults",
        "multiplies rates by rates",
    ],
)
def test_a_mistake_with_torch_is_caught(torch, name):
    found = caught_by(torch_runs(torch)[name])
    print(f"torch: {name}: caught by {found}")
    assert found is not None


def test_a_function_that_is_none_breaks_a_law():
    with pytest.raises(AssertionError, match="is broken"):
        check_laws(Constant(0.1, 5) >> Function(_moody(0.1, 10, 100)), max_examples=50)
