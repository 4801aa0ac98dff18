"""Keras 3: a schedule as a `LearningRateSchedule`, on every backend.

Importing this imports keras, which then reads the choice of its backend (`KERAS_BACKEND`).
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Self, TypeVar

import attrs
import keras
import numpy as np

from tlama_core._evaluation.traced import evaluate_traced
from tlama_core._fields import final_value, length
from tlama_core._notation import arguments
from tlama_core.algebra import CHILD, Schedule
from tlama_core.text import parse, readable_text

T = TypeVar("T")


def _of_any_dtype(function: Callable[..., T]) -> Callable[..., T]:
    """Return a function of NumPy's dtypes as a function of the dtypes of every backend."""

    def of_dtype(dtype: object, *rest: object) -> T:
        name = keras.backend.standardize_dtype(dtype)
        return function(np.dtype(name.replace("bfloat", "float")), *rest)  # NumPy's type of the same width

    return of_dtype


OPS = SimpleNamespace(
    **vars(keras.ops)
    | {
        "asarray": keras.ops.convert_to_tensor,
        "astype": keras.ops.cast,
        "finfo": _of_any_dtype(np.finfo),
        "float32": "float32",
        "iinfo": _of_any_dtype(np.iinfo),
        "isdtype": _of_any_dtype(np.isdtype),
    }
)
"""`keras.ops`, and the names of the array API that it lacks."""


@keras.saving.register_keras_serializable(package="tlama_core")
@final_value
class KerasSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule as the learning rate of a Keras optimizer: update k uses `schedule(k)`.

    It is computed through `keras.ops` from the optimizer's own count, as a tensor of Keras's float type,
    so every backend compiles it into the training step, and a saved model resumes it exactly: the count
    is saved with the optimizer, the schedule as its text. Import this module before loading such a model.

    Where an optimizer accumulates gradients, Keras counts batches. Give the same number here, and the
    schedule goes on counting updates:
    `SGD(KerasSchedule(schedule, gradient_accumulation_steps=4), gradient_accumulation_steps=4)`.

    Raises `TypeError` for anything but a schedule. `get_config`, which saving calls, raises `ValueError`
    for a schedule that has no text because it holds a `Function`, or too long a text to be read again.

    >>> from tlama_core import Cosine, Warmup
    >>> rate = KerasSchedule(Warmup(0.5, steps=2) >> Cosine.to(0.0, steps=8))
    >>> optimizer = keras.optimizers.SGD(rate)
    >>> float(optimizer.learning_rate)
    0.25
    >>> KerasSchedule.from_config(rate.get_config()) == rate
    True

    Source: https://keras.io/api/optimizers/learning_rate_schedules/learning_rate_schedule/
    """

    schedule: Schedule = attrs.field(converter=CHILD)
    gradient_accumulation_steps: int | None = length(default=None, at_least=1, kw_only=True)

    def __repr__(self) -> str:
        return f"KerasSchedule({', '.join(arguments(self))})"

    def __call__(self, step: Any) -> Any:
        """Return the rate of the optimizer's iteration *step* (a number, variable or tensor) as a tensor.

        Raises `TypeError` for a boolean step.
        """
        t = keras.ops.convert_to_tensor(step)
        if self.gradient_accumulation_steps is not None:
            t = keras.ops.floor_divide(t, self.gradient_accumulation_steps)
        if OPS.isdtype(t.dtype, "integral") and keras.backend.backend() not in ("jax", "torch"):
            # TensorFlow does not mix types, and float32 does not hold the whole numbers past 2**24.
            t = keras.ops.cast(t, "float64")
        return keras.ops.cast(evaluate_traced(self.schedule, t, OPS), keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments as plain data, the schedule as its text."""
        text = readable_text("KerasSchedule.schedule", self.schedule)
        return {"schedule": text, "gradient_accumulation_steps": self.gradient_accumulation_steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the `KerasSchedule` that `get_config` described."""
        return cls(**config | {"schedule": parse(config["schedule"])})
