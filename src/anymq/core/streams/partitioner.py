"""Which partition a key belongs to: as the Java client decides, so that both agree."""

from anymq.storage.files import Buffer

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def partition_of(key: bytes, count: int) -> int:
    """Return the partition of a key, of so many."""
    return (murmur2(key) & 0x7FFFFFFF) % count


def murmur2(data: Buffer) -> int:
    """Hash as Kafka does: murmur2, 32 bits."""
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for start in range(0, whole, 4):
        k = int.from_bytes(data[start : start + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = h * _M & _MASK ^ k
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15
