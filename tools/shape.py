"""Says whether files and functions are small enough to be read. `./dev check` runs it.

A file of ours has at most 600 lines, half of all functions 4 to 10, and few have more than 30.
Generated files are as long as what they are made of. With --long, lists the longest of both.
"""

import argparse
import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATED = "generated"
FILE_LINES_MAX = 600
MEDIAN_LINES = range(4, 11)
LONG_LINES = 30
LONG_SHARE_MAX = 0.01  # of all functions
LISTED = 15


@dataclass(frozen=True, slots=True, order=True)
class Sized:
    """A file, or a function with everything from `def` to its last line."""

    lines: int
    place: str


def main() -> int:
    """Measure, and compare; 1 where something is too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="list the longest")
    files = list(read_files())
    functions = [function for name, text in files for function in functions_of(name, text)]
    sizes = [Sized(len(text.splitlines()), name) for name, text in files]
    if parser.parse_args().long:
        for one in [*sorted(sizes)[-LISTED:], *sorted(functions)[-LISTED:]]:
            print(f"{one.lines:5} {one.place}")
    complaints = [*about_files(sizes), *about_functions(functions)]
    print("\n".join([*complaints, summary(sizes, functions)]))
    return 1 if complaints else 0


def read_files() -> Iterator[tuple[str, str]]:
    """Yield every Python file that is ours, with its text."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", "dev"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in sorted(set(listed.stdout.splitlines())):
        path = ROOT / name
        if GENERATED not in path.parts and path.exists():
            yield name, path.read_text()


def functions_of(name: str, text: str) -> Iterator[Sized]:
    """Yield every function of a file."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last = node.end_lineno or node.lineno
            yield Sized(last - node.lineno + 1, f"{name}:{node.lineno} {node.name}")


def about_files(files: list[Sized]) -> Iterator[str]:
    """Name the files that are too long."""
    for file in files:
        if file.lines > FILE_LINES_MAX:
            yield f"{file.place}: {file.lines} lines, at most {FILE_LINES_MAX}: two ideas in one?"


def about_functions(functions: list[Sized]) -> Iterator[str]:
    """Complain when functions grow."""
    median = round(statistics.median(one.lines for one in functions))
    if median not in MEDIAN_LINES:
        yield f"half of the functions have up to {median} lines: it should be 4 to 10"
    long = sorted(one for one in functions if one.lines > LONG_LINES)
    if len(long) > LONG_SHARE_MAX * len(functions):
        yield f"too many functions have more than {LONG_LINES} lines:"
        yield from (f"  {one.lines} {one.place}" for one in long)


def summary(files: list[Sized], functions: list[Sized]) -> str:
    """Say how it is, in a line."""
    median = statistics.median(one.lines for one in functions)
    long = sum(one.lines > LONG_LINES for one in functions)
    return (
        f"{len(files)} files, the longest {max(files).lines} lines;"
        f" {len(functions)} functions, median {median:g} lines, {long} above {LONG_LINES}"
    )


if __name__ == "__main__":
    sys.exit(main())
