"""Train a small network on real handwritten digits, at a constant rate and with a composed schedule.

pip install '.[torch]' scikit-learn && python examples/train_digits.py

Prints the accuracy on held-out digits and the learning rate after every epoch, and draws the schedule and
both loss curves into out/train_digits.png. EPOCHS=3 makes it shorter.
"""

import os
from collections.abc import Callable
from pathlib import Path

import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from tlama_core import Constant, Sqrt, Warmup
from tlama_core.plotting import label_axes, plot

EPOCHS = int(os.environ.get("EPOCHS", "15"))
BATCH = 32
PEAK = 0.2

digits = load_digits()
splits = train_test_split(digits.data / 16.0, digits.target, test_size=0.25, random_state=0)
train_x, test_x = (torch.tensor(part, dtype=torch.float32) for part in splits[:2])
train_y, test_y = (torch.tensor(part) for part in splits[2:])

updates = EPOCHS * (len(train_x) // BATCH)
warmup, cooldown = updates // 10, updates // 3
composed = (
    Warmup(PEAK, steps=warmup)
    >> Constant.hold(steps=updates - warmup - cooldown)
    >> Sqrt.to(0.0, steps=cooldown)
)


def train(name: str, scheduler: Callable[[int], float]) -> list[float]:
    """Train at the rate of every update; print the accuracy after every epoch, and return all losses."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)
    losses, step = [], 0
    for epoch in range(EPOCHS):
        order = torch.randperm(len(train_x), generator=torch.Generator().manual_seed(epoch))
        for rows in order[: len(order) // BATCH * BATCH].split(BATCH):
            lr = scheduler(step)
            for param_group in optimizer.param_groups:
                param_group["lr"] = lr
            loss = nn.functional.cross_entropy(model(train_x[rows]), train_y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            step += 1
        with torch.no_grad():
            accuracy = (model(test_x).argmax(dim=1) == test_y).double().mean().item()
        print(f"{name:>8}  epoch {epoch + 1:2}  rate {lr:.4f}  accuracy {accuracy:.3f}")
    return losses


def smooth(losses: list[float]) -> list[float]:
    """Return for every update the mean loss of the last epoch's worth of updates."""
    window = len(losses) // EPOCHS
    return [
        sum(losses[max(0, i - window) : i + 1]) / len(losses[max(0, i - window) : i + 1])
        for i in range(len(losses))
    ]


print(composed)
curves = {
    "constant": train("constant", Constant(PEAK)),
    "composed": train("composed", composed),
}

figure = Figure(figsize=(10, 7), layout="constrained")
above, below = figure.subplots(2, 1, sharex=True)
plot(Constant(PEAK), composed, labels=["constant", "composed"], steps=updates, ax=above)
above.set(ylabel="Learning rate", xlabel="")
for name, losses in curves.items():
    below.plot(smooth(losses), label=name)
label_axes(below, "Training loss, mean over an epoch", "Cross entropy")
below.set_yscale("log")
below.legend()
Path("out").mkdir(exist_ok=True)
figure.savefig("out/train_digits.png", dpi=100)
print("drawn: out/train_digits.png")
