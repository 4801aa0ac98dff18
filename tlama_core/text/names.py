"""What the names in a text stand for: each is read when a text uses it, and once."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from numbers import Rational
from typing import TypeAlias

from tlama_core._fields import as_number, refuse
from tlama_core.algebra import OpenChain, Schedule
from tlama_core.text.errors import ParseError
from tlama_core.text.words import ARITHMETIC, BUILDERS, Read

Name: TypeAlias = float | str | Schedule | OpenChain
"""What a name in a text may stand for; a text stands for what it says."""


class Names:
    """The names that a caller bound, as what they stand for.

    One that no text uses is not looked at: a config may hand over all that it has.
    """

    def __init__(self, given: Mapping[str, object], read: "Callable[[str, Names], Read]") -> None:
        """Take what is *given* by name, and how to *read* a text that uses these names."""
        for word, held in given.items():
            if word in BUILDERS or word in ARITHMETIC:
                refuse(f"parse.{word}", f"named otherwise ({word} is a word of the library)", held)
        self._given, self._read = given, read
        self._known: dict[str, Read] = {}
        self._in_work: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def __getitem__(self, name: str) -> Read:
        """Return what *name* stands for, or refuse it."""
        if name not in self._known:
            given = self._given[name]
            self._known[name] = self._said(name, given) if isinstance(given, str) else _exact(name, given)
        return self._known[name]

    def _said(self, name: str, text: str) -> Read:
        """Return what the *text* that *name* stands for says."""
        if name in self._in_work:
            raise ParseError(f"in parse.{name}: {name} stands for what uses {name}", text, 0, len(text))
        self._in_work.add(name)
        try:
            return self._read(text, self)
        except ParseError as error:
            reason = f"in parse.{name}: {error.reason}"
            raise ParseError(reason, error.text, error.start, error.stop) from None
        finally:
            self._in_work.discard(name)


def _exact(name: str, given: object) -> Read:
    """Return a schedule or an open phase as it is, and a number as the decimal that it prints as.

    Integers and fractions are exact as they are. A float of any width stands for its shortest decimal: the
    0.29 of a config, in single precision too, times 100 is 29.
    """
    if isinstance(given, (Schedule, OpenChain)):
        return given
    number = as_number(f"parse.{name}", given)
    if isinstance(given, Rational):
        return Fraction(int(given.numerator), int(given.denominator))
    try:
        return Fraction(str(given))  # shorter than the float's own decimal where its type is narrower
    except ValueError:
        return Fraction(repr(number))
