"""The namespace that records: every formula evaluated against it becomes Python source.

It knows no schedule. What it is given as a number it computes at once, so that only what depends on the
clock is written: the value that a schedule holds past its end is a number in the source, not a formula.

Operators of an `Expression` write longer expressions; whatever is used twice gets a name, in a line before
it; a choice between phases becomes `if`, `elif` and `else`, and the names made in a branch stay there. A
rescaled clock is written as its numerator, so that the source compares whole numbers as every namespace does.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from tlama_core._evaluation.clocks import Rescaled
from tlama_core._evaluation.expressions import (
    MAX_BRANCHES,
    Block,
    Expression,
    If,
    Let,
    Term,
    as_source,
    folded,
    lines,
    literal,
)
from tlama_core._evaluation.growth import written
from tlama_core._evaluation.kernels import Group, grouped
from tlama_core._evaluation.powers import compounded
from tlama_core._evaluation.python_numbers import EXACT, PYTHON, Elementary, rescaled_value
from tlama_core._notation import ATOM, CHOICE, COMPARISON, POWER, SIGN, SUM

if TYPE_CHECKING:
    from tlama_core._evaluation import Evaluable

Function = Callable[[float], float]
Moment = Term | Rescaled
Search = Callable[[Sequence[int], "Sequence[Evaluable]"], Function]


MAX_PARTS = 100_000
"""So many parts of a tree are written, those that stand in several branches in each of them."""


class TooLargeError(ValueError):
    """The source of a tree would be longer than it is good for."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("the source of this schedule is too long: its parts stand in too many branches")


class Compiled(Protocol):
    """A function of the numbers of a formula, if it has any, and of the clock, in this order."""

    def __call__(self, *numbers: float) -> float: ...


class Recorder(Elementary):
    """Serves an `Expression`: its answers are source, its side effects the lines before it.

    *parameters* are the names that are taken already: those of the function and of its arguments.

    *shared* are the ids of the nodes that stand in the tree several times: each gets a name. With *search*,
    which makes a long chain a function, long chains and users' functions are called by name, out of
    `scope`; without it the source stands alone, the chains in tables, and a user's function is refused.
    """

    def __init__(
        self,
        *parameters: str,
        shared: frozenset[int] = frozenset(),
        search: Search | None = None,
        most: int = MAX_PARTS,
    ) -> None:
        self.block: Block = []
        self.tables: dict[str, str] = {}
        self.scope: dict[str, Function] = {}
        self._shared, self._search, self._left = shared, search, most
        self._names: dict[object, str] = {}
        self._known: dict[object, Term] = {}
        self._taken = dict.fromkeys(parameters, 1)

    def program(self, head: str, result: str) -> str:
        """Return everything recorded, as the function that *head* begins and that returns *result*."""
        body = "\n".join(lines(self.block, result))
        tables = [f"{name} = {entries}" for name, entries in self.tables.items()]
        used = set(re.findall(r"\b[a-z_0-9]+\b", "\n".join([body, *tables])))
        functions = ", ".join(sorted(used & {"exp", "expm1", "inf", "log", "log1p", "nan", "sin", "sqrt"}))
        imports = ["from bisect import bisect_right"] * ("bisect_right" in used)
        imports += [f"from math import {functions}"] * bool(functions)
        above = [*imports, "", *tables, "", ""] if tables else [*imports, "", ""] if imports else []
        return "\n".join([*above, head, body, ""])

    # --- names and lines

    def fresh(self, kind: str) -> str:
        """Return a new name that begins with *kind*."""
        self._taken[kind] = self._taken.get(kind, 0) + 1
        return kind if self._taken[kind] == 1 else f"{kind}{self._taken[kind]}"

    def let(self, value: Term, kind: str = "x") -> Expression:
        """Give a piece of source a name, unless it is one, or has one already: computed once.

        It is known by its text: names are never assigned twice, so that equal texts have equal values.
        """
        expression = as_source(value)
        if expression.level == ATOM and expression.text.replace(".", "").isalnum():
            return expression
        if expression.text not in self._known:
            name = Expression(self.fresh(kind))
            self.block.append(Let(name.text, expression.text))
            self._known[expression.text] = name
        return as_source(self._known[expression.text])

    @contextmanager
    def inside(self, branches: "list[tuple[str, Block]]", condition: str) -> Iterator[None]:
        """Record into a new branch; the names made there are not known outside."""
        outside, known = self.block, self._known
        self.block, self._known = [], dict(known)
        yield
        branches.append((condition, self.block))
        self.block, self._known = outside, known

    def choose(self, on: str, bounds: Sequence[Term], makes: Sequence[Callable[[], Term]]) -> Expression:
        """Return the value that `makes[i]` records, where `bounds[i - 1] <= on < bounds[i]`."""
        if len(makes) == 1:
            return self.let(makes[0]())
        result = self.fresh("value")
        self._choose(result, on, bounds, makes)
        return Expression(result)

    def _choose(
        self, result: str, on: str, bounds: Sequence[Term], makes: Sequence[Callable[[], Term]]
    ) -> None:
        """Record the choice as branches, halved first where they are many."""
        branches: list[tuple[str, Block]] = []
        if len(makes) > MAX_BRANCHES:
            half = len(makes) // 2
            with self.inside(branches, f"{on} < {as_source(bounds[half - 1]).text}"):
                self._choose(result, on, bounds[: half - 1], makes[:half])
            with self.inside(branches, ""):
                self._choose(result, on, bounds[half:], makes[half:])
        else:
            for i, make in enumerate(makes):
                with self.inside(branches, f"{on} < {as_source(bounds[i]).text}" if i < len(bounds) else ""):
                    self.block.append(Let(result, as_source(make()).text))
        self.block.append(If(branches))

    def table(self, name: str, entries: "Sequence[Term | tuple[Term, ...]]") -> str:
        """Return the name of a constant tuple."""
        known = self.fresh(name)
        self.tables[known] = "(" + ", ".join(map(literal, entries)) + ",)"
        return known

    def named(self, kind: str, key: object, make: Callable[[], Function]) -> str:
        """Return the name by which a function is called; the same for the same *key*."""
        if key not in self._names:
            name = self._names[key] = self.fresh(kind)
            self.scope[name] = make()
        return self._names[key]

    # --- the names of the array API

    def _function(self, name: str, x: Term) -> Term:
        """Write a call of the function under a name of its own; that of a number is computed."""
        if not isinstance(x, Expression):
            return getattr(math, name)(x)  # type: ignore[no-any-return]
        return self.let(Expression(f"{name}({x.text})"))

    def sqrt(self, x: Term) -> Term:
        """Write a square root; that of a number is computed."""
        return self._function("sqrt", x)

    @folded
    def pow(self, x: Term, y: Term) -> Term:
        """Write a power."""
        return Expression(f"{as_source(x).within(ATOM)} ** {as_source(y).within(SIGN)}", POWER)

    def where(self, condition: Term | bool, yes: Term, no: Term) -> Term:
        """Write a conditional expression, or choose at once where the condition is known."""
        if isinstance(condition, bool):
            return yes if condition else no
        yes, no, test = as_source(yes), as_source(no), as_source(condition).text
        return Expression(f"{yes.within(COMPARISON)} if {test} else {no.within(CHOICE)}", CHOICE)

    @folded
    def minimum(self, a: Term, b: Term) -> Term:
        """Write the smaller of both as a conditional expression, which is faster than `min`."""
        a, b = self.let(a), self.let(b)
        return self.where(b < a, b, a)

    @folded
    def maximum(self, a: Term, b: Term) -> Term:
        """Write the larger of both as a conditional expression, which is faster than `max`."""
        a, b = self.let(a), self.let(b)
        return self.where(b > a, b, a)

    @folded
    def clip(self, x: Term, low: Term, high: Term) -> Term:
        """Write a value within a range as two conditional expressions."""
        x = self.let(x)
        return self.where(x < low, low, self.where(x > high, high, x))

    # --- what a schedule asks for besides

    @folded
    def quotient(self, x: Term, by: Term) -> tuple[Term, Term, Term]:
        """Write a value, a quotient and the whole number below as three names.

        It is no call of `math.floor`, which refuses infinity.
        """
        value = self.let(x)
        quotient = self.let(value / by)
        return value, quotient, self.let(quotient // 1.0)

    @staticmethod
    def constant(number: Term) -> Term:
        """Return the number: it is written where it is used."""
        return number

    def compounded(self, start: float, factor: float, interval: float, t: Moment, last: float) -> Term:
        """Write the start times a power of the factor: in parts, where a single one could overflow."""
        return compounded(self, start, factor, interval, self.number(t), last)  # type: ignore[no-any-return]

    @staticmethod
    def full_like(t: Term, constant: Term) -> Term:
        """Return the constant: one time, one value."""
        return constant

    def number(self, t: Moment) -> Term:
        """Write a rescaled clock as its whole part and the rest; another is one already."""
        if not isinstance(t, Rescaled) or not isinstance(t.n, Expression):
            return PYTHON.number(t)  # type: ignore[no-any-return]
        whole, rest = self._divided(t.n, t.den)
        return self.let(whole + rest / t.den, "t")

    def kept(self, value: Term, kind: str = "x") -> Term:
        """Write a value under a name; a number needs none."""
        return self.let(value, kind) if isinstance(value, Expression) else value

    def grown(self, value: Term, base: float, k: Term, times: int | None) -> Term:
        """Write a value times a power, which may be past every float where *times* is not known."""
        return written(self, value, base, k, times)

    def within(self, t: Moment, steps: float) -> Moment:
        """Write a clock that is held at *steps*."""
        if isinstance(t, Rescaled):
            return Rescaled(self.minimum(t.n, t.den * steps), t.den)
        return self.minimum(t, steps)

    def advance(self, t: Moment, by: int, to: float, stride: int = 1) -> Moment:
        """Write a clock that is ahead by *by*, and runs so many times as fast."""
        if stride > 1:
            faster = Rescaled(t.n * stride, t.den) if isinstance(t, Rescaled) else t * stride
            ahead = self.advance(faster, by, to)
            return ahead if math.isinf(to) else self.within(ahead, to)
        if isinstance(t, Rescaled):
            return Rescaled(self._moved(t.n, t.den * by), t.den)
        return self._moved(t, by)

    def _moved(self, n: Term, by: Term) -> Term:
        """Write a sum under a name."""
        return self.kept(n - -by if isinstance(by, int) and by < 0 else n + by, "t")

    def rescale(self, t: Moment, to: int, of: int) -> Moment:
        """Write a rescaled clock, that of whole steps as a fraction of whole numbers."""
        n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
        if not isinstance(n, Expression):
            return PYTHON.rescale(t, to, of)  # type: ignore[no-any-return]
        if isinstance(den, int) and to * of * den < EXACT:
            return Rescaled(self.let(n * to, "t"), of * den)
        on, by = self.let(n, "t"), as_source(den)
        whole, rounded = f"{(on * to).text}, {(by * of).text}", f"{(on / of * to).text}, {by.text}"
        text = f"({whole}) if isinstance({on.text}, int) else ({rounded})"
        return Rescaled(*self._pair("t", "d", text))

    def cycle(self, t: Moment, length: int, times: int | None) -> tuple[Term, Moment]:
        """Write the cycle and the clock in it as two names; the last cycle owns its end."""
        n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
        if not isinstance(n, Expression):
            return PYTHON.cycle(t, length, times)
        whole = den * length
        k, rest = self._divided(n, whole)
        if times is not None:
            rest = self.let(self.where(k < times, rest, whole), "t")
            return self.minimum(k, times - 1), (Rescaled(rest, den) if isinstance(t, Rescaled) else rest)
        return k, (Rescaled(rest, den) if isinstance(t, Rescaled) else rest)

    def _divided(self, n: Term, by: Term) -> tuple[Expression, Expression]:
        """Write a whole quotient and the rest as two names."""
        return self._pair("cycle", "t", f"divmod({as_source(n).text}, {as_source(by).text})")

    def _pair(self, first: str, second: str, text: str) -> tuple[Expression, Expression]:
        """Write two names for the two values of one expression."""
        names = self.fresh(first), self.fresh(second)
        self.block.append(Let(", ".join(names), text))
        return Expression(names[0]), Expression(names[1])

    def lookup(self, t: Moment, times: Sequence[int], entries: Sequence[float]) -> Term:
        """Write a table: of few entries as conditional expressions, of many as tuples and a bisection."""
        n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
        if not times:
            return entries[0]
        if not isinstance(n, Expression):
            return PYTHON.lookup(t, times, entries)  # type: ignore[no-any-return]
        n = self.let(n, "t")
        if len(times) <= MAX_BRANCHES:
            text = "".join(
                f"{entry!r} if {n.text} >= {as_source(den * time).text} else "
                for time, entry in zip(reversed(times), reversed(entries), strict=False)
            )
            return Expression(f"{text}{entries[0]!r}", CHOICE)
        times_, levels = self.table("TIMES", times), self.table("LEVELS", entries)
        return Expression(f"{levels}[bisect_right({times_}, {self._whole(t).text})]")

    @staticmethod
    def _whole(t: Moment) -> Expression:
        """Write a time that is past the same whole numbers."""
        if isinstance(t, Rescaled):
            return Expression(f"{t.n.text} // {as_source(t.den).text}")
        return as_source(t)

    def apply(self, fn: object, checked: Function, t: Moment) -> Term:
        """Write a call of the user's function by name, which is not called now."""
        if self._search is None:
            raise ValueError(f"a Function has no source, got {fn!r}")
        name = self.named("function", id(fn), lambda: checked)
        return self.let(Expression(f"{name}({as_source(self.number(t)).text})"))

    def value_of(self, schedule: "Evaluable", t: Moment) -> Term:
        """Write the value of a part, under a name if the part stands in the tree several times."""
        self._left -= 1
        if self._left < 0:  # a part is written anew in every branch, and so may be many times many
            raise TooLargeError
        if id(schedule) not in self._shared:
            return schedule._value(self, t)  # type: ignore[no-any-return]
        key = id(schedule), _written(t)
        if key not in self._known:
            value = schedule._value(self, t)
            self._known[key] = self.kept(value)
        return self._known[key]

    def pick_phase(self, t: Moment, starts: Sequence[int], phases: "Sequence[Evaluable]") -> Term:
        """Write the choice of a phase: few as branches, many as a call or as tables."""
        n, den = (t.n, t.den) if isinstance(t, Rescaled) else (t, 1)
        if not isinstance(n, Expression):
            i = max(i for i, start in enumerate(starts) if start * den <= n)
            return self.value_of(phases[i], self.advance(t, -starts[i], 0))
        last = len(phases) - 1
        owners = [i for i, phase in enumerate(phases) if phase.steps or i == last]
        on = self.let(n, "t")
        t = Rescaled(on, den) if isinstance(t, Rescaled) else on
        if len(owners) <= MAX_BRANCHES:
            makes = [self._local(t, starts[i], phases[i]) for i in owners]
            return self.choose(on.text, [den * starts[i] for i in owners[1:]], makes)
        if self._search is None:
            return self._tabulated(t, [starts[i] for i in owners], [phases[i] for i in owners])
        name, call = "chain", self._search
        if isinstance(t, Rescaled):
            name, call = "rescaled_chain", partial(partial, rescaled_value)
        name = self.named(name, (name, id(phases)), lambda: call(starts, phases))
        return self.let(
            Expression(f"{name}({on.text}{f', {as_source(den).text}' * isinstance(t, Rescaled)})")
        )

    def _local(self, t: Moment, start: int, phase: "Evaluable") -> Callable[[], Term]:
        """Return what records the value of *phase* on its own clock."""
        return lambda: self.value_of(phase, self.advance(t, -start, 0) if start else t)

    def unclamped(self, t: Expression, schedule: "Evaluable", end: float, check: str = "") -> Expression:
        """Return the value of a schedule at a clock that nobody clamped: from *end* on it stays.

        The lines of *check* run where the clock may be below 0: no phase but the first pays for them.
        """
        starts, phases = schedule.starts, schedule.phases
        owners = [i for i, phase in enumerate(phases) if phase.steps]
        if len(owners) > MAX_BRANCHES:
            starts, phases, owners = (0,), (schedule,), [0]
        makes = [self._local(t, starts[i], phases[i]) for i in owners]
        bounds = [starts[i] for i in owners[1:]]
        if end < math.inf:
            makes.append(lambda: self.value_of(schedule, end))
            bounds += [int(end)] * bool(owners)
        first = makes[0]

        def checked() -> Term:
            if check:
                self.block.append(check)
            return first()

        return self.choose(t.text, bounds, [checked, *makes[1:]])

    def _since(self, t: Moment, start: Expression) -> Moment:
        """Write a clock that begins at a time which is known only when the source runs."""
        if isinstance(t, Rescaled):
            return Rescaled(self.let(t.n - start * t.den, "t"), t.den)
        return self.let(t - start, "t")

    def _tabulated(self, t: Moment, starts: Sequence[int], phases: "Sequence[Evaluable]") -> Expression:
        """Find the phase by bisection; phases of one formula share its lines, and a table of numbers.

        Tables are tuples beside the function: where phases begin, each one's numbers, and, where there are
        several formulas, which of them is whose.
        """
        begins = self.table("STARTS", starts)
        owner = self.let(Expression(f"bisect_right({begins}, {self._whole(t).text}) - 1", SUM), "i")
        local = self._since(t, Expression(f"{begins}[{owner.text}]"))
        groups = grouped(phases)
        kinds: dict[int, int] = {}
        rows: dict[int, tuple[float, ...]] = {}
        for kind, group in enumerate(groups):
            kinds |= dict.fromkeys(group.members, kind)
            rows |= zip(group.members, group.numbers, strict=True)
        places = range(len(phases))
        numbers = self.table("NUMBERS", [rows[place] for place in places])

        def value(group: Group) -> Term:
            if group.formula is None:
                return self.value_of(phases[group.members[0]], local)
            names = [self.fresh("c") for _ in group.numbers[0]]
            self.block.append(Let(f"{', '.join(names)},", f"{numbers}[{owner.text}]"))
            return group.formula(self, self.number(local), *map(Expression, names))  # type: ignore[no-any-return]

        if len(groups) == 1:
            return as_source(value(groups[0]))
        kind_of = self.table("KINDS", [kinds[place] for place in places])
        chosen = self.let(Expression(f"{kind_of}[{owner.text}]"), "kind")
        return self.choose(chosen.text, range(1, len(groups)), [partial(value, group) for group in groups])


def _written(t: Moment) -> tuple[str, ...]:
    """Return what tells a clock from others: its source."""
    return tuple(as_source(n).text for n in ((t.n, t.den) if isinstance(t, Rescaled) else (t,)))
