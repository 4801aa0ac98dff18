"""Train a small network on real handwritten digits with Lightning, and go on after a kill.

pip install '.[torch]' lightning scikit-learn && python examples/train_with_lightning.py

Kill it mid-run and start it again: it goes on from its last checkpoint in out/lightning, at the rates that
an uninterrupted run would have used. UPDATES=12 makes it shorter.
"""

import os
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tlama_core import Linear, Sqrt, Warmup
from tlama_core.adapters.torch import ScheduleLR

UPDATES = int(os.environ.get("UPDATES", "300"))
CHECKPOINTS = Path("out/lightning/checkpoints")


class Classifier(lightning.LightningModule):
    """Ten digits of 8 x 8 pixels."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        """Return the loss of a batch."""
        pixels, digits = batch
        return nn.functional.cross_entropy(self.layers(pixels), digits)

    def configure_optimizers(self) -> dict:
        """Schedule the rate and the weight decay by updates."""
        optimizer = torch.optim.AdamW(self.parameters())
        scheduler = ScheduleLR(
            optimizer,
            lr=Warmup(1e-2, steps=UPDATES // 6) >> Sqrt.to(0.0, steps=UPDATES - UPDATES // 6),
            weight_decay=Linear(0.1, 0.0, steps=UPDATES),
        )
        # Without "step", Lightning moves the schedule once an epoch.
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


lightning.seed_everything(0)
data = load_digits()
digits = TensorDataset(torch.tensor(data.data / 16.0, dtype=torch.float32), torch.tensor(data.target))
trainer = lightning.Trainer(
    max_steps=UPDATES,
    accumulate_grad_batches=2,  # an update counts once, whatever it accumulates
    callbacks=[
        LearningRateMonitor(),
        ModelCheckpoint(CHECKPOINTS, every_n_train_steps=UPDATES // 3, save_last=True),
    ],
    logger=CSVLogger("out", name="lightning"),
    log_every_n_steps=UPDATES // 12,
)
last = CHECKPOINTS / "last.ckpt"
trainer.fit(
    Classifier(),
    DataLoader(digits, batch_size=32, shuffle=True),
    ckpt_path=last if last.exists() else None,
)
