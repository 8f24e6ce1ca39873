"""How a struct lies on the wire: runs of fixed size, each up to the next length.

Neighbours of fixed size are read by one `struct` call, together with the length (or count, or tag
count) that follows them. Which fields there are depends on the version: a run has variants.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from anymq.protocols.kafka.schema.notation import Api, Field, Struct, Versions

FIXED: Final = {
    "int8": ("b", 1),
    "int16": ("h", 2),
    "int32": ("i", 4),
    "int64": ("q", 8),
    "uint16": ("H", 2),
    "bool": ("?", 1),
    "float64": ("d", 8),
    "uuid": ("16s", 16),
}
_PYTHON: Final = {
    "string": ("str", '""'),
    "bytes": ("bytes", 'b""'),
    "records": ("Buffer", 'b""'),
    "bool": ("bool", "False"),
    "float64": ("float", "0.0"),
    "uuid": ("UUID", "NULL_UUID"),
}
_CLASSIC_LENGTH: Final = {"string": ("h", 2)}  # of everything else: 4 bytes
_NO_VERSIONS: Final = Versions(1, 0)


@dataclass(frozen=True, slots=True)
class Run:
    """Fields of fixed size and what follows them: something with a length, or nothing."""

    fixed: list[Field]
    last: Field | None


@dataclass(frozen=True, slots=True)
class Variant:
    """How a run lies in these versions."""

    versions: Versions
    fixed: list[Field]
    flexible: bool


def is_fixed(field: Field) -> bool:
    """Of the same size, whatever it holds?"""
    return not field.is_array and field.type in FIXED


def is_struct(field: Field) -> bool:
    """A struct, or an array of them?"""
    return field.type[0].isupper()


def is_inline(field: Field) -> bool:
    """A struct that is just there, with nothing before it?"""
    return is_struct(field) and not field.is_array and field.nullable.empty


def runs(api: Api, struct: Struct, versions: Versions) -> Iterator[Run]:
    """Cut a struct into runs. The tagged fields are a field of type `tags` at the end."""
    fixed: list[Field] = []
    for field in struct.fields:
        if field.tag is not None or field.versions.within(versions).empty:
            continue
        if is_fixed(field):
            fixed.append(field)
        else:
            yield Run(fixed, field)
            fixed = []
    flexible = Versions(api.flexible, api.versions.high)
    if not flexible.within(versions).empty:
        yield Run(fixed, Field("tags", "tags", False, flexible, _NO_VERSIONS, None, None))
    elif fixed:
        yield Run(fixed, None)


def variants(api: Api, run: Run, versions: Versions) -> list[Variant]:
    """Return how a run lies, the newest versions first; its last field is there in all of them."""
    lengths_differ = run.last is not None and not is_single_struct(run.last)
    cuts = {versions.low, versions.high + 1}
    for field in run.fixed:
        cuts |= {field.versions.low, field.versions.high + 1}
    if lengths_differ:
        cuts.add(api.flexible)
    edges = sorted(cut for cut in cuts if versions.low <= cut <= versions.high + 1)
    found: list[Variant] = []
    for low, end in pairwise(edges):
        fixed = [f for f in run.fixed if f.versions.low <= low <= f.versions.high]
        flexible = lengths_differ and low >= api.flexible
        found.append(Variant(Versions(low, end - 1), fixed, flexible))
    return found[::-1]


def is_single_struct(field: Field) -> bool:
    """Is it one struct? Then no length precedes it, at most a byte which says if it is null."""
    return is_struct(field) and not field.is_array


def presence(field: Field, versions: Versions) -> list[tuple[Versions, bool]]:
    """Cut `versions`, the newest first, into those with the field and those without."""
    there = field.versions.within(versions)
    if there.empty:
        return [(versions, False)]
    parts = [
        (Versions(there.high + 1, versions.high), False),
        (there, True),
        (Versions(versions.low, there.low - 1), False),
    ]
    return [part for part in parts if not part[0].empty]


def length_code(field: Field, flexible: bool) -> tuple[str, int]:
    """Return the struct code of what precedes the field, and its size."""
    if is_single_struct(field):
        return ("", 0) if is_inline(field) else ("b", 1)
    if flexible:
        return "B", 1
    return _CLASSIC_LENGTH.get("array" if field.is_array else field.type, ("i", 4))


def tags_of(struct: Struct, versions: Versions) -> list[Field]:
    """Return the tagged fields, in the order of their tags."""
    tags = [f for f in struct.fields if f.tag is not None]
    there = [f for f in tags if not f.versions.within(versions).empty]
    return sorted(there, key=lambda f: f.tag or 0)


def least_size(api: Api, field: Field, versions: Versions) -> int:
    """Return the fewest bytes that one element of this array takes in any version."""
    if not is_struct(field):
        return FIXED[field.type][1] if field.type in FIXED else 1
    struct = api.structs[field.type]
    return max(1, min(_size(api, struct, v) for v in range(versions.low, versions.high + 1)))


def _size(api: Api, struct: Struct, version: int) -> int:
    size = 0
    one = Versions(version, version)
    for run in runs(api, struct, one):
        size += sum(FIXED[f.type][1] for f in run.fixed)
        if run.last is not None and is_inline(run.last):
            size += _size(api, api.structs[run.last.type], version)
        elif run.last is not None:
            size += length_code(run.last, version >= api.flexible)[1]
    return size


def python_type(field: Field) -> str:
    """Return the annotation."""
    plain = field.type if is_struct(field) else _PYTHON.get(field.type, ("int", ""))[0]
    kind = f"list[{plain}]" if field.is_array else plain
    return f"{kind} | None" if may_be_none(field) else kind


def may_be_none(field: Field) -> bool:
    """Nullable; or a tagged struct, for which None says that it is not there."""
    return not field.nullable.empty or (field.tag is not None and is_single_struct(field))


def python_default(field: Field) -> str:
    """Return the default, as an expression that may be used again and again."""
    if field.default is not None:
        return {"true": "True"}.get(field.default, field.default)
    if may_be_none(field):
        return "None"
    if field.is_array:
        return "[]"
    return f"{field.type}()" if is_struct(field) else _PYTHON.get(field.type, ("", "0"))[1]
