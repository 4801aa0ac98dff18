"""Field helpers: what a number or a length may be, and the one sentence that refuses the rest.

A field declared here converts and checks what it is given, and names itself in the error:
`Linear.steps must be a whole number >= 0, got -3`.
"""

import math
import operator
from collections.abc import Callable
from functools import wraps
from numbers import Real
from typing import Any, Literal, NoReturn, TypeGuard, TypeVar, dataclass_transform

import attrs

T = TypeVar("T")

MAX_STEPS = 10**300
"""No clock runs further: every whole number up to here has a finite float."""


def refuse(name: str, rule: str, value: object, error: type[Exception] = ValueError) -> NoReturn:
    """Raise the one message shape of this library: name, rule, value.

    The *name* is the argument's, in the caller's words, and the *rule* what it has to be.
    """
    raise error(f"{name} must be {rule}, got {short_repr(value)}")


def short_repr(value: object, most: int = 120) -> str:
    """Return a repr of about *most* characters, which exists for integers and schedules of any size."""
    if isinstance(value, int) and value.bit_length() > 2_000:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = repr(value)
    except ValueError:  # of an integer of over 4,300 digits, or of a tree whose nodes stand in it too often
        return f"a {type(value).__name__} too long to print"
    return text if len(text) <= most else f"{text[: most - 20]}… ({len(text):,} characters)"


def is_number(x: object) -> TypeGuard[float]:
    """Whether *x* is a real number of any library; a bool is none."""
    return isinstance(x, Real) and not isinstance(x, bool)


def as_number(
    name: str,
    value: object,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
) -> float:
    """Return *value* as a finite float within its bounds, or refuse it by *name*.

    Any real number of any library will do, but no bool; 0 is never negative, so that equal objects print
    alike. What is no number is a `TypeError`, one that is not finite or out of bounds a `ValueError`.
    """
    rule = "a finite number"
    if above > -math.inf:
        rule += f" > {above:g}"
    if at_least > -math.inf:
        rule += f" >= {at_least:g}"
    if at_most < math.inf:
        rule += f" and <= {at_most:g}"
    if below < math.inf:
        rule += f" and < {below:g}"
    if not is_number(value):
        refuse(name, rule, value, TypeError)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    except TypeError:
        refuse(name, rule, value, TypeError)
    if not (above < number < below and math.isfinite(number) and at_least <= number <= at_most):
        refuse(name, rule, value)
    return number + 0.0  # -0.0 becomes 0.0, so that equal objects print alike


def as_length(name: str, value: object, *, at_least: int = 0, endless: bool = False) -> int | float:
    """Return *value* as a whole number of steps (or `inf` where *endless*), or refuse it by *name*.

    Whatever Python can use as an index is a whole number; nothing is rounded in silence. What is no number
    is a `TypeError`, one that is not whole or out of bounds a `ValueError`.
    """
    rule = f"a whole number >= {at_least}"
    if endless:
        if isinstance(value, float) and value == math.inf:
            return math.inf
        rule += " or math.inf"
    if is_number(value):
        try:
            whole = operator.index(value)  # type: ignore[arg-type]  # that it may fail is the question
        except TypeError:
            refuse(name, f"{rule} (whole lengths are integers: round(...) makes one)", value)
        if at_least <= whole <= MAX_STEPS:
            return whole
        refuse(name, rule if whole < at_least else f"{rule} and at most 10**300", value)
    refuse(name, rule, value, TypeError)


def nearest_whole(numerator: int, denominator: int) -> int:
    """Return the quotient as the nearest whole number, ties to even."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))


def number(**options: Any) -> Any:
    """Declare a field that holds a finite float; bounds as in `as_number`."""
    return _field(as_number, options)


def length(**options: Any) -> Any:
    """Declare a field that holds a whole number of steps; bounds as in `as_length`."""
    return _field(as_length, options)


def derived(compute: Callable[[Any], Any], *, init: Literal[False] = False) -> Any:
    """Declare a field computed from the others: no argument, no part in equality or text."""
    return attrs.field(init=init, eq=False, repr=False, default=attrs.Factory(compute, takes_self=True))


def _field(check: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Declare a field that *check* converts; `None` passes where it is the default."""
    declared = {key: options.pop(key) for key in ("default", "kw_only") if key in options}
    optional = declared.get("default", attrs.NOTHING) is None

    def convert(value: object, owner: object, field: Any) -> Any:
        if optional and value is None:
            return None
        return check(f"{type(owner).__name__}.{field.name}", value, **options)

    converter = attrs.Converter(convert, takes_self=True, takes_field=True)
    return attrs.field(converter=converter, **declared)


def _misfit(error: TypeError) -> str:
    """Return what Python says of arguments that do not fit, without the *self* that nobody writes."""
    problem = str(error).partition("() ")[2]
    if problem.startswith("takes"):
        return " ".join(str(int(word) - 1) if word.isdigit() else word for word in problem.split())
    return problem.replace("missing", "is missing", 1)


@dataclass_transform(frozen_default=True, field_specifiers=(number, length, derived, attrs.field))
def final_value(cls: type[T]) -> type[T]:
    """Make *cls* a frozen, slotted attrs value that prints by its own `__repr__`.

    Arguments that its `__init__` does not take are refused in words that name the class and what it takes,
    and with the *hint* of the class, if it has one.
    """
    made = attrs.frozen(repr=False)(cls)
    build = made.__init__
    taken = ", ".join(field.name for field in attrs.fields(made) if field.init)  # type: ignore[arg-type]
    hint = getattr(made, "hint", "").format(name=made.__name__)

    @wraps(build)
    def init(self: object, *given: object, **named: object) -> None:
        try:
            build(self, *given, **named)
        except TypeError as error:
            trace = error.__traceback__
            if trace is None or trace.tb_next is not None:  # raised within: it says itself what is wrong
                raise
            raise TypeError(f"{made.__name__}({taken}) {_misfit(error)}{f': {hint}' * bool(hint)}") from None

    made.__init__ = init  # type: ignore[method-assign]  # of the same parameters
    return made
