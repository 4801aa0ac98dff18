"""Source as values: expressions whose operators write longer ones, and statements that print as lines.

A formula that is evaluated at an expression becomes the source of that formula, parentheses included where
Python needs them. Statements are few: an assignment, a choice of branches, and lines as they are.

Numbers enter the source through `repr` alone, and only as floats and integers.
"""

import math
from collections.abc import Callable, Iterator
from functools import wraps
from typing import ParamSpec, TypeAlias, TypeVar, Union

from tlama_core._evaluation.python_numbers import PYTHON
from tlama_core._notation import ATOM, COMPARISON, PRODUCT, SIGN, SUM, Notation, infix

P = ParamSpec("P")
R = TypeVar("R")

MAX_BRANCHES = 8
"""So many phases stand as `if`, `elif`, `else`; more of them in tables that are searched by bisection."""

Term: TypeAlias = Union["Expression", float]
"""What a formula computes with while it is recorded: source, or a number that is known already."""


class Expression(Notation):
    """A piece of source: operators on it write longer source."""

    __slots__ = ()

    def __add__(self, other: Term) -> "Expression":
        """Write a sum."""
        return _binary(self, "+", other, SUM)

    def __radd__(self, other: Term) -> "Expression":
        """Write a sum that begins with a number."""
        return _binary(other, "+", self, SUM)

    def __sub__(self, other: Term) -> "Expression":
        """Write a difference."""
        return _binary(self, "-", other, SUM)

    def __rsub__(self, other: Term) -> "Expression":
        """Write a difference that begins with a number."""
        return _binary(other, "-", self, SUM)

    def __mul__(self, other: Term) -> "Expression":
        """Write a product."""
        return _binary(self, "*", other, PRODUCT)

    def __rmul__(self, other: Term) -> "Expression":
        """Write a product that begins with a number."""
        return _binary(other, "*", self, PRODUCT)

    def __truediv__(self, other: Term) -> "Expression":
        """Write a quotient."""
        return _binary(self, "/", other, PRODUCT)

    def __floordiv__(self, other: Term) -> "Expression":
        """Write a whole quotient."""
        return _binary(self, "//", other, PRODUCT)

    def __mod__(self, other: Term) -> "Expression":
        """Write a rest."""
        return _binary(self, "%", other, PRODUCT)

    def __lt__(self, other: Term) -> "Expression":
        """Write a comparison."""
        return _binary(self, "<", other, COMPARISON)

    def __gt__(self, other: Term) -> "Expression":
        """Write a comparison."""
        return _binary(self, ">", other, COMPARISON)

    def __neg__(self) -> "Expression":
        """Write a negative."""
        return Expression(f"-{self.within(SIGN)}", SIGN)

    def __abs__(self) -> "Expression":
        """Write a magnitude."""
        return Expression(f"abs({self.text})")


def as_source(x: Term) -> Expression:
    """Return a number as source; what is source already stays as it is.

    Infinity and NaN are written by their names in `math`, which the recorder imports.
    """
    if isinstance(x, Expression):
        return x
    if type(x) not in (int, float):
        raise TypeError(f"what enters the source must be an int or a float, got a {type(x).__name__}")
    return Expression(repr(x), SIGN if math.copysign(1.0, x) < 0 and x == x else ATOM)  # noqa: PLR0124 - NaN


def folded(method: Callable[P, R]) -> Callable[P, R]:
    """Let a method that writes source compute at once what it is given as plain numbers.

    It computes as a Python number is computed, so that the source holds the value to the last bit.
    """
    name = method.__name__

    @wraps(method)
    def either(*given: P.args, **named: P.kwargs) -> R:
        if any(isinstance(argument, Expression) for argument in given):
            return method(*given, **named)
        return getattr(PYTHON, name)(*given[1:])  # type: ignore[no-any-return]

    return either


def literal(entry: "Term | tuple[Term, ...]") -> str:
    """Return a number, or a tuple of numbers, as source."""
    if isinstance(entry, tuple):
        return "(" + "".join(f"{literal(number)}, " for number in entry) + ")"
    return as_source(entry).text


def _binary(a: Term, operator: str, b: Term, level: int) -> Expression:
    """Return two operands and the operator between them as source."""
    notation = infix(operator, level, (as_source(a), as_source(b)))
    return Expression(notation.text, notation.level)


class Let:
    """An assignment."""

    __slots__ = ("name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text


class If:
    """Branches, each a condition and a block; the last condition is empty."""

    __slots__ = ("branches",)

    def __init__(self, branches: "list[tuple[str, Block]]") -> None:
        self.branches = branches


Statement: TypeAlias = Let | If | str
"""A string stands for lines as they are."""
Block: TypeAlias = list[Statement]


def lines(block: Block, result: str, depth: int = 1) -> Iterator[str]:
    """Yield the source of *block*, which ends by returning *result*."""
    pad, before, last = "    " * depth, block[:-1], block[-1] if block else None
    for statement in before:
        yield from _statement(statement, depth)
    if isinstance(last, If) and _gives(last, result):
        for head, branch in _heads(last):
            yield pad + head
            yield from lines(branch, result, depth + 1)
    elif isinstance(last, Let) and last.name == result:
        yield f"{pad}return {last.text}"
    else:
        if last is not None:
            yield from _statement(last, depth)
        yield f"{pad}return {result}"


def _gives(statement: Statement, result: str) -> bool:
    """Whether every way through *statement* ends by assigning *result*."""
    if isinstance(statement, If):
        return all(_gives(branch[-1], result) for _, branch in statement.branches)
    return isinstance(statement, Let) and statement.name == result


def _heads(choice: If) -> "Iterator[tuple[str, Block]]":
    """Yield the branches of *choice*, each with the line that begins it."""
    for i, (condition, branch) in enumerate(choice.branches):
        yield (f"{'elif' if i else 'if'} {condition}:" if condition else "else:"), branch


def _statement(statement: Statement, depth: int) -> Iterator[str]:
    """Yield the lines of one statement."""
    pad = "    " * depth
    if isinstance(statement, Let):
        yield f"{pad}{statement.name} = {statement.text}"
    elif isinstance(statement, If):
        for head, branch in _heads(statement):
            yield pad + head
            for inner in branch:
                yield from _statement(inner, depth + 1)
    else:
        yield from (pad + line for line in statement.splitlines())
