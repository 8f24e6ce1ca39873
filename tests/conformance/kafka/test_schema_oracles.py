"""Our codecs against two that others wrote: kio and kafka-python, byte for byte, both ways.

The values come from our table, so a field that it lacks, or has in the wrong place or version,
makes bytes that differ. `ANYMQ_EXAMPLES=500 pytest ...` looks harder.
"""

import dataclasses
import datetime
import importlib
import io
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import kio.index
import kio.schema.errors
import kio.serial
import kio.static.constants
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from anymq.protocols.kafka.schema import generate, layout
from anymq.protocols.kafka.schema.notation import Api, Field, Struct, Versions, read_table

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # how kafka-python reads its schemas
    import kafka.protocol.admin
    import kafka.protocol.consumer
    import kafka.protocol.metadata
    import kafka.protocol.producer
    import kafka.protocol.sasl

EXAMPLES = int(os.environ.get("ANYMQ_EXAMPLES", "8"))

# What an oracle does not know. Whatever else it lacks fails the test, and so does knowing it now.
NOT_IN_KIO = {
    "ApiVersions v5": "Kafka 4.4; kio 0.6.5 has the messages of 4.2",
    "DeleteGroups v3": "Kafka 4.4",
    "TxnOffsetCommit v6": "Kafka 4.4",
}
NOT_IN_KAFKA_PYTHON = {
    "ApiVersions v5": "Kafka 4.4; kafka-python 3.0.12 has not all of its messages",
    "DeleteGroups v3": "Kafka 4.4",
    "TxnOffsetCommit v6": "Kafka 4.4",
    **dict.fromkeys(("ConsumerGroupHeartbeat v0", "ConsumerGroupHeartbeat v1"), "no KIP-848"),
    **dict.fromkeys(("ConsumerGroupDescribe v0", "ConsumerGroupDescribe v1"), "no KIP-848"),
    **dict.fromkeys(("ShareGroupHeartbeat v1", "ShareGroupDescribe v1"), "no KIP-932"),
    **dict.fromkeys(("ShareFetch v1", "ShareFetch v2"), "no KIP-932"),
    **dict.fromkeys(("ShareAcknowledge v1", "ShareAcknowledge v2"), "no KIP-932"),
    **dict.fromkeys(("DescribeShareGroupOffsets v0", "DescribeShareGroupOffsets v1"), "no KIP-932"),
    **dict.fromkeys(("AlterShareGroupOffsets v0", "DeleteShareGroupOffsets v0"), "no KIP-932"),
}

# Fields that both call by another name: it changed in Kafka 4.4.
THEIR_NAMES = {"generation_id_or_member_epoch": "generation_id"}

Tree = dict[str, Any]
APIS = read_table(Path(generate.__file__).parent / "table")


class Message(NamedTuple):
    """One message in one version."""

    api: Api
    kind: str
    version: int

    @override
    def __str__(self) -> str:
        return f"{self.struct.name} v{self.version}"

    @property
    def struct(self) -> Struct:
        """Its fields."""
        return self.api.request if self.kind == "request" else self.api.response

    @property
    def module(self) -> Any:
        """Its code."""
        name = f"{generate.__package__}.generated.{generate.snake(self.api.name)}"
        return importlib.import_module(name)

    def encode(self, message: object) -> bytes:
        """Encode with our code."""
        encoded: bytes = getattr(self.module, f"encode_{self.kind}")(message, self.version)
        return encoded

    def decode(self, data: bytes) -> Any:
        """Decode with our code."""
        return getattr(self.module, f"decode_{self.kind}")(data, 0, self.version)


MESSAGES = [
    Message(api, kind, version)
    for api in APIS
    for version in range(api.versions.low, api.versions.high + 1)
    for kind in ("request", "response")
]


def fields_of(message: Message, struct: Struct) -> list[Field]:
    """Return the fields that the struct has in this version."""
    one = Versions(message.version, message.version)
    return [f for f in struct.fields if not f.versions.within(one).empty]


# --- values -------------------------------------------------------------------------------------

# Whole seconds and not too far away: kio has datetimes here, and computes them with floats.
MOMENTS = st.integers(0, 1 << 32).map(lambda seconds: seconds * 1000)
TEXTS = st.one_of(
    st.text(max_size=4), st.sampled_from(["x" * 126, "x" * 127, "é" * 100, "x" * 9000])
)
BLOBS = st.one_of(st.binary(max_size=4), st.sampled_from([b"y" * 127, bytes(70_000)]))
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    **{f"int{n}": st.integers(-(1 << n - 1), (1 << n - 1) - 1) for n in (8, 16, 32, 64)},
    "uint16": st.integers(0, 65535),
    "bool": st.booleans(),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "uuid": st.one_of(st.just(UUID(int=0)), st.uuids()),
    "string": TEXTS,
    "bytes": BLOBS,
    "records": BLOBS,
    # Types of kio for what is a number to us.
    "error_code": st.sampled_from([int(code) for code in kio.schema.errors.ErrorCode]),
    "timedelta_i32": st.integers(-(1 << 31), (1 << 31) - 1),
    "timedelta_i64": st.integers(-(10**12), 10**12),
    "datetime_i64": MOMENTS,
}


def trees(message: Message, struct: Struct, theirs: type | None) -> st.SearchStrategy[Tree]:
    """Return values for all fields of a struct. `theirs` is kio's class for it, if that limits."""
    fields = fields_of(message, struct)
    classes: list[Any] = [None] * len(fields) if theirs is None else kio_fields(theirs)
    assert len(classes) == len(fields), (struct.name, [f.name for f in fields], classes)
    return st.fixed_dictionaries(
        {f.name: values(message, f, one) for f, one in zip(fields, classes, strict=True)}
    )


def values(message: Message, field: Field, theirs: Any) -> st.SearchStrategy[Any]:
    """Return values for one field."""
    if layout.is_struct(field):
        inner = kio_inner(theirs) if theirs is not None else None
        strategy: Any = trees(message, message.api.structs[field.type], inner)
    else:
        kind = field.type if theirs is None else theirs.metadata["kafka_type"]
        strategy = LEAVES[kind]
    if field.is_array:
        strategy = st.lists(strategy, max_size=2)
    one = Versions(message.version, message.version)
    if layout.is_inline(field) and field.tag is not None:
        return st.one_of(st.none(), strategy.filter(lambda tree: tree != defaults(message, field)))
    if not field.nullable.within(one).empty:
        return st.one_of(st.none(), strategy)
    return strategy  # type: ignore[no-any-return]


def defaults(message: Message, field: Field) -> Tree:
    """Return what a struct is that nobody filled in."""
    struct = message.api.structs[field.type]
    made = getattr(message.module, struct.name)()
    return {f.name: getattr(made, f.name) for f in fields_of(message, struct)}


def build_ours(message: Message, struct: Struct, tree: Tree) -> Any:
    """Make our struct of the values."""
    found = {}
    for field in fields_of(message, struct):
        value = tree[field.name]
        if layout.is_struct(field) and value is not None:
            inner = message.api.structs[field.type]
            if field.is_array:
                value = [build_ours(message, inner, one) for one in value]
            else:
                value = build_ours(message, inner, value)
        found[field.name] = value
    return getattr(message.module, struct.name)(**found)


# --- kio ----------------------------------------------------------------------------------------

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
TO_KIO: dict[str, Any] = {
    "uuid": lambda value: value if value.int else None,
    "error_code": kio.schema.errors.ErrorCode,
    "timedelta_i32": lambda value: datetime.timedelta(milliseconds=value),
    "timedelta_i64": lambda value: datetime.timedelta(milliseconds=value),
    "datetime_i64": lambda value: EPOCH + datetime.timedelta(milliseconds=value),
}


def kio_fields(theirs: type) -> list[Any]:
    return list(dataclasses.fields(theirs))


def kio_inner(field: Any) -> type:
    """Return the class in `X`, `X | None`, `tuple[X, ...]`."""
    kind: Any = field.type
    while not dataclasses.is_dataclass(kind):
        kind = next(one for one in kind.__args__ if one not in (type(None), ...))
    assert isinstance(kind, type)
    return kind


def kio_class(message: Message) -> Any:
    entity_type = getattr(kio.static.constants.EntityType, message.kind)
    name = generate.snake(message.api.name)
    try:
        return kio.index.load_entity_schema(name, message.version, entity_type)
    except kio.index.UnknownEntity:
        return None


def build_kio(message: Message, struct: Struct, theirs: Any, tree: Tree) -> Any:
    """Make kio's object of the values."""
    found = {}
    for field, other in zip(fields_of(message, struct), kio_fields(theirs), strict=True):
        value = tree[field.name]
        names = (field.name, field.name.removesuffix("_ms"), THEIR_NAMES.get(field.name))
        assert other.name in names, (other.name, field.name)
        if value is None and field.tag is not None:
            continue
        if value is not None:
            value = kio_value(message, field, other, value)
        found[other.name] = value
    return theirs(**found)


def kio_value(message: Message, field: Field, other: Any, value: Any) -> Any:
    if layout.is_struct(field):
        inner, theirs = message.api.structs[field.type], kio_inner(other)
        if not field.is_array:
            return build_kio(message, inner, theirs, value)
        return tuple(build_kio(message, inner, theirs, one) for one in value)
    convert = TO_KIO.get(other.metadata["kafka_type"], lambda one: one)
    return tuple(convert(one) for one in value) if field.is_array else convert(value)


# --- kafka-python -------------------------------------------------------------------------------

KAFKA_PYTHON = (
    kafka.protocol.admin,
    kafka.protocol.consumer,
    kafka.protocol.metadata,
    kafka.protocol.producer,
    kafka.protocol.sasl,
)


def kafka_python_class(message: Message) -> Any:
    found = [getattr(module, message.struct.name, None) for module in KAFKA_PYTHON]
    one = next((one for one in found if one is not None), None)
    return one if one is not None and one.max_version >= message.version else None


def build_kafka_python(message: Message, struct: Struct, theirs: Any, tree: Tree) -> Any:
    """Make kafka-python's object of the values."""
    found = {}
    for field in fields_of(message, struct):
        value = tree[field.name]
        other = kafka_python_field(theirs, field.name)
        if value is None and field.tag is not None:
            continue
        if layout.is_struct(field) and value is not None:
            inner, cls = message.api.structs[field.type], other.data_class
            if field.is_array:
                value = [build_kafka_python(message, inner, cls, one) for one in value]
            else:
                value = build_kafka_python(message, inner, cls, value)
        elif other._type_str == "bitfield":
            bits = {bit for bit in range(32) if value >> bit & 1}
            value = None if bits == {31} else bits  # to Kafka the least number says "not asked"
        elif field.type == "uuid" and not field.is_array and not value.int:
            value = None
        found[other.name] = value
    return theirs(version=message.version, **found)


def kafka_python_field(theirs: Any, name: str) -> Any:
    fields = theirs._struct.fields
    names = (name, THEIR_NAMES.get(name), "authorized_operations")
    return next(fields[one] for one in names if one in fields)


# --- the tests ----------------------------------------------------------------------------------


def missing(find: Any) -> set[str]:
    return {f"{m.api.name} v{m.version}" for m in MESSAGES if find(m) is None}


def test_exceptions_are_listed() -> None:
    """Whoever adds a message sees that nobody checks it."""
    assert missing(kio_class) == set(NOT_IN_KIO)
    assert missing(kafka_python_class) == set(NOT_IN_KAFKA_PYTHON)


def quick(test: Any) -> Any:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES < 100,
        suppress_health_check=checks,
    )(test)


@pytest.mark.parametrize("message", [m for m in MESSAGES if kio_class(m)], ids=str)
def test_same_as_kio(message: Message) -> None:
    theirs = kio_class(message)
    write, read = kio.serial.entity_writer(theirs), kio.serial.entity_reader(theirs)

    @quick
    @given(trees(message, message.struct, theirs))
    def same(tree: Tree) -> None:

        ours = build_ours(message, message.struct, tree)
        other = build_kio(message, message.struct, theirs, tree)
        buffer = io.BytesIO()
        write(buffer, other)
        assert message.encode(ours) == buffer.getvalue()
        assert message.decode(buffer.getvalue()) == ours
        assert read(message.encode(ours), 0)[0] == other

    same()


@pytest.mark.parametrize("message", [m for m in MESSAGES if kafka_python_class(m)], ids=str)
def test_same_as_kafka_python(message: Message) -> None:
    theirs = kafka_python_class(message)

    @quick
    @given(trees(message, message.struct, None))
    def same(tree: Tree) -> None:
        ours = build_ours(message, message.struct, tree)
        other = build_kafka_python(message, message.struct, theirs, tree)
        encoded = bytes(other.encode())
        assert message.encode(ours) == encoded
        assert message.decode(encoded) == ours
        if message.struct.name == "ApiVersionsResponse" and ours.error_code:
            return  # kafka-python takes every error for UNSUPPORTED_VERSION and reads on as v0
        assert theirs.decode(message.encode(ours), version=message.version) == other

    same()
