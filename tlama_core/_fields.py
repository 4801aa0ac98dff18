"""Field helpers: what a number or a length may be, and the one sentence that refuses the rest.

A field declared here converts and checks what it is given, and names itself in the error:
`Linear.steps must be a whole number >= 0, got -3`.
"""

import math
import operator
import threading
from collections.abc import Callable
from functools import wraps
from numbers import Real
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NoReturn,
    ParamSpec,
    Self,
    TypeGuard,
    TypeVar,
    dataclass_transform,
    overload,
)

import attrs

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")

MAX_STEPS = 10**300
"""No clock runs further: every whole number up to here has a finite float."""

MAX_WHOLE_FLOAT = 2**53
"""From here on a float may stand for several whole numbers, so that it is no length."""

MAX_LEVELS = 6
"""How deep a message looks into lists within lists."""

MAX_PARTS = 300_000
"""How many values may stand in what a message shows: of larger ones the whole text is never made."""

_BRACKETS: dict[type, tuple[str, str]] = {list: ("[", "]"), tuple: ("(", ")"), dict: ("{", "}")}
_CONTAINERS = (list, tuple, dict)

if TYPE_CHECKING:

    class Length:
        """The type of a field that is given as a float or an int and reads as an int.

        Type checkers take the argument of `__init__` from `__set__`; at run time nothing is a descriptor.
        """

        @overload
        def __get__(self, owner: None, kind: type) -> Self: ...
        @overload
        def __get__(self, owner: object, kind: type) -> int: ...
        def __get__(self, owner: object, kind: type) -> int | Self: ...
        def __set__(self, owner: object, given: float) -> None: ...

else:
    Length = int


def refuse(name: str, rule: str, value: object, error: type[Exception] = ValueError) -> NoReturn:
    """Raise the one message shape of this library: name, rule, value.

    The *name* is the argument's, in the caller's words, and the *rule* what it has to be.
    """
    raise error(f"{name} must be {rule}, got {short_repr(value)}")


def refuse_as_schedule(name: str, rule: str, value: object) -> NoReturn:
    """Refuse what is no schedule by *name*; for a scheduler as torch has them, say what to write instead."""
    if callable(getattr(type(value), "get_last_lr", None)):
        rule += (
            " (a scheduler object has a state: Function(rates.__getitem__, steps=len(rates)) is its schedule,"
            " with rates = rates_of(scheduler, steps), from tlama_core.testing import rates_of)"
        )
    refuse(name, rule, value, TypeError)


def short_repr(value: object, most: int = 120) -> str:
    """Return a repr of about *most* characters, which exists for values of any size.

    It takes no longer than what it shows: lists within lists, as aliases in YAML make them, may stand for
    more than any memory holds.

    >>> short_repr([0] * 10**6, most=40)
    '[0, 0, 0, 0, 0, 0, 0… (1,000,000 items)'
    """
    text = _beginning(value, most + 1, MAX_LEVELS)
    if len(text) <= most:
        return text
    whole = value if isinstance(value, _CONTAINERS) else text
    return f"{text[: most - 20]}… ({len(whole):,} {'characters' if whole is text else 'items'})"


def _beginning(value: object, room: int, levels: int) -> str:
    """Return the repr of *value*, of containers only about the first *room* characters and some *levels*.

    Every item that is looked at leaves less room to the next ones, so that this ends soon however often
    lists stand in each other, or in themselves.
    """
    if isinstance(value, _CONTAINERS):
        opening, closing = _BRACKETS[next(kind for kind in _CONTAINERS if isinstance(value, kind))]
        text = opening
        for i, item in enumerate(value):
            if len(text) > room or levels == 0:
                return f"{text}…"
            text += ", " * (i > 0) + _beginning(item, room - len(text), levels - 1)
            if isinstance(value, dict):
                text += ": " + _beginning(value[item], room - len(text), levels - 1)
        return text + ("," if isinstance(value, tuple) and len(value) == 1 else "") + closing
    if isinstance(value, int) and value.bit_length() > 2_000:
        return f"an integer of {value.bit_length()} bits"
    if _parts(value, {}) > MAX_PARTS:
        return f"a {type(value).__name__} too long to print"
    return repr(value)


def _parts(value: object, known: dict[int, int]) -> int:
    """Return how many values stand in *value*, an attrs value or a tuple of such, counted in every place.

    It may be exponential in the number of different ones, and is found in time linear in that number.
    """
    if isinstance(value, tuple):
        return len(value) + sum(_parts(one, known) for one in value)
    kind = type(value)
    if not attrs.has(kind):
        return 0
    count = known.get(id(value))
    if count is None:
        held = (getattr(value, field.name) for field in attrs.fields(kind) if field.init)
        count = known[id(value)] = 1 + sum(_parts(one, known) for one in held)
    return count


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
    number = _as_float(value)
    if number is None:
        refuse(name, rule, value, TypeError)
    if not (above < number < below and math.isfinite(number) and at_least <= number <= at_most):
        refuse(name, rule, value)
    return number + 0.0  # -0.0 becomes 0.0, so that equal objects print alike


@overload
def as_length(name: str, value: object, *, at_least: int = 0, endless: Literal[False] = False) -> int: ...
@overload
def as_length(name: str, value: object, *, at_least: int = 0, endless: bool) -> int | float: ...
def as_length(name: str, value: object, *, at_least: int = 0, endless: bool = False) -> int | float:
    """Return *value* as a whole number of steps (or `inf` where *endless*), or refuse it by *name*.

    Whatever Python can use as an index is a whole number, and so is a float below 2**53 that is one, such as
    `2e3`; nothing is rounded in silence. What is no number is a `TypeError`, one that is not whole or out of
    bounds a `ValueError`.

    >>> as_length("steps", 2e3), as_length("steps", 0.02 * 100_000)
    (2000, 2000)
    """
    rule = f"a whole number >= {at_least}"
    if endless:
        if isinstance(value, float) and value == math.inf:
            return math.inf
        rule += " or math.inf"
    number = _as_float(value)
    if number is None:
        refuse(name, rule, value, TypeError)
    whole = _index(value)
    if whole is None:
        whole = _whole_float(name, rule, value, number)
    if whole > MAX_STEPS:
        refuse(name, f"{rule} and at most 10**300", value)
    return whole if whole >= at_least else refuse(name, rule, value)


def as_count(name: str, value: object, *, at_least: int = 0) -> int:
    """Return *value* as how often something is done, an integer, or refuse it by *name*: no float is one."""
    if is_number(value) and _index(value) is None:
        refuse(name, f"a whole number >= {at_least} (round(...) makes one)", value)
    return as_length(name, value, at_least=at_least)


def _index(value: object) -> int | None:
    """Return what Python can use as an index as that integer; None for anything else."""
    try:
        return operator.index(value)  # type: ignore[arg-type]  # that it may fail is the question
    except TypeError:
        return None


def _whole_float(name: str, rule: str, value: object, number: float) -> int:
    """Return what is no integer, and is *number* as a float, as the whole number that it is, or refuse it.

    The *value* itself is compared: `numpy.longdouble` and `Fraction` may be next to a float that is whole.
    """
    if not math.isfinite(number):
        refuse(name, f"{rule} ({number} is none)", value)
    if abs(number) >= MAX_WHOLE_FLOAT:
        refuse(name, f"{rule} (floats from 2**53 on are not exact: write an integer)", value)
    return int(number) if int(number) == value else refuse(name, f"{rule} (round(...) makes one)", value)


def _as_float(value: object) -> float | None:
    """Return *value* as a float, infinite where it is past the largest one; None where it is no number."""
    if not is_number(value):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except TypeError:  # NumPy counts a difference of dates among the integers
        return None


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


def count(**options: Any) -> Any:
    """Declare a field that says how often something is done, such as the times of a repetition.

    Bounds as in `as_count`. A whole float is refused here: nobody computes a count as a share of a run.
    """
    return _field(as_count, options)


def as_choice(name: str, value: object, *, choices: tuple[str, ...]) -> str:
    """Return *value* if it is one of some words, or refuse it by *name*."""
    rule = f"one of {', '.join(map(repr, choices))}"
    if not isinstance(value, str):
        refuse(name, rule, value, TypeError)
    return value if value in choices else refuse(name, rule, value)


def choice(**options: Any) -> Any:
    """Declare a field that holds one of some words, which are its *choices*."""
    return _field(as_choice, options)


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


def in_words(build: Callable[P, R], name: str = "", taken: str = "", hint: str = "") -> Callable[P, R]:
    """Let *build* refuse arguments that it does not take by *name*, saying what is *taken*, and a *hint*.

    Of a method that builds a value, these are its own name and arguments.
    """
    code = build.__code__
    name = name or build.__qualname__
    taken = taken or ", ".join(code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount])

    @wraps(build)
    def worded(*given: P.args, **named: P.kwargs) -> R:
        try:
            return build(*given, **named)
        except TypeError as error:
            trace = error.__traceback__
            if trace is None or trace.tb_next is not None:  # raised within: it says itself what is wrong
                raise
            raise TypeError(f"{name}({taken}) {_misfit(error)}{f': {hint}' * bool(hint)}") from None

    return worded


def _kept_hash(compute: Callable[[Any], int]) -> Callable[[Any], int]:
    """Let a value keep its hash, so that one that stands many times in a tree is computed once."""

    @wraps(compute)
    def kept(self: Any) -> int:
        try:
            return self._hash  # type: ignore[no-any-return]
        except AttributeError:
            found = compute(self)
            object.__setattr__(self, "_hash", found)
            return found

    return kept


class _Comparison(threading.local):
    """The pairs of values that were found equal in the comparison that is going on in a thread."""

    equal: set[tuple[int, int]] | None = None


_COMPARISON = _Comparison()


def _compared_once(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Let two values that stand many times in two trees be compared once, where their hashes agree."""

    @wraps(compare)
    def compared(self: Any, other: Any) -> Any:
        if self is other:
            return True
        if other.__class__ is not self.__class__:
            return NotImplemented
        if hash(self) != hash(other):
            return False
        known, pair = _COMPARISON.equal, (id(self), id(other))
        if known is None:
            _COMPARISON.equal = set()
            try:
                return compare(self, other)
            finally:
                _COMPARISON.equal = None
        if pair not in known:
            if not compare(self, other):
                return False
            known.add(pair)
        return True

    return compared


@dataclass_transform(
    frozen_default=True, field_specifiers=(number, length, count, choice, derived, attrs.field)
)
def final_value(cls: type[T]) -> type[T]:
    """Make *cls* a frozen, slotted attrs value that prints by its own `__repr__`.

    Arguments that its `__init__` does not take are refused in words that name the class and what it takes,
    and with the *hint* of the class, if it has one.
    """
    made = attrs.frozen(repr=False)(cls)
    code = made.__init__.__code__  # inspect would take a twentieth of what the import takes
    taken = ", ".join(code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount])
    hint = getattr(made, "hint", "").format(name=made.__name__)
    if getattr(made, "_hash", None) is not None:  # there is room for it
        made.__hash__ = _kept_hash(made.__hash__)  # type: ignore[method-assign,assignment]  # as it was
        made.__eq__ = _compared_once(made.__eq__)  # type: ignore[method-assign]  # likewise
    made.__init__ = in_words(made.__init__, made.__name__, taken, hint)  # type: ignore[method-assign]  # of the same parameters
    return made


def final_kind(cls: type[T]) -> type[T]:
    """Make *cls* a value as `final_value` does, of the fields that it inherits: it has none of its own.

    Checkers of types then take the `__init__` of its base class, instead of making one of the fields, whose
    lengths read as `int` and are given as floats.
    """
    return final_value(cls)
