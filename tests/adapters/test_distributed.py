"""Several processes under torchrun: killed, restarted, resumed with another world size and batch."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from tlama_core import parse

EXAMPLE = Path(__file__).parents[2] / "examples" / "distributed" / "train_ddp.py"
SECONDS = 150


@contextmanager
def torchrun(folder, processes, batch):
    """Start the example, and end it at the latest when its time is over."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts", "3"]
    command += ["--nproc-per-node", str(processes), str(EXAMPLE), "--batch", str(batch), "--every", "10"]
    settings = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    run = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watch = threading.Timer(SECONDS, run.terminate)
    watch.start()
    try:
        yield run
        run.terminate()  # as a cluster does; torchrun ends its workers
        run.wait(60)
    finally:
        watch.cancel()
        run.kill()
        run.stdout.close()


def until(run, pattern, times=1):
    """Read what a run prints until a pattern came so many times, and return what it matched."""
    found, printed = [], []
    for line in run.stdout:
        printed.append(line)
        found += re.findall(pattern, line)
        if len(found) == times:
            return found
    return pytest.fail(f"{pattern!r} did not come {times} times in\n{''.join(printed)}")


def logged(folder, rank):
    """Return what a rank wrote down: a sample count and its rates per update."""
    lines = (folder / "out" / "train_ddp" / f"rates-of-rank-{rank}.csv").read_text().splitlines()
    return [(int(clock), *map(float, rates)) for clock, *rates in (line.split(",") for line in lines)]


def test_the_rate_at_every_sample_is_the_schedules_on_every_rank(torch, tmp_path):
    starts = r"process (\d+) starts at sample (\d+)"
    with torchrun(tmp_path, processes=2, batch=64) as run:
        begun = until(run, starts, 2)
        assert {clock for _, clock in begun} == {"0"}
        until(run, r"sample +(\d+): rate", 3)
        os.kill(int(begun[1][0]), signal.SIGKILL)
        restarted = until(run, starts, 2)
        assert int(restarted[0][1]) >= 3 * 640
        assert restarted[0][1] == restarted[1][1]
        assert not {process for process, _ in begun} & {process for process, _ in restarted}
        until(run, r"sample +(\d+): rate", 2)
    before = [len(logged(tmp_path, rank)) for rank in (0, 1)]

    with torchrun(tmp_path, processes=3, batch=480) as run:
        resumed = {int(clock) for _, clock in until(run, starts, 3)}
        ((accuracy, end),) = until(run, r"accuracy ([\d.]+) after (\d+) samples")
        assert run.wait(60) == 0
    assert float(accuracy) > 0.85

    state = torch.load(tmp_path / "out" / "train_ddp" / "checkpoint.pt", weights_only=True)["scheduler"]
    assert state["clock"] == int(end)
    texts = json.loads(state["schedules"])
    of_weights, of_biases = map(parse, texts["lr"])
    decay = parse(texts["weight_decay"][0])
    (start,) = resumed
    for rank in range(3):
        rows = logged(tmp_path, rank)
        assert rows == [(clock, of_weights(clock), of_biases(clock), decay(clock)) for clock, *_ in rows]
        after = [clock for clock, *_ in rows[before[rank] if rank < 2 else 0 :]]
        assert after == list(range(start, 60_000, 480))
        if rank < 2:
            assert {clock for clock, *_ in rows[: before[rank]]} >= set(range(0, start, 64))
