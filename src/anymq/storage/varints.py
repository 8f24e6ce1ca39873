"""Zigzag varints, as record batch v2 has them: numbers near zero take few bytes."""

from array import array

from anymq.storage.files import Buffer

BYTES_MAX = 10  # of 64 bits

# Lengths and offset deltas are nearly always this small; a table is five times as fast.
_TABLE_SIZE = 8192


def _encode(number: int) -> bytes:
    bits = number << 1 if number >= 0 else (~number << 1) | 1
    encoded = bytearray()
    while bits > 0x7F:
        encoded.append(bits & 0x7F | 0x80)
        bits >>= 7
    encoded.append(bits)
    return bytes(encoded)


SMALL = [_encode(number) for number in range(_TABLE_SIZE)]


def _of_two_bytes() -> "array[int]":
    numbers = array("h", [-1]) * (1 << 16)
    for number, encoded in enumerate(SMALL):
        if len(encoded) == 2:
            numbers[int.from_bytes(encoded)] = number
    return numbers


# Which number it is that two bytes say, taken as one big-endian word; -1: they say none, or one
# that is negative. For loops that read the word anyway.
OF_TWO_BYTES = _of_two_bytes()


def encode(number: int) -> bytes:
    """Encode one number."""
    return SMALL[number] if 0 <= number < _TABLE_SIZE else _encode(number)


def decode(data: Buffer, position: int) -> tuple[int, int]:
    """Return the number at `position` and the position after it.

    IndexError when the data ends, ValueError when it does not end within 64 bits: the callers'
    loops turn both into what they call damage.
    """
    byte = data[position]
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position + 1
    second = data[position + 1]
    if second < 0x80:
        return (byte & 0x7F | second << 7) >> 1 ^ -(byte & 1), position + 2
    return _decode_long(data, position)


def _decode_long(data: Buffer, position: int) -> tuple[int, int]:
    bits = shift = 0
    while True:
        byte = data[position]
        position += 1
        bits |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (bits >> 1) ^ -(bits & 1), position
        shift += 7
        if shift >= 7 * BYTES_MAX:
            raise ValueError("varint is too long")
