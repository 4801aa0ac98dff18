"""Schedules as plain data and back, whatever else a config may hold, and the digest that tells them apart."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

import attrs

from tlama_core._fields import as_number, is_number, refuse, refuse_as_schedule
from tlama_core.algebra import MAX_DEPTH, Constant, OpenChain, Schedule, nodes, require_schedule
from tlama_core.shapes import Function
from tlama_core.text.errors import ParseError
from tlama_core.text.limits import LIMITS, Budget, Limits, require_limits
from tlama_core.text.names import Name
from tlama_core.text.reading import parse
from tlama_core.text.words import TYPES, nearest

Plain: TypeAlias = "str | float | list[Plain] | dict[str, Plain] | None"
"""What JSON can hold, as far as schedules need it."""

Config: TypeAlias = Schedule | float | str | Mapping[str, Any]
"""What a config may hold where a schedule is wanted."""

ROOT = "from_dict.data"
"""How errors call the data that `from_dict` is given; a part of them is `from_dict.data.phases[1]`."""

VERSION = 1
"""Of the dict form; the golden file of the tests holds one of each version there ever was."""


def as_schedule(schedule: Config, **names: Name) -> Schedule:
    """Return what a config holds as a schedule: a schedule, a number, a text, or the mapping of `to_dict`.

    A number is the endless `Constant` of it, a text is read by `parse` with *names*, which everything else
    does without. A config gives its names as further keywords; `schedule` cannot be one of them.

    Raises `TypeError` for anything else, and what `parse` and `from_dict` raise.

    >>> as_schedule("Warmup(peak, steps=2*epoch) >> Constant.hold()", peak=0.1, epoch=5)
    Warmup(0.1, steps=10) >> Constant(0.1)
    >>> as_schedule(3e-4), as_schedule({"type": "Constant", "value": 0.1})
    (Constant(0.0003), Constant(0.1))
    """
    if isinstance(schedule, str):
        return parse(schedule, **names)
    if isinstance(schedule, Mapping):
        return from_dict(schedule)
    return _as_it_is("as_schedule.schedule", schedule)


def accepted(name: str, given: object, names: Mapping[str, Name]) -> Schedule:
    """Return what `as_schedule` makes of *given*, an argument called *name* in every error."""
    if not isinstance(given, (str, Mapping)):
        return _as_it_is(name, given)
    try:
        return parse(given, **names) if isinstance(given, str) else from_dict(given)
    except ParseError as error:
        raise ParseError(f"in {name}: {error.reason}", error.text, error.start, error.stop) from None
    except (TypeError, ValueError) as error:
        raise type(error)(f"in {name}: {error}") from None


def require_names(name: str, names: object) -> None:
    """Refuse what is no mapping of names that a text may use, by the *name* of the argument."""
    if not isinstance(names, Mapping):
        refuse(name, "a mapping of what texts may use, as {'total': 1000}", names, TypeError)


def _as_it_is(name: str, given: object) -> Schedule:
    """Return a schedule as it is and a number as that `Constant`; refuse the rest by *name*."""
    if is_number(given):
        return Constant(as_number(name, given))
    if not isinstance(given, Schedule | OpenChain):
        rule = "a schedule (Function(fn) is one), a number, a text or the mapping of to_dict"
        refuse_as_schedule(name, rule, given)
    return require_schedule(name, given)


def has_text(schedule: Schedule) -> bool:
    """Whether *schedule* can be written down, as text or as data: whether it holds no `Function`.

    >>> from tlama_core import Function, Linear
    >>> has_text(Linear(1.0, 0.0, steps=10)), has_text(0.5 * Function(abs))
    (True, False)
    """
    return _first_function(schedule) is None


def _first_function(schedule: Schedule) -> Function | None:
    """Return the first `Function` in the tree, which keeps it from having a text; None without one."""
    return next((node for node in nodes(schedule) if isinstance(node, Function)), None)


def _require_text(name: str, candidate: object) -> Schedule:
    """Return *candidate*, or refuse it by *name* where it is no schedule, or one without a text."""
    schedule = require_schedule(name, candidate)
    if not has_text(schedule):
        rule = "free of Functions, which are equal only to themselves"
        refuse(name, rule, _first_function(schedule))
    return schedule


def readable_text(name: str, schedule: object) -> str:
    """Return the text of *schedule*, to be kept and read again by `parse`.

    Raises `TypeError` for what is not a schedule, and `ValueError` for what `parse` could not read again: a
    schedule with a `Function`, or whose text is past the default limits. *name* is what errors call it.

    >>> from tlama_core import Linear
    >>> readable_text("lr", Linear(1.0, 0.0, steps=10))
    'Linear(1.0, 0.0, steps=10)'
    """
    text = repr(_require_text(name, schedule))
    try:
        parse(text)
    except ParseError as error:
        raise ValueError(f"{name} must be short enough to be read again as text: {error.reason}") from None
    return text


def fingerprint(schedule: Schedule) -> str:
    """Return a short digest of the schedule's text: the same in every process, for equal schedules only.

    Raises `ValueError` where the schedule holds a `Function`, whose text does not tell what it is, and where
    the text would be too long to write.

    >>> from tlama_core import Linear
    >>> fingerprint(Linear(1.0, 0.0, steps=10))
    '81364e85fb5bd747'
    """
    from hashlib import sha256

    text = repr(_require_text("fingerprint.schedule", schedule))
    return sha256(text.encode()).hexdigest()[:16]


def to_dict(schedule: Schedule) -> dict[str, Any]:
    """Return *schedule* as plain data, which `json.dumps` takes and `from_dict` reads back.

    A node that stands in several places of the schedule is written once, and its dict stands in all of
    them: this takes time linear in the number of nodes, but what changes one of these dicts changes all.

    Raises `ValueError` where the schedule holds a `Function`.

    >>> from tlama_core import Linear
    >>> to_dict(0.5 * Linear(1.0, 0.0, steps=10))["schedule"]
    {'type': 'Linear', 'start': 1.0, 'end': 0.0, 'steps': 10}
    """
    return {"version": VERSION, **_Writer().node(_require_text("to_dict.schedule", schedule))}


class _Writer:
    """Writes every node of a tree once, however often it stands in it."""

    def __init__(self) -> None:
        self._written: dict[int, dict[str, Plain]] = {}

    def node(self, schedule: Schedule) -> dict[str, Plain]:
        """Return the data of *schedule*: its type, and its fields without defaults."""
        written = self._written.get(id(schedule))
        if written is None:
            written = self._written[id(schedule)] = {"type": type(schedule).__name__}
            for field in schedule.__attrs_attrs__:
                if field.init and (held := getattr(schedule, field.name)) != field.default:
                    written[field.name] = self._field(held)
        return written

    def _field(self, held: Any) -> Plain:
        """Return what a field holds: a schedule, a tuple of such or of numbers, or one number."""
        if isinstance(held, tuple):
            return [self._field(one) for one in held]
        return self.node(held) if isinstance(held, Schedule) else held


def from_dict(data: Mapping[str, Any], limits: Limits = LIMITS, /) -> Schedule:
    """Return the schedule that `to_dict` wrote as *data*; without a version, data are of version 1.

    Raises `ValueError` for another version, unknown types and keys, and whatever a shape refuses, naming
    the place. Of the *limits*, those on `cycles` and `work` hold here, for what building makes larger than
    its data: repetitions whose cycles grow, above all. A mapping or list that stands in several places, as
    an alias in YAML does, is read once.

    >>> from_dict({"version": 1, "type": "Linear", "start": 1.0, "end": 0.0, "steps": 10})
    Linear(1.0, 0.0, steps=10)
    """
    if not isinstance(data, Mapping):
        refuse(ROOT, "a mapping", data, TypeError)
    reader = _DataReader(Budget(require_limits("from_dict.limits", limits)))
    version = data.get("version", VERSION)
    if type(version) is not int or version != VERSION:
        refuse(f"{ROOT}.version", f"{VERSION}", version)
    node = {key: held for key, held in data.items() if key != "version"}
    try:
        return reader.node(node, ROOT, 0)
    except RecursionError:  # within the limit of depth, but called from deep within a program
        raise ValueError(f"{ROOT} nests too deep for what is left of Python's stack") from None


@attrs.define
class _DataReader:
    """Builds what plain data say, from a closed table of types."""

    budget: Budget
    known: dict[int, tuple[object, object]] = attrs.Factory(dict)

    def _read(self, data: object, where: str, depth: int) -> object:
        """Return what *data* say: a schedule for a mapping, a list for a row, anything else as it is."""
        if depth > 2 * MAX_DEPTH:
            raise ValueError(f"{where} nests too deep: at most {MAX_DEPTH} schedules")
        if id(data) in self.known:
            return self._again(self.known[id(data)][1], where)
        found: object
        if isinstance(data, Mapping):
            found = self.node(data, where, depth + 1)
        elif isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
            found = [self._read(one, f"{where}[{i}]", depth + 1) for i, one in enumerate(data)]
        else:
            return data
        self.known[id(data)] = data, found  # the data too: what is let go may leave its id to others
        return found

    def _again(self, found: object, where: str) -> object:
        """Return what was read before, charged where it is a list, which is joined again.

        A schedule is charged where it is joined, and by what it is joined to.
        """
        if isinstance(found, list):
            try:
                self.budget.charge_again(found)
            except ValueError as error:
                raise ValueError(f"in {where}: {error}") from None
        return found

    def node(self, data: Mapping[str, Any], where: str, depth: int) -> Schedule:
        """Return the schedule that *data* say; *where* they stand is named in every error."""
        kind = _kind(data, where)
        node = TYPES[kind]
        fields = [field for field in node.__attrs_attrs__ if field.init]
        known = [field.name for field in fields]
        given = [key for key in data if key != "type"]
        if unknown := [key for key in given if key not in known]:
            words = known if where != ROOT else [*known, "version"]
            rule = f"one of {', '.join(known)}{_meant(unknown[0], words)}"
            refuse(f"a key of {where}, a {kind},", rule, unknown[0])
        needed = [field.name for field in fields if field.default is attrs.NOTHING]
        if not set(needed) <= set(given):
            refuse(where, f"a {kind} with the keys {', '.join(needed)}", given)
        read = {key: self._read(data[key], f"{where}.{key}", depth) for key in given}
        try:
            self.budget.charge_node(node, read)
            return node(**read)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"in {where}: {error}") from None


def _kind(data: Mapping[str, Any], where: str) -> str:
    """Return the type that *data* name, or refuse data that name none."""
    if "type" not in data:
        keys = list(islice(data, 20))
        like = nearest("type", [key for key in keys if isinstance(key, str)])
        refuse(where, f"a mapping with the key 'type'{f', not {like!r}' if like else ''}", keys)
    kind = data["type"]
    if not isinstance(kind, str) or kind not in TYPES:
        meant = _meant(kind, TYPES)
        refuse(f"{where}.type", f"a type of schedule{meant}" if meant else f"one of {', '.join(TYPES)}", kind)
    return kind


def _meant(word: object, words: Iterable[str]) -> str:
    """Return the question whether the nearest of *words* was meant, if there is one."""
    like = nearest(word, words)
    return f" (did you mean {like}?)" if like else ""
