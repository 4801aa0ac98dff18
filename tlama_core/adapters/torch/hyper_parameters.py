"""The hyper-parameters of an optimizer: what it has, what it is given, and how rates are written into it.

A hyper-parameter (`lr`, `betas`) has a *key* for every number that it holds: its own name, or one for each
place of a tuple (`betas[0]`, `betas[1]`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NoReturn, TypeAlias

from torch import Tensor
from torch.optim import Optimizer

from tlama_core._evaluation.fast_calls import compile_schedule
from tlama_core._fields import is_number, refuse
from tlama_core.algebra import Schedule
from tlama_core.text import Config, Name, accepted

OfGroup: TypeAlias = Config | Sequence[Config]
"""What a caller may give one param group: a pair for a hyper-parameter that is one."""
Given: TypeAlias = OfGroup | Sequence[OfGroup] | Mapping[str, OfGroup]
"""What a caller may give a hyper-parameter: one for every group, a list of one each, or by group name."""
Scheduled: TypeAlias = Schedule | list[Schedule]
"""One schedule for all groups, or a list with one per group."""
Schedules: TypeAlias = dict[str, Scheduled]
"""By key."""
Rates: TypeAlias = Callable[[int], float | list[float | Tensor]]
"""The function of the clock that gives the rate of all groups, or a list with one per group."""
Write: TypeAlias = tuple[dict[str, Any], str, int | None, float | Tensor]
"""A param group, the hyper-parameter, the place in its tuple (if it is one), and the rate to write there."""
Plan: TypeAlias = dict[str, tuple[str, int | None, Rates]]
"""By key: the hyper-parameter, the place in its tuple (if it is one), and its rates."""
SINGLE = (str, bytes, tuple)
"""Sequences that are no lists."""
Held: TypeAlias = dict[str, list[float]]
"""By key: the numbers that the param groups hold, one for each."""


def offered(optimizer: Optimizer) -> dict[str, tuple[str, ...]]:
    """Return the keys of every hyper-parameter that is a number, or a tuple of them, in all groups alike."""
    first, *others = optimizer.param_groups
    bases = {initial(name) for name in first}
    keys = {name: _keys(name, value) for name, value in first.items() if name not in {"params", *bases}}
    return {
        name: its_keys
        for name, its_keys in keys.items()
        if its_keys and all(its_keys == _keys(name, group.get(name)) for group in others)
    }


def initial(name: str) -> str:
    """Return the name of what a hyper-parameter was before any schedule, as torch has it for lr."""
    return f"initial_{name}"


def as_schedules(optimizer: Optimizer, given: Mapping[str, Given], names: Mapping[str, Name]) -> Schedules:
    """Return what the caller gave as schedules by key, its texts read with *names*, or refuse it by name."""
    keys_by_name, schedules = offered(optimizer), Schedules()
    for name, value in given.items():
        keys = keys_by_name.get(name) or _refuse_key(optimizer, name)
        places = None if keys == (name,) else len(keys)
        for_groups = _for_groups(optimizer, name, value, places)
        _require_one_per_group(optimizer, name, for_groups)
        each = for_groups if isinstance(for_groups, list) else [for_groups]
        rows = [_row(name, of_group, places, names) for of_group in each]
        for key, column in zip(keys, zip(*rows, strict=True), strict=True):
            schedules[key] = list(column) if isinstance(for_groups, list) else column[0]
    return schedules


def bases(groups: Iterable[dict[str, Any]], key: str) -> list[float]:
    """Return what each of *groups* had at *key* before any schedule, or has where nobody noted that."""
    name, place = name_and_place(key)
    return [float(_at(group, initial(name) if initial(name) in group else name, place)) for group in groups]


def note_bases(groups: Iterable[dict[str, Any]], keys: Iterable[str]) -> None:
    """Let each of *groups* keep what it has at *keys*, where it does not keep that already.

    It is saved with the optimizer, so that what is relative to it does not multiply a rate of the schedule.
    """
    for name in {name_and_place(key)[0] for key in keys}:
        for group in groups:
            held = group[name]
            group.setdefault(
                initial(name), tuple(map(copied, held)) if isinstance(held, (tuple, list)) else copied(held)
            )


def relative_to(groups: Sequence[dict[str, Any]], key: str, scheduled: Scheduled) -> list[Schedule]:
    """Return *scheduled* times what each of *groups* had at *key*."""
    each = scheduled if isinstance(scheduled, list) else [scheduled] * len(groups)
    return [base * schedule for base, schedule in zip(bases(groups, key), each, strict=True)]


def require_fitting(optimizer: Optimizer, schedules: Schedules) -> None:
    """Refuse a key that the optimizer does not have, and a list that is not as long as its param groups."""
    known = [key for keys in offered(optimizer).values() for key in keys]
    for key, scheduled in schedules.items():
        if key not in known:
            _refuse_key(optimizer, key)
        _require_one_per_group(optimizer, key, scheduled)


def name_and_place(key: str) -> tuple[str, int | None]:
    """Return the hyper-parameter that *key* belongs to, and the place in it if it is a tuple.

    `lr` gives `("lr", None)`, `betas[1]` gives `("betas", 1)`.
    """
    name, _, place = key.removesuffix("]").partition("[")
    return name, int(place) if place else None


def rates_of(scheduled: Scheduled) -> Rates:
    """Return the rates as a function of the clock; groups with equal schedules share one evaluation."""
    if isinstance(scheduled, Schedule):
        return compile_schedule(scheduled)
    distinct = {schedule: i for i, schedule in enumerate(dict.fromkeys(scheduled))}
    functions = [compile_schedule(schedule) for schedule in distinct]
    order = [distinct[schedule] for schedule in scheduled]
    pick = itemgetter(*order) if len(order) > 1 else iter  # of one index, itemgetter gives no tuple
    return lambda clock: [*pick([function(clock) for function in functions])]


def plan_of(schedules: Schedules) -> Plan:
    """Return *schedules* as compiled functions of the clock, with the places that they are written to.

    To compile takes milliseconds for a long chain, and a call less than a microsecond.
    """
    return {key: (*name_and_place(key), rates_of(scheduled)) for key, scheduled in schedules.items()}


def held(groups: Iterable[dict[str, Any]], keys: Iterable[str]) -> Held:
    """Return what *groups* hold at *keys*, as numbers that do not change when a tensor is filled."""
    return {key: [float(_at(group, *name_and_place(key))) for group in groups] for key in keys}


def ruled(groups: Sequence[dict[str, Any]], plan: Plan, clock: int) -> set[str]:
    """Return the keys at which *groups* hold exactly the rates of *plan* at *clock*.

    There the plan is in charge; at the others something else has written since, or will be written over.
    Before clock 0 it is in charge of nothing. A tensor is compared with the rate in the tensor's own type.
    """
    if clock < 0:
        return set()
    return {
        key
        for key, (name, place, rates) in plan.items()
        if all(
            _holds(_at(group, name, place), rate)
            for group, rate in zip(groups, _each(rates(clock), len(groups)), strict=True)
        )
    }


def write_rates(groups: Sequence[dict[str, Any]], plan: Plan, clock: int, keys: Collection[str]) -> None:
    """Write the rates of *clock* at *keys* alone: where states are loaded, not at every update.

    All in one go, so that two of them that share a tensor get one each.
    """
    writes: list[Write] = []
    for key, (name, place, rates) in plan.items():
        if key in keys:
            each = _each(rates(clock), len(groups))
            writes += [(group, name, place, rate) for group, rate in zip(groups, each, strict=True)]
    write_in_place(writes)


def write_held(groups: Sequence[dict[str, Any]], numbers: Held) -> None:
    """Write back what `held` returned: groups added since keep theirs."""
    write_in_place(
        [
            (group, *name_and_place(key), rate)
            for key, each in numbers.items()
            for group, rate in zip(groups, each, strict=False)
        ]
    )


def part_tensors(groups: Sequence[dict[str, Any]], keys: Collection[str]) -> None:
    """Copy a tensor of *keys* wherever it also stands at another key, which must not move with it.

    The scheduled place keeps the tensor that it had: compiled optimizers read the one that they first saw.
    """
    places = [name_and_place(key) for key in keys]
    scheduled = {id(_at(group, *place)) for group in groups for place in places}
    for group in groups:
        for name, value in list(group.items()):
            for other in _keys(name, value):
                place = name_and_place(other)
                current = _at(group, *place)
                if other not in keys and isinstance(current, Tensor) and id(current) in scheduled:
                    _put(group, *place, current.clone())


def write_in_place(writes: Sequence[Write]) -> None:
    """Write rates where no plain float is: a tensor stays the same object, unless another group shares it.

    Compiled optimizers and CUDA graphs read the tensor that they first saw, so it is filled. A tensor
    that stands in a second group too (`load_state_dict` makes such groups) is replaced there by a copy.
    """
    filled: set[int] = set()
    for group, name, place, rate in writes:
        current = _at(group, name, place)
        if isinstance(current, Tensor):
            current = current.clone() if id(current) in filled else current
            filled.add(id(current))
            current.fill_(rate)
        else:
            current = rate
        _put(group, name, place, current)


def like(current: float | Tensor, rate: float | Tensor) -> float | Tensor:
    """Return *rate* in the type of *current*: a new tensor where that is one, rounded as filling it would."""
    return current.clone().fill_(rate) if isinstance(current, Tensor) else rate


def copied(rate: float | Tensor) -> float | Tensor:
    """Return *rate*, of which a tensor is a copy: what is filled later must not change it."""
    return rate.clone() if isinstance(rate, Tensor) else rate


def _at(group: dict[str, Any], name: str, place: int | None) -> Any:
    """Return what *group* holds at a key."""
    return group[name] if place is None else group[name][place]


def _put(group: dict[str, Any], name: str, place: int | None, current: float | Tensor) -> None:
    """Let *group* hold *current* at a key; a tuple is made anew around it."""
    group[name] = current if place is None else (*group[name][:place], current, *group[name][place + 1 :])


def _each(now: float | list[float | Tensor], count: int) -> list[float | Tensor]:
    """Return a rate for each of the first *count* groups."""
    return now[:count] if isinstance(now, list) else [now] * count


def _holds(current: float | Tensor, rate: float | Tensor) -> bool:
    """Whether *current* is *rate*, to the last bit of the type of *current*."""
    return bool(current == like(current, rate))


def _keys(name: str, value: object) -> tuple[str, ...]:
    """Return the keys of a hyper-parameter that holds *value*: none where that is no number."""
    if isinstance(value, (tuple, list)):
        return tuple(f"{name}[{place}]" for place in range(len(value))) if all(map(_is_rate, value)) else ()
    return (name,) if _is_rate(value) else ()


def _is_rate(value: object) -> bool:
    """Whether *value* is a real number, or a floating-point tensor of one."""
    if isinstance(value, Tensor):
        return bool(value.is_floating_point() and value.numel() == 1)
    return is_number(value)


def some_of(named: Collection[str], relative: Any) -> frozenset[str]:
    """Return the names that *relative* holds, or refuse what is no collection of some that are *named*."""
    chosen: frozenset[str] | None
    try:
        chosen = None if isinstance(relative, str) else frozenset(relative)
    except TypeError:  # it is no collection, or holds what is no name
        chosen = None
    if chosen is None or not chosen <= set(named):
        refuse("ScheduleLR.relative", f"some of {', '.join(named)}, as ('lr',)", relative)
    return chosen


def _refuse_key(optimizer: Optimizer, key: str) -> NoReturn:
    """Say that the optimizer has no such hyper-parameter, and which ones it has."""
    rule = f"one of those of the given {type(optimizer).__name__}: {', '.join(offered(optimizer))}"
    refuse("a hyper-parameter of ScheduleLR", rule, key)


def _require_one_per_group(optimizer: Optimizer, key: str, value: object) -> None:
    """Refuse a list that is not as long as the optimizer's param groups."""
    count = len(optimizer.param_groups)
    if isinstance(value, list) and len(value) != count:
        rule = f"one schedule for all param groups, or a list of {count}, one for each"
        raise ValueError(f"ScheduleLR.{key} must be {rule}, got a list of {len(value)}")


def _for_groups(optimizer: Optimizer, name: str, value: object, places: int | None) -> object:
    """Return what all groups are given, or the list of what each is given.

    A config has no tuples: as many single values as the hyper-parameter has places are what all are given.
    """
    if isinstance(value, Mapping) and "type" not in value:
        return _by_group_name(optimizer, name, value)
    each = _listed(value)
    if isinstance(each, list) and len(each) == places and not any(map(_is_row, each)):
        return tuple(each)
    return each


def _by_group_name(optimizer: Optimizer, name: str, value: Mapping[Any, object]) -> list[object]:
    """Return what *value* gives each group by the group's name, or refuse names that are not the groups'."""
    known = [group.get("name") for group in optimizer.param_groups]
    if None in known or set(value) != set(known):
        called = "have none here" if None in known else f"are {', '.join(map(str, dict.fromkeys(known)))}"
        rule = (
            f"a mapping by the names of all param groups, which {called}, or that of to_dict, with a 'type'"
        )
        refuse(f"ScheduleLR.{name}", rule, dict(value))
    return [value[group] for group in known]


def _row(name: str, of_group: object, places: int | None, names: Mapping[str, Name]) -> tuple[Schedule, ...]:
    """Return the schedules of one group: one, or as many as the hyper-parameter has *places*."""
    argument = f"ScheduleLR.{name}"
    if places is None:
        if _is_row(of_group):
            rule = "a schedule, a number or a text, or a list with one per param group"
            refuse(argument, rule, of_group, TypeError)
        return (accepted(argument, of_group, names),)
    row = _listed(of_group)
    if not isinstance(row, (list, tuple)) or len(row) != places:
        refuse(argument, f"a tuple of {places}, or a list with one per param group", of_group, TypeError)
    return tuple(accepted(argument, value, names) for value in row)


def _is_row(value: object) -> bool:
    """Whether *value* holds several values."""
    return isinstance(_listed(value), (list, tuple))


def _listed(value: object) -> object:
    """Return a sequence of any library as a list; what is none, and a tuple, as it is."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, SINGLE) else value
