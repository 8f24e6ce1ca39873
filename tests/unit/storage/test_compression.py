"""Compression against the libraries that the clients use, and against those who want our memory."""

import contextlib
import gzip
import struct
import tracemalloc
from collections.abc import Callable

import cramjam
import lz4.frame
import pytest
import snappy
import zstandard
from aiokafka.codec import snappy_decode as aiokafka_snappy_decode
from aiokafka.codec import snappy_encode as aiokafka_snappy_encode
from hypothesis import given, settings
from hypothesis import strategies as st

from anymq.storage.compression import Compression, compress, decompress
from anymq.storage.errors import CorruptBatch

MIB = 1024 * 1024
LIMIT = 8 * MIB

Coder = Callable[[bytes], bytes]


def lz4_as_kafka(data: bytes) -> bytes:
    return bytes(lz4.frame.compress(data, block_linked=False, content_checksum=True))


WRITERS: dict[str, tuple[Compression, Coder]] = {
    "gzip": (Compression.GZIP, gzip.compress),
    "snappy-raw": (Compression.SNAPPY, snappy.compress),
    "snappy-xerial": (Compression.SNAPPY, aiokafka_snappy_encode),
    "lz4": (Compression.LZ4, lz4_as_kafka),
    "lz4-linked": (Compression.LZ4, lz4.frame.compress),
    "zstd": (Compression.ZSTD, zstandard.ZstdCompressor().compress),
    "zstd-no-size": (
        Compression.ZSTD,
        zstandard.ZstdCompressor(write_content_size=False).compress,
    ),
}
READERS: dict[str, tuple[Compression, Coder]] = {
    "gzip": (Compression.GZIP, gzip.decompress),
    "snappy": (Compression.SNAPPY, aiokafka_snappy_decode),
    "lz4": (Compression.LZ4, lz4.frame.decompress),
    "zstd": (
        Compression.ZSTD,
        lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    ),
}

compressible = st.builds(
    lambda piece, times: piece * times, st.binary(max_size=200), st.integers(0, 2000)
)


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=2000) | compressible)
def test_we_read_what_others_write(name: str, data: bytes) -> None:
    compression, writer = WRITERS[name]
    assert decompress(writer(data), compression, LIMIT) == data


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(data=(st.binary(max_size=2000) | compressible).filter(bool))
def test_others_read_what_we_write(name: str, data: bytes) -> None:
    compression, reader = READERS[name]
    packed = compress(memoryview(data), compression)
    assert reader(packed) == data
    assert decompress(memoryview(packed), compression, LIMIT) == data


def test_our_lz4_blocks_stand_alone() -> None:
    """The Java client cannot read blocks that depend on the one before."""
    info = lz4.frame.get_frame_info(compress(bytes(200_000), Compression.LZ4))
    assert info["block_linked"] is False
    assert info["block_size"] == 64 * 1024


@pytest.mark.parametrize("compression", Compression)
def test_the_limit_is_exact(compression: Compression) -> None:
    packed = compress(b"abcdef" * 10_000, compression)
    assert len(decompress(packed, compression, 60_000)) == 60_000
    with pytest.raises(CorruptBatch, match="more than 59999 bytes"):
        decompress(packed, compression, 59_999)


@pytest.mark.parametrize("name", ["gzip", "snappy-xerial", "lz4", "lz4-linked", "zstd"])
def test_a_bomb_costs_at_most_the_limit(name: str) -> None:
    compression, writer = WRITERS[name]
    bomb = writer(bytes(64 * MIB))
    if name == "zstd":
        bomb = bytes(cramjam.zstd.compress(bytes(1024 * MIB), 19))
        assert len(bomb) < 33 * 1024
    tracemalloc.start()
    with pytest.raises(CorruptBatch):
        decompress(bomb, compression, MIB)
    assert tracemalloc.get_traced_memory()[1] < 1.5 * MIB
    tracemalloc.stop()


def test_raw_snappy_cannot_claim_what_it_does_not_bring() -> None:
    claim = b"\xff\xff\xff\x0f" + b"\x00a"
    with pytest.raises(CorruptBatch):
        decompress(claim, Compression.SNAPPY, 2**40)


@pytest.mark.parametrize(
    "data",
    [
        b"\x82SNAPPY\x00",
        b"\x82SNAPPY\x00" + struct.pack(">iii", 1, 1, -1),
        b"\x82SNAPPY\x00" + struct.pack(">iii", 1, 1, 100) + b"xx",
        b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + b"\0",
    ],
)
def test_broken_frames_of_snappy(data: bytes) -> None:
    with pytest.raises(CorruptBatch):
        decompress(data, Compression.SNAPPY, LIMIT)


def test_an_unknown_compression_is_damage() -> None:
    with pytest.raises(CorruptBatch, match="unknown compression 5"):
        decompress(b"", 5, LIMIT)


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_harmless(name: str, data: st.DataObject) -> None:
    compression, writer = WRITERS[name]
    packed = bytearray(writer(data.draw(st.binary(min_size=1, max_size=300)) * 20))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(packed)))
    for damaged in (packed, packed[:cut]):
        with contextlib.suppress(CorruptBatch):
            assert len(decompress(damaged, compression, LIMIT)) <= LIMIT
