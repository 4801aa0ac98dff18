"""The namespace that records: every formula evaluated against it becomes Python source.

It knows no schedule. Numbers enter the source through `repr` alone, and only as floats and integers.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from tlama_core._evaluation.python_numbers import EXACT, PYTHON, Elementary

_CHOICE, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(7)  # as Python's grammar binds

MAX_BRANCHES = 8
"""So many phases stand as `if`, `elif`, `else`; more of them in tables that are searched by bisection."""


class NoSourceError(ValueError):
    """A formula calls something that has no source."""


class Let(NamedTuple):
    """An assignment."""

    name: str
    text: str


class If(NamedTuple):
    """Branches, each a condition and a block; the last condition is empty."""

    branches: "list[tuple[str, Block]]"


class Verbatim(NamedTuple):
    """Lines as they are."""

    lines: tuple[str, ...]


Statement = Let | If | Verbatim
Block = list[Statement]


class Expression:
    """A piece of source: operators on it write longer source."""

    __slots__ = ("level", "text")

    def __init__(self, text: str, level: int = _ATOM) -> None:
        self.text, self.level = text, level

    def __add__(self, other: Any) -> "Expression":
        return _binary(self, "+", other, _SUM)

    def __radd__(self, other: Any) -> "Expression":
        return _binary(other, "+", self, _SUM)

    def __sub__(self, other: Any) -> "Expression":
        return _binary(self, "-", other, _SUM)

    def __rsub__(self, other: Any) -> "Expression":
        return _binary(other, "-", self, _SUM)

    def __mul__(self, other: Any) -> "Expression":
        return _binary(self, "*", other, _PRODUCT)

    def __rmul__(self, other: Any) -> "Expression":
        return _binary(other, "*", self, _PRODUCT)

    def __truediv__(self, other: Any) -> "Expression":
        return _binary(self, "/", other, _PRODUCT)

    def __mod__(self, other: Any) -> "Expression":
        return _binary(self, "%", other, _PRODUCT)

    def __lt__(self, other: Any) -> "Expression":
        return _binary(self, "<", other, _COMPARISON)

    def __gt__(self, other: Any) -> "Expression":
        return _binary(self, ">", other, _COMPARISON)

    def __neg__(self) -> "Expression":
        return Expression(f"-{_parenthesized(self, _SIGN)}", _SIGN)

    def __abs__(self) -> "Expression":
        return Expression(f"abs({self.text})")


def as_source(x: Any) -> Expression:
    """Return a number as source; what is source already stays as it is."""
    if isinstance(x, Expression):
        return x
    if type(x) not in (int, float) or x in (math.inf, -math.inf) or x != x:  # noqa: PLR0124 - NaN
        raise NoSourceError(f"only finite numbers enter the source, got {x!r}")
    return Expression(repr(x), _SIGN if x < 0 else _ATOM)


def _parenthesized(x: Any, level: int) -> str:
    expression = as_source(x)
    return expression.text if expression.level >= level else f"({expression.text})"


def _binary(a: Any, operator: str, b: Any, level: int) -> Expression:
    # The right side needs parentheses at the same level too: floats do not associate.
    return Expression(f"{_parenthesized(a, level)} {operator} {_parenthesized(b, level + 1)}", level)


class Recorder(Elementary):
    """Serves an `Expression`: its answers are source, its side effects the lines before it."""

    def __init__(self, *parameters: str) -> None:
        self.block: Block = []
        self.tables: dict[str, str] = {}
        self.imported: set[str] = set()
        self._known: dict[str, Expression] = {}
        self._taken = dict.fromkeys(parameters, 1)

    def program(self, head: str, result: str) -> str:
        """Return everything recorded, as the function that *head* begins and that returns *result*."""
        tables = [f"{name} = {entries}" for name, entries in self.tables.items()]
        functions = ", ".join(sorted(self.imported - {"bisect_right"}))
        imports = ["from bisect import bisect_right"] * ("bisect_right" in self.imported)
        imports += [f"from math import {functions}"] * bool(functions)
        above = [*imports, "", *tables, "", ""] if tables else [*imports, "", ""] if imports else []
        return "\n".join([*above, head, *lines(self.block, result), ""])

    # --- names and lines

    def fresh(self, kind: str) -> str:
        """Return a new name that begins with *kind*."""
        self._taken[kind] = self._taken.get(kind, 0) + 1
        return kind if self._taken[kind] == 1 else f"{kind}{self._taken[kind]}"

    def let(self, value: Any, kind: str = "x") -> Expression:
        """Give a piece of source a name, unless it is one, or has one already: computed once."""
        expression = as_source(value)
        if expression.level == _ATOM and expression.text.replace(".", "").isalnum():
            return expression
        if expression.text not in self._known:
            name = Expression(self.fresh(kind))
            self.block.append(Let(name.text, expression.text))
            self._known[expression.text] = name
        return self._known[expression.text]

    @contextmanager
    def inside(self, branches: "list[tuple[str, Block]]", condition: str) -> Iterator[None]:
        """Record into a new branch; the names made there are not known outside."""
        outside, known = self.block, self._known
        self.block, self._known = [], dict(known)
        yield
        branches.append((condition, self.block))
        self.block, self._known = outside, known

    def choose(self, on: str, bounds: Sequence[int], makes: Sequence[Callable[[], Any]]) -> Expression:
        """Return the value that `makes[i]` records, where `bounds[i - 1] <= on < bounds[i]`."""
        if len(makes) == 1:
            return self.let(makes[0]())
        result = self.fresh("value")
        self._choose(result, on, bounds, makes)
        return Expression(result)

    def _choose(
        self, result: str, on: str, bounds: Sequence[int], makes: Sequence[Callable[[], Any]]
    ) -> None:
        branches: list[tuple[str, Block]] = []
        if len(makes) > MAX_BRANCHES:
            half = len(makes) // 2
            with self.inside(branches, f"{on} < {bounds[half - 1]!r}"):
                self._choose(result, on, bounds[: half - 1], makes[:half])
            with self.inside(branches, ""):
                self._choose(result, on, bounds[half:], makes[half:])
        else:
            for i, make in enumerate(makes):
                with self.inside(branches, f"{on} < {bounds[i]!r}" if i < len(bounds) else ""):
                    self.block.append(Let(result, as_source(make()).text))
        self.block.append(If(branches))

    def table(self, name: str, entries: Sequence[Any]) -> str:
        """Return the name of a constant tuple."""
        known = self.fresh(name)
        self.tables[known] = "(" + ", ".join(map(_literal, entries)) + ",)"
        return known

    # --- the names of the array API

    def _function(self, name: str, x: Any) -> Any:
        if not isinstance(x, Expression):
            return getattr(math, name)(x)
        self.imported.add(name)
        return self.let(Expression(f"{name}({x.text})"))

    def sqrt(self, x: Any) -> Any:
        return self._function("sqrt", x)

    def pow(self, x: Any, y: Any) -> Any:
        return Expression(f"{_parenthesized(x, _ATOM)} ** {_parenthesized(y, _SIGN)}", _POWER)

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        if isinstance(condition, bool):
            return yes if condition else no
        text = f"{_parenthesized(yes, _COMPARISON)} if {condition.text} else {_parenthesized(no, _CHOICE)}"
        return Expression(text, _CHOICE)

    def minimum(self, a: Any, b: Any) -> Any:
        a, b = self.let(a), self.let(b)
        return self.where(b < a, b, a)

    def maximum(self, a: Any, b: Any) -> Any:
        a, b = self.let(a), self.let(b)
        return self.where(b > a, b, a)

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        x = self.let(x)
        text = f"{_parenthesized(high, _COMPARISON)} if {x.text} > {_parenthesized(high, _SUM)} else {x.text}"
        return self.where(x < low, low, Expression(text, _CHOICE))

    # --- what a schedule asks for besides

    @staticmethod
    def constant(constant: float) -> float:
        return constant

    @staticmethod
    def full_like(t: Any, constant: Any) -> Any:
        return constant

    def advance(self, t: Any, by: int, to: float) -> Any:  # noqa: ARG002 - a clock of few bits asks
        return self.let(t + by, "t")

    def divmod(self, t: Any, by: Any) -> tuple[Any, Any]:
        whole, rest = self.fresh("cycle"), self.fresh("t")
        self.block.append(Let(f"{whole}, {rest}", f"divmod({as_source(t).text}, {as_source(by).text})"))
        return Expression(whole), Expression(rest)

    def rescale(self, t: Any, to: int, of: int) -> Any:
        if to * of < EXACT:
            whole, rest = self.divmod(t * to, of)
            return self.let(whole + rest / of, "t")
        t, result = self.let(t, "t"), self.fresh("t")
        branches: list[tuple[str, Block]] = []
        with self.inside(branches, f"isinstance({t.text}, int)"):
            whole, rest = self.divmod(t * to, of)
            self.block.append(Let(result, f"{whole.text} + {rest.text} / {of!r}"))
        with self.inside(branches, ""):
            self.block.append(Let(result, f"{t.text} / {of!r} * {to!r}"))
        self.block.append(If(branches))
        return Expression(result)

    def lookup(self, t: Any, times: Sequence[int], entries: Sequence[float]) -> Any:
        if not times:
            return entries[0]
        t = self.let(t, "t")
        if len(times) <= MAX_BRANCHES:
            text = "".join(
                f"{entry!r} if {t.text} >= {time!r} else "
                for time, entry in zip(reversed(times), reversed(entries), strict=False)
            )
            return Expression(f"{text}{entries[0]!r}", _CHOICE)
        self.imported.add("bisect_right")
        times_, levels = self.table("TIMES", times), self.table("LEVELS", entries)
        return Expression(f"{levels}[bisect_right({times_}, {t.text})]")

    def apply(self, function: Any, t: Any) -> Any:  # noqa: ARG002 - as in every namespace
        raise NoSourceError(f"a Function has no source, got {function!r}")

    def pick_phase(self, t: Any, starts: Sequence[int], phases: Sequence[Any]) -> Any:
        last = len(phases) - 1
        owners = [i for i, phase in enumerate(phases) if phase.steps or i == last]
        t = self.let(t, "t")
        if len(owners) > MAX_BRANCHES:
            return self._searched(t, [starts[i] for i in owners], [phases[i] for i in owners])
        makes = [self._at(t, starts[i], phases[i]) for i in owners]
        return self.choose(t.text, [starts[i] for i in owners[1:]], makes)

    def _at(self, t: Expression, start: int, phase: Any) -> Callable[[], Any]:
        return lambda: phase._value(self, self.let(t - start, "t") if start else t)

    def unclamped(self, t: Expression, schedule: Any, end: float, check: tuple[str, ...] = ()) -> Expression:
        """Return the value of a schedule at a clock that nobody clamped: from *end* on it stays.

        The lines of *check* run where the clock may be below 0: no phase but the first pays for them.
        """
        starts, phases = getattr(schedule, "starts", (0,)), getattr(schedule, "phases", (schedule,))
        owners = [i for i, phase in enumerate(phases) if phase.steps]
        if len(owners) > MAX_BRANCHES:
            starts, phases, owners = (0,), (schedule,), [0]
        makes = [self._at(t, starts[i], phases[i]) for i in owners]
        bounds = [starts[i] for i in owners[1:]]
        if end < math.inf:
            makes.append(lambda: schedule._value(PYTHON, end))  # not before: a `Function` may refuse it
            bounds += [int(end)] * bool(owners)
        first = makes[0]

        def checked() -> Any:
            if check:
                self.block.append(Verbatim(check))
            return first()

        return self.choose(t.text, bounds, [checked, *makes[1:]])

    def _searched(self, t: Expression, starts: Sequence[int], phases: Sequence[Any]) -> Expression:
        """Find the phase by bisection; phases of one formula share its lines, and a table of numbers."""
        self.imported.add("bisect_right")
        begins = self.table("STARTS", starts)
        i = self.let(Expression(f"bisect_right({begins}, {t.text}) - 1", _SUM), "i")
        local = self.let(t - Expression(f"{begins}[{i.text}]"), "t")
        kinds: dict[Any, int] = {}
        plans = [phase._kernel() for phase in phases]
        kind_of = [kinds.setdefault(plan.formula or k, len(kinds)) for k, plan in enumerate(plans)]
        numbers = self.table("NUMBERS", [plan.numbers for plan in plans])

        def make(formula: Any) -> Callable[[], Any]:
            if isinstance(formula, int):
                return lambda: phases[formula]._value(self, local)
            count = len(next(plan.numbers for plan in plans if plan.formula == formula))

            def shared() -> Any:
                names = [self.fresh("c") for _ in range(count)]
                self.block.append(Let(f"{', '.join(names)},", f"{numbers}[{i.text}]"))
                return formula(self, local, *map(Expression, names))

            return shared

        if len(kinds) == 1:
            return as_source(make(next(iter(kinds)))())
        kind = self.let(Expression(f"{self.table('KINDS', kind_of)}[{i.text}]"), "kind")
        return self.choose(kind.text, range(1, len(kinds)), [make(formula) for formula in kinds])


def _literal(entry: Any) -> str:
    if isinstance(entry, tuple):
        return "(" + "".join(f"{_literal(one)}, " for one in entry) + ")"
    return as_source(entry).text


def lines(block: Block, result: str, depth: int = 1) -> Iterator[str]:
    """Yield the source of *block*, which ends by returning *result*."""
    pad, before, last = "    " * depth, block[:-1], block[-1] if block else None
    for statement in before:
        yield from _statement(statement, depth)
    if isinstance(last, If) and _gives(last, result):
        for word, (condition, branch) in zip(_WORDS, last.branches, strict=False):
            yield f"{pad}{word} {condition}:" if condition else f"{pad}else:"
            yield from lines(branch, result, depth + 1)
    elif isinstance(last, Let) and last.name == result:
        yield f"{pad}return {last.text}"
    else:
        if last is not None:
            yield from _statement(last, depth)
        yield f"{pad}return {result}"


_WORDS = ("if", *["elif"] * MAX_BRANCHES)


def _gives(statement: Statement, result: str) -> bool:
    if isinstance(statement, If):
        return all(_gives(branch[-1], result) for _, branch in statement.branches)
    return isinstance(statement, Let) and statement.name == result


def _statement(statement: Statement, depth: int) -> Iterator[str]:
    pad = "    " * depth
    if isinstance(statement, Let):
        yield f"{pad}{statement.name} = {statement.text}"
        return
    if isinstance(statement, Verbatim):
        yield from (pad + line for line in statement.lines)
        return
    for word, (condition, branch) in zip(_WORDS, statement.branches, strict=False):
        yield f"{pad}{word} {condition}:" if condition else f"{pad}else:"
        for inner in branch:
            yield from _statement(inner, depth + 1)


def compile_source(program: str, name: str) -> Callable[..., Any]:
    """Return the function *name* of a recorded program."""
    scope: dict[str, Any] = {}
    exec(compile(program, f"<{name}>", "exec"), scope)  # noqa: S102 - recorded: names of ours, and numbers
    return scope[name]  # type: ignore[no-any-return]


def compile_schedule(schedule: Any, end: float) -> Callable[[int], float]:
    """Return the value of *schedule* as a plain function of t >= 0, without checks."""
    recorder = Recorder("t")
    result = recorder.unclamped(Expression("t"), schedule, end).text
    return compile_source(recorder.program("def value(t):", result), "value")


@cache
def compile_formula(formula: Callable[..., Any], count: int) -> Callable[..., float]:
    """Return *formula* as a plain function of *count* numbers and t: one for all phases of a kind."""
    names = [f"n{i}" for i in range(count)]
    recorder = Recorder(*names, "t")
    result = recorder.let(formula(recorder, Expression("t"), *map(Expression, names)), "value").text
    return compile_source(recorder.program(f"def value({', '.join([*names, 't'])}):", result), "value")
