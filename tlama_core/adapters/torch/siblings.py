"""The `ScheduleLR`s of one optimizer: they are told of the states that it loads, and know of each other.

An optimizer has one hook before and one after a load, however many schedulers it has had. Nothing here keeps
a scheduler or an optimizer alive.
"""

import contextlib
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

from torch.optim import Optimizer


class Sibling(Protocol):
    """What a scheduler promises to those beside it."""

    optimizer: Optimizer
    not_claimed: set[str]
    """The keys of which another was in charge in the state that was loaded last."""

    def before_load(self) -> None:
        """Note what is to be written again after the optimizer has loaded a state.

        Called while the groups still hold what they held: afterwards nobody can tell who was in charge.
        """

    def after_load(self) -> None:
        """Write it again, and leave what was loaded everywhere else."""

    def in_charge(self) -> set[str]:
        """Return the keys at which the optimizer holds exactly the rates of this scheduler's clock."""


_OF_OPTIMIZER: WeakKeyDictionary[Optimizer, WeakSet[Any]] = WeakKeyDictionary()


def attach(scheduler: Sibling) -> None:
    """Tell *scheduler*, for as long as somebody keeps it, of every state that its optimizer loads."""
    optimizer = _innermost(scheduler)
    siblings = _OF_OPTIMIZER.get(optimizer)
    if siblings is None:
        siblings = _OF_OPTIMIZER[optimizer] = WeakSet()
        _hook(optimizer, siblings)
    siblings.add(scheduler)


def left_to_others(scheduler: Sibling) -> set[str]:
    """Return the keys of which another scheduler of the same optimizer is in charge.

    By accident the optimizer may hold the rate of one that is not, as where both are constant: what a
    sibling's own state says it had not in charge does not count.
    """
    others = [one for one in _OF_OPTIMIZER[_innermost(scheduler)] if one is not scheduler]
    return set().union(*(one.in_charge() - one.not_claimed for one in others))


def _hook(optimizer: Optimizer, siblings: "WeakSet[Any]") -> None:
    """Register one hook before and one after a load."""

    def before(_: Optimizer, __: dict[str, Any]) -> None:
        for one in list(siblings):
            one.before_load()

    def after(_: Optimizer) -> None:
        for one in list(siblings):
            one.after_load()

    with contextlib.suppress(AttributeError):  # a wrapper may lack the hooks of the optimizer in it
        optimizer.register_load_state_dict_pre_hook(before)
        optimizer.register_load_state_dict_post_hook(after)


def _innermost(scheduler: Sibling) -> Optimizer:
    """Return the optimizer that loads states: the one in a wrapper, as accelerate makes them."""
    return getattr(scheduler.optimizer, "optimizer", scheduler.optimizer)
