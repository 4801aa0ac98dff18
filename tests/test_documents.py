"""Every code block of README, docs and docstrings runs, and so does every example."""

import argparse
import doctest
import importlib
import os
import runpy
import shlex
import shutil
import subprocess
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
    "other-frameworks": ["torch"],
    "tests": ["torch", "optax"],
    "torch": ["torch", "lightning", "accelerate"],
    "typed-configs": ["torch", "pydantic", "jsonargparse", "hydra"],
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


def in_bash(line, folder):
    """Return what *line* prints where bash runs it; it must end as it should."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    run = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


@pytest.mark.parametrize(
    ("program", "needs", "printed"),
    [
        (
            "lightning_cli",
            ("lightning", "jsonargparse"),
            [
                "`max_steps=300` reached",
                "  lr: Warmup(0.01, steps=20) >> Linear(0.01, 0.0, steps=280)\n",
                "Restored all states from the checkpoint",
            ],
        ),
        ("hydra", ("torch", "hydra"), ["update  20  loss", 'scheduler.lr="Cosine(1e-2, 0, steps=total)"']),
    ],
    ids=["lightning", "hydra"],
)
def test_the_lines_of_the_page_on_typed_configs_do_what_it_says(program, needs, printed, request, tmp_path):
    """As they stand there, one after the other."""
    for library in needs:
        request.getfixturevalue(library)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    page = (ROOT / "docs" / "how-to" / "typed-configs.md").read_text()
    lines = [
        line for line in page.splitlines() if line.startswith(f"python examples/train_with_{program}.py")
    ]
    for line, part in zip(lines, printed, strict=True):
        assert part in in_bash(line, tmp_path)


def test_the_page_on_typed_configs_shows_what_argparse_says(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    page = (ROOT / "docs" / "how-to" / "typed-configs.md").read_text()
    command, *shown = page.split("```text\n$ python ")[1].split("```")[0].splitlines()
    program, *arguments = shlex.split(command)
    parser = argparse.ArgumentParser(program)
    parser.add_argument("--lr", type=tlama_core.parse)
    with pytest.raises(SystemExit):
        parser.parse_args(arguments)
    assert capsys.readouterr().err.splitlines() == shown


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_docstring_of(path, request, tmp_path, monkeypatch):
    """Every example that is written in the file is found and runs; an adapter's, where its framework is."""
    monkeypatch.chdir(tmp_path)  # an example may save a picture
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[0] == "adapters" and parts[1] != "__init__":
        for library in NEEDS["hugging-face"] if parts[1] == "transformers" else (parts[1],):
            request.getfixturevalue(library)
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
