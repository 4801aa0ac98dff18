"""`check`: what is probably not meant in a schedule, found before the run."""

import math
import operator
from collections.abc import Callable, Iterator
from itertools import pairwise, takewhile
from typing import NamedTuple

import attrs

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._evaluation.series import Test
from tlama_core._fields import MAX_STEPS, as_length, short_repr
from tlama_core.algebra import Scaled, Schedule, children, require_schedule
from tlama_core.analysis.joints import innermost, pieces
from tlama_core.analysis.parts import Piece
from tlama_core.analysis.table import shown_step
from tlama_core.analysis.values import ROUNDING, Values, jumps
from tlama_core.shapes import Warmup

ENDLESS_HORIZON = 10**5
"""How many updates of an endless schedule `check` evaluates where nothing says how long the run is."""


@attrs.frozen
class Finding:
    """Something about a schedule that is probably not meant: what, at which update, and what to write."""

    code: str
    step: int
    message: str
    hint: str

    def __str__(self) -> str:
        return f"update {shown_step(self.step)}: {self.message} [{self.code}]\n    {self.hint}"


class _Run(NamedTuple):
    """A schedule, the updates that it is run for (None where that is not given), and its pieces."""

    schedule: Schedule
    steps: int | None
    pieces: list[Piece]

    @property
    def whole(self) -> float:
        """How many updates are looked at: those of the run, or else of the schedule."""
        return self.schedule.steps if self.steps is None else self.steps


def check(schedule: Schedule, steps: int | None = None) -> tuple[Finding, ...]:
    """Return what is probably not meant in *schedule*, run for *steps* updates; nothing if it is clean.

    | code | finding |
    |---|---|
    | `zero-first-update` | update 0 uses 0, so it learns nothing |
    | `jump` | a phase starts off the end of the phase before it by more than an update changes |
    | `scaled-alone` | a number scales the first phase of a chain and no other: `*` binds before `>>` |
    | `negative-value` | a value is below 0 |
    | `non-finite-value` | a value is infinite or NaN |
    | `long-warmup` | the first rise, from below half its height, takes more than half of the run |
    | `looks-like-epochs` | fewer than 1,000 updates in all, with a phase of at most 10 |
    | `run-ends-early` | the run ends before the schedule does |
    | `run-ends-late` | the run goes on after the schedule's end, whose value it holds |
    | `end-not-reached` | the run ends at another value than the schedule |
    | `phase-not-reached` | the run ends before a phase begins |

    The last four are asked only where *steps* is given. Some things are taken as meant: drops of a `Step`,
    the restarts of `a.repeat(…)`, the start of a later `Warmup`, a final hold that the run does not reach.

    All values are looked at, with the limits of `bounds`; without *steps*, so is the end value, which is
    held. Of an endless schedule without *steps*, where its shape does not tell (in products, functions,
    repetitions), the first 100,000 such updates are evaluated.

    >>> from tlama_core import Cosine, Warmup
    >>> check(Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000), steps=100_000)
    ()
    >>> for finding in check(Warmup(3e-4, steps=2_000) >> Cosine(3e-3, 3e-5, steps=98_000)):
    ...     print(finding)
    update 2,000: the value jumps from 0.0003 to 0.003 (x 10) [jump]
        Cosine.to(end, steps=n) starts where the phase before it ends; a drop that is meant is a Step
    """
    schedule = require_schedule("check.schedule", schedule)
    if steps is not None:
        steps = int(as_length("check.steps", steps, at_least=1))
    run = _Run(schedule, steps, list(pieces(schedule, 0, int(min(schedule.steps, MAX_STEPS)))))
    found = (finding for rule in _RULES for finding in rule(run))
    return tuple(sorted(found, key=operator.attrgetter("step")))


_PARENTHESES = "* binds tighter than >>: write c * (a >> b) to scale all phases"
_JOIN = "Cosine.to(end, steps=n) starts where the phase before it ends; a drop that is meant is a Step"


def _zero_first_update(run: _Run) -> Iterator[Finding]:
    """Find a first update that learns nothing."""
    if value_at(run.schedule, 0) == 0:
        hint = "Warmup(peak, steps=n) starts at peak / n, Linear(0.0, peak, steps=n) at 0"
        yield Finding("zero-first-update", 0, "the first update uses 0: it learns nothing", hint)


def _jump(run: _Run) -> Iterator[Finding]:
    """Find phases that begin off the end of the phase before, within the run."""
    for before, after in pairwise(run.pieces):
        if not after.opens or after.start >= run.whole or not jumps(run.schedule, before, after):
            continue
        if isinstance(innermost(after.phase), Warmup):  # it begins near 0 whatever came before
            continue
        left, now = before.end, value_at(run.schedule, after.start)
        ratio = f" (x {now / left:.4g})" if left else ""
        message = f"the value jumps from {left:.6g} to {now:.6g}{ratio}"
        alone = before.start == 0 and _is_scaled_alone(run)
        yield Finding("jump", after.start, message, _PARENTHESES if alone else _JOIN)


def _is_scaled_alone(run: _Run) -> bool:
    """Whether the first phase of a chain is a scaled shape, and no other is scaled."""
    if len(run.schedule.phases) < 2 or len(run.pieces) < 2:
        return False
    scaled = [isinstance(piece.phase, Scaled) for piece in run.pieces]
    return scaled[0] and not any(scaled[1:]) and not children(innermost(run.pieces[0].phase))


def _scaled_alone(run: _Run) -> Iterator[Finding]:
    """Find a factor of the first phase alone where it makes no jump, which would be found already."""
    if _is_scaled_alone(run) and not jumps(run.schedule, *run.pieces[:2]):
        message = f"the first phase, {short_repr(run.pieces[0].phase)}, is scaled, and no other is"
        yield Finding("scaled-alone", 0, message, f"{_PARENTHESES}, or give the phase the value itself")


def _looked_at(run: _Run) -> Iterator[Piece]:
    """Yield the pieces whose values are looked at; of an endless run, evaluate no more than a horizon."""
    stop = int(min(run.whole, MAX_STEPS)) + (run.steps is None)  # the end value is held
    left = ENDLESS_HORIZON if math.isinf(run.whole) else stop
    for piece in pieces(run.schedule, 0, stop):
        if piece.direction is not None:
            yield piece
        elif left:
            yield piece._replace(stop=min(piece.stop, piece.start + left))
            left -= min(piece.stop - piece.start, left)


def _first_of(code: str, test: Test, hint: str) -> Callable[[_Run], Iterator[Finding]]:
    """Return the rule that finds the first value that passes *test*, under *code*."""

    def rule(run: _Run) -> Iterator[Finding]:
        step = Values(run.schedule).first_step(test, _looked_at(run))
        if step is not None:
            yield Finding(code, step, f"the value is {value_at(run.schedule, step):.6g}", hint)

    return rule


def _long_warmup(run: _Run) -> Iterator[Finding]:
    """Find a first rise that takes more than half of the run."""
    rising = list(takewhile(lambda piece: piece.direction == 1, run.pieces))
    if not rising or not 0 <= value_at(run.schedule, 0) < rising[-1].end / 2:
        return
    length = rising[-1].stop
    alone = length == min(run.schedule.steps, MAX_STEPS)  # a schedule that only rises has no warmup
    if length > run.whole / 2 and (not alone or isinstance(innermost(rising[0].phase), Warmup)):
        message = f"the warmup takes {shown_step(length)} updates of {shown_step(run.whole)}"
        yield Finding("long-warmup", length, message, "a warmup is usually a few per cent of the run")


def _looks_like_epochs(run: _Run) -> Iterator[Finding]:
    """Find lengths that look like epochs rather than updates."""
    short = [piece for piece in run.pieces if piece.opens and piece.stop - piece.start <= 10]
    if short and run.schedule.steps < 1_000:
        start, stop, *_ = short[0]
        message = f"of {run.schedule.steps} updates in all, the phase from here has {stop - start}"
        hint = "lengths are optimizer updates: write epochs * updates_per_epoch"
        yield Finding("looks-like-epochs", start, message, hint)


def _fitting(run: _Run) -> str:
    """Return the hint that makes the schedule as long as the run."""
    if math.isinf(run.schedule.steps):
        return "a longer run, or shorter phases before it"
    return f"schedule.stretch(steps={run.steps}) takes as long as the run"


def _run_and_end(run: _Run) -> Iterator[Finding]:
    """Find a run that is shorter or longer than its schedule, and an end value that it misses."""
    schedule, steps = run.schedule, run.steps
    if steps is None or schedule.steps in (steps, math.inf):
        return
    end_value, last = value_at(schedule, schedule.steps), value_at(schedule, steps)
    if steps > schedule.steps:
        message = (
            f"the schedule ends, and {shown_step(steps - schedule.steps)} more updates use {end_value:.6g}"
        )
        hint = f"{_fitting(run)}; schedule >> Constant.hold() if it is meant"
        yield Finding("run-ends-late", int(schedule.steps), message, hint)
        return
    message = f"the run ends {shown_step(schedule.steps - steps)} updates before the schedule"
    yield Finding("run-ends-early", steps, message, f"{_fitting(run)}; schedule[:{steps}] if it is meant")
    if not math.isclose(last, end_value, rel_tol=ROUNDING):
        message = f"the run ends at {last:.6g}, the schedule at {end_value:.6g}"
        yield Finding("end-not-reached", steps, message, _fitting(run))


def _phase_not_reached(run: _Run) -> Iterator[Finding]:
    """Find the first phase that begins after the run, unless it is a final hold."""
    late = [piece for piece in run.pieces if piece.opens and piece.start >= run.whole]
    if not late or (len(late) == 1 and _only_holds(run, late[0])):
        return
    more = f", nor are {len(late) - 1:,} more" if late[1:] else ""
    message = f"{short_repr(late[0].phase)} is not reached by a run of {shown_step(run.whole)} updates{more}"
    yield Finding("phase-not-reached", late[0].start, message, _fitting(run))


def _only_holds(run: _Run, last: Piece) -> bool:
    """Whether the endless *last* phase holds the value that the run came to, so that none need reach it."""
    endless = math.isinf(run.schedule.steps) and last.direction == 0
    return endless and value_at(run.schedule, last.start) == run.pieces[-2].end


_RULES: tuple[Callable[[_Run], Iterator[Finding]], ...] = (
    _zero_first_update,
    _jump,
    _scaled_alone,
    _first_of("negative-value", lambda v: v < 0, "schedule.clamp(low=0.0) sets a floor"),
    _first_of(
        "non-finite-value",
        lambda v: (v != v) | (abs(v) == math.inf),  # noqa: PLR0124 - true of NaN alone
        "a scaled value, sum or product is past the largest float: look at its terms",
    ),
    _long_warmup,
    _looks_like_epochs,
    _run_and_end,
    _phase_not_reached,
)
