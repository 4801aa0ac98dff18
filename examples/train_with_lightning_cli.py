"""Train a small network on real handwritten digits with Lightning's command line, and go on after a kill.

pip install '.[torch,jsonargparse]' lightning scikit-learn
python examples/train_with_lightning_cli.py fit --config examples/train_with_lightning_cli.yaml

The schedules are texts in the config, or on the command line, as --model.lr "Warmup(1e-2, steps=50) >> …";
--print_config prints them back. After a kill, the same command with --ckpt_path out/cli/last.ckpt goes on at
the rates that an uninterrupted run would have used.
"""

import lightning
import torch
from lightning.pytorch.cli import LightningCLI
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import tlama_core.adapters.jsonargparse  # noqa: F401 - registers the type
from tlama_core import Schedule
from tlama_core.adapters.torch import ScheduleLR


class Classifier(lightning.LightningModule):
    """Ten digits of 8 x 8 pixels, learned at rates that come from outside."""

    def __init__(self, lr: Schedule, weight_decay: Schedule) -> None:
        """Keep the schedules, and build the layers."""
        super().__init__()
        self.lr, self.weight_decay = lr, weight_decay
        self.layers = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        """Return the loss of a batch."""
        pixels, digits = batch
        return nn.functional.cross_entropy(self.layers(pixels), digits)

    def train_dataloader(self) -> DataLoader:
        """Return the digits."""
        data = load_digits()
        pixels = torch.tensor(data.data / 16.0, dtype=torch.float32)
        return DataLoader(TensorDataset(pixels, torch.tensor(data.target)), batch_size=32, shuffle=True)

    def configure_optimizers(self) -> dict:
        """Schedule the rate and the weight decay by updates."""
        optimizer = torch.optim.AdamW(self.parameters())
        scheduler = ScheduleLR(optimizer, lr=self.lr, weight_decay=self.weight_decay)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


if __name__ == "__main__":
    LightningCLI(Classifier)
