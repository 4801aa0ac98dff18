"""Arithmetic: exact where the result is rational, the nearest float elsewhere, and soon whatever is asked."""

import math
import operator
from fractions import Fraction
from functools import reduce

import mpmath
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tlama_core import Constant, Limits, Linear, ParseError, parse
from tlama_core.text.arithmetic import (
    MAX_BITS,
    MAX_DIGITS,
    exponential,
    logarithm,
    power,
    square_root,
)
from tlama_core.text.limits import Budget

FRACTIONS = st.fractions(max_denominator=10**9) | st.floats(-1e300, 1e300).map(Fraction)
ABOVE_0 = FRACTIONS.map(abs).filter(bool) | st.floats(0, 1e-300, exclude_min=True).map(Fraction)
ROOTS = st.fractions(-9, 9, max_denominator=9)


def nearest(wanted):
    """Return the float nearest to what *wanted* computes, with many digits of another library."""
    with mpmath.workprec(3_000):
        value = wanted(lambda number: mpmath.mpf(number.numerator) / number.denominator)
        return float(mpmath.nstr(value, 800))


# --- the values ----------------------------------------------------------------------------------


@given(FRACTIONS)
@example(Fraction(-744))
@example(Fraction(-1, 10**40))
def test_an_exponential_is_the_nearest_float(number):
    assume(number < 709)
    assert exponential(number) == nearest(
        lambda mpf: mpmath.exp(mpf(number)) if number > -800 else mpf(0 * number)
    )


@given(ABOVE_0)
@example(1 + Fraction(1, 10**300))
@example(1 + Fraction(1, 10**700))
@example(Fraction(1))
def test_a_logarithm_is_the_nearest_float(number):
    assert logarithm(number) == nearest(lambda mpf: mpmath.log(mpf(number)))


@given(ABOVE_0)
@example(Fraction(2 + 2**-1022) ** 2 + Fraction(1, 10**150))
def test_a_root_is_the_nearest_float_where_it_is_not_rational(number):
    root = square_root(number)
    if root**2 != number:
        assert root == nearest(lambda mpf: mpmath.sqrt(mpf(number)))


@given(ABOVE_0, ROOTS | st.fractions(max_denominator=10**6))
def test_a_power_is_the_nearest_float_where_it_is_not_rational(base, exponent):
    size = float(exponent) * (math.log(base.numerator) - math.log(base.denominator))
    assume(-700 < size < 700)
    found = power(base, exponent)
    assert float(found) == nearest(lambda mpf: mpmath.power(mpf(base), mpf(exponent)))
    if found != float(found):  # only then it must be the power itself, which may be very long
        assert found**exponent.denominator == base**exponent.numerator


@given(FRACTIONS, st.integers(2, 60), st.integers(-9, 9))
def test_what_is_rational_is_exact(root, degree, exponent):
    """A power of a root of a power; also a whole power, which Python computes exactly."""
    root = abs(root) if root else Fraction(2)
    whole = root**degree
    assume(max(map(int.bit_length, whole.as_integer_ratio())) < MAX_BITS // 9)
    assert power(whole, Fraction(exponent, degree)) == root**exponent
    assert power(-root, Fraction(exponent)) == (-root) ** exponent
    assert square_root(root**2) == root


@pytest.mark.parametrize(
    ("base", "exponent", "wanted"),
    [(0, 0, 1), (0, 1, 0), (0, "1/3", 0), (1, "-1/3", 1), (1, 10**300, 1), (-1, 10**300 + 1, -1), (4, 0.5, 2), (2, -3, 0.125)],
)  # fmt: skip
def test_0_and_1_have_powers_of_any_size(base, exponent, wanted):
    assert power(Fraction(base), Fraction(exponent)) == Fraction(wanted)


@given(st.integers(10**4, 10**6), st.sampled_from([1, -1]))
def test_a_rational_power_that_is_too_long_is_the_nearest_float(exponent, sign):
    base = 1 - Fraction(1, exponent)
    assert exponent * (exponent.bit_length() - 1) > MAX_BITS
    wanted = nearest(lambda mpf: mpf(base) ** exponent)
    assert power(sign * base, Fraction(exponent)) == (wanted if sign == 1 or exponent % 2 == 0 else -wanted)


def test_what_is_too_small_for_a_float_is_0():
    assert exponential(Fraction(-(10**9))) == power(Fraction(1, 3 * 10**300), Fraction(7, 5)) == 0
    assert power(Fraction(1, 2), Fraction(2_149, 2)) == Fraction(math.ulp(0.0))


# --- in texts ------------------------------------------------------------------------------------

NAMED = {"x": 0.75, "n": 12}
LEAVES = st.sampled_from([*NAMED, "2", "0.1", "3e-1", "1_0", "1.5"])
KINDS = ["({0} + {1})", "{0} / {1}", "{0} * {1}", "({0})**{2}", "sqrt({0})", "exp(min({0}, 3))", "log(1 + {0})", "max({0}, {1})"]  # fmt: skip


def grown(terms):
    """Return texts made of others, all of them above 0: nothing cancels, so that few digits are lost."""
    kinds = st.tuples(
        st.sampled_from(KINDS), terms, terms, st.sampled_from(["2", "-1", "0.5", "(1/3)", "-1.25"])
    )
    return kinds.map(lambda drawn: drawn[0].format(*drawn[1:]))


@given(st.recursive(LEAVES, grown, max_leaves=9))
def test_a_text_is_what_another_library_makes_of_it(text):
    functions = {name: getattr(mpmath, name) for name in ("sqrt", "exp", "log")}
    with mpmath.workprec(300):
        wanted = float(eval(text, functions | {"min": min, "max": max} | NAMED))
    assume(1e-300 < wanted < 1e300)
    assert parse(text, **NAMED).value == pytest.approx(wanted, rel=1e-13)


@given(st.fractions("1/99", 99, max_denominator=99), st.integers(-20, 20))
def test_powers_bind_as_they_do_in_python(number, exponent):
    assert parse(f"-x**{exponent}", x=number) == parse(f"-(x**({exponent}))", x=number)
    assert parse(f"2**-1**{abs(exponent)} / 4", x=number) == Constant(0.5 / 4)
    assert parse(f"2**3**{abs(exponent) % 3}") == Constant(2**3 ** (abs(exponent) % 3))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_text_that_is_a_number_is_that_constant(number):
    assert parse(repr(number)) == parse("x", x=number) == parse(f"Constant({number!r})") == Constant(number)


# --- what it costs -------------------------------------------------------------------------------


@pytest.mark.parametrize("term", ["exp(1)", "sqrt(2)", "log(3)", "2**0.5"])
def test_roots_and_logarithms_are_work(term):
    assert parse(" + ".join([term] * 900))(0) > 900 * 0.9
    with pytest.raises(ParseError, match="this computes too many digits: write out roots") as caught:
        parse(" + ".join([term] * 2_000), Limits(work=4_000))
    assert caught.value.text[caught.value.start : caught.value.stop] == term


@given(st.integers(0, MAX_BITS - 1))
def test_long_numbers_are_more_work(bits):
    """As many as can be computed with before it is too much, times the square of their digits, is bounded."""
    budget = Budget(Limits())
    budget.charge_digits([Fraction(1), Fraction(1, 1 << bits)])
    assert budget.spent == 4 + ((bits + 1) // 50) ** 2


def test_digits_end_where_they_do_not_tell_two_floats_apart():
    """The square of a number in the middle of two floats, and a bit: its root takes as many digits as the bit."""
    middle = 1 + Fraction(1, 2**53)
    assert square_root(middle**2) == middle
    assert square_root(middle**2 + Fraction(1, 10**200)) == 1 + Fraction(1, 2**52)
    assert square_root(middle**2 - Fraction(1, 10**200)) == 1
    for off in (1, -1):
        with pytest.raises(ValueError, match=f"between two floats, and {MAX_DIGITS} digits do not tell"):
            square_root(middle**2 + off * Fraction(1, 10 ** (MAX_DIGITS + 9)))


def test_a_stride_costs_what_its_slice_costs():
    chain = reduce(operator.rshift, [Linear(1, 0, 10)] * 9)
    spent = []
    for cut in (slice(3, 80), slice(3, 80, 7), slice(None, None, 2)):
        budget = Budget(Limits())
        budget.charge_call(operator.getitem, (chain, cut), {})
        spent.append(budget.spent)
    assert spent[0] == spent[1] == spent[2] > 9
