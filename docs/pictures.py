"""Redraw the pictures of the README and the docs.

python docs/pictures.py
"""

import io
import runpy
import sys
from pathlib import Path

import matplotlib as mpl
from rich.console import Console

from tlama_core import Constant, Cosine, Linear, Warmup, cooldown, describe, retarget
from tlama_core.__main__ import curve, print_richly
from tlama_core.plotting import compare, plot, svg

mpl.use("agg")
HERE = Path(__file__).parent
IMAGES = HERE / "images"

pretrain = Warmup(3e-4, steps=2_000) >> Cosine.to(3e-5, steps=98_000)
wsd = Warmup(3e-4, steps=2_000) >> Constant.hold(78_000) >> Linear.to(0.0, steps=20_000)

sys.argv = ["quickstart.py", str(IMAGES / "quickstart.png")]
runpy.run_path(str(HERE.parent / "examples" / "quickstart.py"))

plot(wsd).figure.savefig(IMAGES / "plot.png", dpi=100)
plans = {
    "as planned": pretrain,
    "cooldown at 60k": cooldown(pretrain, at=60_000, steps=10_000),
    "longer from 60k": retarget(pretrain, at=60_000, steps=150_000),
}
plot(*plans.values(), labels=list(plans), log=True).figure.savefig(IMAGES / "plans.png", dpi=100)
compare(pretrain, plans["longer from 60k"], labels=["as planned", "longer from 60k"])[0].figure.savefig(
    IMAGES / "compare.png", dpi=100
)
(IMAGES / "notebook.svg").write_text(
    svg(Cosine(1.0, 0.01, steps=1_000).repeat(4, gain=0.7, growth=1.5)) + "\n"
)

console = Console(record=True, width=100, force_terminal=True, file=io.StringIO(), highlight=False)
print_richly(console, wsd, describe(wsd), curve(wsd))
(IMAGES / "terminal.svg").write_text(console.export_svg(title="tlama show", unique_id="tlama"))
