"""Schedules as arguments of jsonargparse programs, of which Lightning's CLI is one."""

import importlib

import pytest

from tlama_core import Constant, Cosine, Function, Linear, Schedule, Warmup

A = Warmup(1e-3, steps=100) >> Cosine.to(0.0, steps=900)


@pytest.fixture
def run(jsonargparse):
    """Return a function that runs a program of three arguments, and gives what it was called with."""
    importlib.import_module("tlama_core.adapters.jsonargparse")

    def program(lr: Schedule, momentum: Schedule | float | None = None, others: list[Schedule] = ()):
        return lr, momentum, others

    return lambda *arguments: jsonargparse.auto_cli(program, args=list(arguments))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Warmup(1e-3, 100) >> Cosine.to(0, 900)", A),
        ("1e-3", Constant(1e-3)),
        ("2", Constant(2.0)),
        ("Linear(1, 0, 10) # a: comment", Linear(1.0, 0.0, 10)),
        ("Step(1, {3: 0.1})[:5]", Constant(1.0, 3) >> Constant(0.1, 2)),
        ('{"type": "Constant", "value": 0.5}', Constant(0.5)),
    ],
)
def test_an_argument_takes_whatever_a_config_may_hold(run, tmp_path, written, read):
    lr, momentum, others = run(written, "--momentum", written, "--others+", written, "--others+=0.1")
    assert (lr(7), momentum(7), others[0](7), others[1]) == (read(7), read(7), read(7), Constant(0.1))
    (tmp_path / "config.yaml").write_text(f"lr: {written!r}\n")
    assert run("--config", str(tmp_path / "config.yaml"))[0](7) == read(7)


def test_a_config_may_hold_numbers_and_mappings(run, tmp_path):
    (tmp_path / "config.yaml").write_text(
        "lr: 1e-3\nothers:\n- 0.1\n- {type: Linear, start: 1, end: 0, steps: 5}\n"
    )
    others = [Constant(0.1), Linear(1.0, 0.0, 5)]
    assert run("--config", str(tmp_path / "config.yaml")) == (Constant(1e-3), None, others)


def test_a_printed_config_is_read_back(run, tmp_path, capsys):
    arguments = [
        "Warmup(1e-3, 100) >> Cosine.to(0, 900)",
        "--momentum=0.9",
        "--others=[0.1, '1 - Warmup(1, 2)']",
    ]
    with pytest.raises(SystemExit, match="^0$"):
        run(*arguments, "--print_config")
    printed = capsys.readouterr().out
    assert printed.startswith(f"lr: {A}\nmomentum: Constant(0.9)\n")
    (tmp_path / "config.yaml").write_text(printed)
    assert run("--config", str(tmp_path / "config.yaml")) == run(*arguments)


@pytest.mark.parametrize("before", [[], ["0.1", "--momentum"]], ids=["Schedule", "Schedule | float | None"])
def test_a_typing_mistake_is_shown_at_its_place(run, capsys, before):
    with pytest.raises(SystemExit, match="^2$"):
        run(*before, "Warmup(0.1, 5) >> Cosin.to(0, 5)")
    lines = capsys.readouterr().err.splitlines()
    (said,) = [i for i, line in enumerate(lines) if "unknown name Cosin.to: did you mean Cosine.to?" in line]
    assert lines[said + 1].strip() == "Warmup(0.1, 5) >> Cosin.to(0, 5)"
    assert lines[said + 2].index("^^^^^^^^") == lines[said + 1].index("Cosin.to")


def test_a_schedule_without_a_text_is_not_printed(jsonargparse):
    importlib.import_module("tlama_core.adapters.jsonargparse")
    parser = jsonargparse.ArgumentParser()
    parser.add_argument("--lr", type=Schedule)
    held = jsonargparse.Namespace(lr=2 * Function(abs))
    with pytest.raises(ValueError, match="a Schedule must be free of Functions"):
        parser.dump(held)


def test_a_default_is_a_text(run, jsonargparse, capsys):
    """An object is taken apart by jsonargparse, which forgets its kind."""

    def program(lr: Schedule = "Linear(1, 0, 10)"):
        return lr

    def taken_apart(lr: Schedule = A):
        return lr

    assert jsonargparse.auto_cli(program, args=[]) == Linear(1.0, 0.0, 10)
    assert jsonargparse.auto_cli(program, args=["--lr=0.5"]) == Constant(0.5)
    with pytest.raises(SystemExit, match="^2$"):
        jsonargparse.auto_cli(taken_apart, args=[])
    assert (
        "a text where it is a default, such as lr: Schedule = 'Linear(1, 0, 100)'" in capsys.readouterr().err
    )
