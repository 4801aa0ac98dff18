"""The documented API: every code block of its document runs unchanged, warnings being errors."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from tlama_core import Cosine, Exponential, Linear, Step, Warmup
from tlama_core.training import (
    get_combined_lr_scheduler,
    get_lr_scheduler,
    get_multi_step_lr_scheduler,
    plot_lr_schedule,
)

DOCUMENT = Path(__file__).parents[2] / "shared" / "seed" / "learning-rate-schedulers.md"


def test_the_documented_calls():
    """The calls of the document, and what each is."""
    shape = {"max_lr": 1e-4, "min_lr": 1e-6, "warmup_steps": 1000, "max_steps": 50000}
    warmup = Warmup(1e-4, 1000)
    assert get_lr_scheduler(**shape, decay_type="cosine") == warmup >> Cosine(1e-4, 1e-6, 49000)
    assert get_lr_scheduler(**shape, decay_type="linear") == warmup >> Linear(1e-4, 1e-6, 49000)
    assert get_lr_scheduler(**shape, decay_type="exponential") == warmup >> Exponential(1e-4, 1e-6, 49000)
    assert get_lr_scheduler(1e-4, None, 1000, 50000, final_div_factor=100)(50000) == 1e-6
    combined = get_combined_lr_scheduler(
        {
            (0, 10000): get_lr_scheduler(max_lr=1e-4, min_lr=1e-5, warmup_steps=1000, max_steps=10000),
            (10000, 30000): get_lr_scheduler(max_lr=1e-5, min_lr=1e-6, warmup_steps=0, max_steps=20000),
        }
    )
    assert combined == Warmup(1e-4, 1000) >> Cosine(1e-4, 1e-5, 9000) >> Cosine(1e-5, 1e-6, 20000)
    multi = get_multi_step_lr_scheduler(
        max_lr=1e-4,
        warmup_steps=2000,
        total_tokens=300_000_000_000,
        tokens_per_step=2048 * 2048,
        step_milestones=[0.5, 0.8, 0.9],
        step_factors=[0.5, 0.1, 0.01],
    )
    assert multi == Warmup(1e-4, 2000) >> Step(1e-4, {33763: 0.5, 55220: 0.1, 62373: 0.01}, 69526)
    axes = plot_lr_schedule(lr_scheduler=combined, total_steps=30000, title="Two phases", figsize=(12, 6))
    assert axes.get_title() == "Two phases"


def test_every_code_block_of_the_document(torch, monkeypatch, capsys):
    if not DOCUMENT.exists():
        pytest.skip("the document is not here")
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(blocks) == 9
    monkeypatch.delenv("DISPLAY", raising=False)
    model = torch.nn.Linear(4, 2)
    names = {
        "total_steps": 100,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=0.0),
        "YourModel": lambda: model,
        "YourDataLoader": lambda: [torch.ones(3, 4) * i for i in range(200)],
        "compute_loss": lambda outputs, batch: ((outputs - batch[:, :2]) ** 2).mean(),
    }
    for block in blocks:
        exec(compile(block, DOCUMENT.name, "exec"), names)
    plt.close("all")
    assert capsys.readouterr().out.count("Step ") == 2
    assert names["scheduler"](5000) < 1e-4
