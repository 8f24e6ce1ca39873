"""RocketMQ's own bytes: what clients write and read, exactly."""

import pytest

from anymq.protocols.rocketmq import layout
from anymq.protocols.rocketmq.layout import Batched, MalformedMessage

BATCH = [Batched(0, b"one", b"TAGS\1a\2"), Batched(7, b"", b""), Batched(-1, b"\0" * 300, b"a\1b")]


def test_properties_are_read_as_leniently_as_rocketmq_does() -> None:
    """Java's client leaves out what has no name or no value; the last pair need not end."""
    assert layout.read_properties(b"a\1b\2c\1\2\1d\2e\2f\1g=h") == {"a": "b", "f": "g=h"}
    assert layout.read_properties(b"") == {}


def test_properties_come_back() -> None:
    """Whatever text there is."""
    said = {"KEYS": "k1 k2", "Grüße": "日本", "bytes": "\udcff"}
    assert layout.read_properties(layout.write_properties(said)) == said


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"TAGS\1red\2", b"red"),
        (b"XTAGS\1no\2TAGS\1red", b"red"),
        (b"a\1TAGS\2b\1c\2", None),
        (b"TAGS\1one\2TAGS\1two\2", b"two"),  # as in a map of clients
        (b"TAGS\1\2", None),
        (b"", None),
    ],
)
def test_one_property_is_found(content: bytes, value: bytes | None) -> None:
    """A filter by tag looks at nothing else."""
    assert layout.property_of(content, b"TAGS") == value
    known = layout.read_properties(content).get("TAGS")
    assert known == (None if value is None else value.decode())


def test_changed_properties() -> None:
    """Set, replaced and removed."""
    changed = layout.with_properties(b"a\1b\2DELAY\0013\2", DELAY=None, RETRY_TOPIC="T", a="c")
    assert layout.read_properties(changed) == {"a": "c", "RETRY_TOPIC": "T"}


def test_batches() -> None:
    """Any number of messages in one body."""
    assert layout.read_batch(layout.write_batch(BATCH)) == BATCH
    assert layout.read_batch(b"") == []


def test_batches_that_lie() -> None:
    """No cut, and no changed length, gives anything but messages or a refusal."""
    written = layout.write_batch(BATCH)
    ends = {len(layout.write_batch(BATCH[:count])) for count in range(len(BATCH) + 1)}
    for end in range(len(written)):
        if end not in ends:
            with pytest.raises(MalformedMessage):
                layout.read_batch(written[:end])
    for at in range(len(written)):
        for value in (0x00, 0x7F, 0xFF):
            changed = written[:at] + bytes((value,)) + written[at + 1 :]
            try:
                layout.read_batch(changed)
            except MalformedMessage:
                continue


def test_offset_message_ids() -> None:
    """As Java writes them: address, port and physical offset, in hex."""
    host = layout.packed_host(bytes((127, 0, 0, 1)), 10911)
    physical = layout.physical_offset(17, 12345)
    text = layout.message_id(host, physical)
    assert text == "7F00000100002A9F0000110000003039"
    assert layout.read_message_id(text) == (host, physical)
    assert layout.place_of(physical) == (17, 12345)
    host = layout.packed_host(bytes(15) + b"\1", 10911)
    assert layout.read_message_id(layout.message_id(host, physical)) == (host, physical)


@pytest.mark.parametrize("text", ["", "7F", "xyz", "7F00000100002A9F00001100000030 9", "A" * 33])
def test_what_is_no_offset_message_id(text: str) -> None:
    """A unique id has the same letters, and another length."""
    assert layout.read_message_id(text) is None
