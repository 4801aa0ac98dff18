"""Train a small GPT to draw handwritten digits with the Hugging Face Trainer, and go on after a kill.

pip install '.[transformers]' scikit-learn && python examples/train_with_trainer.py

Kill it mid-run and start it again: it goes on from its last checkpoint in out/trainer, at the rates that
an uninterrupted run would have used. UPDATES=12 makes it shorter.
"""

import os
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from tlama_core import Cosine, Linear, Warmup
from tlama_core.adapters.transformers import ScheduledTrainerMixin

UPDATES = int(os.environ.get("UPDATES", "300"))
OUT = "out/trainer"

set_seed(0)
pixels = torch.tensor(load_digits().data, dtype=torch.long)  # 64 of them, each from 0 to 16
drawings = [{"input_ids": drawing, "labels": drawing} for drawing in pixels]
config = GPT2Config(vocab_size=17, n_positions=64, n_embd=32, n_layer=2, n_head=2, loss_type="ForCausalLM")
model = GPT2LMHeadModel(config)

lr = Warmup(3e-3, steps=UPDATES // 6) >> Cosine.to(3e-4, steps=UPDATES - UPDATES // 6)


class ScheduledTrainer(ScheduledTrainerMixin, Trainer):
    """A Trainer that takes schedules."""


trainer = ScheduledTrainer(
    model,
    TrainingArguments(
        OUT,
        max_steps=UPDATES,
        per_device_train_batch_size=16,
        gradient_accumulation_steps=2,  # an update counts once, whatever it accumulates
        logging_steps=UPDATES // 12,
        save_steps=UPDATES // 3,
        weight_decay=0.1,  # in one of two groups: biases and norms do not decay
        report_to="none",
    ),
    train_dataset=drawings,
    schedules={"lr": lr, "weight_decay": Linear(0.1, 0.0, steps=UPDATES)},
)
Path(OUT).mkdir(parents=True, exist_ok=True)
trainer.train(resume_from_checkpoint=get_last_checkpoint(OUT))
for entry in trainer.state.log_history:
    if "learning_rate" in entry and trainer.is_world_process_zero():
        print(f"update {entry['step'] - 1:3}  loss {entry['loss']:.3f}  rate {entry['learning_rate']}")
