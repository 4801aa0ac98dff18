"""Train a small network on real handwritten digits with Hydra, and go on after a kill.

pip install '.[torch,hydra]' scikit-learn && python examples/train_with_hydra.py

The schedules are texts in train_with_hydra.yaml. Another one from the command line stands in two kinds of
quotes, the shell's around Hydra's:

python examples/train_with_hydra.py 'scheduler.lr="Warmup(1e-2, steps=20) >> Linear.to(0, steps=total-20)"'

Kill it mid-run and start it again: it goes on from its last checkpoint in out/hydra, at the rates that an
uninterrupted run would have used. updates=12 makes it shorter.
"""

from pathlib import Path

import hydra
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig
from sklearn.datasets import load_digits
from torch import nn


def save(parts: dict, checkpoint: Path) -> None:
    """Save the state of all *parts*, under a name that a checkpoint has only when it is complete."""
    unfinished = checkpoint.with_suffix(".unfinished")
    torch.save({name: part.state_dict() for name, part in parts.items()}, unfinished)
    unfinished.rename(checkpoint)


@hydra.main(version_base=None, config_path=".", config_name="train_with_hydra")
def main(config: DictConfig) -> None:
    """Make the updates that are left."""
    torch.manual_seed(0)
    data = load_digits()
    pixels, digits = torch.tensor(data.data / 16.0, dtype=torch.float32), torch.tensor(data.target)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = instantiate(config.optimizer, model.parameters())
    scheduler = instantiate(config.scheduler, optimizer)
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    checkpoint = Path(HydraConfig.get().runtime.output_dir, "last.pt")
    if checkpoint.exists():
        for name, state in torch.load(checkpoint).items():
            parts[name].load_state_dict(state)
    for update in range(scheduler.last_epoch, config.updates):
        batch = torch.arange(32 * update, 32 * (update + 1)) % len(digits)
        loss = nn.functional.cross_entropy(model(pixels[batch]), digits[batch])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        print(f"update {update:3}  loss {loss:.3f}  rate {scheduler.get_last_lr()[0]}")
        scheduler.step()
        if scheduler.last_epoch % (config.updates // 3) == 0:
            save(parts, checkpoint)


if __name__ == "__main__":
    main()
