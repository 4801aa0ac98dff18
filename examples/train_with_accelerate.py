"""Train a small network on real handwritten digits in several processes, and go on after a kill.

pip install '.[torch]' accelerate scikit-learn
accelerate launch --num_processes 2 examples/train_with_accelerate.py  # on two GPUs; without any:
ACCELERATE_USE_CPU=true torchrun --standalone --nproc_per_node 2 examples/train_with_accelerate.py

Kill it mid-run and start it again: it goes on from its last checkpoint in out/accelerate, at the rates
that an uninterrupted run would have used, whatever the number of processes. UPDATES=12 makes it shorter.
"""

import math
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tlama_core import Constant, Linear, Warmup
from tlama_core.adapters.torch import ScheduleLR

UPDATES = int(os.environ.get("UPDATES", "120"))
BATCHES = 2  # so many of every process make one update
OUT = Path("out/accelerate")

accelerator = Accelerator(gradient_accumulation_steps=BATCHES)
set_seed(0)
data = load_digits()
digits = TensorDataset(torch.tensor(data.data / 16.0, dtype=torch.float32), torch.tensor(data.target))
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.AdamW(model.parameters())
model, optimizer, loader = accelerator.prepare(model, optimizer, DataLoader(digits, 32, shuffle=True))

# Not prepared: at every update a prepared scheduler moves once for each process.
warmup, cooldown = UPDATES // 6, UPDATES // 3
scheduler = ScheduleLR(
    optimizer,
    lr=Warmup(1e-2, steps=warmup)
    >> Constant.hold(steps=UPDATES - warmup - cooldown)
    >> Linear.to(0.0, steps=cooldown),
    weight_decay=Linear(0.1, 0.0, steps=UPDATES),
)
accelerator.register_for_checkpointing(scheduler)

if finished := sorted(OUT.glob("update-*")):
    accelerator.load_state(finished[-1])


def update(pixels: torch.Tensor, digit: torch.Tensor) -> None:
    """Learn from a batch; after the last one of an update, step the schedule."""
    with accelerator.accumulate(model):
        loss = nn.functional.cross_entropy(model(pixels), digit)
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
    if accelerator.sync_gradients and not accelerator.optimizer_step_was_skipped:
        rate = scheduler.get_last_lr()[0]
        accelerator.print(f"update {scheduler.last_epoch:3}  loss {loss:.3f}  rate {rate}")
        scheduler.step()
        if scheduler.last_epoch % (UPDATES // 3) == 0:
            save(OUT / f"update-{scheduler.last_epoch:06}")


def save(checkpoint: Path) -> None:
    """Save everything, under a name that a checkpoint has only when it is complete."""
    accelerator.save_state(OUT / "unfinished")
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        (OUT / "unfinished").rename(checkpoint)


def batches() -> Iterator[list[torch.Tensor]]:
    """Yield the batches of one epoch after another, from where the checkpoint was made."""
    first, made = divmod(scheduler.last_epoch, math.ceil(len(loader) / BATCHES))
    for epoch in count(first):
        loader.set_epoch(epoch)
        yield from accelerator.skip_first_batches(loader, made * BATCHES) if epoch == first else loader


for batch in batches():
    if scheduler.last_epoch == UPDATES:
        break
    update(*batch)
accelerator.end_training()
