"""Run an example and note the rate and weight decay of every update as the optimizer makes it.

python watched.py NOTES KILLED_AT EXAMPLE [ARGUMENT ...]

At update KILLED_AT the process, or the last of several, dies by SIGKILL; -1 is never.
"""

import os
import runpy
import signal
import sys
from pathlib import Path

from torch.optim.optimizer import register_optimizer_step_pre_hook

notes, killed_at, *sys.argv = sys.argv[1:]
rank, last = os.environ.get("RANK", "0"), int(os.environ.get("WORLD_SIZE", "1")) - 1
made = []


def note(optimizer, arguments, named):
    if len(made) == int(killed_at) and int(rank) == last:
        os.kill(os.getpid(), signal.SIGKILL)
    group = optimizer.param_groups[0]
    made.append(f"{group['lr']!r} {group['weight_decay']!r}\n")
    Path(f"{notes}.{rank}").write_text("".join(made))


register_optimizer_step_pre_hook(note)
runpy.run_path(sys.argv[0], run_name="__main__")
