"""The command line: what it prints, how it ends, and what it never does."""

import csv
import doctest
import io
import json
import os
import subprocess
import sys

import pytest

import tlama_core.__main__
from tlama_core import Linear, Warmup, fingerprint, parse, to_source
from tlama_core.__main__ import main

WSD = "Warmup(3e-4, steps=0.02*total) >> Constant.hold(0.78*total) >> Linear.to(0, steps=0.2*total)"
LINE = "Linear(1, 0, 10)"


def run(capsys, *arguments):
    """Return the exit status, the standard output, and the standard error."""
    status = main(arguments)
    return status, *capsys.readouterr()


def process(*arguments, **options):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tlama_core", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_what_the_docstrings_show_is_so():
    failed, tried = doctest.testmod(tlama_core.__main__)
    assert tried > 0
    assert failed == 0


def test_show_prints_the_text_the_phases_and_the_curve(capsys):
    status, out, err = run(capsys, "show", WSD, "--name", "total=100_000")
    assert (status, err) == (0, "")
    text, steps, table, curve = out.split("\n\n", 3)
    assert parse(text) == parse(WSD, total=100_000)
    assert steps == f"100,000 steps, fingerprint {fingerprint(parse(text))}"
    assert [line.split("(")[0] for line in table.splitlines()[1:]] == ["Warmup", "Constant", "Linear"]
    assert "0.0003" in curve
    assert "100k" in curve
    assert "\x1b" not in out
    assert all(len(line) <= 100 for line in out.splitlines())


def test_show_is_plain_without_the_extra(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotext", None)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    status, out, _ = run(capsys, "show", LINE)
    assert status == 0
    assert out.rstrip().endswith("holds 0")


def test_show_is_rich_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    status, out, _ = run(capsys, "show", LINE)
    assert status == 0
    assert "\x1b[1m" in out
    assert "first value" in out


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_plot_writes_the_picture(capsys, tmp_path, ending):
    picture = tmp_path / f"out.{ending}"
    status, out, _ = run(
        capsys, "plot", LINE, "Cosine(1, 0.1, 20)", "-o", str(picture), "--log", "--steps", "30"
    )
    assert (status, out.strip()) == (0, str(picture))
    assert picture.stat().st_size > 5_000


def test_values_are_those_of_the_schedule(capsys):
    _, out, _ = run(capsys, "values", LINE, "--every", "3")
    assert out.splitlines()[0] == "step,value"
    rows = [(int(row["step"]), float(row["value"])) for row in csv.DictReader(io.StringIO(out))]
    assert rows == [(k, Linear(1, 0, 10)(k)) for k in (0, 3, 6, 9)]
    _, out, _ = run(capsys, "values", "Warmup(1, 4) >> Constant(1)", "--steps", "6", "--format", "json")
    assert [row["value"] for row in json.loads(out)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    _, out, _ = run(capsys, "values", "1e300 * Constant(1e300, 1)", "--format", "json")
    assert json.loads(out) == [{"step": 0, "value": None}]


def test_check_says_what_is_probably_not_meant(capsys):
    assert run(capsys, "check", WSD, "--name", "total=100_000", "--steps", "100_000") == (0, "", "")
    status, out, _ = run(capsys, "check", WSD, "--name", "total=100_000", "--steps", "150_000")
    assert status == 1
    assert "50,000 more updates" in out


def test_diff_says_where_two_schedules_part(capsys):
    assert run(capsys, "diff", LINE, "Linear(1.0, 0.0, steps=10)") == (
        0,
        "the same schedule: Linear(1.0, 0.0, steps=10)\n",
        "",
    )
    status, out, _ = run(capsys, "diff", LINE, "Linear(1, 0.5, 20)")
    assert status == 1
    assert "lengths: 10 and 20" in out
    assert "largest gap: 0.75 at update 10: 0 and 0.75" in out
    assert run(capsys, "diff", "Constant(1)", "Constant(2)")[0] == 1


def test_source_is_the_source(capsys):
    status, out, _ = run(capsys, "source", LINE, "--function", "rate")
    assert (status, out) == (0, to_source(Linear(1, 0, 10), name="rate"))


def test_an_expression_may_come_from_a_file_or_from_standard_input(capsys, tmp_path, monkeypatch):
    file = tmp_path / "schedule.txt"
    file.write_text("Warmup(peak, 10)\n  >> Linear.to(0, 90)\n")
    wanted = repr(Warmup(0.1, 10) >> Linear.to(0, 90))
    assert wanted in run(capsys, "show", str(file), "--name", "peak=0.1")[1]
    monkeypatch.setattr(sys, "stdin", io.StringIO("Warmup(0.1, 10) >> Linear.to(0, n)"))
    assert wanted in run(capsys, "show", "-", "--name", "n=9e1")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "Linear(1, 0"], "tlama: this is no expression ('(' was never closed), at column 7: ("),
        (["show", "Cosin(1, 0, 10)"], "tlama: unknown name Cosin: did you mean Cosine?, at column 1: Cosin"),
        (["show", "Warmup(1, 2.5)"], "tlama: Warmup.steps must be a whole number >= 0"),
        (
            ["show", "nowhere.txt"],
            "tlama: there is no file 'nowhere.txt', and an expression has a call in it",
        ),
        (
            ["show", LINE, "--name", "total"],
            "tlama: --name must be NAME=NUMBER, such as total=100_000, got 'total'",
        ),
        (["show", LINE, "--name", "total=many"], "tlama: --name must be NAME=NUMBER"),
        (["show", LINE, "--name", "total=inf"], "tlama: parse.total must be a finite number, got inf"),
        (
            ["values", "Constant(1)"],
            "tlama: --steps must be given for an endless schedule, got Constant(1.0)",
        ),
        (["values", LINE, "--every", "0"], "tlama: --every must be a whole number >= 1, got 0"),
        (["values", LINE, "--every", "1.5"], "tlama: --every must be a whole number >= 1"),
        (["values", LINE, "--steps", "-1"], "tlama: --steps must be a whole number >= 0, got -1"),
        (["plot", LINE, "-o", "out.foo"], "tlama: Format 'foo' is not supported"),
        (["plot", LINE, "-o", "/nowhere/at/all/out.png"], "tlama: [Errno 2] No such file or directory"),
        (["source", LINE, "--function", "not a name"], "tlama: to_source.name must be a Python name"),
    ],
)
def test_an_error_is_one_line_and_status_2(capsys, arguments, said):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(said)
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["frob"], ["show"], ["plot", LINE], ["check", LINE, "--steps", "x"]]
)
def test_wrong_arguments_are_one_line_and_status_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_process_ends_as_the_function_says():
    shown = process("show", LINE)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\x1b" not in shown.stdout
    assert process("check", "Linear(0, 1, 5_000)").returncode == 1
    wrong = process("show", "(" * 1_000)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


def test_a_reader_may_leave():
    command = [sys.executable, "-m", "tlama_core", "values", "Linear(1, 0, 1_000_000)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait() == 0


def test_a_reader_that_leaves_is_no_error_within_a_process(monkeypatch, tmp_path):
    class Gone(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError

        def fileno(self):
            return spare

    with (tmp_path / "spare").open("w") as file:
        spare = os.dup(file.fileno())
        monkeypatch.setattr(sys, "stdout", Gone())
        assert main(["values", LINE]) == 0
        os.close(spare)
