"""What numbers in a text are computed with: exact where the result is rational, else the nearest float.

Numbers are fractions throughout. Nothing here takes long, whatever the numbers are: the size of a result is
known before it is computed, and digits are computed only as far as they decide which float is nearest.
"""

import math
from collections.abc import Callable, Iterator
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

MAX_BITS = 4_096
"""Of the numerator and of the denominator of every number on its way: exact numbers grow as they multiply."""

DIGITS, MAX_DIGITS = 40, 640
"""How many digits of an irrational number are computed at first, and at most."""

SPARE_DIGITS = 10
"""How many more are carried while they are computed: a logarithm of `MAX_BITS` bits loses four of them."""

TOO_LARGE = "this number is past the largest float"


def power(base: Fraction, exponent: Fraction) -> Fraction:
    """Return *base* to the power of *exponent*: exact where it is rational, and of at most `MAX_BITS` bits.

    Raises `ValueError` where there is no real result, or none that a float can hold.

    >>> power(Fraction(4, 9), Fraction(-3, 2)), float(power(Fraction(2), Fraction(1, 2)))
    (Fraction(27, 8), 1.4142135623730951)
    """
    if exponent < 0 and not base:
        raise ValueError("0 cannot be raised to a negative power")
    if exponent.denominator == 1:
        return _whole_power(base, exponent.numerator)
    if base < 0:
        raise ValueError("a negative number can only be raised to a whole power")
    above, below = (_root(number, exponent.denominator) for number in base.as_integer_ratio())
    if above is None or below is None:
        return _rounded_power(base, exponent)
    return _whole_power(Fraction(above, below), exponent.numerator)


def square_root(number: Fraction) -> Fraction:
    """Return the square root of *number*, or raise a `ValueError` where it is negative.

    >>> square_root(Fraction(1, 4))
    Fraction(1, 2)
    """
    if number < 0:
        raise ValueError("a negative number has no square root")
    return power(number, Fraction(1, 2))


def exponential(number: Fraction) -> Fraction:
    """Return e to the power of *number*, or raise a `ValueError` where no float is as large.

    >>> float(exponential(Fraction(1)))
    2.718281828459045
    """
    return _exponential(lambda context: _decimal(number, context)) if number else Fraction(1)


def logarithm(number: Fraction) -> Fraction:
    """Return the natural logarithm of *number*, or raise a `ValueError` where it is not above 0.

    >>> float(logarithm(Fraction(2)))
    0.6931471805599453
    """
    if number <= 0:
        raise ValueError("only a number above 0 has a logarithm")
    if number == 1:
        return Fraction(0)
    return _nearest(
        (context.ln(_decimal(number, context)), Decimal((0, (1,), -digits)), context)
        for digits, context in _contexts()
    )


def _whole_power(base: Fraction, exponent: int) -> Fraction:
    """Return a whole power of *base*: exact, or rounded where it is too long for that.

    What is too long and would be rounded to 0 is refused: it is as far out of bounds as what is too large.
    """
    bits = max(number.bit_length() for number in base.as_integer_ratio())
    if (bits - 1) * abs(exponent) < MAX_BITS:  # the result has hardly more, and at most twice as many
        return base**exponent
    size = _rounded_power(abs(base), Fraction(exponent))
    if not size:
        raise ValueError("this number is closer to 0 than any float")
    return -size if base < 0 and exponent % 2 else size


def _rounded_power(base: Fraction, exponent: Fraction) -> Fraction:
    """Return the float nearest to a power of *base* > 0 that is no fraction of `MAX_BITS` bits."""
    more = max(0, int(0.302 * (exponent.numerator.bit_length() - exponent.denominator.bit_length())) + 1)
    if more > MAX_DIGITS:
        raise ValueError(f"an exponent has at most {MAX_DIGITS} digits before the point")
    return _exponential(
        lambda context: context.multiply(context.ln(_decimal(base, context)), _decimal(exponent, context)),
        more,
    )


def _exponential(exponent: Callable[[Context], Decimal], more: int = 0) -> Fraction:
    """Return the float nearest to e to the power of *exponent*, computed with so many *more* digits."""
    rough = exponent(_context(SPARE_DIGITS + more))
    if rough > 710:
        raise ValueError(TOO_LARGE)
    if rough < -750:
        return Fraction(0)
    found = ((context.exp(exponent(context)), digits, context) for digits, context in _contexts(more))
    return _nearest((value, value.scaleb(-digits, context), context) for value, digits, context in found)


def _contexts(more: int = 0) -> Iterator[tuple[int, Context]]:
    """Yield how many digits are sure, twice as many each time, and what computes them, with *more*."""
    digits = DIGITS
    while digits <= MAX_DIGITS:
        yield digits, _context(digits + SPARE_DIGITS + more)
        digits *= 2


def _context(digits: int) -> Context:
    """Return what computes with so many *digits*, whatever contexts the program around has set."""
    return Context(prec=digits, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


def _decimal(number: Fraction, context: Context) -> Decimal:
    """Return *number* with the digits of *context*."""
    return context.divide(Decimal(number.numerator), Decimal(number.denominator))


def _nearest(approximations: Iterator[tuple[Decimal, Decimal, Context]]) -> Fraction:
    """Return the float nearest to a number, given ever closer: as a value, how far off it is, and a context.

    It is known as soon as both ends of what is left round to the same float.
    """
    for value, error, context in approximations:
        low, high = float(context.subtract(value, error)), float(context.add(value, error))
        if low == high:
            if math.isinf(low):
                raise ValueError(TOO_LARGE)
            return Fraction(low)
    raise ValueError(
        f"this number is between two floats, and {MAX_DIGITS} digits do not tell which is nearer"
    )


def _root(number: int, degree: int) -> int | None:
    """Return the root of a *number* >= 0 where it is whole, else None."""
    if number < 2:
        return number
    if degree >= number.bit_length():
        return None  # between 1 and 2
    scale = math.log2(number) / degree
    shift = max(0, int(scale) - 52)
    root = int(2.0 ** (scale - shift) * (1 + 2.0**-40)) + 1 << shift  # not below the root, and close to it
    while (closer := ((degree - 1) * root + number // root ** (degree - 1)) // degree) < root:
        root = closer
    return root if root**degree == number else None
