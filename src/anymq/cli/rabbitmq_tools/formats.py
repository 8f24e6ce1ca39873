"""What rows look like: as RabbitMQ's tools write them, Erlang's terms and all."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

Row = Mapping[str, Any]

FORMATTERS = ("table", "json", "csv", "pretty_table")
MACHINE_READABLE = ("json", "csv")
INT32 = range(-(1 << 31), 1 << 31)


class Tags(list[str]):
    """A list of names, not of texts."""


class Protocol(str):
    """A version as Erlang writes it: {0,9,1}."""

    __slots__ = ()


class Address(str):
    """Where somebody is; for programs, as numbers."""

    __slots__ = ()


class Document(str):
    """JSON within a cell, as it is."""

    __slots__ = ()


def formatted(formatter: str, columns: Sequence[str], rows: Sequence[Row], *, heads: bool) -> str:
    """Write them; no rows are no heads either."""
    if formatter == "json":
        return _json(columns, rows)
    if not rows:
        return ""
    cells = [[item(row.get(column)) for column in columns] for row in rows]
    if formatter == "csv":
        return _csv(columns, cells)
    if formatter == "pretty_table":
        return _pretty(columns, cells)
    return "\n".join("\t".join(line) for line in ([list(columns)] if heads else []) + cells)


def _json(columns: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [
        msgspec.json.encode({column: _plain(row.get(column)) for column in columns}).decode()
        for row in rows
    ]
    return "\n".join(["[", "\n,".join(lines), "]"] if lines else ["[", "]"])


def _csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([columns, *rows])
    return text.getvalue().rstrip("\n")


def _pretty(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]

    def rule(left: str, middle: str, right: str) -> str:
        return left + middle.join("─" * (width + 2) for width in widths) + right

    def line(cells: Sequence[str]) -> str:
        inner = " │ ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"│ {inner} │"

    between = "\n" + rule("├", "┼", "┤") + "\n"
    body = between.join(map(line, [columns, *rows]))
    return "\n".join([rule("┌", "┬", "┐"), body, rule("└", "┴", "┘")])


def item(value: Any) -> str:
    """Write one cell; text is written as it is."""
    if isinstance(value, Protocol):
        return protocol_term(value)
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, Tags):
        return f"[{', '.join(value)}]"
    return term(value)


def term(value: Any) -> str:
    """Write a value as Erlang does; a table is a list of pairs."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "undefined"
    if isinstance(value, dict):
        pairs = ",".join(f"{{{_quoted(key)},{term(each)}}}" for key, each in value.items())
        return f"[{pairs}]"
    if isinstance(value, list):
        return f"[{','.join(map(term, value))}]"
    return _quoted(value) if isinstance(value, str) else str(value)


def protocol_term(name: str) -> str:
    """Write "AMQP 0-9-1" as {0,9,1}; others keep their names."""
    numbers = name.removeprefix("AMQP ").split("-")
    if name.startswith("AMQP ") and all(map(str.isdigit, numbers)):
        return f"{{{','.join(numbers)}}}"
    return name


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _plain(value: Any) -> Any:
    """Make it what RabbitMQ's JSON has: arguments with their types."""
    if isinstance(value, Address):
        parts = value.split(".")
        return [int(part) for part in parts] if all(map(str.isdigit, parts)) else str(value)
    if isinstance(value, Protocol):
        numbers = protocol_term(value).strip("{}").split(",")
        return [int(each) for each in numbers] if all(map(str.isdigit, numbers)) else str(value)
    if isinstance(value, dict):
        return [[key, *_typed(each)] for key, each in value.items()]
    if isinstance(value, str):
        return str(value)  # plain, whatever it stood for
    if isinstance(value, list):
        return list(value)
    return "" if value is None else value


def _typed(value: Any) -> tuple[str, Any]:
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, int):
        return ("signedint" if value in INT32 else "long"), value
    if isinstance(value, float):
        return "double", value
    if isinstance(value, dict):
        return "table", _plain(value)
    if isinstance(value, list):
        return "array", [list(_typed(each)) for each in value]
    return ("void", "undefined") if value is None else ("longstr", value)
