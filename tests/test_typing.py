"""What type checkers see: `typing_api.py` is complete, and mypy agrees with each of its lines."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

import tlama_core
from tlama_core import Schedule

API = Path(__file__).with_name("typing_api.py")
TREE = ast.parse(API.read_text())
WORDS = {node.id for node in ast.walk(TREE) if isinstance(node, ast.Name)} | {
    node.attr for node in ast.walk(TREE) if isinstance(node, ast.Attribute)
}
WRITTEN = {type(node.op) for node in ast.walk(TREE) if isinstance(node, (ast.BinOp, ast.UnaryOp))}
REFLECTED = {
    type(node.op)
    for node in ast.walk(TREE)
    if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant)
}
OPERATORS = {
    "add": ast.Add,
    "sub": ast.Sub,
    "mul": ast.Mult,
    "truediv": ast.Div,
    "rshift": ast.RShift,
    "neg": ast.USub,
}
ROOMS = ["training", "plotting", "testing.laws", "testing.strategies"]


def public(names):
    """Return the names that begin with a letter."""
    return {name for name in names if name[0].isalpha()}


def members(cls):
    """Return the names of a class's own public methods and fields."""
    fields = {field.name for field in attrs.fields(cls)} if attrs.has(cls) else set()
    return public(vars(cls)) | public(fields)


def names_of(room):
    """Return the public functions and classes that a room defines, and the members of these classes."""
    module = importlib.import_module(f"tlama_core.{room}")
    own = [
        thing
        for name, thing in vars(module).items()
        if name in public(vars(module)) and getattr(thing, "__module__", "") == module.__name__
        if inspect.isclass(thing) or inspect.isfunction(thing)
    ]
    inner = set().union(*(members(thing) for thing in own if inspect.isclass(thing)))
    return {thing.__name__ for thing in own} | inner


def test_every_name_behind_the_door_is_typed():
    names = set(tlama_core.__all__)
    for name in tlama_core.__all__:
        if inspect.isclass(value := getattr(tlama_core, name)):
            names |= members(value)
    assert names - WORDS == set()


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_is_typed_in(room):
    assert names_of(room) - WORDS == set()


def test_every_operator_is_typed():
    own = {name.strip("_") for name in vars(Schedule)}
    for name, operator in OPERATORS.items():
        assert name in own
        assert operator in WRITTEN
        assert operator in REFLECTED or f"r{name}" not in own


def test_mypy_agrees_with_every_line():
    """Under `--strict` a comment that ignores nothing is an error: so is a mistake that is accepted."""
    try:
        importlib.import_module("mypy")
    except ImportError:
        assert os.environ.get("TLAMA_REQUIRE_ALL") != "1", "mypy is missing"
        pytest.skip("mypy is not installed")
    command = [sys.executable, "-m", "mypy", "--strict", str(API)]
    run = subprocess.run(command, cwd=API.parents[1], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
