"""The warmup and the power law."""

from hypothesis import given
from hypothesis import strategies as st

from tlama_core import (
    PowerLaw,
    Warmup,
)
from tlama_core.testing import laws


@given(st.floats(-1e300, 1e300), st.integers(0, 10**7))
def test_a_warmup_climbs_to_its_peak_and_is_never_past_it(peak, steps):
    a = Warmup(peak, steps)
    laws.a_shape_never_turns_back(a)
    values = [a(t) for t in laws.steps_of(a)]
    assert max(map(abs, values)) == abs(peak)
    assert a(max(steps - 1, 0)) == a(steps) == a(steps + 1) == peak
    if peak:
        assert a(0) != 0.0 or abs(peak) < 1e-300


def test_power_laws():
    assert PowerLaw(1.0, timescale=100)(300) == 0.5
    assert PowerLaw(1.0, timescale=100, exponent=-1)(300) == 0.25
    assert PowerLaw(1.0, 300, timescale=100)(10**6) == 0.5
    assert PowerLaw(1.0, timescale=1e-300)(10**400) == 0.0
    assert PowerLaw(1.0, 8, timescale=1, exponent=0.5)(8) == 3.0
