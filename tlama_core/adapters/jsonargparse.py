"""Schedules as arguments of jsonargparse: importing this registers the type `Schedule`.

Then an argument annotated `Schedule`, `Schedule | None` or `list[Schedule]` takes what `as_schedule` takes: a
text, a number, or the mapping of `to_dict`. `--print_config` prints its text. Lightning's CLI does the same.

>>> from jsonargparse import ArgumentParser
>>> from tlama_core import Schedule
>>> parser = ArgumentParser()
>>> _ = parser.add_argument("--lr", type=Schedule)
>>> parser.parse_args(["--lr", "Warmup(1e-3, steps=100) >> Linear.to(0, steps=900)"]).lr
Warmup(0.001, steps=100) >> Linear(0.001, 0.0, steps=900)

Source: https://jsonargparse.readthedocs.io/en/stable/#registering-types
"""

from functools import partial

from jsonargparse.typing import register_type

from tlama_core.algebra import Schedule
from tlama_core.text import as_schedule, readable_text

__all__: list[str] = []

register_type(Schedule, partial(readable_text, "a Schedule"), as_schedule, type_check=isinstance)
