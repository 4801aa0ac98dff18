"""A text read as a schedule: the grammar is Python's own, and the words are a closed table.

A text passes three gates. A scan refuses characters and numbers that the language does not have, before
Python's own parser sees any of them; that parser makes a syntax tree, which is never compiled; and a walk
over the tree calls what the tables of `words` name, after `limits` have agreed to what the call costs.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any, NoReturn

import attrs

from tlama_core._fields import refuse, short_repr
from tlama_core.algebra import Constant, OpenChain, Piecewise, Schedule
from tlama_core.shapes import Function
from tlama_core.text.arithmetic import MAX_BITS, TOO_LARGE, power
from tlama_core.text.errors import ALLOWED, NAMES, ParseError, for_sign, for_syntax
from tlama_core.text.limits import LIMITS, Budget, Limits, require_limits
from tlama_core.text.names import Name, Names
from tlama_core.text.words import (
    ARITHMETIC,
    BUILDERS,
    INEXACT,
    METHODS,
    OPERATORS,
    SHAPES,
    WIDEST,
    Given,
    Number,
    Read,
    nearest,
)

_TOKEN = re.compile(
    r"(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)"
    r"|'[A-Za-z]+'|\"[A-Za-z]+\"|[A-Za-z_]\w*|(?P<open>[(\[{])|(?P<close>[)\]}])|>>|[-+*/,.:=]|\s+",
    re.ASCII,
)
"""One token of the language, or the white space between two."""

_COMMENT = re.compile(r"#[^\r\n]*")
"""A comment, up to the end of its line. No text holds a string in which a `#` could stand."""


def parse(text: str, limits: Limits = LIMITS, /, **names: Name) -> Schedule:
    """Return the schedule that *text* says in the words of this library; nothing else is ever run.

    *names* are what the text may use besides: numbers, such as units, schedules, and texts of either, such as
    the `1e-3` of a YAML file, which may use the other names. Numbers are exact decimals until a shape
    takes them, so `0.29*total` is 29 where total is 100; `round`, `floor`, `ceil`, `min` and `max` make whole
    lengths of others, and `**`, `sqrt`, `exp` and `log` (natural) are exact where they are rational, and the
    nearest float elsewhere. Lines may end in a `# comment`. A text whose value is a number is the endless
    `Constant` of it.

    Raises `ParseError` for a text that is not a schedule, or that asks for more than *limits* allow;
    `ValueError` or `TypeError` for a name that is already a word, or, where it is used, stands for neither.

    >>> parse("Warmup(peak, steps=2*epoch) >> Cosine.to(peak/100, steps=88*epoch)", peak=0.1, epoch=1252)
    Warmup(0.1, steps=2504) >> Cosine(0.1, 0.001, steps=110176)
    >>> parse("peak*sqrt(batch/256)  # the square root rule", peak=0.1, batch=1024)
    Constant(0.2)
    """
    if not isinstance(text, str):
        refuse("parse.text", "a str", text, TypeError)
    require_limits("parse.limits", limits)
    budget = Budget(limits)

    def read(part: str, bound: Names) -> Read:
        return _Reader(part, limits, bound, budget).found()[1]

    return _Reader(text, limits, Names(names, read), budget).schedule()


@attrs.define
class _Reader:
    """Walks the syntax tree of one text, and builds what it says from a closed table of words.

    Numbers are fractions until an argument is made of them. Every refusal is a `ParseError` at its place in
    the text, also where the library refuses what the text asks of it.
    """

    text: str
    limits: Limits
    names: Names
    budget: Budget

    def schedule(self) -> Schedule:
        """Return the schedule that the text says, or refuse one that says anything else."""
        tree, found = self.found()
        if isinstance(found, OpenChain):
            self._fail(tree, "this stays open: begin with a phase that has a start, such as Constant(1.0, 0)")
        if isinstance(found, Fraction):
            found = self._built(tree, Constant, self._plain(tree, found))
        return self._as_schedule(tree, found)

    def found(self) -> tuple[ast.expr, Read]:
        """Return the syntax tree of the text and what it says: a schedule, an open phase or a number.

        What is refused raises a `ParseError`, also where Python's stack ends before the limit of depth does.
        """
        self._skip_comments()
        self._scan()
        self.text = re.sub(r"\s", " ", self.text).strip()
        tree = self._tree()
        try:
            found = self._read(tree, 0)
        except RecursionError:  # within the limit of depth, but called from deep within a program
            self._refuse(0, 1, "this nests too deep for what is left of Python's stack")
        if isinstance(found, (Fraction, OpenChain)):
            return tree, found
        return tree, self._as_schedule(tree, found)

    # --- before Python's own parser sees it

    def _skip_comments(self) -> None:
        """Put blanks for comments, so that every part stays in its place; refuse a text of nothing else."""
        most, written = self.limits.characters, len(self.text)
        if written > most:
            self._refuse(0, 1, f"a text has at most {most:,} characters, got {written:,}")
        said = _COMMENT.sub(lambda comment: " " * len(comment[0]), self.text)
        if not said.strip():
            kind = "a text of comments" if self.text.strip() else "an empty text"
            self._refuse(0, 1, f"there is no schedule in {kind}")
        self.text = said

    def _scan(self) -> None:
        """Refuse what is not a word, number or operator of the language, and what is too large.

        Python's own parser would take memory and stack for deep brackets and long numbers before it could
        be asked about them, so they are counted here.
        """
        limits, at, depth = self.limits, 0, 0
        while at < len(self.text):
            token = _TOKEN.match(self.text, at)
            if token is None:
                self._refuse(at, at + 1, f"{self.text[at]!a} is not allowed here: {for_sign(self.text[at])}")
            at = token.end()
            depth += (token.lastgroup == "open") - (token.lastgroup == "close")
            if depth > limits.depth:
                self._refuse(token.start(), at, f"brackets nest at most {limits.depth} deep")
            if token.lastgroup == "number":
                self._scan_number(*token.span())

    def _scan_number(self, start: int, stop: int) -> None:
        """Refuse a number that is not a plain decimal, or too long to be computed with.

        Its digits are counted as they stand, and its exponent is read only where it is short: to compute
        `1e999999999` exactly would take more memory than there is.
        """
        digits, _, exponent = self.text[start:stop].lower().partition("e")
        if self.text[stop : stop + 1].isidentifier():
            self._refuse(start, stop + 1, "a number is a plain decimal, such as 100_000, 0.29 or 3e-4")
        if len(digits) > self.limits.digits:
            self._refuse(
                start, stop, f"a number has at most {self.limits.digits} digits, got {len(digits):,}"
            )
        if len(exponent) > 9 or abs(int(exponent or 0)) > self.limits.exponent:
            self._refuse(
                start, stop, f"an exponent is at most {self.limits.exponent}, got {short_repr(exponent)}"
            )

    def _tree(self) -> ast.expr:
        """Return the syntax tree that Python's own parser makes of the text.

        It is never compiled. A tree of too many parts is refused before anything walks it again.
        """
        try:
            tree = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            at = min((error.offset or 1) - 1, len(self.text) - 1)
            self._refuse(*for_syntax(self.text, at, error.msg))
        except (RecursionError, MemoryError):
            self._refuse(
                0, 1, "too many operators in a row: Piecewise.of([...]) and Sum([...]) take any number"
            )
        parts = sum(1 for _ in ast.walk(tree))
        if parts > self.limits.parts:
            self._fail(tree, f"an expression has at most {self.limits.parts:,} parts, got {parts:,}")
        return tree

    # --- the tree

    def _read(self, node: ast.expr, depth: int) -> Read:  # noqa: C901, PLR0911, PLR0912 - a case for each rule
        """Return what *node* says: a schedule, an open phase, a number, a list, or a shape by name.

        *depth* is how many nodes stand around it. Whatever is not a case here is not allowed.
        """
        if depth > self.limits.depth:
            self._fail(node, f"calls nest at most {self.limits.depth} deep")
        depth += 1
        match node:
            case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
                return Fraction(self.text[node.col_offset : node.end_col_offset].replace("_", ""))
            case ast.Constant(value=str(word)):
                return word  # a choice, such as 'down': the scan lets letters alone pass
            case ast.Name(id=word):
                return self._named(node, word)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return self._applied(node, operator.neg, self._read(inner, depth))
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self._applied(node, operator.pos, self._read(inner, depth))
            case ast.BinOp():
                return self._row(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case ast.Subscript(value=inner, slice=ast.Slice(lower=low, upper=high, step=step)):
                whole, cut = self._as_schedule(inner, self._read(inner, depth)), [low, high, step]
                return self._built(node, operator.getitem, whole, slice(*self._given(cut, depth)))
            case ast.Subscript():
                return self._fail(
                    node, "a schedule is cut by [i:j] or [i:j:k]: a text does not ask for values"
                )
            case ast.Attribute():
                self._refuse_uncalled(node, self.text[node.col_offset : node.end_col_offset])
                return self._unknown(node)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return self._given(items, depth)
            case ast.Dict(keys=times, values=items) if None not in times:  # None before a **mapping
                return list(zip(self._given(times, depth), self._given(items, depth), strict=True))
            case _:
                return self._fail(node, f"this is not allowed: {ALLOWED}")

    def _given(self, nodes: Iterable[ast.expr | None], depth: int) -> list[Given]:
        """Return what *nodes* say as a caller would give it; None where there is no node, as in `a[:j]`."""
        return [None if node is None else self._plain(node, self._read(node, depth)) for node in nodes]

    def _plain(self, node: ast.expr, found: Read) -> Given:
        """Return what was found as a caller would give it: a number as an int, or else as a float.

        This is the only place where an exact number is rounded, and it is rounded once.
        """
        if not isinstance(found, Fraction):
            return found
        try:
            return int(found) if found.denominator == 1 else float(found)
        except OverflowError:
            self._fail(node, TOO_LARGE)

    def _as_schedule(self, node: ast.expr, found: Read) -> Schedule:
        """Return what was found at *node* if it is a schedule, or refuse it there."""
        if not isinstance(found, Schedule):
            example = "a >> b joins phases" if isinstance(found, list) else "Constant(0.1) is one"
            self._fail(node, f"{_kind(found)} is no schedule: {example}")
        return found

    def _named(self, node: ast.expr, word: str) -> Read:
        """Return what a word by itself stands for: a name that the caller bound, or a shape.

        An unknown one is most often a unit that nobody bound, so that the error says how to: to the caller
        of `parse`, and to whoever reads it on the command line.
        """
        if word in self.names:
            return self.names[word]
        if word in SHAPES:
            return SHAPES[word]  # as in through(points, shape=Cosine)
        self._refuse_function(node, word)
        self._refuse_uncalled(node, word)
        like = nearest(word, [*self.names, *SHAPES])
        binding = f"bind it, by parse(text, {word}=...), names={{'{word}': ...}} or --name {word}=..."
        if len(word) >= WIDEST:
            binding = "names are bound by parse(text, name=...) or --name name=..."
        if like:
            binding = f"did you mean {like}?" + f" If not, {binding}" * (like not in self.names)
        return self._fail(node, f"unknown name {_cut(word)}: {NAMES.get(word, binding)}")

    def _unknown(self, node: ast.expr) -> NoReturn:
        """Refuse a word that no table of what is called has, and suggest one that is spelled alike.

        Where none is, it says what can be called there: the few methods of a schedule, or what a text is.
        """
        word = self.text[node.col_offset : node.end_col_offset]
        self._refuse_function(node, word)
        if isinstance(node, ast.Call):
            self._fail(node, "only words are called: a text does not ask for values")
        like = nearest(word, [*BUILDERS, *ARITHMETIC])
        hint = "a text calls shapes, such as Linear(1, 0, 10), and few functions, such as maximum(a, b)"
        if isinstance(node, ast.Attribute):
            hint = f"of a schedule a text calls {', '.join(METHODS)}"
        hint = f"did you mean {like}?" if like else hint
        self._fail(node, f"unknown name {_cut(word)}: {NAMES.get(word, hint)}")

    def _refuse_uncalled(self, node: ast.expr, word: str) -> None:
        """Refuse a word that is there to be called, and stands by itself."""
        if word in BUILDERS or word in ARITHMETIC or word.rpartition(".")[2] in METHODS:
            self._fail(node, f"{_cut(word)} is to be called, as in {_cut(word)}(...)")

    def _refuse_function(self, node: ast.expr, word: str) -> None:
        """Refuse the one shape that no text can say."""
        if word == Function.__name__:
            self._fail(node, "a Function has no text: give parse a name for it")

    def _row(self, node: ast.expr, depth: int) -> Read:
        """Read operators in a row, however many, from left to right; `>>` in a row is one chain.

        Python nests them to the left, as deep as the row is long; one chain at a time would copy its phases
        again at every `>>`.
        """
        row: list[ast.BinOp] = []
        while isinstance(node, ast.BinOp):
            row.append(node)
            node = node.left
        left = self._read(node, depth)
        for kind, group in groupby(reversed(row), key=lambda link: type(link.op)):
            links = [(link, self._read(link.right, depth)) for link in group]
            if kind is ast.RShift and isinstance(left, Schedule):
                phases = [left, *(self._plain(link.right, right) for link, right in links)]
                left = self._built(links[-1][0], Piecewise.of, phases)
                continue
            for link, right in links:
                if kind not in OPERATORS:
                    self._fail(
                        link, "// is not allowed here: floor(a/b) is the whole part, # begins a comment"
                    )
                left = self._applied(link, OPERATORS[kind], left, right)
        return left

    def _applied(self, node: ast.expr, join: Callable[..., Any], *operands: Read) -> Read:
        """Return numbers joined exactly, and all else as Python joins it.

        A number beside a schedule is rounded first, as it would be in a program.
        """
        for operand in operands:
            if not isinstance(operand, (Fraction, Schedule, OpenChain)):
                self._fail(node, f"{_kind(operand)} cannot be computed with")
        numbers = [operand for operand in operands if isinstance(operand, Fraction)]
        if join is power and len(numbers) < len(operands):
            self._fail(node, "** takes numbers: the square of a schedule a is a * a")
        if join is operator.rshift or len(numbers) < len(operands):
            return self._built(node, join, *(self._plain(node, operand) for operand in operands))
        return self._computed(node, join, numbers)

    def _computed(
        self, node: ast.expr, compute: Callable[..., Number], numbers: Sequence[Fraction]
    ) -> Fraction:
        """Return a number computed exactly or to the nearest float, or refuse one of too many bits."""
        try:
            if compute in INEXACT:
                self.budget.charge_digits(numbers)
            number = Fraction(compute(*numbers))
        except ZeroDivisionError:
            self._fail(node, "a number cannot be divided by 0")
        except (TypeError, ValueError) as error:
            self._fail(node, str(error))
        if max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS:
            self._fail(node, f"a number takes at most {MAX_BITS:,} bits on its way")
        return number

    def _call(self, node: ast.Call, depth: int) -> Read:
        """Call a word of the tables, by itself (`maximum`), of a shape (`Linear.to`) or of a schedule."""
        target: list[Schedule] = []
        match node.func:
            case ast.Name(id=word) if word in ARITHMETIC:
                return self._computed(node, ARITHMETIC[word], self._numbers(node, word, depth))
            case ast.Name(id=word) if word in BUILDERS:
                build = BUILDERS[word]
            case ast.Attribute(value=ast.Name(id=owner), attr=word) if f"{owner}.{word}" in BUILDERS:
                build = BUILDERS[f"{owner}.{word}"]
            case ast.Attribute(value=inner, attr=word) if word in METHODS:
                target, build = [self._as_schedule(inner, self._read(inner, depth))], METHODS[word]
            case _:
                self._unknown(node.func)
        if any(word.arg is None for word in node.keywords):  # a **mapping
            self._fail(node, f"this is not allowed: {ALLOWED}")
        named = {str(word.arg): self._given([word.value], depth)[0] for word in node.keywords}
        if len(named) < len(node.keywords):
            self._fail(node, "an argument is given twice")
        return self._built(node, build, *target, *self._given(node.args, depth), **named)

    def _numbers(self, node: ast.Call, word: str, depth: int) -> list[Fraction]:
        """Return the arguments of a *word* of arithmetic, which are numbers, without names."""
        found = [self._read(argument, depth) for argument in node.args]
        numbers = [number for number in found if isinstance(number, Fraction)]
        if node.keywords or len(numbers) < len(found):
            schedules = f" ({word}imum takes schedules)" if word in ("min", "max") else ""
            self._fail(node, f"{word} takes only numbers{schedules}")
        return numbers

    def _built(
        self, node: ast.expr, build: Callable[..., Read], /, *given: "Given | slice", **named: Given
    ) -> Read:
        """Return what *build* makes of its arguments; what it refuses is refused at its place.

        Every call of the library goes through here, so that none is made before it is charged.
        """
        try:
            self.budget.charge_call(build, given, named)
            return build(*given, **named)
        except (TypeError, ValueError, OverflowError) as error:
            self._fail(node, str(error))

    def _fail(self, node: ast.expr, reason: str) -> NoReturn:
        """Refuse the text for *reason*, with the caret under what *node* says."""
        self._refuse(node.col_offset, node.end_col_offset or 0, reason)

    def _refuse(self, start: int, stop: int, reason: str) -> NoReturn:
        raise ParseError(reason, self.text, start, stop) from None


def _cut(word: str) -> str:
    """Return *word*, or the beginning of a long one."""
    return word if len(word) < WIDEST else f"{word[:WIDEST]}…"


def _kind(found: Read) -> str:
    """Return what to call something found where it does not belong."""
    kinds = {Fraction: "a number", OpenChain: "an open phase", list: "a list"}
    return kinds.get(type(found), "a word")
