"""The closed table: every word that a text may use, and every type that plain data may name.

Nothing outside these tables is ever called or looked up, whatever a text or data say. A shape that is to be
written down is added here, once: by its name it is then read from texts and data, and its open form, if it
has one, by the name of the method that opens it.
"""

import ast
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from tlama_core.algebra import (
    Constant,
    Maximum,
    Minimum,
    OpenChain,
    Piecewise,
    Product,
    Quantized,
    Repeated,
    Scaled,
    Schedule,
    Sliced,
    Stretched,
    Sum,
    maximum,
    minimum,
)
from tlama_core.shapes import (
    Cosine,
    Exponential,
    Geometric,
    Linear,
    Polynomial,
    PowerLaw,
    Rex,
    Sqrt,
    Step,
    Warmup,
    through,
)
from tlama_core.text.arithmetic import exponential, logarithm, power, square_root

Given: TypeAlias = "float | str | Schedule | OpenChain | type[Schedule] | Sequence[Given] | None"
"""An argument as a caller would give it: numbers are an int or a float, a choice is a short word."""

Number: TypeAlias = Fraction | int
"""What arithmetic makes of fractions."""

Read: TypeAlias = "Fraction | str | Schedule | OpenChain | type[Schedule] | Sequence[Given]"
"""What a part of a text says: numbers stay exact until an argument is made of them."""

TRANSITIONS = (Cosine, Exponential, Linear, Polynomial, Rex, Sqrt)
"""The shapes with two ends, each with `.to` for an open phase."""

SHAPES: dict[str, type[Schedule]] = {
    shape.__name__: shape for shape in (Constant, *TRANSITIONS, Geometric, PowerLaw, Step, Warmup)
}
"""The shapes, by name: a text may also hand one over, as in `through(points, shape=Cosine)`."""

TYPES: dict[str, type[Schedule]] = SHAPES | {
    node.__name__: node
    for node in (Maximum, Minimum, Piecewise, Product, Quantized, Repeated, Scaled, Sliced, Stretched, Sum)
}
"""The types that plain data may name: every node that has a text."""

BUILDERS: dict[str, Callable[..., Read]] = {
    **SHAPES,
    **{f"{shape.__name__}.to": shape.to for shape in TRANSITIONS},
    "Constant.hold": Constant.hold,
    "Geometric.from_here": Geometric.from_here,
    "PowerLaw.from_here": PowerLaw.from_here,
    "Step.every": Step.every,
    "Step.every_from_here": Step.every_from_here,
    "Step.from_here": Step.from_here,
    "Step.values": Step.values,
    "Piecewise.of": Piecewise.of,
    "Sum": Sum,
    "Product": Product,
    "maximum": maximum,
    "minimum": minimum,
    "through": through,
}
"""The words that a text may call, and what they call."""

METHODS: dict[str, Callable[..., Read]] = {
    "clamp": Schedule.clamp,
    "quantize": Schedule.quantize,
    "repeat": Schedule.repeat,
    "scale": Schedule.scale,
    "stretch": Schedule.stretch,
    "then": Schedule.then,
}
"""The words that a text may call on a schedule."""


WIDEST = 76
"""How many characters of a text an error shows, and how long a word may be for which another is suggested."""


def nearest(word: object, words: Iterable[str]) -> str | None:
    """Return the one of *words* that is spelled most like *word*; None where none is, or it is no short text.

    Spelling is compared by `difflib`, whose time grows with the square of the length, hence the bound.

    >>> nearest("Cosin", ["Constant", "Cosine"]), nearest("print", ["Constant", "Cosine"])
    ('Cosine', None)
    """
    if not isinstance(word, str) or len(word) >= WIDEST:
        return None
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, sorted(words), n=1)), None)


def _taking(least: int, most: float, said: str, compute: Callable[..., Number]) -> Callable[..., Number]:
    """Return *compute* for *least* to *most* numbers: of any others, a `TypeError` says what is *said*."""

    def counted(*numbers: Fraction) -> Number:
        if not least <= len(numbers) <= most:
            raise TypeError(f"{said}, got {len(numbers)}")
        return compute(*numbers)

    return counted


ARITHMETIC: dict[str, Callable[..., Number]] = {
    # 10**digits would be computed before anyone could look at its size
    "round": _taking(1, 1, "round takes one number here, and makes it whole", round),
    "floor": _taking(1, 1, "floor takes one number", math.floor),
    "ceil": _taking(1, 1, "ceil takes one number", math.ceil),
    "sqrt": _taking(1, 1, "sqrt takes one number (the shape is Sqrt)", square_root),
    "exp": _taking(1, 1, "exp takes one number (the shape is Exponential)", exponential),
    "log": _taking(1, 1, "log takes one number, and is natural: log(x)/log(2) has the base 2", logarithm),
    "min": _taking(2, math.inf, "min takes two numbers or more", min),
    "max": _taking(2, math.inf, "max takes two numbers or more", max),
}
"""The words that make numbers of numbers: exactly, or the nearest float."""

INEXACT = frozenset({power, *(ARITHMETIC[word] for word in ("sqrt", "exp", "log"))})
"""What may have to compute many digits before it knows the nearest float."""

OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.RShift: operator.rshift,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: power,
}
"""The operators between two operands; a sign before one is the reader's own business."""
