"""The state of a `ScheduleLR` as plain data: its version, its clock, and the texts of its schedules."""

from collections.abc import Mapping
from typing import TypeAlias

from tlama_core._fields import as_length, refuse
from tlama_core.adapters.torch.hyper_parameters import Schedules
from tlama_core.algebra import Schedule
from tlama_core.text import has_text, parse

Text: TypeAlias = str | list[str | None] | None
"""Of one schedule for all groups, or of a list with one per group; None for a schedule without a text."""
Texts: TypeAlias = dict[str, Text]
"""By key, as the schedules are."""

VERSION = 1
MAX_SHOWN = 2_000


def state_of(clock: int, schedules: Schedules) -> dict[str, object]:
    """Return a state that `torch.save` and JSON can hold."""
    return {"version": VERSION, "clock": clock, "schedules": texts_of(schedules)}


def read(state: object) -> tuple[int, Texts]:
    """Return the clock and the texts of a state; refuse what `state_of` did not make."""
    if not isinstance(state, Mapping) or not {"version", "clock", "schedules"} <= state.keys():
        rule = "one that ScheduleLR.state_dict() returned (from another scheduler's, give clock=…)"
        refuse("the state given to ScheduleLR", rule, state)
    if state["version"] != VERSION:
        refuse("the version of the state given to ScheduleLR", str(VERSION), state["version"])
    if not isinstance(state["schedules"], Mapping):
        rule = "a dict of texts"
        refuse("the schedules of the state given to ScheduleLR", rule, state["schedules"])
    clock = int(as_length("the clock of the state given to ScheduleLR", state["clock"], at_least=-1))
    return clock, dict(state["schedules"])


def texts_of(schedules: Schedules) -> Texts:
    """Return the texts to compare with later, None for what holds a `Function`."""
    return {
        key: list(map(_text, scheduled)) if isinstance(scheduled, list) else _text(scheduled)
        for key, scheduled in schedules.items()
    }


def parsed(texts: Texts) -> Schedules:
    """Return the schedules that the texts describe; `parse` refuses what is not a text."""
    return {
        key: list(map(parse, text)) if isinstance(text, list) else parse(text)  # type: ignore[arg-type]
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


def _text(schedule: Schedule) -> str | None:
    """Return the text that builds *schedule*, None where it holds a `Function`."""
    return repr(schedule) if has_text(schedule) else None


def _shortened(text: Text) -> str:
    """Return *text* as a message shows it, cut where it would fill the screen."""
    shown = "a Function" if text is None else str(text)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}… ({len(shown):,} characters)"
