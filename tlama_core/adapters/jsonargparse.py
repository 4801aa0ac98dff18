"""Schedules as arguments of jsonargparse: importing this registers the type `Schedule`.

Then an argument annotated `Schedule`, `Schedule | None` or `list[Schedule]` takes what `as_schedule` takes: a
text, a number, or the mapping of `to_dict`. `--print_config` prints its text. Lightning's CLI does the same.
A default is written as a text too: jsonargparse takes an object apart, and what kind it was is lost.

>>> from jsonargparse import ArgumentParser
>>> from tlama_core import Schedule
>>> parser = ArgumentParser()
>>> _ = parser.add_argument("--lr", type=Schedule)
>>> parser.parse_args(["--lr", "Warmup(1e-3, steps=100) >> Linear.to(0, steps=900)"]).lr
Warmup(0.001, steps=100) >> Linear(0.001, 0.0, steps=900)

Source: https://jsonargparse.readthedocs.io/en/stable/#registering-types
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from jsonargparse.typing import register_type

from tlama_core._fields import refuse
from tlama_core.algebra import Schedule
from tlama_core.text import as_schedule, readable_text

__all__: list[str] = []


def _read(given: Any) -> Schedule:
    """Return what jsonargparse found as a schedule; of a default that it took apart, say how to write it."""
    if isinstance(given, Mapping) and "type" not in given:
        rule = "a text where it is a default, such as lr: Schedule = 'Linear(1, 0, 100)'; or have a 'type'"
        refuse("a Schedule", rule, dict(given))
    return as_schedule(given)


register_type(Schedule, partial(readable_text, "a Schedule"), _read, type_check=isinstance)
