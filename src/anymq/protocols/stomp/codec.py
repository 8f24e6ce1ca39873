"""Frames of STOMP: bytes that come, cut into frames, and frames that leave.

Strict where a mistake could mean something else: texts are UTF-8, escapes are those of the version,
a carriage return stands only before a line feed. As RabbitMQ does, a line may end so in every
version, and between frames there may be empty lines (heart-beats) and NULs.
"""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

V10, V11, V12 = "1.0", "1.1", "1.2"
VERSIONS = (V10, V11, V12)

COMMAND_BYTES_MAX = 32
CONTENT_LENGTH = "content-length"
BODY_DIGITS_MAX = 18
# Their headers are never escaped: who greets does not know yet which version it will be.
GREETINGS = ("CONNECT", "STOMP", "CONNECTED")
_BETWEEN = re.compile(rb"[\n\0]*(?:\r\n[\n\0]*)*")
HEADS_MAX = 32  # that a decoder remembers: who sends much says the same again and again
MESSAGES = (b"SEND\n", b"SEND\r\n", b"MESSAGE\n")
HEAD_BYTES_MAX = 1024  # of those

_ESCAPES_11 = {"\\": "\\\\", ":": "\\c", "\n": "\\n"}
_ESCAPES_12 = {**_ESCAPES_11, "\r": "\\r"}
_ESCAPE: Mapping[str, dict[int, str]] = {
    # 1.0 has no escapes: what would end the line is shown so.
    V10: str.maketrans({"\n": "\\n", "\r": "\\r", "\0": ""}),
    V11: str.maketrans({**_ESCAPES_11, "\r": "", "\0": ""}),
    V12: str.maketrans({**_ESCAPES_12, "\0": ""}),
}
_UNESCAPE: Mapping[str, Mapping[str, str]] = {
    V11: {escape[1]: meant for meant, escape in _ESCAPES_11.items()},
    V12: {escape[1]: meant for meant, escape in _ESCAPES_12.items()},
}


class MalformedFrame(Exception):
    """Not STOMP."""


class FrameTooLarge(MalformedFrame):
    """More than the limits allow."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A command, what it says, and what it carries. Of a repeated header the first one counts."""

    command: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class FrameLimits:
    """What a peer may send at most; it may change between two frames."""

    head_bytes_max: int = 64 * 1024  # of command and headers
    headers_max: int = 100
    body_bytes_max: int = 16 * 1024 * 1024


class Decoder:
    """Takes bytes as they come, gives frames. It holds no more than has arrived."""

    __slots__ = ("_at", "_body", "_data", "_head", "_known", "_size", "limits", "sized", "version")

    def __init__(self, limits: FrameLimits) -> None:
        self.limits = limits
        self.version = V10
        self.sized: Container[str] = ("SEND",)  # whose content-length counts, as for RabbitMQ
        self._data = b""  # not looked at yet from `_at` on
        self._at = 0
        self._head: tuple[str, dict[str, str]] | None = None  # its body is coming
        self._body = bytearray()
        self._size: int | None = None  # None: it ends with a NUL
        self._known: dict[tuple[str, bytes], tuple[str, dict[str, str]]] = {}  # by version

    @property
    def held_bytes(self) -> int:
        """How much waits here for its rest, or to be asked for."""
        return len(self._data) - self._at + len(self._body)

    def feed(self, data: "bytes | memoryview") -> None:
        """Take more."""
        rest = self._data[self._at :]
        self._data = rest + bytes(data) if rest else bytes(data)
        self._at = 0

    def clear(self) -> None:
        """Forget everything."""
        self._data, self._at, self._head = b"", 0, None
        self._body.clear()

    def next(self) -> Frame | None:
        """Return the next frame, None when not all of it is there. MalformedFrame: it is none."""
        if self._head is None and not self._begin():
            return None
        assert self._head is not None
        body = self._take_body()
        if body is None:
            return None
        (command, headers), self._head = self._head, None
        return Frame(command, headers, body)

    # Command and headers

    def _begin(self) -> bool:
        """Read command and headers, if all of them are there."""
        self._skip()
        data, at = self._data, self._at
        end, following = _end_of_head(data, at)
        if (len(data) if end < 0 else end) - at > self.limits.head_bytes_max:
            raise FrameTooLarge(f"more than {self.limits.head_bytes_max} bytes before the body")
        if end < 0:
            self._check_command(data, at)
            return False
        self._head = self._known_head(data[at:end])
        self._at = following
        self._size = self._body_size(*self._head)
        return True

    def _known_head(self, head: bytes) -> tuple[str, dict[str, str]]:
        """Read it, unless it is remembered; then its headers are the same object as before."""
        key = (self.version, head)
        known = self._known.get(key)
        if known is None or len(known[1]) > self.limits.headers_max:
            known = self._read_head(head)
            # Only messages come again and again, and the same receipt seldom comes twice.
            is_usual = len(head) <= HEAD_BYTES_MAX and head.startswith(MESSAGES)
            if is_usual and b"\nreceipt:" not in head:
                if len(self._known) >= HEADS_MAX:
                    self._known.clear()
                self._known[key] = known
        return known

    def _skip(self) -> None:
        """Pass over what may stand between frames."""
        data = self._data
        found = _BETWEEN.match(data, self._at)
        assert found is not None  # it matches nothing, too
        self._at = at = found.end()
        if data[at : at + 1] == b"\r" and at + 1 < len(data):
            raise MalformedFrame("a carriage return between frames")

    def _check_command(self, data: bytes, at: int) -> None:
        """Refuse early what will never be one."""
        line_end = data.find(b"\n", at)
        if (len(data) if line_end < 0 else line_end) - at > COMMAND_BYTES_MAX:
            raise MalformedFrame("not a command of STOMP")

    def _read_head(self, head: bytes) -> tuple[str, dict[str, str]]:
        if b"\0" in head:
            raise MalformedFrame("the frame ends within its headers")
        try:
            text = head.decode()
        except UnicodeDecodeError:
            raise MalformedFrame("headers are not UTF-8") from None
        if "\r" in text:
            text = text.replace("\r\n", "\n").removesuffix("\r")
            if "\r" in text:
                raise MalformedFrame("a carriage return within a line")
        command, *lines = text.split("\n")
        if len(command) > COMMAND_BYTES_MAX:
            raise MalformedFrame("not a command of STOMP")
        if len(lines) > self.limits.headers_max:
            raise FrameTooLarge(f"more than {self.limits.headers_max} headers")
        escapes = None if command in GREETINGS else _UNESCAPE.get(self.version)
        return command, self._headers(lines, escapes)

    def _headers(self, lines: list[str], escapes: Mapping[str, str] | None) -> dict[str, str]:
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise MalformedFrame("a header without a colon")
            if escapes is not None and "\\" in line:
                name, value = _unescaped(name, escapes), _unescaped(value, escapes)
            elif self.version == V10:
                value = value.lstrip(" ")
            if name not in headers:
                headers[name] = value
        return headers

    def _body_size(self, command: str, headers: Mapping[str, str]) -> int | None:
        said = headers.get(CONTENT_LENGTH)
        if said is None or command not in self.sized:
            return None
        said = said.strip()
        if not (said.isascii() and said.isdecimal() and len(said) <= BODY_DIGITS_MAX):
            raise MalformedFrame("content-length is no number")
        size = int(said)
        if size > self.limits.body_bytes_max:
            raise FrameTooLarge(f"a body of {size} bytes: {self.limits.body_bytes_max} at most")
        return size

    # The body

    def _take_body(self) -> bytes | None:
        return self._take_until_nul() if self._size is None else self._take_sized(self._size)

    def _take_sized(self, size: int) -> bytes | None:
        data, at, body = self._data, self._at, self._body
        missing = size - len(body)
        if len(data) - at <= missing:
            self._keep(len(data))
            return None
        end = at + missing
        if data[end]:
            raise MalformedFrame("the body is not as long as it says")
        return self._whole(end)

    def _take_until_nul(self) -> bytes | None:
        data = self._data
        end = data.find(b"\0", self._at)
        size = len(self._body) + (len(data) if end < 0 else end) - self._at
        if size > self.limits.body_bytes_max:
            raise FrameTooLarge(f"a body of more than {self.limits.body_bytes_max} bytes")
        if end < 0:
            self._keep(len(data))
            return None
        return self._whole(end)

    def _keep(self, end: int) -> None:
        """Gather a body that comes in pieces."""
        self._body += memoryview(self._data)[self._at : end]
        self._data, self._at = b"", 0

    def _whole(self, end: int) -> bytes:
        """Return the body that ends there; the NUL behind it is passed over."""
        piece = self._data[self._at : end]
        self._at = end + 1
        if not self._body:
            return piece
        body = bytes(self._body) + piece
        self._body = bytearray()
        return body


def _end_of_head(data: bytes, at: int) -> tuple[int, int]:
    """Return where command and headers end and where the body begins; -1: not there yet."""
    plain = data.find(b"\n\n", at)
    dressed = data.find(b"\n\r\n", at, plain + 2 if plain >= 0 else len(data))
    if 0 <= dressed < plain or (plain < 0 <= dressed):
        return dressed, dressed + 3
    return plain, plain + 2


def unescaped(text: str, version: str) -> str:
    """Return what a text of this version means."""
    return _unescaped(text, _UNESCAPE[version])


def _unescaped(text: str, escapes: Mapping[str, str]) -> str:
    """One pass: replacing escapes one kind after another would read `\\\\n` as a line feed."""
    first, *rest = text.split("\\")
    if not rest:
        return text
    parts = [first]
    pieces = iter(rest)
    for piece in pieces:
        if not piece:  # two backslashes: what follows is text
            following = next(pieces, None)
            if following is None:
                raise MalformedFrame("a header ends within an escape")
            parts += ("\\", following)
            continue
        meant = escapes.get(piece[0])
        if meant is None:
            raise MalformedFrame(f"an unknown escape: \\{piece[0]}")
        parts += (meant, piece[1:])
    return "".join(parts)


# Writing


def escaped(text: str, version: str) -> str:
    """Return a text as a header of this version says it. What cannot be said is left out."""
    return text.translate(_ESCAPE[version])


def header_line(name: str, value: str, version: str) -> bytes:
    """Encode one header."""
    if version == V10:
        name = name.replace(":", "")
    line = f"{escaped(name, version)}:{escaped(value, version)}\n"
    return line.encode(errors="replace")


def receipt(receipt_id: str, version: str) -> bytes:
    """Encode a RECEIPT: who wants any wants many."""
    if receipt_id.isalnum():
        return b"RECEIPT\nreceipt-id:%s\n\n\0\n" % receipt_id.encode()
    return encode("RECEIPT", [("receipt-id", receipt_id)], b"", version)


def encode(
    command: str, headers: Iterable[tuple[str, str]], body: bytes = b"", version: str = V12
) -> bytes:
    """Encode a frame; after it comes a line feed, as from RabbitMQ."""
    if command == "CONNECTED":
        version = V10
    lines = b"".join(header_line(name, value, version) for name, value in headers)
    if body:
        lines += b"content-length:%d\n" % len(body)
    return b"%s\n%s\n%s\0\n" % (command.encode(), lines, body)
