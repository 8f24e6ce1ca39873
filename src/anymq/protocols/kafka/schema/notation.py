"""Read the table: the facts about Kafka's messages, in a notation of our own.

    api 3 Metadata  versions 0-13  flexible 9

      request
        topics                [MetadataRequestTopic]?1+    = []
          topic_id            uuid                         10+
          name                string?10+
        include_operations    bool                         8-10

Indented below a field are the fields of its struct, the first time the struct is used. After the
type: `?` nullable (`?10+` since version 10), then the versions that have the field (default: those
of what it is part of), `tag 0`, and `= x` the default (else null if it may be, else zero or empty).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

VERSION_MAX = 1 << 15

_API = re.compile(r"api (\d+) (\w+)  versions (\S+)  flexible (\S+)")
_FIELD = re.compile(
    r"(?P<indent> +)(?P<name>\w+) +(?P<type>\[\w+\]|\w+)(?P<nullable>\?\S*)?"
    r"(?: +(?P<versions>\d\S*))?(?: +tag (?P<tag>\d+))?(?: +=\s(?P<default>.+))?"
)


class Versions(NamedTuple):
    """From `low` to `high`, both included."""

    low: int
    high: int

    def within(self, other: "Versions") -> "Versions":
        """Return what both have."""
        return Versions(max(self.low, other.low), min(self.high, other.high))

    @property
    def empty(self) -> bool:
        """No version at all?"""
        return self.low > self.high


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct."""

    name: str
    type: str
    is_array: bool
    versions: Versions
    nullable: Versions
    tag: int | None
    default: str | None


@dataclass(frozen=True, slots=True)
class Struct:
    """A message, or what its arrays hold."""

    name: str
    fields: list[Field] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Api:
    """One request and its response."""

    key: int
    name: str
    versions: Versions
    flexible: int
    request: Struct
    response: Struct
    structs: dict[str, Struct]
    source: str


def read_table(folder: Path) -> list[Api]:
    """Read every file of the table, in the order of the API keys."""
    files = sorted(folder.glob("*.txt"))
    apis = [api for path in files for api in _read_file(path)]
    return sorted(apis, key=lambda api: api.key)


def _read_file(path: Path) -> Iterator[Api]:
    lines = [line.rstrip() for line in path.read_text("utf-8").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    starts = [number for number, line in enumerate(lines) if line.startswith("api ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield _read_api(lines[start:end], path.name)


def _read_api(lines: list[str], source: str) -> Api:
    match = _API.fullmatch(lines[0])
    if match is None:
        raise SyntaxError(f"{source}: {lines[0]}")
    key, name, versions, flexible = match.groups()
    split = lines.index("  response")
    structs: dict[str, Struct] = {}
    return Api(
        key=int(key),
        name=name,
        versions=_versions(versions),
        flexible=VERSION_MAX if flexible == "never" else int(flexible),
        request=_read_struct(f"{name}Request", lines[2:split], structs, source),
        response=_read_struct(f"{name}Response", lines[split + 1 :], structs, source),
        structs=structs,
        source=source,
    )


def _read_struct(
    name: str, lines: Iterable[str], structs: dict[str, Struct], source: str
) -> Struct:
    """Read the indented lines of one message; inner structs are added to `structs`."""
    message = Struct(name)
    open_structs = {4: message}
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise SyntaxError(f"{source}: {line}")
        indent = len(match["indent"])
        one = _field(match)
        open_structs[indent].fields.append(one)
        if one.type[0].isupper() and one.type not in structs:
            open_structs[indent + 2] = structs[one.type] = Struct(one.type)
    return message


def _field(match: re.Match[str]) -> Field:
    nullable = match["nullable"]
    none = Versions(1, 0)
    return Field(
        name=match["name"],
        type=match["type"].strip("[]"),
        is_array=match["type"].startswith("["),
        versions=_versions(match["versions"] or "0+"),
        nullable=none if nullable is None else _versions(nullable[1:] or "0+"),
        tag=None if match["tag"] is None else int(match["tag"]),
        default=match["default"],
    )


def _versions(text: str) -> Versions:
    """Read `3`, `3+` or `3-7`."""
    low, dash, high = text.rstrip("+").partition("-")
    if text.endswith("+"):
        return Versions(int(low), VERSION_MAX)
    return Versions(int(low), int(high) if dash else int(low))
