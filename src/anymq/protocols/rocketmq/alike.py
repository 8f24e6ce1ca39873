"""Alike: neighbours in a log that differ in what they say, but not in how long it is.

Who sends one message at a time makes batches of one record, and most senders' messages are of one
size. What takes them apart is made once for all of them, and what they have in common is compared
instead of decoded: that takes two thirds of the time. Measured by benchmarks/micro/rocketmq.py.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

from anymq.protocols.rocketmq.form import SHORT_BYTES
from anymq.storage.batch import HEADER_BYTES
from anymq.storage.varints import decode

_SIZE_AT, _SIZE_END = 8, 17  # length, leader epoch and magic of a batch
_COUNT_AT = HEADER_BYTES - 4  # how many records
_NO_ATTRIBUTES = bytes(6)  # and no offset but the first
_CHECKSUM_BYTES = 4

Apart = Callable[[memoryview], Iterator[tuple[Any, ...]]]


class Alike(NamedTuple):
    """Batches of one record each, that one of RocketMQ's own messages, all of some lengths."""

    size: int  # of a batch
    record_bytes: int
    body_bytes: int
    said_bytes: int  # of the properties
    common: tuple[bytes, ...]  # what is the same in all
    apart: Apart  # takes them apart


def alike_of(data: bytes, place: int, end: int, body: slice, said: slice) -> Alike:
    """Return how a batch is made that was found to be as it should be, and holds one record.

    Where it begins and ends; where the body of its message is, and the properties.
    """
    _, at = decode(data, place + HEADER_BYTES)
    key_bytes, key = decode(data, at + 3)  # no attributes, no deltas
    key_end = key + max(key_bytes, 0)
    common = (
        data[place + _SIZE_AT : place + _SIZE_END],
        _NO_ATTRIBUTES,
        data[place + _COUNT_AT : key],
        data[key_end : body.start],
        data[body.stop : said.start - SHORT_BYTES - _CHECKSUM_BYTES],
    )
    sizes = *map(len, common[2:]), key_end - key, end - said.stop
    body_bytes, said_bytes = body.stop - body.start, said.stop - said.start
    apart = _apart(*sizes, body_bytes, said_bytes)
    return Alike(end - place, end - place - HEADER_BYTES, body_bytes, said_bytes, common, apart)


@lru_cache(100)
def _apart(front: int, before: int, head: int, key: int, plain: int, body: int, said: int) -> Apart:
    """Return what unpacks the fields that `runs.py` takes."""
    batch = f"q{_SIZE_END - _SIZE_AT}sI{len(_NO_ATTRIBUTES)}sq22x{front}s{key}x{before}s"
    return Struct(f">{batch}{body}s{head}sI4s20s12s{said}s{plain}s").iter_unpack
