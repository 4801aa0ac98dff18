"""What the author of a mistaken text most probably meant: the part of an error that says what to write."""

import re

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
