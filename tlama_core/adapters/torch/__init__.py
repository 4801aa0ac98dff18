"""Schedules as a `torch.optim.lr_scheduler.LRScheduler`, for any hyper-parameter of the param groups."""

import contextlib
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, get_args

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from tlama_core._fields import as_length, refuse
from tlama_core.adapters.torch.hyper_parameters import (
    Given,
    Schedules,
    Write,
    as_schedules,
    copied,
    name_and_place,
    offered,
    rates_of,
    require_fitting,
    write_in_place,
)
from tlama_core.adapters.torch.states import (
    canonical,
    differences,
    parsed,
    read,
    state_of,
    texts_of,
    without_text,
)

__all__ = ["ScheduleLR"]

OnChange: TypeAlias = Literal["error", "keep_new", "keep_old"]
Arguments: TypeAlias = tuple[Optimizer, Schedules, int, OnChange]


class ScheduleLR(LRScheduler):
    """Schedules for any hyper-parameters of a torch optimizer; update k uses `schedule(k)`, exactly.

    Each keyword names a hyper-parameter of the param groups (`lr`, `weight_decay`, `momentum`, `betas`, …)
    and gives it a schedule or a number for all groups, or a list with one per group; a pair like `betas`
    is given as a tuple. What is not named stays as the optimizer has it.

    The clock counts optimizer updates, from *clock* on: call `step()` after every `optimizer.step()`, but
    not after one that an fp16 scaler skipped. Or it counts anything else, as tokens: call `advance(n)`.
    The rates follow from the clock alone. A state is the clock, and the schedules' texts to compare with:
    loading a state with other schedules is an error, unless *on_change* is "keep_new" (these schedules, at
    the saved clock) or "keep_old" (the saved ones).

    Raises `ValueError` for a hyper-parameter that the optimizer does not have, and for a list that is not
    as long as its param groups; `TypeError` for what is neither a schedule nor a number.

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

    _known_groups = 0  # none has been checked when torch's own __init__ asks for the first rates

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        clock: int = 0,
        on_change: OnChange = "error",
        **hyper_parameters: Given,
    ) -> None:
        """Write the rates of *clock* into *optimizer*, and be ready for its next update."""
        if not isinstance(optimizer, Optimizer):
            refuse("ScheduleLR.optimizer", "a torch.optim.Optimizer", optimizer, TypeError)
        if on_change not in get_args(OnChange):
            refuse("ScheduleLR.on_change", f"one of {', '.join(get_args(OnChange))}", on_change)
        if not hyper_parameters:
            raise ValueError(
                f"ScheduleLR needs a schedule for one of {', '.join(offered(optimizer))}, got none"
            )
        start = int(as_length("ScheduleLR.clock", clock))
        self._attach(optimizer, as_schedules(optimizer, hyper_parameters), start, on_change)

    def _attach(self, optimizer: Optimizer, schedules: Schedules, clock: int, on_change: OnChange) -> None:
        """Begin at *clock*, and write the rates again whenever the optimizer loads a state."""
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

    def __reduce__(self) -> tuple[Callable[..., "ScheduleLR"], Arguments]:
        """Pickle the arguments: compiled functions and the optimizer's hook are made anew."""
        return _rebuilt, (self.optimizer, self._schedules, self.last_epoch, self._on_change)

    def _use(self, schedules: Schedules, clock: int) -> None:
        """Keep *schedules* as functions; what cannot be used at *clock* fails before anything changes."""
        require_fitting(self.optimizer, schedules)
        plan = [(*name_and_place(key), rates_of(scheduled)) for key, scheduled in schedules.items()]
        for _, _, rates in plan:
            rates(clock)
        self._schedules, self._plan, self._lr_is_free = schedules, plan, "lr" not in schedules

    @property
    def clock(self) -> int:
        """What has been counted so far, by `step` and `advance`: the rates in use are those of this time."""
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
        """Check that the schedules fit the groups there are by now, and note the rates those began with."""
        require_fitting(self.optimizer, self._schedules)
        for group in self.optimizer.param_groups:
            group.setdefault("initial_lr", copied(group["lr"]))
        self.base_lrs = [copied(group["initial_lr"]) for group in self.optimizer.param_groups]
        self._known_groups = len(self.base_lrs)

    def _write(self) -> None:
        """Write the rates of the clock into every group: what runs at every update, and so is kept fast."""
        groups, clock = self.optimizer.param_groups, self.last_epoch
        count = len(groups)
        if count != self._known_groups:
            self._take_in_groups()
        not_floats: list[Write] = []
        for name, place, rates in self._plan:
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

    def state_dict(self) -> dict[str, Any]:
        """Return a version, the clock and the schedules' texts: plain data, for `torch.save` or JSON.

        Warns where a schedule holds a `Function`, which has no text to compare with.
        """
        silent = without_text(texts_of(self._schedules))
        if silent:
            warnings.warn(
                f"ScheduleLR: {', '.join(silent)} holds a Function, which has no text:"
                " loading this state cannot tell whether it has changed",
                stacklevel=2,
            )
        return state_of(self.last_epoch, self._schedules)

    def load_state_dict(self, state_dict: Mapping[str, object]) -> None:
        """Set the clock and write the rates; nothing of the optimizer's own state is needed for them.

        Raises `ValueError` for what is not such a state, and for other schedules unless *on_change* says
        which to keep. What is refused changes nothing.
        """
        clock, saved = read(state_dict)
        old, new = canonical(saved), canonical(texts_of(self._schedules))
        if old != new and self._on_change == "error":
            raise ValueError(
                f"ScheduleLR was given a state with other schedules:{differences(old, new)}\nBuild it with"
                ' on_change="keep_new" to go on with the new ones from the saved clock, or with "keep_old"'
                " to go on with the saved ones"
            )
        if old != new and self._on_change == "keep_old":
            self._use(parsed(saved), max(clock, 0))
        self._set_clock(clock)


def _rebuilt(optimizer: Optimizer, schedules: Schedules, clock: int, on_change: OnChange) -> ScheduleLR:
    """Return the scheduler that was pickled, attached to the optimizer that came with it."""
    scheduler = ScheduleLR.__new__(ScheduleLR)
    scheduler._attach(optimizer, schedules, clock, on_change)
    return scheduler
