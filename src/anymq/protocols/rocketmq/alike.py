"""Alike: neighbours in a log that differ in what they say, but not in how long it is.

Most senders' messages are of one size. What takes them apart is made once for all of them, and
what they have in common is compared instead of decoded: that takes two thirds of the time.
Measured by benchmarks/micro/rocketmq.py.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

from anymq.protocols.rocketmq.form import SHORT_BYTES
from anymq.storage.batch import HEADER_BYTES, LENGTH_END, MAGIC
from anymq.storage.varints import SMALL, decode

_SIZE = Struct(">i4sb")  # length, leader epoch and magic of a batch
_EPOCH_BYTES = 4
_ONE_ALONE = b"\0\0\0\1"  # how many records
_NO_ATTRIBUTES = bytes(6)  # and no offset but the first
_PLAIN = bytes(2)  # a record without attributes, at the time of its batch as all that come at once
_PLACES = SMALL[:64]  # in a batch, as varints of one byte
_CHECKSUM_BYTES = 4

Apart = Callable[[memoryview], Iterator[tuple[Any, ...]]]


class Alike(NamedTuple):
    """Records of RocketMQ's own messages, all of some lengths: in any batch, or alone in one."""

    record_bytes: int
    body_bytes: int
    said_bytes: int  # of the properties
    fronts: Sequence[bytes]  # what they begin with, by their place in the batch
    common: tuple[bytes, bytes]  # what is the same in all records: before and after the body
    apart: Apart  # takes them apart
    lone_common: tuple[bytes, ...]  # what is the same in batches of one such record
    lone_apart: Apart


def alike_of(
    data: bytes, place: int, start: int, end: int, body: slice, said: slice
) -> Alike | None:
    """Return how a record is made that was found to be as it should be.

    Where its batch begins; where it begins and ends itself; where the body of its message is, and
    the properties. None: it has a time or attributes of its own, or too many are before it.
    """
    _, at = decode(data, start)
    if data[at : at + 2] != _PLAIN or data[at + 2 : at + 3] not in _PLACES:
        return None
    key_bytes, key = decode(data, at + 3)
    key_end = key + max(key_bytes, 0)
    front, key_size = data[start : at + 2], data[at + 3 : key]
    before = data[key_end : body.start]
    head = data[body.stop : said.start - SHORT_BYTES - _CHECKSUM_BYTES]
    record_bytes = end - start
    body_bytes, said_bytes = body.stop - body.start, said.stop - said.start
    fronts = tuple([front + place_in + key_size for place_in in _PLACES])
    lone_front = _ONE_ALONE + fronts[0]
    epoch = data[place + LENGTH_END : place + LENGTH_END + _EPOCH_BYTES]
    size = _SIZE.pack(HEADER_BYTES - LENGTH_END + record_bytes, epoch, MAGIC)
    rest = key_end - key, len(before), body_bytes, len(head), said_bytes, end - said.stop
    return Alike(
        record_bytes,
        body_bytes,
        said_bytes,
        fronts,
        (before, head),
        _apart(f"{len(fronts[0])}s", *rest),
        (size, _NO_ATTRIBUTES, lone_front, before, head),
        _apart(f"q{len(size)}sI{len(_NO_ATTRIBUTES)}sq22x{len(lone_front)}s", *rest),
    )


@lru_cache(200)
def _apart(start: str, key: int, before: int, body: int, head: int, said: int, plain: int) -> Apart:
    """Return what unpacks the fields that `runs.py` takes."""
    end = f"{key}x{before}s{body}s{head}sI4s20s12s{said}s{plain}s"
    return Struct(f">{start}{end}").iter_unpack
