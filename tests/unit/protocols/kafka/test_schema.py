"""What the generated code promises whatever the message: nothing here knows a single field."""

import importlib
import tracemalloc
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from anymq.protocols.kafka import primitives
from anymq.protocols.kafka.codec import MalformedFrame
from anymq.protocols.kafka.schema import generate, notation
from anymq.protocols.kafka.schema.generated import MODULES, create_topics, metadata, produce


class Message(NamedTuple):
    """One message in one version."""

    module: Any
    kind: str
    version: int

    @override
    def __str__(self) -> str:
        name: str = self.module.__name__.rpartition(".")[2]
        return f"{name} {self.kind} v{self.version}"

    def empty(self) -> Any:
        """Return the message with nothing filled in."""
        name = self.module.__name__.rpartition(".")[2].title().replace("_", "")
        return getattr(self.module, name + self.kind.title())()

    def encode(self, message: Any) -> bytes:
        encoded: bytes = getattr(self.module, f"encode_{self.kind}")(message, self.version)
        return encoded

    def decode(self, data: bytes | memoryview) -> Any:
        return getattr(self.module, f"decode_{self.kind}")(data, 0, self.version)

    @property
    def is_flexible(self) -> bool:
        flexible: int = self.module.FLEXIBLE
        return self.version >= flexible


PACKAGE = f"{generate.__package__}.generated"
MESSAGES = [
    Message(module, kind, version)
    for module in (importlib.import_module(f"{PACKAGE}.{name}") for name in MODULES.values())
    for kind in ("request", "response")
    for version in range(module.MIN_VERSION, module.MAX_VERSION + 1)
]


def test_generated_code_is_what_the_table_says() -> None:
    """Whoever changes one must make the other."""
    assert generate.main(["--check"]) == 0


def test_whatever_is_encoded_comes_back() -> None:
    for message in MESSAGES:
        data = message.encode(message.empty())
        assert message.decode(data) == message.empty(), message


def test_decoding_starts_where_the_header_ends() -> None:
    for message in MESSAGES:
        data = message.encode(message.empty())
        decode = getattr(message.module, f"decode_{message.kind}")
        assert decode(b"header" + data, 6, message.version) == message.empty(), message


def test_every_cut_is_noticed() -> None:
    for message in MESSAGES:
        data = message.encode(message.empty())
        for size in range(len(data)):
            with pytest.raises(MalformedFrame):
                message.decode(data[:size])


def test_unknown_tagged_fields_are_skipped() -> None:
    """A newer peer may send what we do not know, after everything else."""
    for message in MESSAGES:
        if message.is_flexible:
            data = message.encode(message.empty())
            assert data[-1] == 0
            assert message.decode(data[:-1] + b"\x01\xff\x01\x03xyz") == message.empty(), message


TRIES = 10


@pytest.mark.parametrize("lie", [b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff\x07"])
def test_a_lying_count_costs_nothing(lie: bytes) -> None:
    """Two billion topics are announced, in the old encoding and the new; none of them is there."""
    tracemalloc.start()
    try:
        for message in MESSAGES:
            data = message.encode(message.empty()) + bytes(20)
            for position in range(len(data) - 20):
                lying = data[:position] + lie + data[position:]
                assert any(_cost(message, lying) < 20_000 for _ in range(TRIES)), message
    finally:
        tracemalloc.stop()


def _cost(message: Message, data: bytes) -> int:
    """Return how much memory it took, with what other threads of this process took meanwhile."""
    tracemalloc.reset_peak()
    before, _peak = tracemalloc.get_traced_memory()
    with suppress(MalformedFrame):
        message.decode(data)
    return tracemalloc.get_traced_memory()[1] - before


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MESSAGES), st.binary(max_size=60), st.data())
def test_no_bytes_raise_anything_but_malformed_frame(
    message: Message, noise: bytes, data: st.DataObject
) -> None:
    """Noise alone, and noise in the middle of a good message."""
    good = message.encode(message.empty())
    cut = data.draw(st.integers(0, len(good)))
    for candidate in (noise, good[:cut] + noise + good[cut:], good[:cut] + noise):
        try:
            message.decode(memoryview(candidate))
        except MalformedFrame:
            continue


# --- particular values --------------------------------------------------------------------------


def test_records_are_not_copied() -> None:
    """A batch of a megabyte goes from the socket's buffer to the log as it is."""
    part = produce.PartitionProduceData(0, b"batch" * 1000)
    sent = produce.ProduceRequest(
        None, -1, 500, [produce.TopicProduceData("t", partition_data=[part])]
    )
    for version in (3, 9):
        data = produce.encode_request(sent, version)
        records = produce.decode_request(data, 0, version).topic_data[0].partition_data[0].records
        assert isinstance(records, memoryview)
        assert records.obj is data
        assert records == part.records
        assert part.records in produce.encode_request_parts(sent, version)


@pytest.mark.parametrize("version", [5, 12])
@pytest.mark.parametrize("count", [0, 1, 15, 16, 126, 127, 128, 20_000])
def test_arrays_of_any_length(version: int, count: int) -> None:
    """126 and 127 are where the length of the new encoding takes a second byte."""
    part = metadata.MetadataResponsePartition(0, 1, 2, -1, list(range(count)), [], [])
    topics = [metadata.MetadataResponseTopic(name=f"t{n}", partitions=[part]) for n in range(2)]
    sent = metadata.MetadataResponse(topics=topics + [topics[0]] * min(count, 200))
    data = metadata.encode_response(sent, version)
    assert metadata.decode_response(data, 0, version) == sent


@pytest.mark.parametrize("version", [4, 7])
def test_strings_up_to_the_longest(version: int) -> None:
    for size in (126, 127, 32767):
        topic = create_topics.CreatableTopic("x" * size, 1, 1)
        sent = create_topics.CreateTopicsRequest([topic])
        data = create_topics.encode_request(sent, version)
        assert create_topics.decode_request(data, 0, version) == sent


def test_a_string_too_long_is_refused() -> None:
    """Kafka's limit, in the encoding that could carry more."""
    sent = create_topics.CreateTopicsRequest([create_topics.CreatableTopic("x" * 32768, 1, 1)])
    with pytest.raises(MalformedFrame, match="32767"):
        create_topics.decode_request(create_topics.encode_request(sent, 7), 0, 7)


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(MalformedFrame, match=r"MetadataRequest v1: .*utf-8"):
        metadata.decode_request(b"\x00\x00\x00\x01\x00\x02\xff\xfe", 0, 1)


def test_null_where_it_may_not_be_is_refused() -> None:
    """All topics is null since version 1; before, it was an empty array."""
    assert metadata.decode_request(b"\xff\xff\xff\xff", 0, 1).topics is None
    with pytest.raises(MalformedFrame, match="topics"):
        metadata.decode_request(b"\xff\xff\xff\xff", 0, 0)


@pytest.mark.parametrize("value", [0, 127, 128, 16383, 16384, (1 << 31) - 1])
def test_uvarint_comes_back(value: int) -> None:
    data = primitives.uvarint(value)
    assert primitives.read_uvarint(data, 0) == (value, len(data))


@pytest.mark.parametrize("data", [b"\x80" * 5 + b"\x01", b"\xff\xff\xff\xff\x0f", b"\x80" * 9])
def test_uvarint_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedFrame):
        primitives.read_uvarint(data, 0)


@pytest.mark.parametrize("line", ["    what is this even", "    topics  [Topic", "  topics"])
def test_nonsense_in_the_table_is_refused(line: str) -> None:
    api = ["api 3 Metadata  versions 0-13  flexible 9", "  request", line, "  response"]
    with pytest.raises((SyntaxError, KeyError)):
        notation._read_api(api, "some.txt")
