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

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = [
    "algebra",
    "analysis.joints",
    "analysis.questions",
    "analysis.table",
    "analysis.findings",
    "plans",
    "shapes",
    "source",
    "text.data",
    "text.limits",
    "text.reading",
    "training",
    "testing.laws",
    "testing.strategies",
    "__init__",
]
FLAGS = doctest.ELLIPSIS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_code_block_of(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = list(Sybil([PythonCodeBlockParser(doctest_optionflags=FLAGS)]).parse(page).examples())
    assert len(blocks) >= page.read_text().count("```python")
    for block in blocks:
        block.evaluate()
    plt.close("all")


@pytest.mark.parametrize("name", MODULES)
def test_every_docstring_of(name):
    module = importlib.import_module(f"tlama_core.{name}".removesuffix(".__init__"))
    failed, _ = doctest.testmod(module, optionflags=FLAGS)
    assert failed == 0


@pytest.mark.parametrize("name", ["torch"])
def test_every_docstring_of_the_adapter_to(name, request):
    request.getfixturevalue(name)
    test_every_docstring_of(f"adapters.{name}")


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
