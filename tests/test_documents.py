"""Every code block of README, docs and docstrings runs, and so does every example."""

import doctest
import importlib
import runpy
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import tlama_core

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGE = Path(tlama_core.__file__).parent
MODULES = sorted(
    PACKAGE.rglob("*.py")
)  # each file: a package hands on names whose docstrings stand elsewhere
FLAGS = doctest.ELLIPSIS


NEEDS = {
    "clocks": ["torch", "jax"],
    "hugging-face": ["torch", "transformers", "accelerate"],
    "jax": ["jax", "optax"],
    "keras": ["keras"],
    "tests": ["torch", "optax"],
    "torch": ["torch", "lightning", "accelerate"],
}
"""The libraries whose users a page is for: without them it is skipped as a whole."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_code_block_of(page, request, tmp_path, monkeypatch):
    for library in NEEDS.get(page.stem, ()):
        request.getfixturevalue(library)
    monkeypatch.chdir(tmp_path)
    blocks = list(Sybil([PythonCodeBlockParser(doctest_optionflags=FLAGS)]).parse(page).examples())
    assert len(blocks) >= page.read_text().count("```python")
    for block in blocks:
        block.evaluate()
    plt.close("all")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_docstring_of(path, request, tmp_path, monkeypatch):
    """Every example that is written in the file is found and runs; an adapter's, where its framework is."""
    monkeypatch.chdir(tmp_path)  # an example may save a picture
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[0] == "adapters" and parts[1] != "__init__":
        request.getfixturevalue(parts[1])
    if parts == ("testing", "subjects"):
        request.getfixturevalue("torch")
    module = importlib.import_module(".".join(("tlama_core", *parts)).removesuffix(".__init__"))
    failed, attempted = doctest.testmod(module, optionflags=FLAGS)
    assert (failed, attempted) == (0, path.read_text().count(">>> "))


def test_the_quickstart_draws_its_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["quickstart.py"])
    runpy.run_path(str(ROOT / "examples" / "quickstart.py"), run_name="__main__")
    assert "Warmup(0.0003, steps=2000) >> " in capsys.readouterr().out
    assert (tmp_path / "out" / "quickstart.png").stat().st_size > 10_000


def test_real_digits_are_learned_with_the_documented_loop(torch, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EPOCHS", "3")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch|sklearn|scipy")
        runpy.run_path(str(ROOT / "examples" / "train_digits.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.count("accuracy") == 6
    assert (tmp_path / "out" / "train_digits.png").stat().st_size > 10_000
    assert torch.initial_seed() == 0
