"""Schedules as a `torch.optim.lr_scheduler.LRScheduler`, for any hyper-parameter of the param groups."""

import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from tlama_core._fields import as_length, refuse, short_repr
from tlama_core.adapters.torch.hyper_parameters import (
    Given,
    Held,
    Plan,
    Schedules,
    Write,
    as_schedules,
    bases,
    copied,
    held,
    initial,
    like,
    name_and_place,
    note_bases,
    offered,
    part_tensors,
    plan_of,
    relative_to,
    require_fitting,
    ruled,
    some_of,
    write_held,
    write_in_place,
    write_rates,
)
from tlama_core.adapters.torch.siblings import attach, left_to_others
from tlama_core.adapters.torch.states import (
    MAX_SHOWN,
    Texts,
    canonical,
    differences,
    fingerprints_of,
    first_clock,
    jumps,
    parsed,
    read,
    state_of,
    texts_of,
    without_text,
)
from tlama_core.algebra import Schedule
from tlama_core.text import Name, require_names

__all__ = ["ScheduleLR"]

OnChange: TypeAlias = Literal["error", "keep_new", "keep_old"]
EARLY = 2
"""So many calls of `step` are watched for others that set the learning rate: later ones cost nothing."""


class ScheduleLR(LRScheduler):
    """Schedules for any hyper-parameters of a torch optimizer; update k uses `schedule(k)`, exactly.

    Each keyword names a hyper-parameter of the param groups (`lr`, `weight_decay`, `momentum`, `betas`, …)
    and gives it what `as_schedule` takes (a schedule, a number, a text that uses *names*): one for all
    groups, a list with one per group, or a mapping by the groups' `name`; for `betas`, a pair of them. What
    is not named stays as the optimizer has it.

    What *relative* names is multiplied by what each group had before any schedule, which torch calls
    `initial_lr`: groups with rates of their own keep their ratios. Otherwise groups that differ are all set
    to the same, with a warning. What each group had is noted in it, and saved with the optimizer's state.

    The clock counts optimizer updates, from *clock* on: call `step()` after every `optimizer.step()`, but
    not after one that an fp16 scaler skipped. Or it counts anything else, as tokens: call `advance(n)`.
    The rates follow from the clock alone. A state is the clock, and the schedules' texts to compare with:
    loading a state with other schedules is an error, unless *on_change* is "keep_new" (these schedules, at
    the saved clock, with a warning if they jump) or "keep_old" (the saved ones).

    What frameworks hand to a scheduler that a config names is taken: *num_training_steps* is what texts call
    `total`, unless *names* binds it, and *last_epoch*, as in torch, is the clock before the first update.

    In torch's `SequentialLR` it writes while it has its turn. In a `ChainedScheduler` it sets rates and does
    not multiply them, and warns where another has set the learning rate: a product of schedules is `a * b`.

    Raises `ValueError` for a hyper-parameter that the optimizer does not have, and for a list that is not
    as long as its param groups; `TypeError` for what is no schedule; `ParseError` for a text that is none.

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
    >>> scheduler.state_dict()["clock"]
    2

    Source: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
    """

    _known_groups = 0  # none has been checked when torch's own __init__ asks for the first rates
    _clock = -1  # where torch begins, and where a SequentialLR puts those whose turn has not come

    def __init__(
        self,
        optimizer: Optimizer,
        *unnamed: object,
        clock: int = 0,
        on_change: OnChange = "error",
        relative: Collection[str] = (),
        names: Mapping[str, Name] = MappingProxyType({}),
        num_training_steps: int | None = None,
        last_epoch: int = -1,
        **hyper_parameters: Given,
    ) -> None:
        """Write the rates of *clock* into *optimizer*, and be ready for its next update."""
        _require_optimizer(optimizer, unnamed, hyper_parameters)
        if on_change not in get_args(OnChange):
            refuse("ScheduleLR.on_change", f"one of {', '.join(get_args(OnChange))}", on_change)
        require_names("ScheduleLR.names", names)
        multiplied = some_of(hyper_parameters, relative)
        if num_training_steps is not None:
            names = {"total": as_length("ScheduleLR.num_training_steps", num_training_steps), **names}
        start = first_clock(clock, last_epoch)
        self.optimizer, self._on_change = optimizer, on_change
        self._before: Held = {}
        self.not_claimed: set[str] = set()
        schedules = as_schedules(optimizer, hyper_parameters, names)
        self._relative = {key: one for key, one in schedules.items() if name_and_place(key)[0] in multiplied}
        groups = optimizer.param_groups
        for key, schedule in self._relative.items():
            schedules[key] = relative_to(groups, key, schedule)
        self._use(schedules, start)
        _warn_of_levelling(groups, schedules)
        super().__init__(optimizer)
        self._set_clock(start)
        attach(self)

    def __repr__(self) -> str:
        by_name: dict[str, list[str]] = {}
        for key, schedule in self._schedules.items():
            by_name.setdefault(name_and_place(key)[0], []).append(short_repr(schedule, MAX_SHOWN))
        each = [
            f"{name}=({', '.join(one)})" if one[1:] else f"{name}={one[0]}" for name, one in by_name.items()
        ]
        return f"ScheduleLR({type(self.optimizer).__name__}, {', '.join(each)}, clock={self.clock})"

    def describe(self) -> dict[str, Any]:
        """Return what the log of a run should hold: the clock, and the schedules' texts and fingerprints.

        They are plain data, by key. Both are None for a schedule that holds a `Function`, and lists where
        groups differ. A fingerprint is the one that `tlama show` prints, so that a run can be found by it.

        >>> import torch
        >>> from tlama_core import Linear
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)])
        >>> ScheduleLR(optimizer, lr=Linear(1.0, 0.0, steps=10)).describe()["fingerprints"]
        {'lr': '81364e85fb5bd747'}
        """
        texts, prints = texts_of(self._schedules), fingerprints_of(self._schedules)
        return {"clock": self.clock, "schedules": canonical(texts), "fingerprints": canonical(prints)}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the compiled functions, which are made anew."""
        return {name: value for name, value in vars(self).items() if name not in {"_plan", "_rows"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on where the original was, with the optimizer that was copied along.

        A copy writes nothing, since its turn may be over, or not have come.
        """
        vars(self).update(state)
        self._compile(plan_of(self._schedules))
        _WatchedCalls(self.optimizer)
        attach(self)

    def _use(self, schedules: Schedules, clock: int) -> None:
        """Keep *schedules* as functions; what cannot be used at *clock* fails before anything changes."""
        require_fitting(self.optimizer, schedules)
        plan = plan_of(schedules)
        for _, _, rates in plan.values():
            rates(clock)
        self._schedules, self._lr_is_free = schedules, "lr" not in schedules
        self._compile(plan)

    def _compile(self, plan: Plan) -> None:
        """Keep the functions, by key and as the rows that every update goes through."""
        self._plan, self._rows = plan, list(plan.values())

    @property
    def clock(self) -> int:
        """What has been counted so far, by `step` and `advance`: the rates in use are those of this time."""
        return self._clock

    @property
    def last_epoch(self) -> int:
        """The clock by torch's name for it. To set it writes nothing: `step` does, and `get_lr` follows.

        A `SequentialLR` sets it to -1 until this scheduler's turn comes. What was written when it was built
        is then taken back, but for the learning rate, which the sequence itself has reset.
        """
        return self._clock

    @last_epoch.setter
    def last_epoch(self, epoch: int) -> None:
        if epoch < 0 <= self._clock:
            early = [key for key in self.in_charge() if key != "lr"]
            write_held(self.optimizer.param_groups, {key: self._before[key] for key in early})
        self._clock = max(epoch, -1)  # a SequentialLR in another counts down twice

    def step(self, epoch: int | None = None) -> None:
        """Move the clock by one update and write the rates: call it after every `optimizer.step()`.

        torch has deprecated *epoch*, which sets the clock; it is no place for a loss. Warns at first where
        something else has set the learning rate meanwhile, as in a `ChainedScheduler`: these rates are set,
        and do not multiply those of others.
        """
        if self._step_count <= EARLY or epoch is not None:
            self._warn_of_others()
            set_to = None if epoch is None else int(as_length("ScheduleLR.step.epoch", epoch))
            super().step(set_to)  # warns where the order of calls is wrong
        else:
            self._step_count += 1
            self._clock += 1
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
        self._clock += int(as_length("ScheduleLR.advance.n", n)) - 1
        self.step()

    def get_lr(self) -> list[float | Tensor]:
        """Return the learning rate of every group at `last_epoch`, wherever that was set to.

        Before clock 0, and where no schedule moves it, that is what the optimizer holds.
        """
        self._take_in_relative()
        groups = self.optimizer.param_groups
        if self._lr_is_free or self.last_epoch < 0:
            return [copied(group["lr"]) for group in groups]
        now = self._plan["lr"][2](self.last_epoch)
        each: list[float | Tensor] = [now] * len(groups) if isinstance(now, float) else now
        return [like(group["lr"], rate) for group, rate in zip(groups, each, strict=True)]

    def in_charge(self) -> set[str]:
        """Return the keys at which the optimizer holds exactly the rates of the clock.

        Not those of a scheduler whose turn in a `SequentialLR` is over or has not come, or of one whose
        rates another multiplies: what such a one finds when states are loaded, it leaves.
        """
        return ruled(self.optimizer.param_groups[: self._known_groups], self._plan, self.last_epoch)

    def before_load(self) -> None:
        """Note which rates are to be written again after the optimizer has loaded a state."""
        self._to_rewrite = self.in_charge()

    def after_load(self) -> None:
        """Write them again: the groups came with what they held when they were saved, and began with."""
        self._take_in_relative()
        written = self.in_charge()
        self._before = {key: noted for key, noted in self._before.items() if key in written}
        self._take_in_groups()
        self._write_part(self._to_rewrite)

    def _update_lr(self, epoch: int | None = None) -> None:
        """Move the clock: what torch calls inside `step()`, and where a SequentialLR comes to this one."""
        self._set_clock(self.last_epoch + 1 if epoch is None else epoch)

    def _set_clock(self, clock: int) -> None:
        """Set the clock, and write the rates into whatever groups the optimizer has by now."""
        self.last_epoch = clock
        self._take_in_groups()
        self._write()

    def _take_in_groups(self) -> None:
        """Check that the schedules fit the groups there are by now, and note what those began with."""
        groups = self.optimizer.param_groups
        self._take_in_relative()
        require_fitting(self.optimizer, self._schedules)
        for group in groups:
            group.setdefault(initial("lr"), copied(group["lr"]))
        note_bases(groups, self._schedules)
        self.base_lrs = [copied(group["initial_lr"]) for group in groups]
        for key in self._schedules:
            noted = self._before.setdefault(key, [])
            noted += held(groups[len(noted) :], [key])[key]
        part_tensors(groups, self._schedules)
        self._known_groups = len(groups)

    def _take_in_relative(self) -> None:
        """Multiply what groups had by what is relative to it, also those that are new or were loaded."""
        groups = self.optimizer.param_groups
        for key, schedule in self._relative.items():
            if isinstance(schedule, Schedule) or len(schedule) == len(groups):
                found = relative_to(groups, key, schedule)
                if found != self._schedules[key]:
                    self._schedules[key] = found
                    self._compile(plan_of(self._schedules))

    def _write(self) -> None:
        """Write the rates of the clock into every group: what runs at every update, and so is kept fast."""
        groups, clock = self.optimizer.param_groups, self._clock
        count = len(groups)
        if count != self._known_groups:
            self._take_in_groups()
        not_floats: list[Write] = []
        for name, place, rates in self._rows:
            now = rates(clock)
            each: list[float | Tensor] = [now] * count if isinstance(now, float) else now
            if name == "lr":
                self._last_lr = each
            for group, rate in zip(groups, each):  # noqa: B905 - counted where they are taken in
                if type(group[name]) is float:
                    group[name] = rate
                else:
                    not_floats.append((group, name, place, rate))
        if not_floats:
            write_in_place(not_floats)
        if not_floats or self._lr_is_free:
            self._last_lr = [copied(group["lr"]) for group in groups]

    def _write_part(self, keys: set[str]) -> None:
        """Write the rates of the clock at *keys* alone; what else the groups hold stays."""
        write_rates(self.optimizer.param_groups, self._plan, self.last_epoch, keys)
        self._last_lr = self.get_lr()

    def _warn_of_others(self) -> None:
        """Warn where the learning rate is not what was last written, but for rounding."""
        if self._step_count == 0 or self._lr_is_free:  # 0: the first step, which torch makes itself
            return
        for group, wrote in zip(self.optimizer.param_groups, self._last_lr, strict=False):
            if not math.isclose(group["lr"], wrote, rel_tol=1e-6):
                warnings.warn(
                    f"ScheduleLR: something else has set lr to {float(group['lr']):g} since {float(wrote):g}"
                    " was written. ScheduleLR sets rates and does not multiply those of others, in a"
                    " ChainedScheduler too: the product is a schedule, a * b",
                    stacklevel=3,
                )
                return

    def state_dict(self) -> dict[str, Any]:
        """Return a version, the clock and the schedules' texts: plain data, for `torch.save` or JSON.

        Warns where a schedule holds a `Function`, which has no text to compare with.
        """
        self._take_in_relative()
        silent = without_text(texts_of(self._schedules))
        if silent:
            warnings.warn(
                f"ScheduleLR: {', '.join(silent)} holds a Function, which has no text:"
                " loading this state cannot tell whether it has changed",
                stacklevel=2,
            )
        written = self.in_charge()
        others = [key for key in self._schedules if key not in written]
        found = held(self.optimizer.param_groups, others)
        return state_of(self.last_epoch, self._schedules, found)

    def load_state_dict(self, state_dict: Mapping[str, object]) -> None:
        """Set the clock and write the rates; nothing of the optimizer's own state is needed for them.

        Where another scheduler was in charge when the state was saved, what the optimizer held then is
        written, unless another `ScheduleLR` is in charge of it by now.

        Raises `ValueError` for what is not such a state, and for other schedules unless *on_change* says
        which to keep. Warns where those of "keep_new" jump. What is refused changes nothing.
        """
        state = read(state_dict)
        self._take_in_relative()
        old, new = canonical(state.texts), canonical(texts_of(self._schedules))
        if old != new and self._on_change == "error":
            raise ValueError(
                f"ScheduleLR was given a state with other schedules:{differences(old, new)}\nBuild it with"
                ' on_change="keep_new" to go on with the new ones from the saved clock, or with "keep_old"'
                " to go on with the saved ones"
            )
        if old != new and self._on_change == "keep_old":
            self._take_over(parsed(state.texts), max(state.clock, 0))
        found = {} if state.found is None else state.found
        if old != new and self._on_change == "keep_new" and state.clock >= 0:
            compared = {key: text for key, text in old.items() if key not in found}
            _warn_of_jumps(compared, self._schedules, state.clock)
        self._resume(state.clock, found)

    def _take_over(self, schedules: Schedules, clock: int) -> None:
        """Go on with saved *schedules*; what only the given ones move is as if those had never been.

        It holds again what the optimizer came with: when this was built, or with the state it loaded since.
        """
        written, self._relative = self.in_charge(), {}
        self._use(schedules, clock)
        dropped = written - schedules.keys()
        write_held(self.optimizer.param_groups, {key: self._before[key] for key in dropped})

    def _resume(self, clock: int, found: Held) -> None:
        """Go on at *clock*: write the rates, and where another was in charge what was *found*.

        So that the run goes on right where the optimizer's own state was loaded before this scheduler was
        built, which has written its first rates over it.
        """
        self.last_epoch = clock
        self._take_in_groups()
        groups = self.optimizer.param_groups
        others = {key: each for key, each in found.items() if len(each) == len(groups)}
        self.not_claimed = set(others)
        if clock >= 0:
            self._write_part({key for key in self._schedules if key not in others})
        theirs = left_to_others(self)
        write_held(
            groups, {key: others[key] for key in self._schedules if key in others and key not in theirs}
        )
        self._last_lr = self.get_lr()


class _WatchedCalls(LRScheduler):
    """Has torch watch the order of calls on an optimizer, as every scheduler does, and does nothing else."""

    def _initial_step(self) -> None:
        """Write nothing."""


def _require_optimizer(optimizer: object, unnamed: Sequence[object], named: Collection[str]) -> None:
    """Refuse what is no optimizer, and anything but schedules by name for it."""
    if not isinstance(optimizer, Optimizer):
        refuse("ScheduleLR.optimizer", "a torch.optim.Optimizer", optimizer, TypeError)
    if unnamed:
        refuse(
            "a schedule of ScheduleLR", "given by name, as ScheduleLR(optimizer, lr=…)", unnamed[0], TypeError
        )
    if not named:
        raise ValueError(f"ScheduleLR needs a schedule for one of {', '.join(offered(optimizer))}, got none")


def _warn_of_levelling(groups: Sequence[dict[str, Any]], schedules: Schedules) -> None:
    """Warn where *groups* had hyper-parameters of their own, which become the same in all of them."""
    for key, scheduled in schedules.items():
        each = dict.fromkeys(bases(groups, key))
        if isinstance(scheduled, Schedule) and len(each) > 1:
            name = name_and_place(key)[0]
            warnings.warn(
                f"ScheduleLR sets {key} to the same in all param groups, which had {short_repr([*each])}:"
                f" relative=({name!r},) multiplies what each has, and {name}=[…] gives each its own",
                stacklevel=3,
            )


def _warn_of_jumps(old: Texts, schedules: Schedules, clock: int) -> None:
    """Warn where *schedules* do not go on from the *old* ones."""
    if lines := jumps(old, schedules, clock):
        warnings.warn(
            f"ScheduleLR goes on with other schedules, which jump at clock {clock:,}:{lines}\n"
            "`retarget`, or `old[:clock] >> …`, makes one that goes on where the saved one is",
            stacklevel=3,
        )
