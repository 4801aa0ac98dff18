"""The package as a whole: one door per name, a light import, the rooms."""

import ast
import importlib
import importlib.util
import inspect
import os
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from importlib import metadata
from pathlib import Path
from types import FunctionType

import attrs
import pytest

import tlama_core

ROOT = Path(__file__).parents[1]
PACKAGE = Path(tlama_core.__file__).parent
BUDGET = ROOT / "tests" / "budget.py"
MODULES = sorted(PACKAGE.rglob("*.py"))  # as files: to walk the packages would import the frameworks
FRAMEWORKS = {"torch", "jax", "keras", "pydantic", "jsonargparse", "hydra"}
THIRD_PARTY = {"numpy", "matplotlib", "array_api_compat", "hypothesis", "scipy", *FRAMEWORKS}
DOORS = ["tlama_core", "tlama_core.training", "tlama_core.testing.laws", "tlama_core.testing.strategies"]


def room_of(module):
    """Return the room in which *module*, a dotted name, lies."""
    return ".".join(module.split(".")[:2])


def module_of(path):
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def required(condition, what):
    """Skip a test that needs what is not here, or fail if nothing may be absent."""
    if not condition:
        assert os.environ.get("TLAMA_REQUIRE_ALL") != "1", f"{what} is missing"
        pytest.skip(f"{what} is not here")


def loaded_by(code):
    """Return the third-party packages that *code* loads in a new interpreter."""
    program = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return THIRD_PARTY & set(run.stdout.split())


def test_importing_the_package_loads_attrs_and_nothing_else():
    assert loaded_by("import tlama_core") == set()


def test_importing_the_documented_functions_draws_nothing():
    assert loaded_by("import tlama_core.training") == set()


@pytest.mark.parametrize("library", sorted(path.stem for path in (PACKAGE / "adapters").glob("[!_]*")))
def test_an_adapter_whose_library_is_absent_names_it(library):
    code = f"import sys; sys.modules[{library!r}] = None; import tlama_core.adapters.{library}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = run.stderr.splitlines()[-1]
    assert said.startswith("ModuleNotFoundError: ")
    assert library in said


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
    required(
        lint is not None and (ROOT / "pyproject.toml").exists(), "import-linter, with its configuration,"
    )
    run = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def private_imports(source, module):
    """Return the underscored names that *source*, the text of *module*, imports from another room."""
    return [
        f"{module}:{node.lineno}: {alias.name}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("tlama_core.")
        and room_of(node.module) != room_of(module)
        for alias in node.names
        if alias.name.startswith("_")
    ]


def test_no_private_name_is_imported_from_another_room():
    """Ruff's rule SLF001 sees to the attributes, which no import shows."""
    assert [found for path in MODULES for found in private_imports(path.read_text(), module_of(path))] == []


def test_the_test_of_private_names_can_fail():
    lazily = "def f():\n    from tlama_core.algebra import _is_bare, nodes"
    assert private_imports(lazily, "tlama_core.plans") == ["tlama_core.plans:2: _is_bare"]
    assert private_imports(lazily, "tlama_core.algebra") == []
    assert private_imports("from tlama_core._fields import refuse", "tlama_core.plans") == []


NAMED_TUPLE = {"_asdict", "_field_defaults", "_fields", "_make", "_replace"}  # documented, though underscored


def names_written(tree):
    """Return every name that a file defines: functions, classes, fields, attributes, and names in texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def foreign_attributes(sources):
    """Return the underscored attributes that the files of a room use, and that none of them defines."""
    trees = [ast.parse(source) for source in sources]
    own = {name for tree in trees for name in names_written(tree)}
    used = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return {name for name in used - own if name.startswith("_") and not name.startswith("__")} - NAMED_TUPLE


@pytest.mark.parametrize("room", sorted({room_of(module_of(path)) for path in MODULES}))
def test_no_private_attribute_is_used_that_its_room_does_not_define(room):
    """Also in files that are excepted from Ruff's rule SLF001, which share hooks with the rest of their room."""
    files = [path for path in MODULES if room_of(module_of(path)) == room]
    assert foreign_attributes(path.read_text() for path in files) == set()


def test_the_test_of_private_attributes_can_fail():
    assert foreign_attributes(["x._hook()"]) == {"_hook"}
    assert foreign_attributes(["x._hook()", "class A:\n def _hook(self): ..."]) == set()


def with_a_body(value):
    """Whether a member of a class is a method or property that somebody wrote, and not a mere declaration."""
    function = (
        getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", value)
    )
    if not isinstance(function, FunctionType) or getattr(function, "__isabstractmethod__", False):
        return False
    if not Path(function.__code__.co_filename).is_absolute():
        return False  # attrs writes some, which are in no file
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    return isinstance(node, ast.FunctionDef) and not all(
        isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in node.body
    )


def written_more_than_twice(cls):
    """Return the methods that more than two classes of the inheritance of *cls* write, all by one author."""
    mine = [base for base in cls.__mro__ if base.__module__.split(".")[0] == cls.__module__.split(".")[0]]
    written = Counter(name for base in mine for name, value in vars(base).items() if with_a_body(value))
    return [f"{cls.__qualname__}.{name}" for name, times in written.items() if times > 2]


def classes_of(path):
    """Return the classes that a file of the package defines; of an adapter, where its framework is here."""
    module = module_of(path)
    framework = module.removeprefix("tlama_core.adapters.").split(".")[0]
    if module.startswith("tlama_core.adapters.") and importlib.util.find_spec(framework) is None:
        return []
    found = vars(importlib.import_module(module)).values()
    return [cls for cls in found if isinstance(cls, type) and cls.__module__ == module]


def test_nothing_is_overridden_twice():
    """A method has one author or two: what a base does, and what one class below does instead."""
    classes = [cls for path in MODULES for cls in classes_of(path)]
    assert len(classes) > 30
    assert [found for cls in classes for found in written_more_than_twice(cls)] == []


def test_the_test_of_overriding_can_fail():
    class Declared:
        def value(self):
            """Return the value."""

    class Base(Declared):
        def value(self):
            return 1

    class Below(Base):
        def value(self):
            return 2

    class Last(Below):
        @property
        def value(self):
            return 3

    assert written_more_than_twice(Below) == []
    assert written_more_than_twice(Last) == [f"{Last.__qualname__}.value"]


def test_the_package_keeps_within_its_budget():
    """Lengths of files and functions, and lines of docstrings: see `tests/budget.py`, which prints them all."""
    run = subprocess.run([sys.executable, BUDGET, PACKAGE], capture_output=True, text=True, check=False)
    assert run.returncode == 0, "\n" + run.stdout + run.stderr


@pytest.mark.parametrize(
    ("source", "over"),
    [
        ("x = 1\n" * 301, "a.py: 301 code lines, at most 300"),
        ("def f():\n" + "    x = 1\n" * 40, "a.py: f has 41 lines, at most 40"),
        ("def f():\n" + "    x = 1\n" * 5, "the package: the median function has 6 lines, at most 5"),
        ("x = 1\n", "the package: 0.00 docstring lines per code line, at least 0.4"),
    ],
    ids=["file", "function", "median", "docstrings"],
)
def test_the_budget_can_be_overdrawn(source, over, tmp_path):
    (tmp_path / "a.py").write_text(source)
    run = subprocess.run([sys.executable, BUDGET, tmp_path], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert f"over: {over}" in run.stdout


def test_the_budget_counts_no_comment_blank_line_or_docstring_as_code(tmp_path):
    (tmp_path / "a.py").write_text(
        '"""Explains.\n\nAt length."""\n\n# a comment\n'
        'def f(x: "Any", *more: Any) -> str:  # of anything\n    """Explain."""\n    return """two\n\nlines"""\n'
    )
    run = subprocess.run([sys.executable, BUDGET, tmp_path], capture_output=True, text=True, check=False)
    assert run.stdout.splitlines()[1].split() == ["a.py", "4", "1.00", "f", "4", "2"]
    assert run.returncode == 0


def test_the_version_stands_in_one_place():
    """The package says it, and what is built is called by it."""
    required(installed_version() is not None, "the package's metadata")
    assert tlama_core.__version__ == installed_version()
    assert tlama_core.__version__ not in (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0]


def installed_version():
    """Return the version that was installed, if any was."""
    try:
        return metadata.version("tlama-core")
    except metadata.PackageNotFoundError:
        return None


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
