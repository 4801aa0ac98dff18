"""Train on real handwritten digits with several processes, on a clock that counts samples.

pip install '.[torch]' scikit-learn
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1  # or restarted processes may look for killed ones
torchrun --standalone --nproc-per-node 2 --max-restarts 3 examples/distributed/train_ddp.py

Kill a process: torchrun starts the group again. Stop all of them, and start with another number of processes
and another --batch. Either way the run goes on from its last checkpoint, and the rates at every sample are
what the schedules say; out/train_ddp/rates-of-rank-*.csv hold what each process used.
"""

import argparse
import os
from pathlib import Path

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from tlama_core import Constant, Linear, Sqrt, Warmup
from tlama_core.adapters.torch import ScheduleLR

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--batch", type=int, default=64, help="samples per update, over all processes")
arguments.add_argument("--every", type=int, default=25, help="updates between checkpoints")
arguments.add_argument("--out", type=Path, default=Path("out/train_ddp"))
asked = arguments.parse_args()

TOTAL = 60_000  # samples
rate = Warmup(0.1, steps=6_000) >> Constant.hold(steps=34_000) >> Sqrt.to(0.0, steps=20_000)
decay = Linear(1e-3, 1e-4, steps=TOTAL)

dist.init_process_group("gloo")
rank, processes = dist.get_rank(), dist.get_world_size()
asked.out.mkdir(parents=True, exist_ok=True)
checkpoint = asked.out / "checkpoint.pt"

digits = load_digits()
x, y = torch.tensor(digits.data / 16.0, dtype=torch.float32), torch.tensor(digits.target)
train, test = slice(0, 1_400), slice(1_400, None)

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
biases = [parameter for parameter in model.parameters() if parameter.ndim == 1]
optimizer = torch.optim.SGD([{"params": weights}, {"params": biases}], momentum=0.9)
scheduler = ScheduleLR(optimizer, lr=[rate, 2 * rate], weight_decay=[decay, 0.0])

if checkpoint.exists():
    saved = torch.load(checkpoint, weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    scheduler.load_state_dict(saved["scheduler"])
print(f"rank {rank} of {processes}: process {os.getpid()} starts at sample {scheduler.clock}", flush=True)


def save() -> None:
    """Write a checkpoint, as a whole or not at all."""
    states = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    torch.save({name: part.state_dict() for name, part in states.items()}, checkpoint.with_suffix(".new"))
    checkpoint.with_suffix(".new").replace(checkpoint)


parallel = DistributedDataParallel(model)
with (asked.out / f"rates-of-rank-{rank}.csv").open("a", buffering=1) as log:
    update = 0
    while scheduler.clock < TOTAL:
        groups = optimizer.param_groups
        print(
            scheduler.clock, *(group["lr"] for group in groups), groups[0]["weight_decay"], sep=",", file=log
        )

        # Every process draws the same batch, whatever came before, and takes its share of it.
        order = torch.Generator().manual_seed(scheduler.clock)
        rows = torch.randperm(1_400, generator=order)[: asked.batch][rank::processes]
        loss = nn.functional.cross_entropy(parallel(x[train][rows]), y[train][rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.advance(asked.batch)

        update += 1
        if rank == 0 and update % asked.every == 0:
            save()
            print(
                f"sample {scheduler.clock:6}: rate {groups[0]['lr']:.4f}, loss {loss.item():.3f}", flush=True
            )

if rank == 0:
    save()
    with torch.no_grad():
        accuracy = (model(x[test]).argmax(dim=1) == y[test]).double().mean().item()
    print(f"accuracy {accuracy:.3f} after {scheduler.clock} samples", flush=True)
dist.destroy_process_group()
