"""Print what a chain of 100,000 phases costs, next to a chain of 2.

python tests/benchmarks/chains.py
"""

import copy
import pickle
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tlama_core import Cosine, Linear, Piecewise, Schedule


def chain(phases: int) -> list[Schedule]:
    """Return phases of ten steps each."""
    return [(Cosine, Linear)[i % 2](1.0 + i % 7, 0.5, steps=10) for i in range(phases)]


def seconds(what: Callable[[], Any]) -> float:
    """Return how long one call takes: the median of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        what()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def call(schedule: Schedule, steps: Sequence[int]) -> float:
    """Return the seconds that calls at *steps* take."""

    def walk() -> None:
        for step in steps:
            schedule(step)

    return seconds(walk)


many, twin = chain(100_000), chain(100_000)
long, short = Piecewise.of(many), Piecewise.of(chain(2))
bytes_ = pickle.dumps(long)
steps = np.arange(long.steps)
for name, what in {
    "build": lambda: Piecewise.of(many),
    "repr": lambda: repr(long),
    "hash": lambda: hash(long),
    "equality": lambda: long == Piecewise.of(twin),
    "pickle": lambda: pickle.dumps(long),
    "unpickle": lambda: pickle.loads(bytes_),
    "deepcopy": lambda: copy.deepcopy(long),
    "array, 10**6 sorted steps": lambda: long(steps),
    "array, 10**6 random steps": lambda: long(np.random.default_rng(0).permutation(steps)),
}.items():
    print(f"{name:26} {seconds(what):.3f} s")

total, pairs = int(long.steps), []
for _ in range(7):
    neighbours = range(total // 2, total // 2 + 20_000)
    scattered = [random.randrange(total) for _ in neighbours]
    two = call(short, [step % 20 for step in neighbours])
    pairs.append((call(long, neighbours) / two, call(long, scattered) / two))
for name, ratios in zip(("neighbouring", "random"), zip(*pairs, strict=True), strict=True):
    print(f"a call at {name} steps: {statistics.median(ratios):.2f} of that in a chain of 2")
