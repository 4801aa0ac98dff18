"""Build a schedule, call it, compare it, draw it.

python examples/quickstart.py [picture.png]
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from tlama_core import Constant, Cosine, Linear, Warmup
from tlama_core.training import get_lr_scheduler, plot_lr_schedule

picture = Path(sys.argv[1] if len(sys.argv) > 1 else "out/quickstart.png")

# A schedule is a value: what it prints is what builds it.
pretrain = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
print(pretrain)
for step in (0, 1_999, 2_000, 51_000, 100_000, 10**9):
    print(f"  update {step:>13,}: {pretrain(step):.3e}")

# Values compare: the documented function builds the very same object.
same = get_lr_scheduler(max_lr=3e-4, min_lr=3e-5, warmup_steps=2_000, max_steps=100_000)
print("the documented function gives the same value:", same == pretrain)

# A tail that starts wherever it is put, a branch off a running job, a longer run without a jump.
tail = Constant.hold(steps=78_000) >> Linear.to(0.0, steps=20_000)
plans = {
    "warmup, stable, decay": Warmup(3e-4, steps=2_000) >> tail,
    "cooldown from 60,000": pretrain[:60_000] >> Linear.to(0.0, steps=10_000),
    "40,000 more updates": pretrain[:60_000] >> pretrain[60_000:].stretch(steps=80_000),
    "cycles": Cosine(3e-4, 3e-6, steps=10_000).repeat(3, gain=0.7, growth=2),
}
figure = Figure(figsize=(10, 6), layout="constrained")
for ax, (name, plan) in zip(figure.subplots(2, 2).flat, plans.items(), strict=True):
    plot_lr_schedule(plan, plan.steps, title=name, ax=ax)
    print(f"{name}: {plan}")

picture.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(picture, dpi=100)
print("drawn:", picture)
