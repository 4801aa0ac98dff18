"""Every number system against an independent slow evaluator, over wide parameters: jumps at the exact update."""

import importlib.util
import math
import sys
from operator import add, rshift
from pathlib import Path

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Geometric,
    Linear,
    Polynomial,
    Rex,
    Sqrt,
    Step,
    Warmup,
    maximum,
    minimum,
    to_function,
)
from tlama_core.analysis.joints import pieces
from tlama_core.testing.laws import magnitude

spec = importlib.util.spec_from_file_location("reference", Path(__file__).parents[1] / "reference.py")
reference = sys.modules.setdefault("reference", importlib.util.module_from_spec(spec))
spec.loader.exec_module(reference)

LINES = (Linear, Cosine, Rex, Sqrt)
HOWS = ("nearest", "down", "up")


def lengths(most):
    return st.integers(1, 12) | st.integers(1, 10_000) | st.integers(1, most)


def values(decades):
    ordinary = st.sampled_from([0.0, 1.0, -1.0, 0.1, 3e-4]) | st.floats(-8, 8)
    return ordinary | st.integers(-decades, decades).map(lambda power: 10.0**power) if decades else ordinary


@st.composite
def leaves(draw, most, decades):  # noqa: PLR0911 - one return for every kind
    steps, kind = draw(lengths(most)), draw(st.integers(0, 6))
    start, end = draw(values(decades)), draw(values(decades))
    if kind == 0:
        return Constant(start, steps)
    if kind == 1:
        times = draw(st.lists(st.integers(1, max(1, steps - 1)), max_size=5, unique=True))
        return Step(start, {time: draw(st.floats(-2, 2)) for time in times if time < steps}, steps)
    if kind == 2:
        return Warmup(start, steps)
    if kind == 3:
        of = draw(st.sampled_from(["left", "elapsed"]))
        return Polynomial(start, end, steps, power=draw(st.sampled_from([0.5, 1, 2, 3.5])), of=of)
    if kind == 4:
        return Exponential(start, end, steps, rate=draw(st.sampled_from([0.5, 3.0])))
    if kind == 5:  # from a fall within a few updates to one that takes the whole length
        interval = draw(st.sampled_from([0.3, 1, 7.25, 1e3, float(steps)]))
        return Geometric(
            start, steps, factor=draw(st.sampled_from([0.1, 0.5, 0.999, 1.0])), interval=interval
        )
    return draw(st.sampled_from(LINES))(start, end, steps)


@st.composite
def wide_trees(draw, most=10**18, decades=300, depth=4):
    """Draw chains, cuts, stretches and repetitions nested in each other, whose clocks are seldom round."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(leaves(most, decades))
    a = draw(wide_trees(most, decades, depth - 1))
    kind = draw(st.integers(1, 8))
    if kind == 1:
        i = draw(st.integers(0, int(a.steps) - 1)) if a.steps else 0
        return (1.0 * a)[i : draw(st.integers(i, int(a.steps)))]
    if kind == 2:
        return (a + 0.0 if draw(st.booleans()) else a).stretch(steps=draw(lengths(most)))
    if kind == 3:
        times = draw(st.integers(1, 50) | st.integers(1, 10**6))
        gain, base = draw(st.sampled_from([1.0, 0.5, -1.0, 0.999, -0.9])), draw(values(decades))
        return a.repeat(times, gain=gain, base=draw(st.sampled_from([0.0, base]))) if a.steps else a
    if kind in (4, 8):
        multiple, how = draw(st.sampled_from([1.0, 1.0, 0.1, 3.0, 32.0])), draw(st.sampled_from(HOWS))
        return a.quantize(multiple, how=how) if kind == 8 else draw(st.sampled_from([0.5, -2.0, 1.0])) * a
    b = draw(wide_trees(most, decades, depth - 1))
    return draw(st.sampled_from([rshift, rshift, add, maximum, minimum]))(a, b)


def steps_near_joints(a, data, limit):
    """Return whole steps on both sides of joints, and some anywhere."""
    end = int(min(a.steps, limit))
    found = {0, end // 2, end, data.draw(st.integers(0, max(end, 1)))}
    for number, piece in enumerate(pieces(a, 0, max(1, end))):
        if number > 40:
            break
        found |= {piece.start - 1, piece.start, piece.start + 1}
    return sorted(step for step in found if 0 <= step <= limit)


def agrees(a, step, got, relative, error=1e-13):
    """Whether a value is that of the slow evaluator, save where one as near to an edge as its rounding is quantized.

    *error* is how far off the values may be from which multiples are made, relatively.
    """
    try:
        with reference.rounding(4e-6 if error > 1e-7 else 1e-9, lambda node: error * magnitude(node)):
            wanted = reference.value(a, step)
    except reference.UnsettledError:
        return True
    scale = magnitude(a)
    return abs(float(wanted - got)) <= relative * scale + (1e-37 if relative > 1e-7 else 0.0)


@settings(max_examples=300)
@given(wide_trees(), st.data())
def test_numbers_and_source_agree_with_the_slow_evaluator(a, data):
    assume(math.isfinite(magnitude(a)))
    fast = to_function(a)
    for step in steps_near_joints(a, data, 10**40):
        assert agrees(a, step, a(step), 1e-13), (a, step, a(step))
        assert fast(step) == a(step), (a, step)


@settings(max_examples=300)
@given(wide_trees(), st.data(), st.sampled_from(["u1", "i2", "i4", "u4", "i8", "u8", "f4", "f8"]))
def test_numpy_agrees_with_the_slow_evaluator(a, data, kind):
    assume(math.isfinite(magnitude(a)))
    dtype = np.dtype(kind)
    limit = np.iinfo(dtype).max if dtype.kind in "iu" else 2**24 if dtype.itemsize == 4 else 2**53
    steps = steps_near_joints(a, data, int(limit))
    got = a(np.array(steps, dtype=dtype))
    for step, value in zip(steps, got.tolist(), strict=True):
        if abs(value) < np.inf:
            assert agrees(a, step, value, 1e-6 if kind == "f4" else 1e-13), (a, step, value)
    assert got.dtype == (dtype if dtype.kind == "f" else np.float64)


@settings(max_examples=120)
@given(wide_trees(most=10**9, decades=0, depth=3), st.data())
def test_jax_agrees_with_the_slow_evaluator_in_int32(jax, a, data):
    steps = steps_near_joints(a, data, 2**31 - 1)
    got = a(jax.numpy.array(steps, dtype="int32"))
    for step, value in zip(steps, got.tolist(), strict=True):
        assert agrees(a, step, value, 3e-6, error=3e-6), (a, step, value)


@settings(max_examples=120)
@given(wide_trees(most=10**12, decades=0, depth=3), st.data(), st.sampled_from(["int32", "int64"]))
def test_torch_agrees_with_the_slow_evaluator(torch, a, data, kind):
    steps = steps_near_joints(a, data, 2**31 - 1 if kind == "int32" else 2**62)
    got = a(torch.tensor(steps, dtype=getattr(torch, kind)))
    for step, value in zip(steps, got.tolist(), strict=True):
        assert agrees(a, step, value, 3e-6, error=3e-6), (a, step, value)
