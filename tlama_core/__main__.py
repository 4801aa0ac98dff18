"""The command line: `tlama`, or `python -m tlama_core`.

    tlama show   EXPRESSION              the text, the phases and the curve
    tlama plot   EXPRESSION… -o FILE     a picture of one schedule or several
    tlama values EXPRESSION              the value of every update, as CSV or JSON
    tlama check  EXPRESSION              what is probably not meant
    tlama diff   EXPRESSION EXPRESSION   where two schedules differ
    tlama source EXPRESSION              a plain Python function

Results go to standard output, and an error is one line on standard error. The exit status is 0 when all is
well, 1 when `check` finds something or `diff` finds a difference, 2 for an error, and 130 after Ctrl-C.
"""

# PYTHON_ARGCOMPLETE_OK

import argparse
import io
import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal, DecimalException
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from tlama_core import (
    Description,
    ParseError,
    Schedule,
    check,
    describe,
    difference,
    fingerprint,
    from_dict,
    parse,
    to_source,
)
from tlama_core._fields import MAX_STEPS, as_length, refuse

if TYPE_CHECKING:
    from rich.console import Console

Command: TypeAlias = Callable[[argparse.Namespace], int]
"""Prints what a subcommand is asked for; returns the exit status."""

EXPRESSION = (
    "an expression, such as 'Warmup(0.1, steps=10) >> Linear.to(0, 90)'; JSON; a file of either; or -"
)
CLEAN, FINDINGS, ERROR, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses."""

COLUMNS, LINES = 100, 18
"""The size of a drawn curve in characters; a narrower terminal makes it narrower."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage that argparse prints before them."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the arguments in one line, and exit with status 2."""
        self.exit(ERROR, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that *arguments* name (those of the process by default); return its exit status.

    It is that of the command: 0, or 1 for findings and differences. What the library refuses, or a file that
    cannot be read or written, prints one line on standard error and gives 2. A reader that closes the pipe
    early, as `head` does, is no error: 0.

    Raises `SystemExit` with status 2 for arguments that are not understood, and with 0 after `--help`.

    >>> main(["diff", "Linear(1, 0, 10)", "Linear(1.0, 0.0, steps=10)"])
    the same schedule: Linear(1.0, 0.0, steps=10)
    0
    """
    parser = _parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks for the words that may come next
        _complete(parser)
    given = parser.parse_args(arguments)
    try:
        _prepare_output()
        status: int = given.run(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:  # whoever reads has seen enough
        status = CLEAN
    except (ArithmeticError, OSError, TypeError, ValueError) as error:
        if sys.stderr is not None:
            print(f"tlama: {_in_one_line(error)}", file=sys.stderr)
        status = ERROR
    else:
        return status
    with suppress(AttributeError, OSError, ValueError):  # the interpreter flushes once more, and would fail
        sys.stdout.flush()
        return status
    with suppress(AttributeError, OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _complete(parser: argparse.ArgumentParser) -> None:
    """Print the words that may come next and exit, for a shell, where argcomplete is installed."""
    with suppress(ImportError):
        import argcomplete

        argcomplete.autocomplete(parser)


def _prepare_output() -> None:
    """See that there is a standard output, and that what its encoding lacks is printed as `?`."""
    if sys.stdout is None:
        raise ValueError("standard output is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _version() -> str:
    """Return the version that is installed."""
    try:
        return version("tlama-core")
    except PackageNotFoundError:
        return "(not installed)"


def _in_one_line(error: Exception) -> str:
    """Return the message of *error* as one line; of a text that cannot be read, its reason and its place.

    >>> _in_one_line(ParseError("unknown name Cosin", "2 * Cosin(1, 0, 10)", 4, 9))
    'unknown name Cosin, at column 5: Cosin'
    """
    if isinstance(error, ParseError):
        part = error.text[error.start : error.stop]
        place = f"at column {error.start + 1}: {part[:60]}{'…' * (len(part) > 60)}"
        unbound = error.reason.startswith("unknown name") and part.isidentifier() and not part[0].isupper()
        hint = (
            f" (--name {part}=100_000 gives it a value)" if unbound and "--name" not in error.reason else ""
        )
        return f"{error.reason}, {place}{hint}"
    return " ".join(str(error).split())


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; what it parses holds the command to run as `run`."""
    parser = _Parser(prog="tlama", description="Show, draw, check and compare schedules.")
    parser.add_argument("--version", action="version", version=f"tlama {_version()}")
    commands = parser.add_subparsers(metavar="command", required=True)

    def command(run: Command, text: str, *expressions: str) -> argparse.ArgumentParser:
        """Add a command called like the function *run*, which takes *expressions*; return its parser."""
        added = commands.add_parser(run.__name__[1:], help=text, description=text)
        added.set_defaults(run=run)
        for expression in expressions or ("expression",):
            added.add_argument(expression, help=EXPRESSION)
        added.add_argument(
            "--name",
            action="append",
            default=[],
            metavar="NAME=NUMBER",
            help="a number that the expression may use by name, such as total=100_000; may be given again",
        )
        return added

    command(_show, "print a schedule, its phases, and its curve")
    added = command(_plot, "draw schedules into a file", "first")
    added.add_argument("others", nargs="*", help="more of them")
    added.add_argument("-o", "--output", required=True, help="the picture: .png, .svg or .pdf")
    added.add_argument("--steps", type=_number, help="how many updates to draw")
    added.add_argument("--label", action="append", help="a name in the legend, one for each schedule")
    added.add_argument("--log", action="store_true", help="make the axis of values logarithmic")
    added = command(_values, "print the values of a schedule")
    added.add_argument("--every", type=_number, default=1, help="one value every so many updates")
    added.add_argument("--steps", type=_number, help="how many updates (by default all of the schedule)")
    added.add_argument("--format", choices=("csv", "json"), default="csv")
    added = command(_check, "report what is probably not meant: exit status 1 if there is anything")
    added.add_argument("--steps", type=_number, help="how many updates the run takes")
    command(_diff, "compare two schedules: exit status 1 if they differ", "a", "b")
    added = command(_source, "print a schedule as a plain Python function")
    added.add_argument("--function", default="schedule", metavar="NAME", help="what the function is called")
    return parser


_UNITS = {"k": 3, "M": 6, "B": 9, "T": 12}
"""The units that pictures print at their axes, as powers of ten."""


def _number(text: str) -> float:
    """Return a number as it is written in an expression or at the axes of a picture.

    It is an integer where it is whole.

    Raises `argparse.ArgumentTypeError` for what is not a number.

    >>> _number("100_000"), _number("9e1"), _number("0.5"), _number("300B"), _number("1.5k")
    (100000, 90, 0.5, 300000000000, 1500)
    """
    digits, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "")
    try:
        number = Decimal(digits)
        number = number.scaleb(_UNITS[unit]) if unit else number
    except DecimalException:
        rule = "a number such as 100_000, 1e5, 2k, 1.5M or 300B"
        raise argparse.ArgumentTypeError(f"must be {rule}, got {text!r}") from None
    # One of a million digits is past every limit here, and would take memory as an integer.
    is_whole = number.is_finite() and number.adjusted() < 400 and number == number.to_integral_value()
    return int(number) if is_whole else float(number)


def _steps(given: argparse.Namespace, at_least: int = 1) -> int | None:
    """Return how many updates `--steps` says; None where it is not given."""
    return None if given.steps is None else int(as_length("--steps", given.steps, at_least=at_least))


def _schedule(text: str, given: argparse.Namespace) -> Schedule:
    """Return the schedule that *text* stands for, read with the names that `--name` binds.

    The path of a file, a pipe or a device stands for what is in it, `-` is standard input, and anything else
    is read itself.

    Raises `ValueError` for a name that is not `NAME=NUMBER` and for a file that does not exist; what `parse`
    refuses is a `ParseError`.
    """
    names = {}
    for pair in given.name:
        name, _, number = pair.partition("=")
        try:
            names[name] = _number(number)
        except argparse.ArgumentTypeError:
            refuse("--name", "NAME=NUMBER, such as total=100_000", pair)
    if text == "-":
        return _read(_standard_input(), names)
    if _is_file(text):
        return _read(Path(text).read_text(encoding="utf-8-sig"), names)
    try:
        return _read(text, names)
    except ParseError as error:
        if "(" in text:
            raise
        raise ValueError(f"there is no file {text!r}, and as an expression: {_in_one_line(error)}") from None


def _read(text: str, names: dict[str, float]) -> Schedule:
    """Return the schedule that *text* says: an expression, or where it begins with a brace data as JSON.

    Raises `ValueError` for a text that begins so and is no JSON.

    >>> _read('{"type": "Linear", "start": 1, "end": 0, "steps": 10}', {})
    Linear(1.0, 0.0, steps=10)
    """
    if not text.lstrip().startswith("{"):
        return parse(text, **names)
    try:
        data = json.loads(text)
    except (RecursionError, ValueError) as error:
        raise ValueError(f"what begins with a brace must be JSON as to_dict makes it: {error}") from None
    return from_dict(data)


def _standard_input() -> str:
    """Return what standard input holds, as UTF-8 whatever the locale says."""
    if sys.stdin is None:
        raise ValueError("standard input is closed")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig")
    return sys.stdin.read()


def _is_file(text: str) -> bool:
    """Whether *text* is the path of something that can be read; an expression is too long or odd for one."""
    try:
        return Path(text).exists() and not Path(text).is_dir()
    except (OSError, ValueError):
        return False


# --- the commands


def _show(given: argparse.Namespace) -> int:
    """Print a schedule: its text, its length and fingerprint, the table of its phases, and its curve.

    A terminal shows colours where rich is installed; the curve needs plotext. The exit status is 0.
    """
    schedule = _schedule(given.expression, given)
    table, drawn = describe(schedule), curve(schedule)
    if sys.stdout.isatty() and (console := _console()) is not None:
        print_richly(console, schedule, table, drawn)
        return CLEAN
    print(schedule, _summary(schedule), table, sep="\n\n")
    if drawn:
        print(f"\n{drawn}")
    return CLEAN


def _summary(schedule: Schedule) -> str:
    """Return the line that tells the length and the fingerprint of *schedule*.

    >>> _summary(parse("Linear(1, 0, 1000)"))
    '1,000 steps, fingerprint fb6959a0f5df36e3'
    """
    return f"{schedule.steps:,} steps, fingerprint {fingerprint(schedule)}"


def _plot(given: argparse.Namespace) -> int:
    """Draw one or more schedules into the file `--output`, and print its path.

    Its ending, such as .png, .svg or .pdf, names the format. `--steps` is how many updates are drawn,
    `--label` names a curve, and `--log` makes the axis of values logarithmic. The exit status is 0.
    """
    import matplotlib as mpl
    from matplotlib.backend_bases import FigureCanvasBase

    from tlama_core import plotting

    output = Path(given.output)
    if output.suffix[1:].lower() not in FigureCanvasBase.get_supported_filetypes():
        refuse("--output", "a path that ends in .png, .svg or .pdf", given.output)
    mpl.use("agg")
    drawn = [_schedule(text, given) for text in (given.first, *given.others)]
    ax = plotting.plot(*drawn, labels=given.label, log=given.log, steps=_steps(given))
    ax.figure.savefig(output, dpi=150)  # type: ignore[union-attr]  # of a new figure, which no other holds
    print(output)
    return CLEAN


def _values(given: argparse.Namespace) -> int:
    """Print the value of every update, or of one in `--every`, as CSV or JSON with exact numbers.

    There are as many updates as `--steps` says, or else as the schedule has; an endless one needs `--steps`.
    JSON has no infinity and no NaN: they are null. Rows are printed as they are computed, so that millions of
    them take no memory. The exit status is 0.
    """
    schedule = _schedule(given.expression, given)
    every = int(as_length("--every", given.every, at_least=1))
    given_steps = _steps(given, at_least=0)
    if given_steps is None and math.isinf(schedule.steps):
        refuse("--steps", "given for an endless schedule", schedule)
    steps = range(0, int(schedule.steps) if given_steps is None else given_steps, every)
    pairs = ((step, schedule(step)) for step in steps)
    if given.format == "json":
        print("[", end="")
        for i, (step, value) in enumerate(pairs):
            row = {"step": step, "value": value if math.isfinite(value) else None}
            print("," * (i > 0), json.dumps(row), sep="\n", end="")
        print("\n]")
    else:
        print("step,value")
        for step, value in pairs:
            print(f"{step},{value!r}")
    return CLEAN


def _check(given: argparse.Namespace) -> int:
    """Print what is probably not meant in a schedule, run for `--steps` updates: two lines a finding.

    Of a clean schedule, a terminal says so, and a file or pipe stays empty. The exit
    status is 1 where there is a finding, else 0.
    """
    found = check(_schedule(given.expression, given), steps=_steps(given))
    for finding in found:
        print(finding)
    if not found and sys.stdout.isatty():
        print("nothing found")
    return FINDINGS if found else CLEAN


def _diff(given: argparse.Namespace) -> int:
    """Print two schedules, their lengths where these differ, and the largest gap between their values.

    The gap is searched over the longer of them, end value included; of two endless ones, over 1,000 updates.
    Where these are too many to look at, it says so.
    The exit status is 0 for equal schedules, however they are written, else 1.
    """
    a, b = _schedule(given.a, given), _schedule(given.b, given)
    if a == b:
        print(f"the same schedule: {a}")
        return CLEAN
    print(f"a: {a}", f"b: {b}", sep="\n")
    if a.steps != b.steps:
        print(f"lengths: {a.steps:,} and {b.steps:,}")
    longest = max((one.steps for one in (a, b) if math.isfinite(one.steps)), default=1_000)
    try:
        gap = difference(a, b, stop=min(int(longest) + 1, MAX_STEPS))
    except (
        ValueError
    ) as error:  # too many updates to look at: that the schedules differ is known all the same
        print(f"largest gap: not searched, for {_in_one_line(error)}")
        return FINDINGS
    print(f"largest gap: {gap.gap:.6g} at update {gap.step:,}: {gap.a:.6g} and {gap.b:.6g}")
    return FINDINGS


def _source(given: argparse.Namespace) -> int:
    """Print a schedule as the source of a Python function, called as `--function` says; status 0.

    It is UTF-8 in a file or pipe, whatever the locale says: that is what Python reads.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8")
    print(to_source(_schedule(given.expression, given), name=given.function), end="")
    return CLEAN


# --- what a terminal shows besides plain text


def curve(schedule: Schedule) -> str:
    """Return the curve of *schedule* as text; nothing where plotext 5 is not installed.

    It is 18 lines of at most 100 characters, without colours, and drawn from at most about 500 points with
    every joint among them. Of an endless schedule, it shows enough to tell its shape. Where standard output
    cannot print its blocks, it is drawn in ASCII.
    """
    from tlama_core import plotting

    try:
        at, values = plotting.curve(schedule, plotting.shown_steps(schedule), most=4 * COLUMNS)
        drawn = _drawn(at.tolist(), values.tolist())
        if not _prints(drawn):
            drawn = _drawn(at.tolist(), values.tolist(), marker="*").translate(_IN_ASCII)
    except (AttributeError, ImportError):
        return ""
    return drawn


_IN_ASCII = str.maketrans("─│┤├┬┴┼┌┐└┘", "-||||||++++")


def _prints(text: str) -> bool:
    """Whether standard output has all letters of *text*."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _drawn(steps: list[float], values: list[float], marker: str = "hd") -> str:
    """Return a curve as plotext draws it, without colours.

    It is drawn in fractions of the largest magnitude, so that no difference of values is past every float.
    """
    import plotext

    from tlama_core.plotting import in_thousands

    if steps[-1] == 0:  # a constant, or no update at all: what it holds from then on
        steps, values = [0.0, 4.0], [values[-1]] * 2
    size = max(map(abs, values)) or 1.0
    shares = [value / size for value in values]
    low, high, last = min(shares), max(shares), steps[-1]
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.theme("clear")
    plotext.plotsize(min(COLUMNS, shutil.get_terminal_size((COLUMNS, 0)).columns), LINES)
    plotext.frame(False)
    plotext.plot([step / last for step in steps], shares, marker=marker)
    ticks = [low + i / 4 * (high - low) for i in range(5)]
    plotext.yticks(ticks, [f"{tick * size:.3g} " for tick in ticks])
    plotext.xticks([i / 4 for i in range(5)], [in_thousands(round(i / 4 * last)) for i in range(5)])
    lines = plotext.uncolorize(plotext.build()).splitlines()
    return "\n".join(line.rstrip() for line in lines).rstrip()


def _console() -> "Console | None":
    """Return rich's console, which knows the colours of the terminal; None where rich is not installed."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(highlight=False)


def print_richly(console: "Console", schedule: Schedule, table: Description, drawn: str) -> None:
    """Print what `show` shows, in colour, on a *console* of rich: text, summary, *table*, *drawn* curve.

    Numbers stand at the right of their columns; only the column of phases is wrapped where it is too wide.
    """
    from rich.table import Table
    from rich.text import Text

    console.print(Text(repr(schedule), style="bold"))
    console.print(Text(f"{_summary(schedule)}\n", style="dim"))
    head, *rows = table.cells()
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for i, title in enumerate(head):
        grid.add_column(title, justify="left" if i in (0, len(head) - 1) else "right", no_wrap=i > 0)
    for row in rows:
        grid.add_row(*map(Text, row))
    console.print(grid, Text(f"\n{drawn}", style="cyan"))


if __name__ == "__main__":
    sys.exit(main())
