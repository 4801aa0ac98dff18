"""Print how long schedules take, as ratios to hand-written code and to the libraries that are installed.

    python tests/benchmarks/speed.py

Every ratio is the median of runs in pairs, one after the other, walking through neighbouring steps unless
its name says otherwise. Imports are timed in processes that see nothing but the two packages.
"""

import importlib
import importlib.util
import math
import platform
import random
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

import tlama_core
from tlama_core import (
    Constant,
    Cosine,
    Linear,
    Piecewise,
    Schedule,
    Sum,
    Warmup,
    bounds,
    check,
    difference,
    mean,
    to_function,
    to_source,
)

WARMUP, TOTAL, PEAK, END = 2_000, 100_000, 3e-4, 3e-5
SCHEDULE = Warmup(PEAK, WARMUP) >> Cosine.to(END, TOTAL - WARMUP)
PARTS = {"in the warmup": 0, "in the decay": 50_000, "past the end": 200_000}
WALK, PAIRS = 2_000, 41


def by_hand(peak: float, end: float, warmup: int, total: int) -> Callable[[int], float]:
    """Return the closure that people write."""

    def schedule(step: int) -> float:
        if step < warmup:
            return peak * (step + 1) / warmup
        if step >= total:
            return end
        progress = (step - warmup) / (total - warmup)
        return end + 0.5 * (peak - end) * (1 + math.cos(math.pi * progress))

    return schedule


def where(steps: np.ndarray) -> np.ndarray:
    """Return the same curve as people write it over an array."""
    progress = (steps - 20_000) / 980_000
    decay = END + 0.5 * (PEAK - END) * (1 + np.cos(np.pi * progress))
    return np.where(steps < 20_000, PEAK * (steps + 1) / 20_000, np.where(steps >= 10**6, END, decay))


def seconds(call: Callable[[Any], Any], steps: Sequence[Any]) -> float:
    """Return how long the calls take."""
    start = time.perf_counter()
    for step in steps:
        call(step)
    return time.perf_counter() - start


def ratio(
    ours: Callable[[Any], Any],
    theirs: Callable[[Any], Any],
    steps: Sequence[Any],
    pairs: int = PAIRS,
    their_steps: Sequence[Any] | None = None,
) -> float:
    """Return the median of the times of one over the other, in pairs."""
    others = steps if their_steps is None else their_steps
    seconds(ours, steps), seconds(theirs, others)
    return statistics.median(seconds(ours, steps) / seconds(theirs, others) for _ in range(pairs))


def row(name: str, figure: float, bound: float | None = None) -> None:
    """Print a line of the table."""
    limit = "" if bound is None else f"at most {bound:g}"
    print(f"{name:72} {figure:8.2f}  {limit}", flush=True)


def has(name: str) -> bool:
    """Whether a library is installed; one that is not is said to be."""
    found = importlib.util.find_spec(name) is not None
    if not found:
        print(f"({name} is not installed)")
    return found


def scalars() -> None:
    """Compare calls with one number."""
    fast, hand = to_function(SCHEDULE), by_hand(PEAK, END, WARMUP, TOTAL)
    for part, start in PARTS.items():
        steps = range(start, start + WALK)
        bound = 1.25 if part == "past the end" else 1.10
        row(f"to_function / closure by hand, {part}", ratio(fast, hand, steps), bound)
    for part, start in PARTS.items():
        steps = range(start, start + WALK)
        row(f"call / closure by hand, {part}", ratio(SCHEDULE, hand, steps), None if start > TOTAL else 2.0)
    if has("lrsched"):
        lrsched = importlib.import_module("lrsched")
        cosine = lrsched.cosine(base_lr=PEAK, min_lr=END, total_steps=TOTAL - WARMUP)
        closure = lrsched.with_warmup(cosine, warmup_steps=WARMUP, start_lr=0.0)
        for part, start in PARTS.items():
            row(f"to_function / lrsched, {part}", ratio(fast, closure, range(start, start + WALK)), 0.95)
    if has("fvcore"):
        fvcore = importlib.import_module("fvcore.common.param_scheduler")
        legs = [fvcore.LinearParamScheduler(0, PEAK), fvcore.CosineParamScheduler(PEAK, END)]
        composite = fvcore.CompositeParamScheduler(legs, [0.02, 0.98], ["rescaled", "rescaled"])
        row(
            "call / fvcore, in the decay",
            ratio(SCHEDULE, lambda step: composite(step / TOTAL), range(50_000, 52_000)),
        )


def steppers() -> None:
    """Compare a call with a step of the stateful schedulers."""
    if not has("torch"):
        return
    torch = importlib.import_module("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    stepper = torch.optim.lr_scheduler.LambdaLR(optimizer, by_hand(PEAK, END, WARMUP, TOTAL))
    optimizer.step()
    steps = range(50_000, 52_000)
    row("call / torch LambdaLR.step()", ratio(SCHEDULE, lambda _: stepper.step(), steps, 11), 0.25)
    if has("transformers"):
        cosine = importlib.import_module("transformers.optimization").get_cosine_schedule_with_warmup
        hugging = cosine(optimizer, WARMUP, TOTAL)
        row("call / transformers scheduler.step()", ratio(SCHEDULE, lambda _: hugging.step(), steps, 11))


def arrays() -> None:
    """Compare whole curves."""
    million, steps = Warmup(PEAK, 20_000) >> Cosine.to(END, 980_000), np.arange(10**6)
    row("array of 10**6 sorted steps / np.where by hand", ratio(million, where, [steps]), 0.7)
    if not (has("jax") and has("optax")):
        return
    jax, optax = importlib.import_module("jax"), importlib.import_module("optax")
    theirs = optax.warmup_cosine_decay_schedule(0.0, PEAK, 20_000, 10**6, END)
    on_device = jax.numpy.arange(10**6)
    ours_jit, theirs_jit = jax.jit(jax.vmap(million)), jax.jit(jax.vmap(theirs))
    compared = ratio(
        lambda k: ours_jit(k).block_until_ready(),
        lambda k: theirs_jit(k).block_until_ready(),
        [on_device] * 10,
    )
    row("jit(vmap) of 10**6 steps / optax", compared, 1.1)
    for phases in (2, 10**2, 10**3, 10**5):
        chain = Piecewise.of(shapes(phases))
        start = time.perf_counter()
        compiled = jax.jit(lambda t, chain=chain: chain(t))
        compiled(0).block_until_ready()
        bound = 0.5 if phases == 10**3 else None
        row(
            f"seconds to jit a chain of {phases:,} phases of three shapes", time.perf_counter() - start, bound
        )


def shapes(count: int) -> list[Schedule]:
    """Return phases of ten steps each, of three shapes."""
    kinds = (Cosine, Linear, lambda start, _, steps: Warmup(start, steps))
    return [kinds[i % 3](1.0 + i % 7, 0.5, 10) for i in range(count)]


def chains() -> None:
    """Compare calls in chains of many phases with calls in a chain of two."""
    two = Piecewise.of(shapes(2))
    for phases in (10**2, 10**4, 10**5):
        chain = Piecewise.of(shapes(phases))
        total = 10 * phases
        near = range(total // 2, total // 2 + min(20_000, total // 2))
        scattered = random.Random(0).choices(range(total), k=20_000)
        for name, steps, bound in (("neighbouring", near, 2.5), ("random", scattered, 8)):
            short = [step % 20 for step in steps]
            row(f"call in {phases:,} phases / in 2, {name} steps", ratio(chain, two, steps, 7, short), bound)


def operators() -> None:
    """Compare what operators make of a long chain with the chain, for numbers and for arrays."""
    for phases in (10**2, 10**5):
        chain = Piecewise.of(shapes(phases))
        other = Piecewise.of(reversed(shapes(phases)))
        near = range(5 * phases, 5 * phases + min(20_000, 5 * phases))
        row(f"call of 0.5 * chain / chain, {phases:,} phases", ratio(0.5 * chain, chain, near, 11), 1.6)
        clamped = chain.clamp(low=0.75, high=3.0)
        row(f"call of chain.clamp / chain, {phases:,} phases", ratio(clamped, chain, near, 11), 2.0)
        row(f"call of chain + other / chain, {phases:,} phases", ratio(chain + other, chain, near, 11), 3.0)
    unsorted = [np.random.default_rng(0).integers(0, 10 * phases, 200_000)]
    name = "array of 200,000 unsorted steps in 100,000 phases"
    row(f"{name}, 0.5 * chain / chain", ratio(0.5 * chain, chain, unsorted, 11), 1.5)
    row(f"{name}, clamp / chain", ratio(clamped, chain, unsorted, 11), 1.6)


def sharing() -> None:
    """Time the questions to a tree in which every node stands many times."""
    shared: Schedule = Cosine(1.0, 0.1, steps=1_000)
    for _ in range(18):
        shared = (shared + 0.5) * shared * 0.3
    start = time.perf_counter()
    shared(500), to_source(shared), bounds(shared)
    row("seconds of a call, to_source and bounds, 2**18 ways to one shape", time.perf_counter() - start, 1)


def questions() -> None:
    """Print the seconds of questions about many terms and about many cycles."""
    terms = Sum(tuple(Linear(1.0, 0.1, 1_000 + k) for k in range(1_000)))
    cycles = Cosine(1.0, 0.1, 1_000).repeat(10**6, gain=0.9999)
    asked: dict[str, tuple[Callable[[], object], float]] = {
        "bounds of a sum of 1,000 terms": (lambda: bounds(terms), 1),
        "check of a sum of 1,000 terms": (lambda: check(terms), 1),
        "difference of a sum of 1,000 terms and its half": (lambda: difference(terms, 0.5 * terms), 1),
        "bounds of 10**6 cycles that shrink": (lambda: bounds(cycles), 0.5),
        "check of 10**6 cycles that shrink": (lambda: check(cycles), 0.5),
        "mean of 10**6 cycles that shrink": (lambda: mean(cycles), 0.5),
    }
    for name, (ask, bound) in asked.items():
        begun = time.perf_counter()
        ask()
        row(f"seconds: {name}", time.perf_counter() - begun, bound)


def building() -> None:
    """Compare building and the import, and time first calls."""
    hand = ratio(
        lambda _: Warmup(PEAK, 2_000) >> Cosine.to(END, 98_000),
        lambda _: by_hand(PEAK, END, 1, 2),
        range(500),
    )
    row("building warmup >> cosine / building the closure", hand)
    first = statistics.median(seconds(tree_of_100(), range(40)) for _ in range(11))
    row("milliseconds of 40 first calls of a tree of 100 nodes, compiling included", 1e3 * first, 2)
    row("import tlama_core / import attrs (whole processes)", imports(), 1.4)


def tree_of_100() -> Schedule:
    """Return a new tree of 100 nodes: 33 sums, one in the other, of a scaled line and the rest."""
    lines: list[Schedule] = [0.5 * Linear(1.0, 0.0, steps=10 + i) for i in range(33)]
    tree: Schedule = Constant(0.0)
    for line in lines:
        tree = line + tree
    return tree


def imports() -> float:
    """Return how long a process that imports this package takes, over one that imports attrs.

    Both packages stand at the front of the path, for what an environment does at its start is not theirs, nor
    is how they were installed. Environment variables are ignored: one of them keeps Python from writing
    bytecode. The order alternates.
    """
    path = [str(Path(str(package.__file__)).parents[1]) for package in (tlama_core, attrs)]

    def best(name: str) -> float:
        code = f"import sys; sys.path[:0] = {path!r}; import {name}"
        command = [sys.executable, "-I", "-S", "-c", code]
        return min(seconds(lambda _: subprocess.run(command, check=True), [None]) for _ in range(3))

    def pair(names: Sequence[str]) -> float:
        taken = {name: best(name) for name in names}
        return taken["tlama_core"] / taken["attrs"]

    names = ["tlama_core", "attrs"]
    pair(names)  # bytecode is written
    return statistics.median(pair(names if i % 2 else names[::-1]) for i in range(15))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    for part in (scalars, steppers, arrays, chains, operators, sharing, questions, building):
        part()
