"""The compressions Kafka's clients use, with a limit on what may come out.

A few KiB can claim, or become, gigabytes. So nothing is decompressed into more memory than the
limit, whatever the data says about itself.
"""

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Protocol, cast

import cramjam

from anymq.storage.errors import CorruptBatch
from anymq.storage.files import Buffer


class Compression(IntEnum):
    """As the attributes of a batch number them."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


class _Codec(Protocol):
    """What we use of cramjam's modules."""

    def compress(self, data: Buffer) -> object:
        """Compress into a new buffer."""

    def decompress_into(self, data: Buffer, output: bytearray) -> int:
        """Decompress; DecompressionError, saying _TOO_SMALL, when the output does not hold it."""


_TOO_SMALL = "failed to write whole buffer"
_FIRST_GUESS = 4  # times the compressed size: most records compress less than that
_GUESS_BYTES_MIN = 4096

# How the Java client frames snappy (from xerial's library): this, then (length, raw block)…
_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER = _XERIAL_MAGIC + struct.pack(">ii", 1, 1)
_XERIAL_BLOCK_BYTES = 32 * 1024
# Its densest element copies 64 bytes and takes 3; a claim beyond that is a lie.
_SNAPPY_RATIO_MAX = 64

# An LZ4 frame of independent blocks of up to 64 KiB, no checksums: what Kafka's Java client
# writes, and all it can read. cramjam's own frames have blocks that depend on each other.
_LZ4_HEADER = bytes.fromhex("04224d18604082")
_LZ4_BLOCK_BYTES = 64 * 1024
_LZ4_END = bytes(4)
_LZ4_STORED = 0x80000000


def compress(data: Buffer, compression: int) -> bytes:
    """Compress as a Kafka producer would."""
    return _COMPRESS[Compression(compression)](data)


def decompress(data: Buffer, compression: int, bytes_max: int) -> bytes:
    """Return what was compressed; CorruptBatch when it is damaged, or more than `bytes_max`."""
    decompressor = _DECOMPRESS.get(compression)
    if decompressor is None:
        raise CorruptBatch(f"unknown compression {compression}")
    try:
        return decompressor(data, bytes_max)
    except (cramjam.DecompressionError, struct.error) as error:
        raise CorruptBatch(f"{Compression(compression).name.lower()}: {error}") from None


def _stored(data: Buffer, bytes_max: int) -> bytes:
    _limit(len(data), bytes_max)
    return bytes(data)


def _compressed_by(codec: _Codec) -> Callable[[Buffer], bytes]:
    return lambda data: bytes(cast(Buffer, codec.compress(data)))


def _decompressed_by(codec: _Codec) -> Callable[[Buffer, int], bytes]:
    """Decompress into a buffer that doubles until it is enough, or would pass the limit."""

    def decompress_with(data: Buffer, bytes_max: int) -> bytes:
        room = min(bytes_max, max(_GUESS_BYTES_MIN, _FIRST_GUESS * len(data)))
        while True:
            output = bytearray(room)
            try:
                return bytes(memoryview(output)[: codec.decompress_into(data, output)])
            except cramjam.DecompressionError as error:
                if _TOO_SMALL not in str(error):
                    raise
            del output
            _limit(room + 1, bytes_max)
            room = min(2 * room, bytes_max)

    return decompress_with


def _compress_snappy(data: Buffer) -> bytes:
    parts = [_XERIAL_HEADER]
    for block in _blocks(data, _XERIAL_BLOCK_BYTES):
        packed = bytes(cramjam.snappy.compress_raw(block))
        parts += (struct.pack(">i", len(packed)), packed)
    return b"".join(parts)


def _decompress_snappy(data: Buffer, bytes_max: int) -> bytes:
    if bytes(data[: len(_XERIAL_MAGIC)]) == _XERIAL_MAGIC:
        blocks = list(_xerial_blocks(memoryview(data)))
    else:
        blocks = [memoryview(data)]
    _limit(sum(map(_snappy_size, blocks)), bytes_max)
    return b"".join(map(_decompress_raw_snappy, blocks))


def _xerial_blocks(data: memoryview) -> Iterator[memoryview]:
    position = len(_XERIAL_HEADER)
    if len(data) < position:
        raise CorruptBatch("snappy: framed, and ends within its header")
    while position < len(data):
        (size,) = struct.unpack_from(">i", data, position)
        position += 4
        if not 0 <= size <= len(data) - position:
            raise CorruptBatch(f"snappy: a block of {size} bytes does not fit")
        yield data[position : position + size]
        position += size


def _snappy_size(block: memoryview) -> int:
    size: int = cramjam.snappy.decompress_raw_len(block) if block else 0
    if size > _SNAPPY_RATIO_MAX * len(block):
        raise CorruptBatch(f"snappy: {len(block)} bytes cannot become {size}")
    return size


def _decompress_raw_snappy(block: memoryview) -> bytes:
    output = bytearray(_snappy_size(block))
    if output:
        cramjam.snappy.decompress_raw_into(block, output)
    return bytes(output)


def _compress_lz4(data: Buffer) -> bytes:
    parts = [_LZ4_HEADER]
    for block in _blocks(data, _LZ4_BLOCK_BYTES):
        packed = bytes(cramjam.lz4.compress_block(block, store_size=False))
        size = len(packed)
        if size >= len(block):
            packed, size = bytes(block), len(block) | _LZ4_STORED
        parts += (struct.pack("<I", size), packed)
    return b"".join([*parts, _LZ4_END])


def _blocks(data: Buffer, size: int) -> Iterator[memoryview]:
    view = memoryview(data)
    return (view[start : start + size] for start in range(0, len(view), size))


def _limit(size: int, bytes_max: int) -> None:
    if size > bytes_max:
        raise CorruptBatch(f"more than {bytes_max} bytes when decompressed")


_COMPRESS: dict[int, Callable[[Buffer], bytes]] = {
    Compression.NONE: bytes,
    Compression.GZIP: _compressed_by(cast(_Codec, cramjam.gzip)),
    Compression.SNAPPY: _compress_snappy,
    Compression.LZ4: _compress_lz4,
    Compression.ZSTD: _compressed_by(cast(_Codec, cramjam.zstd)),
}
_DECOMPRESS: dict[int, Callable[[Buffer, int], bytes]] = {
    Compression.NONE: _stored,
    Compression.GZIP: _decompressed_by(cast(_Codec, cramjam.gzip)),
    Compression.SNAPPY: _decompress_snappy,
    Compression.LZ4: _decompressed_by(cast(_Codec, cramjam.lz4)),
    Compression.ZSTD: _decompressed_by(cast(_Codec, cramjam.zstd)),
}
