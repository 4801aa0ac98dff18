"""JAX, torch, and any library that follows the array API."""

import math
import os
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Function,
    Geometric,
    Linear,
    Piecewise,
    Polynomial,
    PowerLaw,
    Rex,
    Sqrt,
    Step,
    Warmup,
    to_function,
)
from tlama_core.testing.laws import about_equal, magnitude, steps_of
from tlama_core.testing.strategies import schedules

AGREEING = 60 if os.environ.get("HYPOTHESIS_PROFILE") == "ci" else 10  # each compiles
PRETRAIN = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
MANY = Piecewise.of(
    [
        phase
        for i in range(12)
        for phase in (
            Cosine(1.0 + i % 3, 0.5, 10),
            0.5 * Linear(1, 2, 5),
            Exponential(1, 0.1, 7),
            Constant(1.0, 3),
        )
    ]
    + [Linear(1, 0, 5) + Warmup(1.0, 9), Step(1.0, {i: i / 10 for i in range(1, 9)}, 12)]
)
SHAPES = [
    Sqrt(1, 0, 10), Sqrt(0, 1, 10), Polynomial(1, 0, 10, power=0.5), Polynomial(0, 1, 10, power=0.5),
    Polynomial(1, -1, 10, power=3), Exponential(1, 0.1, 10), Exponential(0.1, 1, 10), Exponential(1, 0, 10, rate=3),
    PowerLaw(1, timescale=3), Step(1, {3: 0.1}, 10), Warmup(1, 10), Cosine(1, -1, 10), Constant(1.0, 5),
    Rex(1, 0, 10), Rex(-1, 1, 10), Polynomial(0, 1, 10, power=3, of="elapsed"), Polynomial(1, -1, 10, power=0.5, of="elapsed"),
    Geometric(1, factor=0.5, interval=3), Geometric(0.1, 10, factor=3), Geometric(-2, factor=1.0),
    Cosine(1, 0, 10).repeat(3, gain=-0.5), Cosine(1, 0, 10).repeat(3, gain=0.5, growth=2),
    PRETRAIN[:60_000] >> PRETRAIN[60_000:].stretch(steps=140_000), MANY,
]  # fmt: skip


def plain(a):
    """Whether a tree has no Python function in it: those are not traced."""
    return not isinstance(a, Function) and all(plain(part) for part in a._children())


# --- the same trees everywhere -------------------------------------------------------------------


@settings(max_examples=AGREEING, suppress_health_check=list(HealthCheck))
@given(schedules(4).filter(plain))
def test_every_number_system_agrees(jax, torch, a):
    """Numbers, NumPy, JAX (eager, jit, vmap), torch and plain source, within 8 units in the last place."""
    steps, scale = steps_of(a), magnitude(a)
    wanted = [a(step) for step in steps]
    fast = to_function(a)
    assert [fast(step) for step in steps] == wanted
    assert [fast(float(step)) for step in steps] == [a(float(step)) for step in steps]
    with jax.enable_x64(True):
        whole = jax.numpy.asarray(steps)
        jitted = jax.jit(lambda t: a(t))
        served = {
            "numpy": a(np.asarray(steps)),
            "jax": a(whole),
            "jit": jitted(whole),
            "vmap": jax.vmap(lambda t: a(t))(whole),
            "torch": a(torch.asarray(steps, dtype=torch.float64)),
        }
        for name, values in served.items():
            for step, got, value in zip(steps, np.asarray(values).tolist(), wanted, strict=True):
                assert about_equal(got, value, scale), (name, a, step, got, value)


@pytest.mark.parametrize("a", SHAPES, ids=lambda a: repr(a)[:40])
def test_doubles_agree_wherever_a_library_is_least_accurate(jax, torch, a):
    """XLA's log1p is off by 120 units in the last place near -0.414, so it is asked closer to 0 only."""
    end = 100 if math.isinf(a.steps) else int(a.steps)
    long = a if math.isinf(a.steps) else a.stretch(steps=10 * end + 3)
    steps = np.arange(0, 10 * end + 5, max(1, end // 500))
    with jax.enable_x64(True):
        for served in (jax.jit(long)(jax.numpy.asarray(steps)), long(torch.asarray(steps).double())):
            for got, value in zip(np.asarray(served).tolist(), long(steps).tolist(), strict=True):
                assert about_equal(got, value, magnitude(long)), (long, got, value)


def test_a_floating_clock_meets_boundaries_past_every_integer(jax, torch):
    a = Cosine(1, 0, 10).repeat(growth=2.0)
    assert a.cycles.steps > 2**63
    for step in (jax.numpy.float32(25.0), torch.tensor(25.0)):
        assert float(a(step)) == pytest.approx(a(25.0), abs=1e-6)
    far = Constant(1.0, 2**70) >> Constant(2.0, 2**70) >> Step(3.0, {2**70: 0.5}, 2**71)
    for step in (jax.numpy.float32(2.0**72), torch.tensor(2.0**72)):
        assert float(far(step)) == 1.5


@pytest.mark.parametrize("a", SHAPES, ids=lambda a: repr(a)[:40])
def test_float32_is_within_its_bound(jax, torch, a):
    steps = np.asarray([t for t in steps_of(a) if t < 2**31])
    scale = magnitude(a)
    for served in (jax.jit(a)(jax.numpy.asarray(steps)), a(torch.asarray(steps))):
        assert np.abs(np.asarray(served, dtype=float) - a(steps)).max() <= 2e-6 * scale


# --- JAX -----------------------------------------------------------------------------------------


def test_jax_gives_arrays_of_the_same_shape(jax):
    jnp = jax.numpy
    assert PRETRAIN(jnp.int32(5)).shape == ()
    assert PRETRAIN(jnp.arange(6).reshape(2, 3)).shape == (2, 3)
    assert PRETRAIN(jnp.zeros((0,), dtype=int)).shape == (0,)
    assert PRETRAIN(jnp.arange(3, dtype=jnp.float16)).dtype == jnp.float16
    assert PRETRAIN(jnp.arange(3, dtype=jnp.uint8)).dtype == jnp.float32
    assert isinstance(PRETRAIN(jnp.arange(3)), jax.Array)
    with pytest.raises(TypeError, match="an array of steps must hold numbers, got dtype bool"):
        PRETRAIN(jnp.asarray([True]))


def test_values_of_tracers_are_not_inspected(jax):
    """Below 0 reads as 0, past the end as the end."""
    rates = jax.jit(PRETRAIN)(jax.numpy.asarray([-5, 0, 10**9]))
    assert rates.tolist() == pytest.approx([1.5e-7, 1.5e-7, 3e-5])
    assert jax.jit(PRETRAIN)(math.inf) == pytest.approx(3e-5)


def test_a_schedule_is_scanned(jax):
    _, rates = jax.lax.scan(lambda t, _: (t + 1, PRETRAIN(t)), jax.numpy.int32(0), None, length=5)
    assert np.allclose(rates, PRETRAIN.sample(5), rtol=1e-6)


@pytest.mark.parametrize("a", SHAPES, ids=lambda a: repr(a)[:40])
def test_gradients_are_finite_everywhere(jax, a):
    times = [0.0, 0.5, 3.0, 5.0, 10.0, 10.5, 20.0, 1e6, -1.0]
    for t in times:
        assert np.isfinite(jax.grad(a)(t)), (a, t)


def test_gradients_are_the_slopes(jax):
    assert jax.grad(Linear(1.0, 0.0, 10))(4.0) == pytest.approx(-0.1)
    assert jax.grad(PRETRAIN)(1_000.0) == pytest.approx(1.5e-7)
    assert jax.grad(Sqrt(1.0, 0.0, 10))(0.0) == 0.0
    assert jax.grad(Sqrt(0.0, 1.0, 10))(0.0) == 0.0
    assert jax.grad(Polynomial(1.0, 0.0, 10, power=0.5))(10.0) == 0.0
    assert jax.grad(PRETRAIN)(2e6) == 0.0


@pytest.mark.parametrize(
    "shape",
    [Linear, Cosine, Sqrt, *(lambda a, b, n, p=p: Polynomial(a, b, n, power=p) for p in (0.5, 2, 10)),
     *(lambda a, b, n, r=r: Exponential(a, b, n, rate=r) for r in (1, 10))],
)  # fmt: skip
def test_a_billion_steps_keep_their_precision_in_float32(jax, shape):
    n = 10**9
    steps = np.unique(
        np.concatenate([np.linspace(0, n, 5_001).astype(int), np.arange(99), n - np.arange(99)])
    )
    for start, end in [(1.0, 0.0), (0.0, 1.0), (1.0, 0.1), (0.1, 1.0), (1.0, -1.0)]:
        a = Warmup(1.0, 1_000) >> shape(start, end, n - 1_000)
        got = np.asarray(a(jax.numpy.asarray(steps, dtype=jax.numpy.int32)), dtype=float)
        assert np.abs(got - a(steps)).max() <= 2e-6


def test_a_boundary_past_the_steps_integers_is_never_reached(jax):
    """With 32-bit steps a clock runs to 2**31 - 2; what begins later is not seen, and nothing overflows."""
    jnp, last = jax.numpy, 2**31 - 1
    far = Linear(1.0, 0.0, 10**10)
    assert far(jnp.int32(last)) == pytest.approx(far(last), rel=1e-6)
    chain = Constant(1.0, 2**31) >> Constant(2.0, 2**40) >> Constant(3.0)
    assert chain(jnp.int32(last)) == 1.0
    assert chain(jnp.uint32(2**31 - 1)) == 1.0
    assert chain(jnp.uint32(2**32 - 1)) == 2.0
    assert Step(1.0, {5: 0.5, 10**12: 0.1})(jnp.int32(last)) == 0.5
    assert Warmup(1.0, 10**12)(jnp.int32(last)) == pytest.approx(last / 1e12, rel=1e-6)
    assert far[10**9 :](jnp.int32(last)) == pytest.approx(far(10**9 + last), rel=1e-6)
    assert far[9 * 10**9 :](jnp.int32(10)) == pytest.approx(0.1, rel=1e-6)
    assert Linear(1, 0, 10**10).repeat()(jnp.int32(last)) == pytest.approx(far(last), rel=1e-6)
    sliced = (0.5 * far)[5 : 5 + 10**10 - 5]
    assert sliced(jnp.int32(last)) == pytest.approx(0.5 * far(last), rel=1e-6)
    assert (
        Piecewise.of([*[Constant(1.0, 1)] * 9, Constant(2.0, 10**12), Constant(3.0)])(jnp.int32(last)) == 2.0
    )


def test_the_rest_of_an_endless_schedule_keeps_whole_clocks(jax):
    jnp, last = jax.numpy, 2**31 - 1
    assert PowerLaw(1.0, timescale=100)[5:](jnp.int32(95)) == pytest.approx(0.5**0.5, rel=1e-6)
    assert Step(1.0, {9: 0.5})[5:](jnp.arange(6)).tolist() == [1, 1, 1, 1, 0.5, 0.5]
    assert Step(1.0, {9: 0.5})[5:](jnp.int32(last)) == 0.5


def test_a_function_is_traced(jax):
    a = Constant(1.0, 3) >> Function(lambda t: 2.0 * t, 5)
    assert a(jax.numpy.arange(9)).tolist() == [1, 1, 1, 0, 2, 4, 6, 8, 8]


# --- torch ---------------------------------------------------------------------------------------


def test_torch_gives_tensors_of_the_same_shape(torch):
    assert PRETRAIN(torch.tensor(5)).shape == ()
    assert PRETRAIN(torch.arange(6).reshape(2, 3)).shape == (2, 3)
    assert PRETRAIN(torch.arange(3, dtype=torch.float64)).dtype == torch.float64
    assert PRETRAIN(torch.arange(3, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert PRETRAIN(torch.arange(3, dtype=torch.int8)).dtype == torch.float32
    assert PRETRAIN(torch.nn.Parameter(torch.tensor(5.0))).requires_grad
    assert PRETRAIN(torch.arange(3, device="meta")).device.type == "meta"
    with pytest.raises(TypeError, match=r"an array of steps must hold numbers, got dtype torch.bool"):
        PRETRAIN(torch.tensor([True]))


def test_torch_differentiates(torch):
    t = torch.tensor([0.0, 1_000.0, 2_000.0, 1e6], dtype=torch.float64, requires_grad=True)
    PRETRAIN(t).sum().backward()
    assert t.grad.tolist() == pytest.approx([1.5e-7, 1.5e-7, 0.0, 0.0], abs=1e-12)


COMPILED = [PRETRAIN, MANY, Polynomial(0, 1, 100, power=0.5).repeat()[3:], Cosine(1, 0, 10).repeat(3, gain=0.5, growth=2),
            (0.5 * Step(1.0, {5: 0.1}, 100) + 0.1).clamp(0.2, 0.5), Warmup(1.0, 9) >> Geometric.from_here(factor=0.5, interval=30),
            Rex(1.0, 0.0, 40) >> Polynomial.to(1.0, 40, power=3, of="elapsed")]  # fmt: skip


@pytest.mark.parametrize("a", COMPILED, ids=lambda a: repr(a)[:40])
def test_torch_compiles_one_graph_for_every_step(torch, a):
    from torch._dynamo.testing import CompileCounter

    torch.compiler.reset()
    counter = CompileCounter()
    compiled = torch.compile(lambda t: a(t), fullgraph=True, backend=counter)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for step in range(0, 90, 10):
            assert compiled(torch.tensor(step)).item() == pytest.approx(a(step), rel=1e-5, abs=1e-6)
    assert counter.frame_count == 1


# --- any array API -------------------------------------------------------------------------------


@given(st.sampled_from(SHAPES), st.integers(0, 200_000))
def test_a_strict_array_library_is_served(array_api_strict, a, step):
    assume(step < 2**31)
    got = a(array_api_strict.asarray([step, 0]))
    assert got.shape == (2,)
    assert about_equal(float(got[0]), a(step), magnitude(a))
