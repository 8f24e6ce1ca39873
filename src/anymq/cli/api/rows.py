"""Rows of the API as tables for people, as JSON for programs."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from anymq.cli.errors import CommandFailed
from anymq.cli.output import print_json, print_table

Row = Mapping[str, Any]
Columns = Mapping[str, str]  # head -> where in a row, with dots to things within
ABSENT = object()
CELL_MAX = 120  # letters: what is longer is for --json


def add_row_flags(parser: argparse.ArgumentParser) -> None:
    """Declare how rows may be shown."""
    parser.add_argument("--json", action="store_true", help="all there is, for programs")
    parser.add_argument(
        "--columns", metavar="A,B.C", help="these instead, by their names in the API (see --json)"
    )


def show_rows(rows: Sequence[Row], columns: Columns, arguments: argparse.Namespace) -> None:
    """Print them as they are wanted; an empty table is nothing."""
    wanted = getattr(arguments, "columns", None)
    if wanted:
        columns = {name: name for name in wanted.split(",")}
        _check_columns(rows, columns)
    if arguments.json:
        print_json([_picked(row, columns) for row in rows] if wanted else rows)
    elif rows:
        heads = [head.upper() for head in columns]
        print_table(heads, [[cell(value_at(row, key)) for key in columns.values()] for row in rows])


def show_one(row: Row, arguments: argparse.Namespace) -> None:
    """Print all there is of one thing, a line each."""
    if arguments.json:
        print_json(row)
        return
    lines = list(_flat(row))
    width = max((len(name) for name, _ in lines), default=0)
    for name, value in lines:
        print(f"{name:{width}}  {cell(value, whole=True)}".rstrip())


def value_at(row: Row, key: str) -> Any:
    """Return what is there, by a name with dots; None where nothing is."""
    found = _at(row, key)
    return None if found is ABSENT else found


def cell(value: Any, *, whole: bool = False) -> object:
    """Write a value for a person."""
    if value is None or value == "" or value == [] or value == {}:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return round(value, 1) if isinstance(value, float) else value
    return printable(_text(value), None if whole else CELL_MAX)


def printable(text: str, most: int | None = None) -> str:
    """Return it without what would play tricks with a terminal, and no longer than wanted."""
    if not text.isprintable():
        text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    return text if most is None or len(text) <= most else text[: most - 1] + "…"


def written_for(stream: TextIO, text: str) -> str:
    """Return lines as they are for a program; a terminal is not to be played tricks with."""
    if text.isprintable() or not stream.isatty():
        return text
    return "".join(one if one in "\n\t" else printable(one) for one in text)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={cell(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ",".join(str(cell(each)) for each in value)
    return str(value)


def _at(row: Any, key: str) -> Any:
    for step in key.split("."):
        if not isinstance(row, Mapping) or step not in row:
            return ABSENT
        row = row[step]
    return row


def _picked(row: Row, columns: Columns) -> dict[str, Any]:
    return {name: value_at(row, key) for name, key in columns.items()}


def _check_columns(rows: Sequence[Row], columns: Columns) -> None:
    """Say a column that nobody has: it is a mistake, not an empty column."""
    for name in columns.values():
        if rows and all(_at(row, name) is ABSENT for row in rows):
            raise CommandFailed(f"there is no column {name!r}; {', '.join(sorted(rows[0]))}")


def _flat(row: Row, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, each in enumerate(value):
                yield from _flat(each, f"{prefix}{name}.{number}.")
        else:
            yield prefix + name, value
