"""Reader: the basic types of MQTT, one after another out of the bytes of one packet."""

VARINT_BYTES_MAX = 4
VARINT_MAX = 268_435_455
SIZED_BYTES_MAX = 65_535


class MalformedPacket(Exception):
    """These bytes are not MQTT."""


class Reader:
    """Reads from `at` to `end`; what is not all there is malformed."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end

    def take(self, size: int) -> bytes:
        """Read so many bytes."""
        at = self.at
        stop = at + size
        if stop > self.end:
            raise MalformedPacket("the packet ends within a field")
        self.at = stop
        return self.data[at:stop]

    def u8(self) -> int:
        """Read an octet."""
        return self.take(1)[0]

    def u16(self) -> int:
        """Read a number of two bytes."""
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        """Read a number of four bytes."""
        return int.from_bytes(self.take(4), "big")

    def varint(self) -> int:
        """Read a number of one to four bytes, seven bits in each, the low ones first."""
        value = shift = 0
        for _ in range(VARINT_BYTES_MAX):
            octet = self.u8()
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                return value
            shift += 7
        raise MalformedPacket("a number has more than four bytes")

    def binary(self) -> bytes:
        """Read bytes behind their length."""
        return self.take(self.u16())

    def text(self) -> str:
        """Read UTF-8; MQTT allows no U+0000 in it."""
        content = self.binary()
        try:
            found = content.decode()
        except UnicodeDecodeError:
            raise MalformedPacket("a text is not UTF-8") from None
        if "\0" in found:
            raise MalformedPacket("a text has U+0000 in it")
        return found

    def rest(self) -> bytes:
        """Read what is left."""
        return self.take(self.end - self.at)


def varint(value: int) -> bytes:
    """Encode a number in one to four bytes."""
    if value < 0x80:
        return bytes((value,))
    assert value <= VARINT_MAX
    octets = bytearray()
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def binary(content: bytes) -> bytes:
    """Encode bytes behind their length."""
    return len(content).to_bytes(2, "big") + content


def text(content: str) -> bytes:
    """Encode a text behind its length."""
    return binary(content.encode())
