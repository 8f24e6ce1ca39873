"""How rabbitmqadmin writes lists: tables, JSON, and forms for scripts."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from anymq.cli.rabbitmq_tools.admin_words import WrongWords

PROMOTED = (*("vhost", "name", "type", "source", "destination", "destination_type", "routing_key"),)
FORMATS = ("raw_json", "pretty_json", "tsv", "long", "table", "kvp", "bash")
LINE = "-" * 80


def written(
    rows: Sequence[Any], columns: Sequence[str], form: str, depth: int, as_json: Sequence[str]
) -> Iterator[str]:
    """Yield the lines."""
    if form not in FORMATS:
        raise WrongWords(f"Format {form} not recognised")
    if form == "raw_json":
        yield json.dumps(rows, separators=(",", ":"), ensure_ascii=False)
        return
    if form == "pretty_json":
        yield json.dumps(rows, sort_keys=True, indent=2, ensure_ascii=False)
        return
    flat = [dict(_flat(row, "", 1, None if columns else depth, as_json)) for row in rows]
    heads = list(columns) or sorted({key for row in flat for key in row}, key=_order)
    table = [[_text(row.get(head, "")) for head in heads] for row in flat]
    yield from _FORMS[form](heads, table)


def _flat(
    row: dict[str, Any], prefix: str, level: int, depth: int | None, as_json: Sequence[str]
) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict) and key in as_json:
            yield name, json.dumps(value)
        elif isinstance(value, dict):
            if depth is None or level < depth:
                yield from _flat(value, name, level + 1, depth, as_json)
        elif isinstance(value, list):
            texts = all(isinstance(each, str) for each in value)
            yield name, " ".join(value) if texts else json.dumps(value)
        else:
            yield name, value


def _text(value: Any) -> str:
    return str(value)


def _order(name: str) -> tuple[int, int, str]:
    return (1, PROMOTED.index(name), "") if name in PROMOTED else (2, 0, name)


def _table(heads: Sequence[str], table: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(heads, *table, strict=True)]
    bar = "+" + "".join("-" * (width + 2) + "+" for width in widths)
    yield bar
    yield "|" + "".join(f" {head:^{n}} |" for head, n in zip(heads, widths, strict=True))
    yield bar
    for row in table:
        yield "|" + "".join(f" {one:<{n}} |" for one, n in zip(row, widths, strict=True))
    yield bar


def _tsv(heads: Sequence[str], table: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "\t".join(heads)
    yield from ("\t".join(row) for row in table)


def _long(heads: Sequence[str], table: Sequence[Sequence[str]]) -> Iterator[str]:
    width = max(map(len, heads), default=0)
    yield f"\n{LINE}\n"
    for row in table:
        yield from (f"{head:>{width}}: {one}" for head, one in zip(heads, row, strict=True))
        yield f"\n{LINE}\n"


def _pairs(heads: Sequence[str], table: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in table:
        yield " ".join(f'{head}="{one}"' for head, one in zip(heads, row, strict=True))


def _names(heads: Sequence[str], table: Sequence[Sequence[str]]) -> Iterator[str]:
    if "name" in heads:
        at = list(heads).index("name")
        yield " ".join(row[at] for row in table)


_FORMS = {"table": _table, "tsv": _tsv, "long": _long, "kvp": _pairs, "bash": _names}
