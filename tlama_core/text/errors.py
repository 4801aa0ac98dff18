"""What is said of a mistaken text: the error, and what its author most probably meant."""

import re
from argparse import ArgumentTypeError

from tlama_core.text.words import WIDEST

ALLOWED = "a text holds numbers, names, calls of the library's words, [i:j:k], + - * / ** and >>"
"""What an error says where nobody knows what was meant."""

_SIGNS = {
    "^": "a power is written **",
    "%": "a share is a factor, such as 0.05*total",
    ">": "phases are joined by >>",
    "|": "phases are joined by >>",
    '"': "numbers and names stand without quotes",
    "'": "numbers and names stand without quotes",
}
"""What is written instead of a sign that the language does not have."""

NAMES = {
    "abs": "max(x, -x) is the size of a number",
    "inf": "a length that is left out is endless",
    "int": "round, floor and ceil make whole numbers",
    "ln": "log is the natural logarithm",
    "pow": "a power is written **",
}
"""What is written instead of a word that other languages have."""

_ASSIGNED = re.compile(r"\s*[A-Za-z_]\w*\s*[=:]", re.ASCII)
_DANGLING = re.compile(r"(?:>>|\*\*|[-+*/,.:=])$")


class ParseError(ValueError, ArgumentTypeError):
    """A text that is not a schedule; it prints as the reason, the text, and a caret under the offending part.

    `reason` is the sentence alone, `text` what was read (on one line, with blanks for comments), and
    `text[start:stop]` the offending part. Of a long text, what stands around that part is shown.

    Of a `ValueError` that a `type=` raises, argparse hides what it says; of its own `ArgumentTypeError` it
    shows it.

    >>> print(ParseError("unknown name Cosin", "Cosin(1, 0, 5)", 0, 5))
    unknown name Cosin
      Cosin(1, 0, 5)
      ^^^^^
    """

    def __init__(self, reason: str, text: str, start: int, stop: int) -> None:
        """Take the *reason*, and the part of *text* from *start* up to *stop* that it is about."""
        super().__init__(reason, text, start, stop)
        self.reason, self.text, self.start, self.stop = reason, text, start, stop

    def __str__(self) -> str:
        left = max(0, min(self.start - WIDEST // 2, len(self.text) - WIDEST))
        right = left + WIDEST
        before, after = "…" * (left > 0), "…" * (right < len(self.text))
        part = "".join(character if character.isprintable() else " " for character in self.text[left:right])
        caret = " " * (len(before) + self.start - left) + "^" * max(1, min(self.stop, right) - self.start)
        return f"{self.reason}\n  {before}{part}{after}\n  {caret}"


def for_sign(sign: str) -> str:
    """Return what to write instead of *sign*.

    >>> for_sign("^")
    'a power is written **'
    """
    return _SIGNS.get(sign, ALLOWED)


def for_syntax(text: str, at: int, said: str) -> tuple[int, int, str]:
    """Return what part of *text* is no expression, and why: Python's parser stopped *at* it, and *said* so.

    Where it says no more than that, the usual cases are told from what stands there.

    >>> for_syntax("0.5 Constant(1.0)", 4, "invalid syntax")
    (4, 5, 'an operator is missing before this, such as * or >>')
    """
    if said != "invalid syntax":
        return at, at + 1, f"this is no expression ({said})"
    before = text[:at].rstrip()
    if _ASSIGNED.fullmatch(text[: at + 1]):
        return 0, at + 1, "a text is the expression alone, without a name before it"
    if _is_end(before[-1:]) and _is_word(text[at]):
        return at, at + 1, "an operator is missing before this, such as * or >>"
    if last := _DANGLING.search(text):
        return *last.span(), f"something is missing after {last[0]}"
    return at, at + 1, f"this is no expression: {ALLOWED}"


def _is_word(character: str) -> bool:
    """Whether a word or a number may begin with *character*."""
    return character.isalnum() or character == "_"


def _is_end(character: str) -> bool:
    """Whether an operand may end with *character*."""
    return character != "" and (_is_word(character) or character in ")]}")
