"""Schedules as a `torch.optim.lr_scheduler.LRScheduler`, for any hyper-parameter of the param groups."""

import contextlib
import warnings
import weakref
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Literal, NoReturn, get_args

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from tlama_core._evaluation.fast_calls import compile_schedule
from tlama_core._fields import as_length, as_number, is_number, refuse
from tlama_core.algebra import Constant, OpenChain, Schedule
from tlama_core.text import has_text, parse

OnChange = Literal["error", "keep_new", "keep_old"]
Schedules = dict[str, Schedule | list[Schedule]]
"""By hyper-parameter (`betas[0]`: a place in a pair), one for all groups or a list with one per group."""
Texts = dict[str, str | list[str | None] | None]
"""The same as text; None stands for a schedule that has none."""

VERSION = 1
MAX_SHOWN = 2_000


class ScheduleLR(LRScheduler):
    """Schedules for any hyper-parameters of a torch optimizer; update k uses `schedule(k)`, exactly.

    Each keyword names a hyper-parameter of the param groups (`lr`, `weight_decay`, `momentum`, `betas`, …)
    and gives it a schedule or a number for all groups, or a list with one per group; a pair like `betas`
    is given as a tuple. What is not named stays as the optimizer has it.

    The clock counts optimizer updates, from *clock* on: call `step()` after every `optimizer.step()`, but
    not after one that an fp16 scaler skipped. Or it counts anything else, as tokens: call `advance(n)`.
    The rates follow from the clock alone. A state is the clock, and the schedules' texts to compare with:
    one with other schedules is an error, unless *on_change* is "keep_new" (these schedules, at the saved
    clock) or "keep_old" (the saved ones).

    Raises `ValueError` for a hyper-parameter that the optimizer has not, and for a list that does not
    match its groups; `TypeError` for what is neither a schedule nor a number.

    >>> import torch
    >>> from tlama_core import Linear
    >>> optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
    >>> scheduler = ScheduleLR(optimizer, lr=Linear(1.0, 0.0, 4), betas=(0.9, Linear(0.5, 1.0, 2)))
    >>> for _ in range(2):
    ...     print(scheduler.get_last_lr(), optimizer.param_groups[0]["betas"])
    ...     optimizer.step()
    ...     scheduler.step()
    [1.0] (0.9, 0.5)
    [0.75] (0.9, 0.75)
    >>> scheduler.state_dict()["clock"], scheduler.state_dict()["schedules"]["lr"]
    (2, 'Linear(1.0, 0.0, steps=4)')

    Source: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
    """

    _count = 0  # groups taken in so far

    def __init__(  # noqa: D107
        self, optimizer: Optimizer, *, clock: int = 0, on_change: OnChange = "error", **hyper_parameters: Any
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            refuse("ScheduleLR.optimizer", "a torch.optim.Optimizer", optimizer, TypeError)
        if on_change not in get_args(OnChange):
            refuse("ScheduleLR.on_change", f"one of {', '.join(get_args(OnChange))}", on_change)
        if not hyper_parameters:
            raise ValueError(
                f"ScheduleLR needs a schedule for one of {', '.join(_offered(optimizer))}, got none"
            )
        start = int(as_length("ScheduleLR.clock", clock))
        self._attach(optimizer, _read(optimizer, hyper_parameters), start, on_change)

    def _attach(self, optimizer: Optimizer, schedules: Schedules, clock: int, on_change: OnChange) -> None:
        self.optimizer, self._on_change = optimizer, on_change
        self._use(schedules, clock)
        super().__init__(optimizer)
        self._set_clock(clock)
        myself = weakref.ref(self)  # the optimizer must not keep its scheduler, which keeps the optimizer

        def rewrite(_: Optimizer) -> None:
            scheduler = myself()
            if scheduler is not None:
                scheduler._set_clock(scheduler.last_epoch)

        with contextlib.suppress(AttributeError):  # a wrapper may lack the hooks of the optimizer in it
            getattr(optimizer, "optimizer", optimizer).register_load_state_dict_post_hook(rewrite)

    def __reduce__(self) -> tuple[Any, ...]:
        return _begun, (self.optimizer, self._schedules, self.last_epoch, self._on_change)

    def _use(self, schedules: Schedules, clock: int) -> None:
        """Keep *schedules* as functions; what cannot be used at *clock* fails before anything changes."""
        _check(self.optimizer, schedules)
        plan = [(*_place(key), *_rates(held)) for key, held in schedules.items()]
        for _, _, rates, _ in plan:
            rates(clock)
        self._schedules, self._plan, self._lr_is_free = schedules, plan, "lr" not in schedules

    @property
    def clock(self) -> int:
        """What has been counted so far: the rates are those of update number `clock`."""
        return self.last_epoch

    def step(self, epoch: int | None = None) -> None:
        """Move the clock by one update and write the rates: call it after every `optimizer.step()`.

        torch has deprecated *epoch*, which sets the clock.
        """
        if self._step_count == 1 or epoch is not None:
            super().step(epoch)  # warns where the order of calls is wrong
        else:
            self._step_count += 1
            self.last_epoch += 1
        self._write()

    def advance(self, n: int) -> None:
        """Move the clock by *n* and write the rates: for a clock that counts tokens or samples.

        >>> import torch
        >>> from tlama_core import Linear
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)])
        >>> scheduler = ScheduleLR(optimizer, lr=Linear(1.0, 0.0, steps=1_000_000))  # of a million samples
        >>> optimizer.step()
        >>> scheduler.advance(32_768)
        >>> scheduler.get_last_lr()
        [0.967232]
        """
        self.last_epoch += int(as_length("ScheduleLR.advance.n", n)) - 1
        self.step()

    def get_lr(self) -> list[float | Tensor]:
        """Return the learning rate of every group at the clock, as `get_last_lr()` does."""
        return list(self._last_lr)

    def _update_lr(self, epoch: int | None = None) -> None:
        """Move the clock: what torch calls inside `step()`, and where a SequentialLR comes to this one."""
        self._set_clock(self.last_epoch + 1 if epoch is None else epoch)

    def _set_clock(self, clock: int) -> None:
        """Set the clock, and write the rates into whatever groups the optimizer has by now."""
        self.last_epoch = clock
        self._take_in_groups()
        if clock >= 0:  # in a SequentialLR, those whose turn has not come stand at -1
            self._write()

    def _take_in_groups(self) -> None:
        _check(self.optimizer, self._schedules)
        for group in self.optimizer.param_groups:
            group.setdefault("initial_lr", _copied(group["lr"]))
        self.base_lrs = [_copied(group["initial_lr"]) for group in self.optimizer.param_groups]
        self._count = len(self.base_lrs)

    def _write(self) -> None:
        groups, clock = self.optimizer.param_groups, self.last_epoch
        count = len(groups)
        if count != self._count:
            self._take_in_groups()
        others = []
        for name, place, rates, one_per_group in self._plan:
            each = rates(clock) if one_per_group else [rates(clock)] * count
            if name == "lr":
                self._last_lr = each
            for group, rate in zip(groups, each):  # noqa: B905 - counted where they are taken in
                if type(group[name]) is float:
                    group[name] = rate
                else:
                    others.append((group, name, place, rate))
        if others:
            _write_in_place(others)
        if others or self._lr_is_free:
            self._last_lr = [_copied(group["lr"]) for group in groups]

    def state_dict(self) -> dict[str, Any]:
        """Return a version, the clock and the schedules' texts: plain data, for `torch.save` or JSON.

        Warns where a schedule holds a `Function`, which has no text to compare with.
        """
        texts = _texts(self._schedules)
        silent = [
            key for key, text in texts.items() if text is None or (isinstance(text, list) and None in text)
        ]
        if silent:
            warnings.warn(
                f"ScheduleLR: {', '.join(silent)} holds a Function, which has no text:"
                " loading this state cannot tell whether it has changed",
                stacklevel=2,
            )
        return {"version": VERSION, "clock": self.last_epoch, "schedules": texts}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Set the clock and write the rates; nothing of the optimizer's own state is needed for them.

        Raises `ValueError` for what is no such state, and for other schedules unless *on_change* was given.
        """
        clock, saved = _state(state_dict)
        old, new = _canonical(saved), _canonical(_texts(self._schedules))
        if old != new and self._on_change == "error":
            raise ValueError(
                f"ScheduleLR was given a state with other schedules:{_differences(old, new)}\nBuild it with"
                ' on_change="keep_new" to go on with the new ones from the saved clock, or with "keep_old"'
            )
        if old != new and self._on_change == "keep_old":
            self._use(_parsed(saved), max(clock, 0))
        self._set_clock(clock)


def _begun(optimizer: Optimizer, schedules: Schedules, clock: int, on_change: OnChange) -> ScheduleLR:
    scheduler = ScheduleLR.__new__(ScheduleLR)
    scheduler._attach(optimizer, schedules, clock, on_change)
    return scheduler


# --- what an optimizer has, and what it is given -------------------------------------------------


def _offered(optimizer: Optimizer) -> dict[str, tuple[str, ...]]:
    """Return the hyper-parameters that are a number, or a tuple of them, in every group; and their keys."""
    first, *others = optimizer.param_groups
    keys = {name: _keys(name, held) for name, held in first.items() if name not in {"params", "initial_lr"}}
    return {
        name: own
        for name, own in keys.items()
        if own and all(own == _keys(name, group.get(name)) for group in others)
    }


def _keys(name: str, held: object) -> tuple[str, ...]:
    if isinstance(held, (tuple, list)):
        return tuple(f"{name}[{place}]" for place in range(len(held))) if all(map(_is_rate, held)) else ()
    return (name,) if _is_rate(held) else ()


def _is_rate(held: object) -> bool:
    if isinstance(held, Tensor):
        return bool(held.is_floating_point() and held.numel() == 1)
    return is_number(held)


def _place(key: str) -> tuple[str, int | None]:
    name, _, place = key.removesuffix("]").partition("[")
    return name, int(place) if place else None


def _unknown(optimizer: Optimizer, name: str) -> NoReturn:
    rule = f"one of those of the given {type(optimizer).__name__}: {', '.join(_offered(optimizer))}"
    refuse("a hyper-parameter of ScheduleLR", rule, name)


def _read(optimizer: Optimizer, given: Mapping[str, Any]) -> Schedules:
    """Return what the caller gave as schedules, a pair as one entry for each place."""
    offered, schedules = _offered(optimizer), Schedules()
    for name, value in given.items():
        keys = offered.get(name) or _unknown(optimizer, name)
        pair = 0 if keys == (name,) else len(keys)
        _count_of(optimizer, name, value)
        rows = [_row(name, one, pair) for one in (value if isinstance(value, list) else [value])]
        for key, column in zip(keys, zip(*rows, strict=True), strict=True):
            schedules[key] = list(column) if isinstance(value, list) else column[0]
    return schedules


def _row(name: str, value: object, pair: int) -> tuple[Schedule, ...]:
    if not pair:
        return (_schedule(name, value),)
    if not isinstance(value, tuple) or len(value) != pair:
        refuse(
            f"ScheduleLR.{name}", f"a tuple of {pair}, or a list with one per param group", value, TypeError
        )
    return tuple(_schedule(name, one) for one in value)


def _schedule(name: str, value: object) -> Schedule:
    if isinstance(value, OpenChain):
        value.refuse()
    if isinstance(value, Schedule):
        return value
    if not is_number(value):
        rule = "a schedule (Function(fn) is one) or a number, or a list with one per param group"
        refuse(f"ScheduleLR.{name}", rule, value, TypeError)
    return Constant(as_number(f"ScheduleLR.{name}", value))


def _check(optimizer: Optimizer, schedules: Schedules) -> None:
    """Refuse keys that the optimizer has not, and lists that do not match its groups."""
    offered = [key for keys in _offered(optimizer).values() for key in keys]
    for key, held in schedules.items():
        if key not in offered:
            _unknown(optimizer, key)
        _count_of(optimizer, key, held)


def _count_of(optimizer: Optimizer, key: str, held: object) -> None:
    count = len(optimizer.param_groups)
    if isinstance(held, list) and len(held) != count:
        rule = f"one schedule for all param groups, or a list of {count}, one for each"
        raise ValueError(f"ScheduleLR.{key} must be {rule}, got a list of {len(held)}")


def _rates(held: Schedule | list[Schedule]) -> tuple[Callable[[int], Any], bool]:
    """Return the function of the clock that gives a rate, or all of them; and whether it gives all."""
    if isinstance(held, Schedule):
        return compile_schedule(held), False
    distinct = {schedule: i for i, schedule in enumerate(dict.fromkeys(held))}
    functions = [compile_schedule(schedule) for schedule in distinct]
    order = [distinct[schedule] for schedule in held]
    pick = itemgetter(*order) if len(order) > 1 else iter
    return (lambda clock: [*pick([function(clock) for function in functions])]), True


def _write_in_place(writes: list[tuple[dict[str, Any], str, int | None, float]]) -> None:
    """Write rates into what is no plain float: a tensor keeps its place, unless another has the same one."""
    seen: set[int] = set()
    for group, name, place, rate in writes:
        held = group[name] if place is None else group[name][place]
        if isinstance(held, Tensor):
            held = held.clone() if id(held) in seen else held
            seen.add(id(held))
            held.fill_(rate)
        else:
            held = rate
        group[name] = held if place is None else (*group[name][:place], held, *group[name][place + 1 :])


def _copied(held: Any) -> Any:
    return held.clone() if isinstance(held, Tensor) else held


# --- states --------------------------------------------------------------------------------------


def _text(schedule: Schedule) -> str | None:
    return repr(schedule) if has_text(schedule) else None


def _texts(schedules: Schedules) -> Texts:
    return {
        key: list(map(_text, held)) if isinstance(held, list) else _text(held)
        for key, held in schedules.items()
    }


def _parsed(texts: Texts) -> Schedules:
    return {
        key: list(map(parse, text)) if isinstance(text, list) else parse(text)  # type: ignore[arg-type]
        for key, text in texts.items()
    }


def _canonical(texts: Texts) -> Texts:
    """Return the texts with lists of one text as that one: they mean the same."""
    return {
        key: text[0] if isinstance(text, list) and text == text[:1] * len(text) != [] else text
        for key, text in texts.items()
    }


def _state(state: Any) -> tuple[int, Texts]:
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


def _differences(old: Texts, new: Texts) -> str:
    lines = []
    for key in {**old, **new}:
        was, now = old.get(key, "nothing"), new.get(key, "nothing")
        if was != now:
            if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
                was, now = next(both for both in zip(was, now, strict=True) if both[0] != both[1])
            lines += [f"\n  {key}: saved {_shortened(was)}", f"\n  {' ' * len(key)}  given {_shortened(now)}"]
    return "".join(lines)


def _shortened(text: str | list[str | None] | None) -> str:
    shown = "a Function" if text is None else str(text)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}… ({len(shown):,} characters)"
