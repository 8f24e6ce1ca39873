"""What a client sends and reads, made by hand: right, and wrong in every way."""

from anymq.protocols.websocket.codec import Decoder, Opcode, Piece, head_of, unmasked

MASK = b"\x12\x34\x56\x78"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, 1.3
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bytes = MASK) -> bytes:
    """A masked frame of a client."""
    head = bytearray(head_of(Opcode.BINARY, len(payload)))
    head[0] = (0x80 if fin else 0) | opcode
    head[1] |= 0x80
    return bytes(head) + mask + unmasked(memoryview(payload), mask)


def served(data: bytes) -> list[tuple[int, bytes]]:
    """Frames of a server: whole, not masked."""
    found = []
    at = 0
    while at < len(data):
        first, size = data[at], data[at + 1]
        at += 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(data[at : at + width], "big"), at + width
        assert first & 0x80
        found.append((first & 0x0F, data[at : at + size]))
        at += size
    return found


def messages(data: bytes, step: int | None = None) -> list[Piece]:
    """What a decoder makes of bytes that come in steps of this size."""
    decoder = Decoder()
    step = step or len(data) or 1
    chunks = (data[at : at + step] for at in range(0, len(data), step))
    return [piece for chunk in chunks for piece in decoder.decode(memoryview(chunk))]


def request(path: str = "/mqtt", **headers: str | None) -> bytes:
    """What a browser asks; None leaves a header out."""
    said: dict[str, str | None] = {
        "host": "127.0.0.1:15675",
        "upgrade": "websocket",
        "connection": "keep-alive, Upgrade",
        "sec_websocket_version": "13",
        "sec_websocket_key": KEY,
        "sec_websocket_protocol": "mqtt",
        **headers,
    }
    lines = [
        f"{name.replace('_', '-')}: {value}" for name, value in said.items() if value is not None
    ]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()
