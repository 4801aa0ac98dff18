"""Texts that know how tightly they bind: one printer for expressions of schedules and for source.

It knows no schedule: only that what prints says how, and asks the printer for the texts of its parts.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

CHOICE, COMPARISON, CHAIN, SUM, PRODUCT, SIGN, POWER, ATOM = range(8)
"""How tightly a text binds, as in Python's grammar: `if … else`, `<`, `>>`, `+`, `*`, `-x`, `**`, a name."""

MAX_TEXT = 10**8
"""No longer text is written: that of a tree whose nodes stand in it often may be longer than any memory."""


class Notation:
    """A text, and how tightly it binds."""

    __slots__ = ("level", "text")

    def __init__(self, text: str, level: int = ATOM) -> None:
        self.text, self.level = text, level

    def within(self, level: int) -> str:
        """Return the text, in parentheses where it binds looser than *level*."""
        return self.text if self.level >= level else f"({self.text})"


class Printable(Protocol):
    """What a printer may ask of a node."""

    def _notation(self, printer: "Printer") -> Notation: ...


class Printer:
    """Prints every node of a tree once, however often it stands in it."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, Notation] = {}

    def __call__(self, node: Printable) -> Notation:
        """Return the expression that builds *node*."""
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = node._notation(self)
        return known

    def listed(self, name: str, nodes: Iterable[Printable]) -> Notation:
        """Return a call of *name* with a list of *nodes*, however many."""
        return Notation(f"{name}([{joined(', ', [self(node).text for node in nodes])}])")


def infix(operator: str, level: int, operands: Iterable[Notation]) -> Notation:
    """Return operands in a row; all but the first bind one level tighter than the whole.

    Operators associate from the left, and floats not at all: `a - (b - c)` keeps its parentheses.
    """
    first, *others = operands
    texts = [first.within(level), *(operand.within(level + 1) for operand in others)]
    return Notation(joined(f" {operator} ", texts), level)


def joined(separator: str, texts: Sequence[str]) -> str:
    """Return *texts* with *separator* between them, or refuse a text that is longer than any use."""
    if sum(map(len, texts)) > MAX_TEXT:
        raise ValueError(f"a text must have at most {MAX_TEXT:,} characters: equal parts are written out")
    return separator.join(texts)


def call(name: str, arguments: Sequence[str]) -> Notation:
    """Return a call of *name* with *arguments*."""
    return Notation(f"{name}({joined(', ', arguments)})")


def arguments(owner: Any, first: int = 0) -> list[str]:
    """Return the arguments that build an attrs value, from the *first* on, defaults left out."""
    shown = []
    for field in owner.__attrs_attrs__[first:]:
        given = getattr(owner, field.name) if field.init else field.default
        if given != field.default:
            text = repr(dict(given) if isinstance(given, tuple) else given)
            shown.append(f"{field.name}={text}" if field.kw_only or field.name == "steps" else text)
    return shown
