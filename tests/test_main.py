"""The command line: what it prints, how it ends, and what it never does."""

import contextlib
import csv
import doctest
import io
import json
import os
import signal
import subprocess
import sys
import types

import pytest

import tlama_core.__main__
from tlama_core import Cosine, Linear, Warmup, fingerprint, parse, to_dict, to_source
from tlama_core.__main__ import curve, main

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


def test_an_expression_may_be_a_number_and_may_have_comments(capsys, tmp_path):
    assert run(capsys, "diff", "1e-3", "Constant(0.001)") == (0, "the same schedule: Constant(0.001)\n", "")
    status, out, _ = run(capsys, "show", "2*peak  # twice", "--name", "peak=0.1")
    assert (status, out.splitlines()[0]) == (0, "Constant(0.2)")
    assert out.count("▀") + out.count("▄") + out.count("█") > 20  # one line across
    assert run(capsys, "values", "sqrt(0.25)", "--steps", "1")[1] == "step,value\n0,0.5\n"
    file = tmp_path / "rate.txt"
    file.write_text("# the rate\n1e-3\n")
    assert "Constant(0.001)" in run(capsys, "show", str(file))[1]


def test_an_expression_may_be_data(capsys, tmp_path, monkeypatch):
    """As itself, in a file, and on standard input; it needs no names, and takes no harm from them."""
    wanted = Warmup(0.1, 10) >> Linear.to(0, 90)
    data = json.dumps(to_dict(wanted), indent=2)
    file = tmp_path / "schedule.json"
    file.write_text(f"\ufeff\n{data}", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO(data))
    for given in (data, f"  {data}", str(file), "-"):
        status, out, err = run(capsys, "diff", given, repr(wanted), "--name", "total=9")
        assert (status, out, err) == (0, f"the same schedule: {wanted}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "{1"], "tlama: what begins with a brace must be JSON as to_dict makes it: Expecting"),
        (["show", '{"a":' * 100_000], "tlama: what begins with a brace must be JSON as to_dict makes it: "),
        (["show", "{}"], "tlama: from_dict.data must be a mapping with the key 'type', got []"),
        (
            ["show", '{"type": "Lin"}'],
            "tlama: from_dict.data.type must be a type of schedule (did you mean Linear",
        ),
        (["show", "Linear(1, 0"], "tlama: this is no expression ('(' was never closed), at column 7: ("),
        (["show", "Cosin(1, 0, 10)"], "tlama: unknown name Cosin: did you mean Cosine?, at column 1: Cosin"),
        (["show", "Warmup(1, 2.5)"], "tlama: Warmup.steps must be a whole number >= 0"),
        (
            ["show", "nowhere.txt"],
            "tlama: there is no file 'nowhere.txt', and as an expression: unknown name nowhere.txt",
        ),
        (
            ["show", "2*total"],
            "tlama: there is no file '2*total', and as an expression: unknown name total: bind",
        ),
        (
            ["show", LINE, "--name", "total"],
            "tlama: --name must be NAME=NUMBER, such as total=100_000, got 'total'",
        ),
        (["show", LINE, "--name", "total=many"], "tlama: --name must be NAME=NUMBER"),
        (
            ["show", "Constant(1, total)", "--name", "total=inf"],
            "tlama: parse.total must be a finite number, got inf",
        ),
        (
            ["values", "Constant(1)"],
            "tlama: --steps must be given for an endless schedule, got Constant(1.0)",
        ),
        (["values", LINE, "--every", "0"], "tlama: --every must be a whole number >= 1, got 0"),
        (["values", LINE, "--every", "1.5"], "tlama: --every must be a whole number >= 1"),
        (["values", LINE, "--steps", "-1"], "tlama: --steps must be a whole number >= 0, got -1"),
        (["plot", LINE, "-o", "out.foo"], "tlama: --output must be a path that ends in .png, .svg or .pdf"),
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


# --- encodings and streams -----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_encoding_shows_a_schedule_and_gives_a_source_that_python_reads(encoding, tmp_path):
    env = os.environ | {"PYTHONIOENCODING": encoding}
    shown = process("show", "Warmup(0.1, 20) >> Cosine.to(0, 80)", env=env, encoding=encoding)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "100 steps, fingerprint" in shown.stdout
    assert len(shown.stdout.split("\n\n")[-1].splitlines()) > 10
    assert ("*" in shown.stdout) == (encoding != "utf-8")
    file = tmp_path / "rate.py"
    long = " + ".join(["Linear(0.123456789, 0.987654321, 1_234_567)"] * 9)
    with file.open("wb") as out:
        subprocess.run([sys.executable, "-m", "tlama_core", "source", long], stdout=out, env=env, check=True)
    subprocess.run([sys.executable, "-W", "error", str(file)], check=True)


@pytest.mark.parametrize(
    ("redirected", "said"),
    [(">&-", "tlama: standard output is closed"), ("- <&-", "tlama: standard input is closed")],
)
def test_a_closed_stream_is_an_error_in_one_line(redirected, said):
    expression = "" if redirected.startswith("-") else "'Linear(1, 0, 9)'"
    command = f"{sys.executable} -m tlama_core show {expression} {redirected}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (2, f"{said}\n")


def test_with_all_streams_closed_the_status_tells():
    command = f"{sys.executable} -m tlama_core show 'Linear(1, 0, 9)' >&- 2>&- <&-"
    assert subprocess.run(["bash", "-c", command], check=False).returncode == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")  # noqa: PTH110
def test_a_full_disk_is_an_error_in_one_line():
    command = [sys.executable, "-m", "tlama_core", "show", LINE]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1


def test_control_c_ends_with_130(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tlama_core.__main__, "parse", interrupted)
    assert run(capsys, "show", LINE) == (130, "", "")


def test_control_c_ends_a_process_with_130():
    program = (  # what was started in the background may ignore the signal
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from tlama_core.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "values", "Linear(1, 0, 1_000_000_000_000)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
        assert (child.returncode, err) == (130, b"")


# --- where an expression comes from --------------------------------------------------------------


def test_pipes_devices_marks_and_comments_are_read(tmp_path):
    file = tmp_path / "plan (final).txt"
    file.write_bytes("\ufeff# the plan – α\nLinear(1, 0, 10)  # short\n# end\n".encode())
    wanted = repr(Linear(1, 0, 10))
    tlama = f"{sys.executable} -m tlama_core show"
    for command in (
        f"{tlama} '{file}'",
        f"{tlama} <(cat '{file}')",
        f"{tlama} /dev/stdin < '{file}'",
        f"PYTHONIOENCODING=ascii {tlama} - < '{file}'",
    ):
        run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert run.stdout.startswith(wanted), (command, run.stderr)


@pytest.mark.parametrize("text", ["x" * 5_000, "a\0b", "tests"])
def test_what_is_neither_a_file_nor_an_expression_is_an_error(capsys, text):
    assert run(capsys, "show", text)[0] == 2


@pytest.mark.parametrize("output", ["", "-", "out", ".png", "out.txt"])
def test_a_picture_without_a_known_ending_is_refused(capsys, tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, "plot", LINE, "-o", output)
    assert status == 2
    assert "--output must be a path that ends in .png, .svg or .pdf" in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_picture(capsys, tmp_path):
    assert run(capsys, "plot", LINE, "-o", str(tmp_path))[0] == 2


# --- numbers and names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"), [("2k", 2_000), ("1.5M", 1_500_000), ("300B", 3 * 10**11), ("0.3T", 3 * 10**11)]
)
def test_units_are_those_of_the_axes(capsys, text, number):
    _, out, _ = run(capsys, "show", "Linear(1, 0, total)", "--name", f"total={text}")
    assert repr(Linear(1, 0, number)) in out
    assert run(capsys, "check", f"Linear(1, 0, {number})", "--steps", text)[:2] == (0, "")


@pytest.mark.parametrize("command", [["check", LINE], ["values", LINE], ["plot", LINE, "-o", "x.png"]])
@pytest.mark.parametrize("steps", ["-1", "1.5", "1e999999999", "inf", "nan"])
def test_steps_that_are_no_length_are_refused_alike(capsys, command, steps):
    status, out, err = run(capsys, *command, f"--steps={steps}")
    assert (status, out) == (2, "")
    assert err.startswith("tlama: --steps must be a whole number >=")


def test_what_is_no_number_is_told_what_is(capsys):
    with pytest.raises(SystemExit):
        main(["check", LINE, "--steps", "300X"])
    assert "must be a number such as 100_000, 1e5, 2k, 1.5M or 300B, got '300X'" in capsys.readouterr().err


def test_a_name_without_a_value_is_told_how_to_get_one(capsys):
    _, _, err = run(capsys, "show", "Linear(1, 0, total)")
    assert "--name total=" in err
    assert err.count("\n") == 1


def test_lengths_near_the_largest_are_shown_and_compared(capsys):
    status, out, _ = run(capsys, "diff", "Linear(1, 0, 1e300)", "Constant(1)")
    assert (status, "largest gap: 1 at update 99" in out) == (1, True)
    status, out, _ = run(capsys, "diff", "Linear(1, 0, 1e300)", "Linear(2, 0, 1e300)")
    assert (status, "largest gap: not searched" in out) == (1, True)
    for text in ("Linear(1, 0, 1e300)", "Linear(1e308, -1e308, 10)", "Linear(0, 0, 5)"):
        status, out, _ = run(capsys, "show", text)
        assert (status, len(out.split("\n\n")) >= 4) == (0, True)


# --- the rest ------------------------------------------------------------------------------------


def test_labels_name_the_curves(capsys, tmp_path):
    picture = tmp_path / "out.svg"
    arguments = ["plot", LINE, "Cosine(1, 0, 9)", "-o", str(picture), "--label", "first", "--label", "second"]
    assert run(capsys, *arguments)[0] == 0
    status, _, err = run(capsys, "plot", LINE, "-o", str(picture), "--label", "a", "--label", "b")
    assert (status, "labels must be one for each of 1 schedules" in err) == (2, True)


def test_a_clean_schedule_says_so_on_a_terminal_alone(capsys, monkeypatch):
    plan = "Warmup(1, 100) >> Cosine.to(0.1, 9_900)"
    assert run(capsys, "check", plan) == (0, "", "")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(capsys, "check", plan) == (0, "nothing found\n", "")


def test_the_version_is_printed(capsys, monkeypatch):
    def absent(_):
        raise tlama_core.__main__.PackageNotFoundError

    monkeypatch.setattr(tlama_core.__main__, "version", lambda name: f"of {name}")
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, "tlama of tlama-core\n")
    monkeypatch.setattr(tlama_core.__main__, "version", absent)
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == "tlama (not installed)\n"


def test_words_are_completed_where_argcomplete_is_installed(capsys, monkeypatch):
    asked = []
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    monkeypatch.setitem(sys.modules, "argcomplete", types.SimpleNamespace(autocomplete=asked.append))
    assert run(capsys, "check", "Warmup(1, 100) >> Cosine.to(0.1, 9_900)")[0] == 0
    assert [parser.prog for parser in asked] == ["tlama"]
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    assert run(capsys, "check", "Warmup(1, 100) >> Cosine.to(0.1, 9_900)")[0] == 0


def test_another_plotext_draws_no_curve(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotext", types.SimpleNamespace(__version__="6.1.0"))
    assert curve(Cosine(1, 0, 10)) == ""


def test_a_source_is_printed_into_any_stream():
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["source", "Constant(1.0)"]) == 0
    assert printed.getvalue().startswith("def schedule(step):")
