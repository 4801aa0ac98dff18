"""The package as a whole: one door per name, a light import, the rooms."""

import ast
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

import tlama_core

ROOT = Path(__file__).parents[1]
PACKAGE = Path(tlama_core.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))  # as files: to walk the packages would import the frameworks
THIRD_PARTY = {"numpy", "matplotlib", "torch", "jax", "keras", "array_api_compat", "hypothesis", "scipy"}
DOORS = ["tlama_core", "tlama_core.training", "tlama_core.testing.laws", "tlama_core.testing.strategies"]


def loaded_by(code):
    """Return the third-party packages that *code* loads in a new interpreter."""
    program = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return THIRD_PARTY & set(run.stdout.split())


def test_importing_the_package_loads_attrs_and_nothing_else():
    assert loaded_by("import tlama_core") == set()


def test_importing_the_documented_functions_draws_nothing():
    assert loaded_by("import tlama_core.training") == set()


def test_the_test_of_the_import_can_fail():
    assert loaded_by("import tlama_core, numpy") == {"numpy"}


def test_the_names_of_the_door_are_sorted_and_there():
    assert sorted(tlama_core.__all__) == tlama_core.__all__
    assert dir(tlama_core) == tlama_core.__all__
    for name in tlama_core.__all__:
        assert getattr(tlama_core, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'tlama_core' has no attribute 'nothing'"):
        tlama_core.nothing  # noqa: B018


def test_what_is_imported_later_is_where_the_door_says():
    assert sorted(tlama_core._ROOMS) == list(tlama_core._ROOMS)
    for name, room in tlama_core._ROOMS.items():
        module = f"tlama_core.{room}"
        found = getattr(tlama_core, name)
        assert found is getattr(importlib.import_module(module), name)
        assert f"{found.__module__}.".startswith(f"{module}."), name
        assert name in tlama_core.__all__


def test_no_submodule_of_a_room_is_named_like_what_the_room_hands_on():
    """Importing it would replace that name."""
    for path in MODULES:
        room = ".".join(path.relative_to(PACKAGE.parent).parent.parts)
        if not room.startswith("tlama_core.adapters"):
            assert path.stem not in getattr(importlib.import_module(room), "__all__", ()), path


def test_every_node_and_shape_is_behind_the_door():
    def final(cls):
        return {cls} if not cls.__subclasses__() else set().union(*map(final, cls.__subclasses__()))

    names = {cls.__name__ for cls in final(tlama_core.Schedule) if cls.__module__.startswith("tlama_core")}
    assert names <= set(tlama_core.__all__)


def test_every_value_is_frozen_and_slotted():
    for name in tlama_core.__all__:
        cls = getattr(tlama_core, name)
        if isinstance(cls, type) and issubclass(cls, tlama_core.Schedule) and attrs.has(cls):
            assert all("__dict__" not in vars(base) for base in cls.__mro__), name


def test_every_module_says_what_it_is_for():
    for path in MODULES:
        assert ast.get_docstring(ast.parse(path.read_text())), path


def test_the_rooms_import_only_to_their_left():
    """The layers of pyproject.toml, held by import-linter where it is installed with its configuration."""
    lint = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if lint is None or not (ROOT / "pyproject.toml").exists():
        assert os.environ.get("TLAMA_REQUIRE_ALL") != "1", "import-linter is missing"
        pytest.skip("import-linter is not installed")
    run = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_nothing_from_outside_is_executed():
    """Only the recorder's source, which holds names of its own and checked numbers, is ever compiled."""
    for path in set(PACKAGE.rglob("*.py")) - {PACKAGE / "_evaluation" / "fast_calls.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec", "compile", "__import__"}, path


def test_checks_do_not_vanish_with_assertions():
    """Under `python -O` every refusal is still there."""
    code = (
        "from tlama_core import *; from tlama_core.training import *\n"
        "for bad in [lambda: Linear(1, 0, -1), lambda: Constant(float('nan')), lambda: Constant(1)(-1),\n"
        "            lambda: get_lr_scheduler(1, 2, 3, 4), lambda: get_combined_lr_scheduler({}),\n"
        "            lambda: Constant(1) >> Constant(2)]:\n"
        "    try: bad()\n"
        "    except (TypeError, ValueError): continue\n"
        "    raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-O", "-c", code], check=True)
