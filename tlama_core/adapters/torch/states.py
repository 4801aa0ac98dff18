"""The state of a `ScheduleLR` as plain data: its version, its clock, its schedules as text, what it found.

A state holds no dict within a dict: checkpoints that take nested dicts apart, as torch.distributed.checkpoint
does, load into the keys that the new run has, and would not see that the old run had others.
"""

import json
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any, TypeAlias

import attrs

from tlama_core._evaluation.python_numbers import value_at
from tlama_core._fields import as_length, is_number, refuse
from tlama_core.adapters.torch.hyper_parameters import Held, Schedules
from tlama_core.algebra import MAX_GROWN_CYCLES, Schedule
from tlama_core.text import Limits, fingerprint, has_text, parse

Text: TypeAlias = str | list[str | None] | None
"""Of one schedule for all groups, or of a list with one per group; None for a schedule without a text."""
Texts: TypeAlias = dict[str, Text]
"""By key, as the schedules are."""

VERSION = 2
MAX_SHOWN = 2_000
ROUNDING = 1e-9
"""Two rates no further apart than this, relatively, are one: plans are cut and stretched in floats."""


@attrs.frozen
class State:
    """What a state says: the clock, the texts, and what the param groups held where another was in charge.

    `found` is None in a state of version 1, which does not say that.
    """

    clock: int
    texts: Texts
    found: Held | None


def first_clock(clock: int, last_epoch: int) -> int:
    """Return the clock that a scheduler begins at, which torch calls the last epoch + 1."""
    begun = as_length("ScheduleLR.last_epoch", last_epoch, at_least=-1) + 1
    start = as_length("ScheduleLR.clock", clock)
    if begun and start not in {0, begun}:
        refuse("ScheduleLR.last_epoch", f"clock - 1 where both are given, here {start - 1}", last_epoch)
    return begun or start


def state_of(clock: int, schedules: Schedules, found: Held) -> dict[str, object]:
    """Return a state that `torch.save` and JSON can hold."""
    texts = json.dumps(texts_of(schedules))
    return {"version": VERSION, "clock": clock, "schedules": texts, "found": json.dumps(found)}


def read(state: object) -> State:
    """Return what a state says; refuse what `state_of` did not make, naming the part that is wrong.

    Version 1 held the texts in a dict, and nothing of what was found.
    """
    if not isinstance(state, Mapping) or not {"version", "clock", "schedules"} <= state.keys():
        rule = "one that ScheduleLR.state_dict() returned (from another scheduler's, give clock=…)"
        refuse("the state given to ScheduleLR", rule, state)
    version = state["version"]
    if version not in (1, VERSION):  # not a set: what is given may be anything
        refuse("the version of the state given to ScheduleLR", f"1 or {VERSION}", version)
    texts = state["schedules"] if version == 1 else _unpacked("schedules", state["schedules"])
    if not _are_texts(texts):
        refuse("the schedules of the state given to ScheduleLR", "texts by hyper-parameter", texts)
    found = None if version == 1 else _unpacked("found rates", state.get("found"))
    if found is not None and not _are_numbers(found):
        refuse(
            "the found rates of the state given to ScheduleLR", "lists of numbers by hyper-parameter", found
        )
    clock = int(as_length("the clock of the state given to ScheduleLR", state["clock"], at_least=-1))
    return State(clock, dict(texts), found)


def texts_of(schedules: Schedules) -> Texts:
    """Return the texts to compare with later, None for what holds a `Function`."""
    return _said(schedules, repr)


def fingerprints_of(schedules: Schedules) -> Texts:
    """Return the digests of these texts, None where there is no text."""
    return _said(schedules, fingerprint)


def _said(schedules: Schedules, say: Callable[[Schedule], str]) -> Texts:
    """Return what *say* makes of every schedule that has a text, None for the others."""

    def of(schedule: Schedule) -> str | None:
        return say(schedule) if has_text(schedule) else None

    return {
        key: list(map(of, scheduled)) if isinstance(scheduled, list) else of(scheduled)
        for key, scheduled in schedules.items()
    }


def parsed(texts: Texts) -> Schedules:
    """Return the schedules that the texts describe.

    Raises `ValueError` for a schedule that was saved without a text, because it holds a `Function`, and
    `ParseError`, which is one, for a text that is no schedule.
    """
    if silent := without_text(texts):
        rule = "schedules that have a text, to be kept (a Function has none)"
        refuse(f"{', '.join(silent)} of the state given to ScheduleLR", rule, "a Function")
    return {
        key: list(map(_schedule, text)) if isinstance(text, list) else _schedule(text)  # type: ignore[arg-type]
        for key, text in texts.items()
    }


def without_text(texts: Texts) -> list[str]:
    """Return the keys whose schedules cannot all be written down."""
    return [key for key, text in texts.items() if text is None or (isinstance(text, list) and None in text)]


def canonical(texts: Texts) -> Texts:
    """Return the texts with a list of equal ones as that one: both give every group the same rates."""
    return {
        key: text[0] if isinstance(text, list) and text == text[:1] * len(text) != [] else text
        for key, text in texts.items()
    }


def differences(old: Texts, new: Texts) -> str:
    """Return two lines for every key whose texts differ: what was saved, and what is given now.

    Of two lists of one length, the first group that differs is shown.
    """
    lines = []
    for key in {**old, **new}:
        was, now = old.get(key, "nothing"), new.get(key, "nothing")
        if was == now:
            continue
        if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
            was, now = next(pair for pair in zip(was, now, strict=True) if pair[0] != pair[1])
        lines += [f"\n  {key}: saved {_shortened(was)}", f"\n  {' ' * len(key)}  given {_shortened(now)}"]
    return "".join(lines)


def jumps(old: Texts, schedules: Schedules, clock: int) -> str:
    """Return a line for every key at which *schedules* jump away from the *old* ones at *clock*.

    To jump is to differ by more than the new schedule changes in the update before or after. What cannot be
    compared, as a saved `Function`, has a line that says so; a key that only one side has is not compared.
    """
    return "".join(
        next(filter(None, (_jump(key, was, now, clock) for was, now in _pairs(old[key], scheduled))), "")
        for key, scheduled in schedules.items()
        if key in old
    )


def _pairs(was: Text, now: Schedule | list[Schedule]) -> dict[tuple[str | None, Schedule], None]:
    """Return what the groups had and have, each pair once: many groups share few schedules."""
    if not isinstance(was, list) and not isinstance(now, list):
        return {(was, now): None}
    befores = was if isinstance(was, list) else repeat(was)
    return dict.fromkeys(zip(befores, now if isinstance(now, list) else repeat(now), strict=False))


def _jump(key: str, was: str | None, now: Schedule, clock: int) -> str:
    """Return the line of one pair, which is empty where nothing jumps.

    An update ahead or behind, the new schedule may be at a jump of its own, which is meant: a difference
    that is no larger is none.
    """
    if has_text(now) and was == repr(now):
        return ""
    try:
        old = None if was is None else value_at(_schedule(was), clock)
    except ValueError:
        old = None
    if old is None:
        return f"\n  {key}: cannot be compared, because no text of the saved schedule can be read"
    new = value_at(now, clock)
    around = (value_at(now, max(clock - 1, 0)), value_at(now, clock + 1))
    change = max(abs(new - other) for other in around)
    if abs(new - old) <= change + ROUNDING * max(abs(new), abs(old)) or new == old:
        return ""
    return f"\n  {key}: {old:g} in the saved schedule, {new:g} in the given one"


def _schedule(text: str) -> Schedule:
    """Return the schedule of a saved text, within limits that fit the text.

    Those of `parse` are for texts from outside. This one was written by a run, which must be able to go on
    however long its schedules are: characters and parts are those of the text, and a million phases and
    more may be laid out.
    """
    size = len(text)
    limits = Limits(
        characters=size, parts=max(Limits().parts, size), cycles=MAX_GROWN_CYCLES, work=1_000_000 + 64 * size
    )
    return parse(text, limits)


def _unpacked(name: str, text: object) -> Any:
    """Return the data in a text of the state, or refuse it by *name*."""
    try:
        return json.loads(text)  # type: ignore[arg-type]  # that it may fail is the question
    except (TypeError, ValueError, RecursionError):
        refuse(f"the {name} of the state given to ScheduleLR", "a text in JSON", text)


def _are_texts(texts: object) -> bool:
    """Whether these are texts by key, as `Texts` has it."""
    return isinstance(texts, Mapping) and all(
        isinstance(key, str)
        and all(one is None or isinstance(one, str) for one in (text if isinstance(text, list) else [text]))
        for key, text in texts.items()
    )


def _are_numbers(found: object) -> bool:
    """Whether these are lists of numbers by key, as `Held` has it; the keys of JSON are texts."""
    return isinstance(found, dict) and all(
        isinstance(each, list) and all(map(is_number, each)) for each in found.values()
    )


def _shortened(text: Text) -> str:
    """Return *text* as a message shows it, cut where it would fill the screen."""
    shown = "a Function" if text is None else str(text)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}… ({len(shown):,} characters)"
