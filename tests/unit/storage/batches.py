"""Record batches for tests: real headers and checksums around any bytes."""

from struct import Struct

from crc32c import crc32c

from anymq.storage import batch as batches
from anymq.storage.batch import BatchHeader

_AFTER_CRC = Struct(">hiqqqhii")


def make_batch(
    payload: bytes = b"payload", *, count: int = 1, timestamp: int = 1000, newest: int | None = None
) -> bytes:
    """Return a whole batch of `count` records, as a client sends it: base offset 0."""
    newest = timestamp if newest is None else newest
    rest = _AFTER_CRC.pack(0, count - 1, timestamp, newest, -1, -1, -1, count) + payload
    length = len(rest) + 9
    return batches.prefix(0, length, -1) + b"\2" + crc32c(rest).to_bytes(4) + rest


def with_header(batch: bytes) -> tuple[bytes, BatchHeader]:
    return batch, batches.check(batch)
