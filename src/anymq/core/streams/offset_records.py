"""What survives a restart of groups: their offsets, and that they were there.

Everything here is on disk, as records of a compacted log: key and value are MessagePack arrays.
A new field goes to the end of an array and has a default. Any other change of what is written is
a new `Kind`, so that an older version stops instead of guessing.
"""

from collections.abc import Callable, Iterator, Sequence
from struct import Struct

import msgspec
from msgspec import MsgspecError
from msgspec.msgpack import Decoder, Encoder

from anymq.config.units import MIB
from anymq.storage import records
from anymq.storage.batch import HEADER_BYTES, LENGTH_END, BatchHeader, check
from anymq.storage.errors import CorruptBatch, UnknownVersion
from anymq.storage.log import Log, LogConfig
from anymq.storage.records import Record

LOG_ID = 2
LOG_CONFIG = LogConfig(
    compact=True,
    delete=False,
    segment_bytes=16 * MIB,
    # Nobody reads behind: who starts reads everything, so nothing deleted need be remembered.
    delete_retention_ms=0,
)

_READ_BYTES = 1 * MIB
_LENGTH = Struct(">i")  # after the base offset: all that is needed to split

OFFSET = 1
GROUP = 2


class Key(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a record is about."""

    kind: int
    group: str
    topic: str = ""
    partition: int = -1


class CommittedOffset(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far a group has read a partition."""

    offset: int
    leader_epoch: int = -1
    metadata: str = ""  # whatever the client wants to find again
    committed_ms: int = -1
    expires_ms: int = -1  # -1: as the broker's retention says


class GroupRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """That there is a group with members, or was."""

    protocol_type: str
    generation: int
    empty_since_ms: int = -1  # -1: it has members


Value = CommittedOffset | GroupRecord
Change = tuple[Key, Value | None]  # None: gone

_encode = Encoder().encode
_decode_key = Decoder(Key).decode
_decode_value: dict[int, Callable[[bytes], Value]] = {
    OFFSET: Decoder(CommittedOffset).decode,
    GROUP: Decoder(GroupRecord).decode,
}


def write(changes: Sequence[Change], now_ms: int) -> bytes:
    """Return a record batch that says so."""
    return records.build(
        [
            Record(None if value is None else _encode(value), _encode(key), timestamp=now_ms)
            for key, value in changes
        ]
    )


def read(log: Log) -> Iterator[Change]:
    """Read the whole log, oldest first.

    CorruptBatch when it is damaged, UnknownVersion when a newer broker wrote it.
    """
    offset = log.start
    while (found := log.read(offset, _READ_BYTES)) is not None:
        data = found.read()
        for batch in _batches(data):
            header = check(batch)
            yield from _changes(batch, header)
            offset = header.next_offset


def _batches(data: bytes) -> Iterator[memoryview]:
    """Split; the last one may be cut, and comes again with the next read. The first is whole."""
    view, position = memoryview(data), 0
    while position == 0 or position + HEADER_BYTES <= len(data):
        end = position + LENGTH_END + _LENGTH.unpack_from(data, position + 8)[0]
        if end > len(data) and position:
            return
        yield view[position:end]
        position = end


def _changes(batch: memoryview, header: BatchHeader) -> Iterator[Change]:
    body = records.body_of(batch, header)
    for _delta, _time, key_bytes, _start, value_start, end in records.slices(body, header):
        value, _headers = records.value_of(body, value_start, end)
        try:
            key = _decode_key(key_bytes or b"")
            yield key, None if value is None else _decode_value[key.kind](value)
        except KeyError:
            raise UnknownVersion("a newer version has written the offsets of groups") from None
        except MsgspecError as error:
            raise CorruptBatch(f"offset {header.base_offset}: {error}") from None
