"""Print what a step of `ScheduleLR` costs, as a ratio to torch's `LambdaLR`.

    python tests/benchmarks/adapters.py

`ScheduleLR` schedules the learning rate and the weight decay, `LambdaLR` the learning rate alone, by closures
as people write them. Every ratio is the median of runs in pairs, one after the other.
"""

import math
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from tlama_core import Cosine, Linear, Warmup
from tlama_core.adapters.torch import ScheduleLR

WARMUP, TOTAL, PEAK, END, MANY, PAIRS = 2_000, 100_000, 3e-4, 3e-5, 64, 41
SCHEDULE = Warmup(PEAK, WARMUP) >> Cosine.to(END, TOTAL - WARMUP)
DECAY = Linear(0.1, 0.01, TOTAL)


def by_hand(peak: float) -> Callable[[int], float]:
    """Return the closure that people write."""

    def schedule(step: int) -> float:
        if step < WARMUP:
            return peak * (step + 1) / WARMUP
        if step >= TOTAL:
            return END
        progress = (step - WARMUP) / (TOTAL - WARMUP)
        return END + 0.5 * (peak - END) * (1 + math.cos(math.pi * progress))

    return schedule


def optimizer(groups: int) -> torch.optim.Optimizer:
    """Return an optimizer that has been stepped, with so many groups of one number each."""
    made = torch.optim.AdamW(
        [{"params": [torch.zeros(1, requires_grad=True)]} for _ in range(groups)], lr=1.0
    )
    made._opt_called = True
    return made


def seconds(scheduler: LRScheduler, steps: int) -> float:
    """Return how long so many steps take, in the decay."""
    scheduler.last_epoch = 50_000
    start = time.perf_counter()
    for _ in range(steps):
        scheduler.step()
    return time.perf_counter() - start


def row(name: str, ours: ScheduleLR, theirs: LambdaLR, bound: float) -> None:
    """Print a line of the table."""
    steps = 2_000 // len(ours.base_lrs) + 50
    seconds(ours, steps), seconds(theirs, steps)
    ratio = statistics.median(seconds(ours, steps) / seconds(theirs, steps) for _ in range(PAIRS))
    print(f"ScheduleLR.step() / LambdaLR.step(), {name:48} {ratio:8.2f}  at most {bound:g}", flush=True)


if __name__ == "__main__":
    print(f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}")
    one = by_hand(1.0)
    row(
        "1 group", ScheduleLR(optimizer(1), lr=SCHEDULE, weight_decay=DECAY), LambdaLR(optimizer(1), one), 0.6
    )
    row(
        f"{MANY} groups, one schedule for all",
        ScheduleLR(optimizer(MANY), lr=SCHEDULE, weight_decay=DECAY),
        LambdaLR(optimizer(MANY), one),
        0.6,
    )
    row(
        f"{MANY} groups, which share two of them",
        ScheduleLR(
            optimizer(MANY),
            lr=[SCHEDULE, 0.5 * SCHEDULE] * (MANY // 2),
            weight_decay=[DECAY, 0.0] * (MANY // 2),
        ),
        LambdaLR(optimizer(MANY), [by_hand(1.0), by_hand(0.5)] * (MANY // 2)),
        0.6,
    )
    factors = [0.9**depth for depth in range(MANY)]
    row(
        f"{MANY} groups, {MANY} rates and {MANY} weight decays",
        ScheduleLR(
            optimizer(MANY), lr=[f * SCHEDULE for f in factors], weight_decay=[f * DECAY for f in factors]
        ),
        LambdaLR(optimizer(MANY), [by_hand(f) for f in factors]),
        1.0,
    )
    row(
        f"{MANY} groups, {MANY} rates and one weight decay",
        ScheduleLR(optimizer(MANY), lr=[f * SCHEDULE for f in factors], weight_decay=DECAY),
        LambdaLR(optimizer(MANY), [by_hand(f) for f in factors]),
        1.0,
    )
