"""What others compute, where their conventions can be written as an expression here."""

import math

import numpy as np
import pytest

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Geometric,
    Linear,
    Polynomial,
    PowerLaw,
    Schedule,
    Step,
)

STEPS = range(100)


def stepped(torch, build):
    """Return the rates that a torch scheduler sets, one per update."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, rates = build(optimizer), []
    for _ in STEPS:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("build", "wanted"),
    [
        (lambda lr, o: lr.CosineAnnealingLR(o, 100, eta_min=0.1), Cosine(1.0, 0.1, 100)),
        (lambda lr, o: lr.LinearLR(o, 0.25, 0.75, total_iters=60), Linear(0.25, 0.75, 60)),
        (lambda lr, o: lr.PolynomialLR(o, 90, power=2.0), Polynomial(1.0, 0.0, 90, power=2)),
        (lambda lr, o: lr.ExponentialLR(o, 0.1**0.01), Exponential(1.0, 0.1, 100)),
        (lambda lr, o: lr.ExponentialLR(o, 0.97), Geometric(1.0, factor=0.97)),
        (lambda lr, o: lr.MultiStepLR(o, [30, 60], 0.1), Step(1.0, {30: 0.1, 60: 0.01})),
        (lambda lr, o: lr.StepLR(o, 30, 0.5), Step.every(1.0, 0.5, 30)),
        (lambda lr, o: lr.StepLR(o, 7, 2.0), Step.every(1.0, 2.0, 7)),
        (
            lambda lr, o: lr.CyclicLR(o, 0.1, 0.9, 8, mode="triangular2", cycle_momentum=False),
            (Linear(0.1, 0.9, 8) >> Linear(0.9, 0.1, 8)).repeat(gain=0.5, base=0.1),
        ),
        (lambda lr, o: lr.CosineAnnealingWarmRestarts(o, 10, 2), Cosine(1.0, 0.0, 10).repeat(growth=2)),
        (
            lambda lr, o: lr.SequentialLR(
                o, [lr.LinearLR(o, 0.1, 1.0, 10), lr.CosineAnnealingLR(o, 90)], milestones=[10]
            ),
            Linear(0.1, 1.0, 10) >> Cosine.to(0.0, 90),
        ),
    ],
)
def test_torch(torch, build, wanted):
    rates = stepped(torch, lambda optimizer: build(torch.optim.lr_scheduler, optimizer))
    assert np.allclose(rates, [wanted(t) for t in STEPS], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(
    ("build", "wanted"),
    [
        (
            lambda o: o.warmup_cosine_decay_schedule(0.0, 1.0, 10, 100, 0.1),
            Linear(0.0, 1.0, 10) >> Cosine.to(0.1, 90),
        ),
        (lambda o: o.linear_schedule(1.0, 0.1, 100), Linear(1.0, 0.1, 100)),
        (lambda o: o.polynomial_schedule(1.0, 0.1, 2, 90), Polynomial(1.0, 0.1, 90, power=2)),
        (lambda o: o.exponential_decay(1.0, 100, 0.1, end_value=0.1), Exponential(1.0, 0.1, 100)),
        (lambda o: o.exponential_decay(0.5, 30, 0.7), Geometric(0.5, factor=0.7, interval=30)),
        (lambda o: o.exponential_decay(0.5, 7, 1.2, transition_begin=20),
         Constant(0.5, 20) >> Geometric.from_here(factor=1.2, interval=7)),
        (lambda o: o.piecewise_constant_schedule(1.0, {30: 0.5, 60: 0.5}), Step(1.0, {30: 0.5, 60: 0.25})),
        (lambda o: o.join_schedules([o.constant_schedule(2.0), o.linear_schedule(1, 0, 50)], [10]),
         Constant(2.0, 10) >> Linear(1, 0, 50)),
    ],
)  # fmt: skip
def test_optax(optax, build, wanted):
    rates = [float(build(optax)(t)) for t in (*STEPS, 150)]
    assert np.allclose(rates, [wanted(t) for t in (*STEPS, 150)], rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("get_linear_schedule_with_warmup", (10, 100), Linear(0.0, 1.0, 10) >> Linear.to(0.0, 90)),
        ("get_cosine_schedule_with_warmup", (10, 100), Linear(0.0, 1.0, 10) >> Cosine.to(0.0, 90)),
        ("get_inverse_sqrt_schedule", (10,), Linear(0.0, 1.0, 10) >> PowerLaw(1.0, timescale=10)),
        ("get_constant_schedule_with_warmup", (10,), Linear(0.0, 1.0, 10) >> Constant.hold()),
        ("get_wsd_schedule", (10, 20, 100, None, "linear", "linear", 0.1),
         Linear(0.1, 1.0, 10) >> Constant.hold(70) >> Linear.to(0.1, 20)),
    ],
)  # fmt: skip
def test_transformers(torch, transformers, name, arguments, wanted):
    build = getattr(transformers.optimization, name)
    rates = stepped(torch, lambda optimizer: build(optimizer, *arguments))
    assert np.allclose(rates, [wanted(t) for t in STEPS], rtol=1e-12, atol=1e-15)


def test_keras(keras):
    decay = keras.optimizers.schedules.ExponentialDecay(0.5, decay_steps=30, decay_rate=0.7)
    rates = [float(decay(t)) for t in (*STEPS, 1_000)]
    wanted = Geometric(0.5, factor=0.7, interval=30)
    assert np.allclose(rates, [wanted(t) for t in (*STEPS, 1_000)], rtol=1e-5, atol=1e-9)


def timm_cosine(t, *, lr_min, first, mul, decay):
    """Return what `timm.scheduler.CosineLRScheduler._get_lr` computes for an initial rate of 1.

    Source: pytorch-image-models, timm/scheduler/cosine_lr.py
    """
    if mul == 1:
        i, t_i = t // first, first
        t_curr = t - t_i * i
    else:
        i = math.floor(math.log(1 - t / first * (1 - mul), mul))
        t_i = mul**i * first
        t_curr = t - (1 - mul**i) / (1 - mul) * first
    lr_max = 1.0 * decay**i
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + math.cos(math.pi * t_curr / t_i))


@pytest.mark.parametrize("low", [0.0, 0.05])
@pytest.mark.parametrize("decay", [0.5, 0.8])
@pytest.mark.parametrize("mul", [1, 2])
def test_cycle_decay_of_timm(mul, decay, low):
    """timm multiplies the highest rate and not the height: a minimum is a share that no cycle shrinks."""
    wanted = Cosine(1.0, 0.0, 12).repeat(gain=decay, growth=mul)
    wanted = wanted + Cosine(0.0, low, 12).repeat(growth=mul)
    rates = [timm_cosine(t, lr_min=low, first=12, mul=mul, decay=decay) for t in STEPS]
    assert np.allclose(rates, [wanted(t) for t in STEPS], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("growth", [1, 2])
def test_warm_restarts_above_a_minimum(growth):
    """The height above the minimum is what each restart multiplies."""
    low, decay = 0.1, 0.5
    wanted = Cosine(1.0, low, 12).repeat(gain=decay, growth=growth, base=low)
    heights = [timm_cosine(t, lr_min=0.0, first=12, mul=growth, decay=decay) for t in STEPS]
    assert np.allclose([low + 0.9 * h for h in heights], [wanted(t) for t in STEPS], rtol=1e-11, atol=1e-14)


def test_the_authorities_would_notice_an_off_by_one():
    """The comparison above can fail: one update to either side is far outside its tolerance."""
    wanted: Schedule = Cosine(1.0, 0.1, 100)
    late = [wanted(t + 1) for t in STEPS]
    assert not np.allclose(late, [wanted(t) for t in STEPS], rtol=1e-6, atol=1e-6)
    assert math.isclose(wanted(50), 0.55)
