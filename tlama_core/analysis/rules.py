"""The rules of `check`: each finds one thing that is probably not meant.

A rule is a function of a `Run` (a schedule, how long it is run, what it stands for) and yields findings. It
is kept in `RULES` under its code, with whether it is on unless it is selected, and whether it is asked of
learning rates only: a weight decay may start at 0, and a batch size may climb at the end.

A rule should stay silent about whatever people do on purpose. Those here were tried on schedules of published
models, which should have no finding, and on mistakes that people report, which should:

- values: the first update uses 0, a value is negative, infinite or NaN, half of the run or more is at 0;
- joints: a phase does not start where the one before it came to, a factor scales the first phase alone;
- shapes: a warmup that takes most of the run, two of them, a last phase that climbs, a timescale of 1;
- units: phases as short as if they were epochs, arguments in another order, factors that say nothing new,
  a batch that changes by a factor that is no whole number;
- the run: it ends before the schedule, goes on after it, or never reaches a phase.

A finding names the update that it is about, what is there in numbers, and what to write instead. To add a
rule, write the function, add it to `RULES`, and put a case that it finds and one that it does not into the
tests.
"""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise, takewhile
from typing import NamedTuple

import attrs

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._evaluation.series import Test, blocks
from tlama_core._fields import MAX_STEPS, short_repr
from tlama_core.algebra import Product, Quantized, Scaled, Schedule, Sum, children, nodes
from tlama_core.analysis.joints import innermost, pieces
from tlama_core.analysis.parts import Piece
from tlama_core.analysis.table import shown_step
from tlama_core.analysis.values import ROUNDING, Values, jumps, plateaus
from tlama_core.shapes import PowerLaw, Step, Transition, Warmup

ENDLESS_HORIZON = 10**5
"""How many updates of an endless schedule `check` evaluates where nothing says how long the run is."""

EPOCHS = 400
"""So few updates in all are probably epochs: longer runs in epochs are rare, shorter ones in updates too."""

UNCONFIRMED = 100
"""A run so many times longer than that does not confirm the unit."""

LARGE = 10.0
"""No learning rate that is known to have been used is larger."""

TRIAL = 1_000
"""A run of at most so many updates, of a schedule at least 20 times as long, is a trial of the program."""

_VALUES = ("peak", "start", "end")


@attrs.frozen
class Finding:
    """Something about a schedule that is probably not meant: what, at which update, and what to write."""

    code: str
    step: int
    message: str
    hint: str

    def __str__(self) -> str:
        return f"update {shown_step(self.step)}: {self.message} [{self.code}]\n    {self.hint}"


class Run(NamedTuple):
    """A schedule, the updates that it is run for (None where that is not given), and its pieces."""

    schedule: Schedule
    steps: int | None
    pieces: list[Piece]
    select: frozenset[str] = frozenset()
    """The codes that were asked for by name: what is taken as meant otherwise is found too."""

    @property
    def whole(self) -> float:
        """How many updates are looked at: those of the run, or else of the schedule."""
        return self.schedule.steps if self.steps is None else self.steps

    @property
    def is_trial(self) -> bool:
        """Whether the run only tries the program: what it does not reach is left out on purpose.

        A few hundred updates of a long schedule show that the loss falls and that nothing crashes.
        """
        return self.steps is not None and self.steps <= min(TRIAL, self.schedule.steps / 20)


class Rule(NamedTuple):
    """What finds the findings of a code, and when it is asked."""

    find: Callable[[Run], Iterator[Finding]]
    rates_only: bool = False
    """Whether it is asked of learning rates alone."""
    on: bool = True
    """Whether it is asked without being selected."""


_PARENTHESES = "* binds tighter than >>: write c * (a >> b) to scale all phases"
_JOIN = "Cosine.to(end, steps=n) starts where the phase before it ends; a drop that is meant is a Step"


def _zero_first_update(run: Run) -> Iterator[Finding]:
    """Find a first update that learns nothing.

    Most libraries start their warmup at 0, so that the first update of a run is lost; with a clock that
    stands still there, all of them are. A weight decay or a loss weight may well start at 0.
    """
    if value_at(run.schedule, 0) == 0:
        hint = "Warmup(peak, steps=n) starts at peak / n, Linear(0.0, peak, steps=n) at 0"
        yield Finding("zero-first-update", 0, "the first update uses 0: it learns nothing", hint)


def _jump(run: Run) -> Iterator[Finding]:
    """Find phases that begin off the end of the phase before, within the run.

    A phase with a start of its own is the usual cause: an open phase starts where the phase before it ended.
    A later `Warmup` begins near 0 whatever came before, and drops and restarts are no phases of their own.
    """
    alone = _binds_alone(run.schedule)
    for before, after in pairwise(run.pieces):
        if not after.opens or after.start >= run.whole or not jumps(run.schedule, before, after):
            continue
        if isinstance(innermost(after.phase), Warmup):  # it begins near 0 whatever came before
            continue
        left, now = before.end, value_at(run.schedule, after.start)
        ratio = f" (x {now / left:.4g})" if left else ""
        message = f"the value jumps from {left:.6g} to {now:.6g}{ratio}"
        first = alone and after.start == run.schedule.phases[0].steps
        yield Finding("jump", after.start, message, _PARENTHESES if first else _JOIN)


def _binds_alone(schedule: Schedule) -> bool:
    """Whether the first phase of a chain is scaled, or a sum or product, and no other is.

    `c * a >> b` reads like `c * (a >> b)` and is `(c * a) >> b`; so is `a + b >> c`. Where what is scaled has
    parts itself, such as a chain in parentheses, the writer knew the precedence.
    """
    first, *others = schedule.phases
    bare = first.schedule if isinstance(first, Scaled) else first
    joined = isinstance(bare, (Sum, Product))
    if not others or not (joined or (bare is not first and not children(bare))):
        return False
    return not any(isinstance(phase, (Scaled, Sum, Product)) for phase in others)


def _scaled_alone(run: Run) -> Iterator[Finding]:
    """Find an operator that takes the first phase alone; where that makes a jump, the jump says so.

    An open phase after it hides the mistake: it starts from the scaled value, and the whole run is scaled
    without a jump.
    """
    if not _binds_alone(run.schedule) or run.schedule.phases[0].steps == 0:
        return
    joint = run.schedule.phases[0].steps
    meeting = next((pair for pair in pairwise(run.pieces) if pair[1].start == joint), None)
    if meeting is not None and not jumps(run.schedule, *meeting):
        first = run.schedule.phases[0]
        kind = "is scaled" if isinstance(first, Scaled) else "is a sum or product"
        message = f"the first phase, {short_repr(first)}, {kind}, and no other is"
        yield Finding("scaled-alone", 0, message, f"{_PARENTHESES}, or give the phase the value itself")


def _looked_at(run: Run) -> Iterator[Piece]:
    """Yield the pieces whose values are looked at; of an endless run, evaluate no more than a horizon.

    Of pieces that go one way and of cycles, looking costs next to nothing, however long they are. What has
    to be evaluated is limited where nothing says how long the run is.
    """
    stop = int(min(run.whole, MAX_STEPS)) + (run.steps is None)  # the end value is held
    left = ENDLESS_HORIZON if math.isinf(run.whole) else stop
    for piece in pieces(run.schedule, 0, stop):
        if piece.direction is not None:
            yield piece
        elif left:
            yield piece._replace(stop=min(piece.stop, piece.start + left))
            left -= min(piece.stop - piece.start, left)


def _first_of(code: str, test: Test, hint: str) -> Callable[[Run], Iterator[Finding]]:
    """Return the rule that finds the first value that passes *test*, under *code*."""

    def rule(run: Run) -> Iterator[Finding]:
        step = Values(run.schedule).first_step(test, _looked_at(run))
        if step is not None:
            yield Finding(code, step, f"the value is {value_at(run.schedule, step):.6g}", hint)

    return rule


def _long_warmup(run: Run) -> Iterator[Finding]:
    """Find a first rise that takes more than half of the run.

    It counts as a warmup from below half of the height that it comes to, so that a momentum that moves from
    0.85 to 0.95 is none, and it has to be followed by something else, unless it is a `Warmup`.
    """
    rising = list(takewhile(lambda piece: piece.direction == 1, run.pieces))
    if not rising or not 0 <= value_at(run.schedule, 0) < rising[-1].end / 2:
        return
    length = rising[-1].stop
    if run.is_trial:
        return
    alone = length == min(run.schedule.steps, MAX_STEPS)  # a schedule that only rises has no warmup
    if length > run.whole / 2 and (not alone or isinstance(innermost(rising[0].phase), Warmup)):
        message = f"the warmup takes {shown_step(length)} updates of {shown_step(run.whole)}"
        yield Finding("long-warmup", length, message, "a warmup is usually a few per cent of the run")


def _looks_like_epochs(run: Run) -> Iterator[Finding]:
    """Find lengths that look like epochs rather than updates, unless the length of the run confirms them.

    A schedule of 90 is one of 90 updates, and most who write 90 count epochs. A run of about that length
    confirms the unit; one that is 100 times as long does the opposite.
    """
    hint = "lengths are optimizer updates: write epochs * updates_per_epoch"
    last = _last_joint(run)
    if not 0 < last <= EPOCHS or (run.steps is not None and run.steps < UNCONFIRMED * last):
        return
    if math.isfinite(run.schedule.steps):
        yield Finding("looks-like-epochs", 0, f"the schedule has {last} updates in all", hint)
    else:
        yield Finding("looks-like-epochs", last, f"the last drop is at update {last}", hint)


def _last_joint(run: Run) -> int:
    """Return the length of a schedule, or the last drop of an endless staircase; 0 without one.

    An endless schedule has no length, but a staircase whose last drop comes at 60 is finished by then: that
    is as telling.
    """
    if math.isfinite(run.schedule.steps):
        return int(run.schedule.steps)
    drops = [piece.start for piece in run.pieces if not piece.opens and not piece.many]
    return drops[-1] if drops and isinstance(innermost(run.schedule.phases[-1]), Step) else 0


def _swapped_arguments(run: Run) -> Iterator[Finding]:
    """Find values that are no learning rates but lengths, and lengths that are values.

    `Warmup(2_000, 1)` is a peak of 2,000 after one update, and `Cosine(0.1, 100, 0)`, in the order of torch,
    ends at 100 without any. A rate above 10 has not been seen to work; a factor of 0.001 around it may
    make it one, so values are those of the whole schedule.
    """
    hint = "values come first and the length last: Warmup(peak, steps), Cosine(start, end, steps)"
    for start, phase in zip(run.schedule.starts, run.schedule.phases, strict=True):
        if phase.steps <= 1 and isinstance(phase, (Warmup, Transition)):
            given = [
                getattr(phase, field.name) for field in attrs.fields(type(phase)) if field.name in _VALUES
            ]
            if any(value >= 2 and value == int(value) for value in given):
                yield Finding(
                    "swapped-arguments", start, f"{short_repr(phase)} has no length to speak of", hint
                )
                return
    step = Values(run.schedule).first_step(lambda value: value > LARGE, _looked_at(run))
    if step is not None and math.isfinite(value_at(run.schedule, step)):  # else that is the finding
        message = f"the value is {value_at(run.schedule, step):.6g}, which is large for a learning rate"
        yield Finding("swapped-arguments", step, message, f"{hint}; quantity= says that it is none")


def _repeated_factor(run: Run) -> Iterator[Finding]:
    """Find the first drop of a staircase that changes nothing: factors are relative to the start.

    `Step(0.1, {30_000: 0.1, 60_000: 0.1})` reads like torch's `MultiStepLR` with gamma 0.1, where every drop
    multiplies what is left. Here its second drop does nothing. From 0 on, no drop changes anything.
    """
    if not any(isinstance(node, Step) for node in nodes(run.schedule)):
        return
    for before, after in pairwise(run.pieces):
        if after.opens or before.direction != 0 or after.direction != 0 or after.grain:
            continue
        value = value_at(run.schedule, after.start)
        if value == value_at(run.schedule, before.start) != 0 and isinstance(innermost(after.phase), Step):
            message = f"the drop here changes nothing: the value stays {value:.6g}"
            hint = "factors are relative to the start: {30: 0.1, 60: 0.01}, or Step.every(start, 0.1, 30)"
            yield Finding("repeated-factor", after.start, message, hint)
            return


def _fractional_factor(run: Run) -> Iterator[Finding]:
    """Find the first change of a batch by a factor that is no whole number, up or down.

    Twice the batch is twice as many workers or accumulated steps; 4/3 of it divides among neither. It is
    about whole numbers that hold and change: a schedule with any other value is none of a batch.
    """
    before = None
    for start, value in _changes(run):
        if value != abs(value) // 1:  # nor is it where it is infinite or NaN
            return
        low, high = sorted((value, before or value))
        if low and high % low:
            message = f"the value changes from {before:.6g} to {value:.6g} (x {value / (before or 1):.4g})"
            hint = (
                "powers of two go into each other: Step(32, {n: 2, m: 4}), its factors relative to the start"
            )
            yield Finding("fractional-factor", start, message, hint)
            return
        before = value


def _changes(run: Run) -> Iterator[tuple[int, float]]:
    """Yield updates from which on a value is used, in order; NaN where none is held, or too few are."""
    schedule = run.schedule
    is_quantized = any(isinstance(node, Quantized) for node in nodes(schedule))
    for piece in _looked_at(run):
        if piece.direction == 0:
            yield piece.start, value_at(schedule, piece.start)
        elif (held := plateaus(schedule, piece)) is not None:
            yield from ((one.start, one.value) for one in held)
        else:
            stop = min(piece.stop, piece.start + ENDLESS_HORIZON * is_quantized)
            for steps, values in blocks(schedule, piece.start, stop):
                yield from zip(steps, values.numbers(), strict=True)
            if stop < piece.stop:
                yield stop, math.nan


def _mostly_zero(run: Run) -> Iterator[Finding]:
    """Find a run that uses 0 for its first or its second half, or for half of it in pieces.

    Factors that were meant for epochs come to 0 within a few thousand updates, by underflow. That a
    schedule ends and the run goes on at 0 is found as a run that ends late.
    """
    schedule, whole = run.schedule, run.whole
    if math.isinf(whole) or whole < 2 or schedule.steps < whole / 2:  # the run ends late: that is said
        return
    stop = int(min(whole, MAX_STEPS))
    zero = [piece for piece in run.pieces if piece.direction == 0 and value_at(schedule, piece.start) == 0]
    count = sum(min(piece.stop, stop) - piece.start for piece in zero if piece.start < stop)
    if schedule.steps < stop and value_at(schedule, stop) == 0:
        count += stop - int(schedule.steps)
    first = zero[0].start if zero else 0
    if 2 * count < stop and value_at(schedule, stop - 1) == 0 == value_at(schedule, stop // 2):
        first = stop // 2
        if Values(schedule).extremes(pieces(schedule, first, stop)) == (0, 0):
            count = stop - first
    if 2 * count >= stop:
        message = f"{shown_step(count)} of {shown_step(stop)} updates use 0: they learn nothing"
        yield Finding("mostly-zero", first, message, "a gain or a factor may have been meant for epochs")


def _last_phase_climbs(run: Run) -> Iterator[Finding]:
    """Find a chain whose last phase rises after an earlier one has fallen.

    Rates end low in nearly every recipe. A rise at the end is mostly a pair of ends that was swapped, or
    a phase that was written for the next run.
    """
    last = run.pieces[-1] if run.pieces else None
    if last is None or not last.opens or last.direction != 1 or last.start >= run.whole:
        return
    if len(run.schedule.phases) > 1 and any(piece.direction == -1 for piece in run.pieces):
        message = f"the last phase climbs from {value_at(run.schedule, last.start):.6g} to {last.end:.6g}"
        yield Finding(
            "last-phase-climbs", last.start, message, "a rate usually ends low: swap start and end?"
        )


def _warmup_twice(run: Run) -> Iterator[Finding]:
    """Find a product of factors that both warm up: what it comes to is the square of a warmup.

    A factor for a warmup, multiplied with a schedule that already has one, starts far lower than meant:
    after a tenth of the warmup, at a hundredth of the peak.
    """
    for node in nodes(run.schedule):
        if isinstance(node, Product):
            warm = [term for term in node.terms if isinstance(innermost(term.phases[0]), Warmup)]
            if len(warm) > 1:
                message = "two factors of a product warm up, so that it starts at their product"
                yield Finding(
                    "warmup-twice", 0, message, "one warmup is enough: Constant for the other factor"
                )
                return


def _short_timescale(run: Run) -> Iterator[Finding]:
    """Find a power law that falls much faster than the phases before it suggest.

    The inverse square root of the update number is a power law with a timescale of the updates before it.
    With a timescale of 1, after 4,000 updates, it falls to half within three updates more.
    """
    for start, phase in zip(run.schedule.starts, run.schedule.phases, strict=True):
        law = innermost(phase)
        if isinstance(law, PowerLaw) and law.exponent < 0 and start >= 100 and 10 * law.timescale < start:
            message = f"after {shown_step(start)} updates, a power law with a timescale of {law.timescale:g}"
            hint = f"PowerLaw(peak, timescale={start}) goes on like the inverse square root of the update"
            yield Finding("short-timescale", start, message, hint)


def _fitting(run: Run) -> str:
    """Return the hint that makes the schedule as long as the run."""
    if math.isinf(run.schedule.steps):
        return "a longer run, or shorter phases before it"
    return f"schedule.stretch(steps={run.steps}) takes as long as the run"


def _ends_late(run: Run) -> Iterator[Finding]:
    """Find a run that goes on after its schedule.

    All further updates use the end value, which is often 0: they cost as much as any and learn nothing.
    """
    schedule, steps = run.schedule, run.steps
    if steps is not None and steps > schedule.steps:
        end_value, more = value_at(schedule, schedule.steps), steps - schedule.steps
        message = f"the schedule ends, and {shown_step(more)} more updates use {end_value:.6g}"
        hint = f"{_fitting(run)}; schedule >> Constant.hold() if it is meant"
        yield Finding("run-ends-late", int(schedule.steps), message, hint)


def _ends_early(run: Run) -> Iterator[Finding]:
    """Find a run that is shorter than its schedule, unless it is a trial or misses nothing.

    It is one finding, however many things follow from it: the message says at which value the run ends. A
    phase that is not reached says more, and stands alone. Where it is selected, nothing is taken as meant.
    """
    if run.steps is None or not run.steps < run.schedule.steps < math.inf:
        return
    last, end_value = (value_at(run.schedule, step) for step in (run.steps, run.schedule.steps))
    same = math.isclose(last, end_value, rel_tol=ROUNDING)
    if "run-ends-early" not in run.select and (same or run.is_trial or any(_late_phases(run))):
        return
    message = f"the run ends {shown_step(run.schedule.steps - run.steps)} updates before the schedule"
    reached = "" if same else f", at {last:.6g} instead of {end_value:.6g}"
    hint = f"{_fitting(run)}; schedule[:{run.steps}] if it is meant"
    yield Finding("run-ends-early", run.steps, message + reached, hint)


def _end_not_reached(run: Run) -> Iterator[Finding]:
    """Find an end value that a shorter run does not come to, whatever the reason.

    Most often `run-ends-early` says it already, so that it has to be selected.
    """
    if run.steps is None or not run.steps < run.schedule.steps < math.inf:
        return
    last, end_value = (value_at(run.schedule, step) for step in (run.steps, run.schedule.steps))
    if not math.isclose(last, end_value, rel_tol=ROUNDING):
        message = f"the run ends at {last:.6g}, the schedule at {end_value:.6g}"
        yield Finding("end-not-reached", run.steps, message, _fitting(run))


def _late_phases(run: Run) -> list[Piece]:
    """Return the phases that begin after the run, unless it is a trial, or a final hold alone."""
    late = [piece for piece in run.pieces if piece.opens and piece.start >= run.whole]
    if run.is_trial or (len(late) == 1 and _only_holds(run, late[0])):
        return []
    return late


def _phase_not_reached(run: Run) -> Iterator[Finding]:
    """Find the first phase that begins after the run.

    A cooldown that is never reached is the costly case: the run ends at its highest rate.
    """
    late = _late_phases(run)
    if not late:
        return
    more = f", nor are {len(late) - 1:,} more" if late[1:] else ""
    message = f"{short_repr(late[0].phase)} is not reached by a run of {shown_step(run.whole)} updates{more}"
    yield Finding("phase-not-reached", late[0].start, message, _fitting(run))


def _only_holds(run: Run, last: Piece) -> bool:
    """Whether the endless *last* phase holds the value that the run came to, so that none need reach it."""
    endless = math.isinf(run.schedule.steps) and last.direction == 0
    return endless and value_at(run.schedule, last.start) == run.pieces[-2].end


RULES: dict[str, Rule] = {
    "zero-first-update": Rule(_zero_first_update, rates_only=True),
    "jump": Rule(_jump),
    "scaled-alone": Rule(_scaled_alone),
    "negative-value": Rule(
        _first_of("negative-value", lambda v: v < 0, "schedule.clamp(low=0.0) sets a floor")
    ),
    "non-finite-value": Rule(
        _first_of(
            "non-finite-value",
            lambda v: (v != v) | (abs(v) == math.inf),  # noqa: PLR0124 - true of NaN alone
            "past the largest float: look at gains above 1, at factors, and at terms of sums and products",
        )
    ),
    "swapped-arguments": Rule(_swapped_arguments, rates_only=True),
    "repeated-factor": Rule(_repeated_factor),
    "fractional-factor": Rule(_fractional_factor, on=False),
    "mostly-zero": Rule(_mostly_zero, rates_only=True),
    "warmup-twice": Rule(_warmup_twice, rates_only=True),
    "long-warmup": Rule(_long_warmup, rates_only=True),
    "short-timescale": Rule(_short_timescale, rates_only=True),
    "last-phase-climbs": Rule(_last_phase_climbs, rates_only=True),
    "looks-like-epochs": Rule(_looks_like_epochs),
    "run-ends-early": Rule(_ends_early),
    "run-ends-late": Rule(_ends_late),
    "end-not-reached": Rule(_end_not_reached, on=False),
    "phase-not-reached": Rule(_phase_not_reached),
}
"""Every code that `check` knows, in the order in which findings about one update come."""
