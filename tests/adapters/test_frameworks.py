"""The examples of the Trainer, Lightning, its CLI, accelerate and Hydra: killed in mid-run, resumed, and true to the schedule.

Each runs as its user runs it, in processes of its own. What an update used is noted as the optimizer makes it.
"""

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest

from tlama_core import Constant, Cosine, Linear, Sqrt, Warmup

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
UPDATES, CHECKPOINT, KILLED = 12, 4, 7
DECAY = Linear(0.1, 0.0, steps=UPDATES)


@attrs.frozen
class Run:
    """An example that runs in a folder of its own, in one process or several."""

    folder: Path
    name: str
    killed_at: int = -1
    processes: int = 1
    arguments: tuple[str, ...] = ()
    started: subprocess.Popen = attrs.field(init=False)

    @started.default
    def start(self):
        self.folder.mkdir(exist_ok=True)
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={self.processes}"]
        example = EXAMPLES / f"train_with_{self.name}.py"
        several = torchrun if self.processes > 1 else []
        command = [
            sys.executable,
            *several,
            HERE / "watched.py",
            "notes",
            self.killed_at,
            example,
            *self.arguments,
        ]
        offline = {"HF_HUB_OFFLINE": "1", "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            list(map(str, command)),
            cwd=self.folder,
            env=os.environ | offline | {"UPDATES": str(UPDATES)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ended(self):
        """Return what it printed; it must have ended as it should."""
        printed, _ = self.started.communicate(timeout=240)
        ends = {-1: 0}.get(self.killed_at, -signal.SIGKILL if self.processes == 1 else 1)
        assert self.started.returncode == ends, printed
        return printed

    def used(self, rank=0):
        """Return the rate and the weight decay that each update used."""
        notes = (self.folder / f"notes.{rank}").read_text().splitlines()
        return [tuple(map(float, line.split())) for line in notes]


def printed_rates(printed):
    found = re.findall(r"^update +(\d+) .* rate (\S+)$", printed, re.MULTILINE)
    return [(int(update), float(rate)) for update, rate in found]


def expected(a):
    return [(a(k), DECAY(k)) for k in range(UPDATES)]


def test_the_trainer_goes_on_after_a_kill(torch, transformers, accelerate, tmp_path):
    """In its log too the rates before and after the kill are those of an uninterrupted run."""
    a = Warmup(3e-3, steps=2) >> Cosine.to(3e-4, steps=10)
    killed = Run(tmp_path, "trainer", KILLED)
    killed.ended()
    assert killed.used() == expected(a)[:KILLED]
    resumed = Run(tmp_path, "trainer")
    assert printed_rates(resumed.ended()) == list(enumerate(a))
    assert resumed.used() == expected(a)[CHECKPOINT:]


def test_lightning_goes_on_after_a_kill(torch, lightning, tmp_path):
    a = Warmup(1e-2, steps=2) >> Sqrt.to(0.0, steps=10)
    killed = Run(tmp_path, "lightning", KILLED)
    killed.ended()
    assert killed.used() == expected(a)[:KILLED]
    resumed = Run(tmp_path, "lightning")
    resumed.ended()
    assert resumed.used() == expected(a)[CHECKPOINT:]
    log = (resumed.folder / "out/lightning/version_1/metrics.csv").read_text().splitlines()
    rates = {int(row["step"]): float(row["lr-AdamW"]) for row in csv.DictReader(log)}
    assert rates == {k: a(k) for k in range(CHECKPOINT, UPDATES)}


def test_lightnings_cli_goes_on_after_a_kill(torch, lightning, jsonargparse, tmp_path):
    """The run that goes on reads the config that the killed one wrote: the texts are in it."""
    a = Warmup(1e-2, steps=2) >> Sqrt.to(0.0, steps=10)
    arguments = (
        *("fit", "--config", EXAMPLES / "train_with_lightning_cli.yaml", "--trainer.max_steps", UPDATES),
        *("--trainer.callbacks.init_args.every_n_train_steps", CHECKPOINT),
        *("--model.lr", "Warmup(1e-2, 2) >> Sqrt.to(0, steps=10)", "--model.weight_decay", DECAY),
    )
    killed = Run(tmp_path, "lightning_cli", KILLED, arguments=arguments)
    killed.ended()
    assert killed.used() == expected(a)[:KILLED]
    written = tmp_path / "out" / "cli" / "lightning_logs" / "version_0" / "config.yaml"
    assert f"  lr: {a}\n" in written.read_text()
    again = ("fit", "--config", written, "--ckpt_path", tmp_path / "out" / "cli" / "last.ckpt")
    resumed = Run(tmp_path, "lightning_cli", arguments=again)
    resumed.ended()
    assert resumed.used() == expected(a)[CHECKPOINT:]


def test_a_hydra_program_goes_on_after_a_kill(torch, hydra, tmp_path):
    a = Warmup(1e-2, steps=2) >> Cosine.to(1e-3, steps=10)
    killed = Run(tmp_path, "hydra", KILLED, arguments=(f"updates={UPDATES}",))
    killed.ended()
    assert killed.used() == expected(a)[:KILLED]
    resumed = Run(tmp_path, "hydra", arguments=(f"updates={UPDATES}",))
    assert printed_rates(resumed.ended()) == list(enumerate(a))[CHECKPOINT:]
    assert resumed.used() == expected(a)[CHECKPOINT:]


def test_accelerate_counts_updates_and_not_processes(torch, accelerate, tmp_path):
    """Two processes of which one is killed, and the one that goes on alone, use the same rates."""
    a = Warmup(1e-2, steps=2) >> Constant.hold(steps=6) >> Linear.to(0.0, steps=4)
    killed = Run(tmp_path, "accelerate", KILLED, processes=2)
    killed.ended()
    assert killed.used(rank=1) == expected(a)[:KILLED]
    resumed = Run(tmp_path, "accelerate")
    assert printed_rates(resumed.ended()) == list(enumerate(a))[CHECKPOINT:]
    assert resumed.used() == expected(a)[CHECKPOINT:]


def line(torch):
    """Return an optimizer of one weight."""
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])


@pytest.mark.parametrize(("interval", "moves"), [({"interval": "step"}, 1), ({}, 4)], ids=["step", "default"])
@pytest.mark.filterwarnings("ignore:.*dataloader.* does not have many workers:UserWarning:lightning")
@pytest.mark.filterwarnings(
    r"ignore:`isinstance\(treespec, LeafSpec\)` is deprecated:FutureWarning:lightning"
)
def test_lightnings_default_moves_the_schedule_once_an_epoch(torch, lightning, interval, moves):
    """Four updates an epoch then use one and the same rate: a run of 12 ends at a quarter of its schedule."""
    from tlama_core.adapters.torch import ScheduleLR

    a, rates = Linear(1.0, 0.0, steps=12), []

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def training_step(self, batch):
            rates.append(self.optimizers().param_groups[0]["lr"])
            return (self.weight * batch).sum()

        def configure_optimizers(self):
            optimizer = torch.optim.SGD(self.parameters())
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": ScheduleLR(optimizer, lr=a), **interval},
            }

    quiet = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )
    trainer = lightning.Trainer(max_epochs=3, accelerator="cpu", **quiet)
    trainer.fit(Module(), torch.utils.data.DataLoader(torch.ones(4, 1)))
    assert rates == [a(k // moves) for k in range(12)]


def test_a_scheduler_that_accelerate_prepares_counts_processes(torch, accelerate, monkeypatch):
    """So the example registers its scheduler for checkpoints, and does not prepare it."""
    from tlama_core.adapters.torch import ScheduleLR

    accelerator = accelerate.Accelerator(cpu=True)
    monkeypatch.setattr(accelerate.scheduler, "AcceleratorState", lambda: SimpleNamespace(num_processes=8))
    optimizer = accelerator.prepare(line(torch))
    plain = ScheduleLR(optimizer, lr=Linear(1.0, 0.0, steps=12))
    prepared = accelerator.prepare(plain)
    optimizer.step()
    prepared.step()
    assert plain.last_epoch == 8
    plain.step()
    assert plain.last_epoch == 9
