"""Print how long and how well explained each file of the package is, and fail past the limits below.

    .venv/bin/python tests/budget.py [folder]

A code line holds code: blank lines, comments and docstrings are not counted. A docstring counts with all its
lines, quotes included; a function counts without its docstring.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1] / "tlama_core"

CODE_LINES = 300
CODE_LINES_OF = {"algebra.py": 700}  # operators must name the nodes they build
FUNCTION_LINES = 40
MEDIAN_FUNCTION_LINES = 5
DOCSTRING_LINES_PER_CODE_LINE = 0.4

LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


class Measures(NamedTuple):
    """What is counted of a file."""

    name: str
    code: int
    docstring: int
    functions: list[tuple[int, str]]
    bare_any: int

    @property
    def density(self) -> float:
        return self.docstring / max(1, self.code)

    @property
    def longest(self) -> tuple[int, str]:
        return max(self.functions, default=(0, ""))

    def over(self) -> Iterator[str]:
        """Say which limits the file is over."""
        limit = CODE_LINES_OF.get(self.name, CODE_LINES)
        if self.code > limit:
            yield f"{self.name}: {self.code} code lines, at most {limit}"
        for length, function in self.functions:
            if length > FUNCTION_LINES:
                yield f"{self.name}: {function} has {length} lines, at most {FUNCTION_LINES}"


def lines_of(node: ast.stmt | ast.expr) -> set[int]:
    """Return the lines on which *node* stands."""
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def docstring_of(node: DOCUMENTED) -> set[int]:
    """Return the lines of the docstring of *node*."""
    return lines_of(node.body[0]) if ast.get_docstring(node) is not None else set()


def strings_of(tree: ast.Module) -> set[int]:
    """Return the lines of all strings that are statements: docstrings, and those under an attribute."""
    return set().union(
        *(
            lines_of(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
    )


def is_any(node: ast.expr | None) -> bool:
    """Whether an annotation is `Any` and nothing more."""
    return node is not None and ast.unparse(node).strip("'\"") in {"Any", "typing.Any"}


def parameters_of(function: FUNCTION) -> list[ast.arg]:
    """Return all parameters of *function*."""
    args = function.args
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    return named + [arg for arg in (args.vararg, args.kwarg) if arg is not None]


def measure(name: str, source: str) -> Measures:
    """Count *source*."""
    tree = ast.parse(source)
    documented = [node for node in ast.walk(tree) if isinstance(node, DOCUMENTED)]
    functions = [node for node in documented if isinstance(node, FUNCTION)]
    used: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            used.update(range(token.start[0], token.end[0] + 1))
    return Measures(
        name,
        len(used - strings_of(tree)),
        sum(len(docstring_of(node)) for node in documented),
        [(len(lines_of(node) - docstring_of(node)), node.name) for node in functions],
        sum(is_any(arg.annotation) for node in functions for arg in parameters_of(node)),
    )


def total(files: list[Measures]) -> Measures:
    """Add up the *files*."""
    return Measures(
        "all",
        sum(file.code for file in files),
        sum(file.docstring for file in files),
        [function for file in files for function in file.functions],
        sum(file.bare_any for file in files),
    )


def over_all(package: Measures) -> Iterator[str]:
    """Say which limits the *package* as a whole is over."""
    if package.density < DOCSTRING_LINES_PER_CODE_LINE:
        yield (
            f"the package: {package.density:.2f} docstring lines per code line, at least"
            f" {DOCSTRING_LINES_PER_CODE_LINE}"
        )
    middle = median([length for length, _ in package.functions] or [0])
    if middle > MEDIAN_FUNCTION_LINES:
        yield f"the package: the median function has {middle:g} lines, at most {MEDIAN_FUNCTION_LINES}"


def main(folder: Path) -> int:
    """Print the measures of every file below *folder*, then what is over a limit."""
    files = [
        measure(path.relative_to(folder).as_posix(), path.read_text())
        for path in sorted(folder.rglob("*.py"))
    ]
    whole = total(files)
    print(f"{'file':32}{'code':>6}{'docstrings':>12}{'longest function':>38}{'Any':>5}")
    for file in [*files, whole]:
        length, function = file.longest
        print(f"{file.name:32}{file.code:6}{file.density:12.2f}{function:>33}{length:5}{file.bare_any:5}")
    lengths = [length for length, _ in whole.functions]
    print(f"\n{len(lengths)} functions, the median of {median(lengths or [0]):g} lines")
    found = [message for file in files for message in file.over()] + list(over_all(whole))
    for message in found:
        print(f"over: {message}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE))
