"""Hugging Face: schedules in a `Trainer`, and in whatever derives from it, as TRL's trainers do."""

import logging
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any

import transformers  # noqa: F401 - the Trainer is the user's to import; where it is absent, this says so
from torch.optim import Optimizer

from tlama_core._fields import refuse
from tlama_core.adapters.torch import ScheduleLR
from tlama_core.adapters.torch.hyper_parameters import bases

__all__ = ["ScheduledTrainerMixin"]

LOGGER = logging.getLogger(__name__)
REPLACED = ("lr_scheduler_type", "warmup_steps", "warmup_ratio")
"""What `TrainingArguments` say of the learning rate over time, in one version or another of transformers."""


class ScheduledTrainerMixin:
    """Lets a `Trainer` go by schedules, with the optimizer and the param groups that it makes itself.

    It stands first among the bases. *schedules* are the keywords of `ScheduleLR`: a schedule, number or text
    for `lr`, and for any other hyper-parameter of the optimizer; also `on_change`, `relative` and `names`.
    Without them they are those of `args.lr_scheduler_kwargs`, as texts. The clock counts optimizer updates,
    whatever an update accumulates. In texts `total` is the number of updates of the run (by `max_steps`, or
    by `num_train_epochs` and the data), and `peak` is `args.learning_rate`, unless `lr` is relative to it.

    One schedule for `weight_decay` is for the groups that decay: the Trainer's other group, with biases and
    norms, keeps 0. Which groups decay is what `args.weight_decay` tells the Trainer: any number but 0 does.

    A checkpoint holds the schedules as texts with their numbers, so a run that goes on with another
    `max_steps` has others where texts use `total`: an error that names both, unless `on_change` says which
    to keep. That rates jump is then logged, since the Trainer drops warnings.

    Raises `TypeError` and `ValueError` when the Trainer is built: for schedules that are no mapping, without
    `lr`, given twice, or beside another scheduler, a warmup or an `lr_scheduler_type` of the arguments. When
    it begins to train: what `ScheduleLR` raises, and `ValueError` for `weight_decay` where no group decays.

    >>> import torch
    >>> from transformers import Trainer, TrainingArguments
    >>> class MyTrainer(ScheduledTrainerMixin, Trainer): ...
    >>> args = TrainingArguments("out", learning_rate=3e-4, weight_decay=0.1, report_to="none", use_cpu=True)
    >>> lr = "Warmup(peak, steps=0.1*total) >> Cosine.to(0, steps=0.9*total)"
    >>> trainer = MyTrainer(torch.nn.Linear(2, 2), args, schedules={"lr": lr, "weight_decay": 0.1})
    >>> trainer.create_optimizer_and_scheduler(num_training_steps=1000)
    >>> trainer.lr_scheduler.describe()["schedules"]["lr"]
    'Warmup(0.0003, steps=100) >> Cosine(0.0003, 0.0, steps=900)'
    >>> [group["weight_decay"] for group in trainer.optimizer.param_groups]
    [0.1, 0.0]

    Source: https://huggingface.co/docs/transformers/main_classes/trainer
    """

    args: Any
    optimizer: Any
    lr_scheduler: Any
    _created_lr_scheduler: bool  # the Trainer's: whether its next `train()` makes a new one

    def __init__(self, *arguments: Any, schedules: Mapping[str, Any] | None = None, **keywords: Any) -> None:
        """Build the Trainer with what it takes itself, and keep *schedules* for its training."""
        super().__init__(*arguments, **keywords)
        if self.lr_scheduler is not None:
            rule = "left out, or (optimizer, None): ScheduledTrainerMixin makes the scheduler"
            refuse("Trainer.optimizers", rule, self.lr_scheduler)
        self._schedules = _of_arguments(self.args, schedules)
        relative = self._schedules.get("relative", ())  # ScheduleLR refuses what is none
        self._relative = relative if isinstance(relative, Collection) else ()

    def create_scheduler(self, num_training_steps: int, optimizer: Optimizer | None = None) -> Any:
        """Return the scheduler of a run of *num_training_steps* updates: the Trainer calls this itself."""
        if self.lr_scheduler is None:
            chosen = self.optimizer if optimizer is None else optimizer
            bound = {"total": num_training_steps}
            if "lr" not in self._relative:  # which multiplies the rates that groups have, the peak
                bound["peak"] = self.args.learning_rate
            names = self._schedules.get("names", {})  # ScheduleLR refuses what is no mapping
            given = {**self._schedules, "names": {**bound, **names} if isinstance(names, Mapping) else names}
            if "weight_decay" in given:
                given["weight_decay"] = _for_those_that_decay(chosen, given["weight_decay"], self._relative)
            self.lr_scheduler, self._created_lr_scheduler = _TrainersScheduleLR(chosen, **given), True
        return self.lr_scheduler


class _TrainersScheduleLR(ScheduleLR):
    """A `ScheduleLR` whose messages are for users of a Trainer, and come through to them."""

    def load_state_dict(self, state_dict: Mapping[str, object]) -> None:
        """Go on from a checkpoint; what that warns of is logged, since the Trainer drops warnings."""
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                super().load_state_dict(state_dict)
        except ValueError as error:
            if "schedules" not in state_dict:  # of another scheduler
                raise
            raise ValueError(
                f"{error}\nIn a Trainer, `total` follows max_steps or num_train_epochs: where these changed,"
                " so did texts that use it; and on_change is said as {'lr': …, 'on_change': 'keep_new'}"
            ) from None
        for warning in caught:
            LOGGER.warning("%s", warning.message)


def _of_arguments(args: Any, schedules: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the schedules of a Trainer, given to it or to its arguments, which say nothing else of rates."""
    name, chosen = "ScheduledTrainerMixin.schedules", schedules
    if args.lr_scheduler_kwargs:
        name, chosen = "TrainingArguments.lr_scheduler_kwargs", args.lr_scheduler_kwargs
        if schedules is not None:
            refuse(name, "left out beside schedules=…, which says the same", chosen)
    if not isinstance(chosen, Mapping):
        rule = 'schedules by hyper-parameter, as {"lr": "Warmup(peak, steps=0.1*total) >> …"}'
        refuse(name, rule, chosen, TypeError)
    if "lr" not in chosen:
        rule = 'a mapping with lr among others ("peak" keeps args.learning_rate)'
        refuse(name, rule, dict(chosen))
    for field in fields(args):
        if field.name in REPLACED and getattr(args, field.name) != field.default:
            rule = "left out beside schedules: the schedule of lr says all of it"
            refuse(f"TrainingArguments.{field.name}", rule, getattr(args, field.name))
    return MappingProxyType(dict(chosen))


def _for_those_that_decay(optimizer: Optimizer, decay: Any, relative: Collection[Any]) -> Any:
    """Return the weight decay given for all groups as a list: 0 for those that do not decay.

    What is given to each group, or multiplies what it has, stays as it is.
    """
    each = isinstance(decay, Sequence) and not isinstance(decay, str)
    by_name = isinstance(decay, Mapping) and "type" not in decay
    groups = optimizer.param_groups
    if each or by_name or any("weight_decay" not in group for group in groups):  # which ScheduleLR refuses
        return decay
    had = bases(groups, "weight_decay")
    if not any(had):
        rule = (
            "another number than 0 where weight_decay has a schedule: it tells which param groups decay, and"
            " the schedule how much"
        )
        refuse("TrainingArguments.weight_decay", rule, had[0])
    if "weight_decay" in relative:
        return decay
    if len(set(had) - {0.0}) > 1:
        rule = "a list, or in relative, where param groups decay by numbers of their own"
        refuse("ScheduledTrainerMixin.schedules['weight_decay']", rule, had)
    return [decay if base else 0.0 for base in had]
