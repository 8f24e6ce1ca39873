"""Frames and their headers: from any chunks of bytes to whole requests, and back.

A frame is a length of four bytes and as many bytes. In it: a header, then a message that the
modules in `schema/generated` read and write.
"""

from collections.abc import Container, Iterator
from struct import Struct

from msgspec import Struct as Record

from anymq.protocols.kafka.primitives import (
    DECODE_ERRORS,
    LENGTH_MAX,
    Buffer,
    MalformedFrame,
    bad_length,
    malformed,
    skip_tags,
)

__all__ = [
    "FRAME_BYTES_MIN",
    "LENGTH_BYTES",
    "Buffer",
    "FrameAssembler",
    "MalformedFrame",
    "RequestHeader",
    "decode_request_header",
    "decode_response_header",
    "encode_request_header",
    "encode_response_header",
    "frame",
    "peek_api",
    "response_header_is_flexible",
]

LENGTH_BYTES = 4
API_VERSIONS_KEY = 18
NO_TAGS = b"\0"
FRAME_BYTES_MIN = 8  # key, version and correlation id: no request is shorter

_LENGTH = Struct(">i")
_KEY = Struct(">h")
_REQUEST = Struct(">hhih")
_REQUEST_BARE = Struct(">hhi")
_RESPONSE_FLEXIBLE = Struct(">ix")  # no tagged fields


class FrameAssembler:
    """Cuts what arrives into frames.

    `frame_bytes_max` may be changed at any time: small before the peer said who it is, larger
    afterwards. What waits for the rest of its frame grows with what was received, not with what
    the length promises. Requests other than those in `large` have a limit of their own: three bytes
    of them may become an object of a hundred.
    """

    __slots__ = ("_partial", "frame_bytes_max", "frame_bytes_min", "large", "position", "small_max")

    def __init__(
        self,
        frame_bytes_max: int,
        frame_bytes_min: int = FRAME_BYTES_MIN,
        *,
        small_max: int = LENGTH_MAX,
        large: Container[int] = (),
    ) -> None:
        self.frame_bytes_max = frame_bytes_max
        self.frame_bytes_min = frame_bytes_min
        self.small_max = small_max
        self.large = large
        self.position = 0  # in what is fed, where the frame after this one begins
        self._partial = bytearray()

    @property
    def waiting_bytes(self) -> int:
        """How much is here of a frame that is not whole."""
        return len(self._partial)

    def drop(self) -> None:
        """Forget what is here of a frame."""
        self._partial = bytearray()

    def feed(self, data: memoryview) -> Iterator[tuple[memoryview, bool]]:
        """Yield each whole frame without its length, and whether it is the receiver's to keep.

        A frame which is not (False) lies in `data`: who keeps something of it copies that. Take
        every frame before feeding again; or stop, and feed what is after `position`.
        """
        pos = 0
        size = len(data)
        if self._partial:
            pos = self._complete(data)
            if pos < 0:
                return
            whole, self._partial = self._partial, bytearray()
            self.position = pos
            yield memoryview(whole)[LENGTH_BYTES:], True
        while size - pos >= LENGTH_BYTES:
            end = pos + LENGTH_BYTES + self._length(data, pos)
            if end > size:
                break
            self.position = end
            yield data[pos + LENGTH_BYTES : end], False
            pos = end
        if pos < size:
            self._partial += data[pos:]

    def _complete(self, data: memoryview) -> int:
        """Add to the frame begun before; return where the next one starts, -1 when it lacks more.

        Its length comes first, if that is not whole either.
        """
        partial = self._partial
        pos = 0
        if len(partial) < LENGTH_BYTES:
            pos = LENGTH_BYTES - len(partial)
            partial += data[:pos]
            if len(partial) < LENGTH_BYTES:
                return -1
        missing = LENGTH_BYTES + self._length(partial, 0) - len(partial)
        end = pos + missing
        partial += data[pos:end]
        return end if end <= len(data) else -1

    def _length(self, data: Buffer, pos: int) -> int:
        length: int = _LENGTH.unpack_from(data, pos)[0]
        if not self.frame_bytes_min <= length <= self.frame_bytes_max:
            raise MalformedFrame(
                f"frame of {length} bytes, allowed are "
                f"{self.frame_bytes_min} to {self.frame_bytes_max}"
            )
        if length > self.small_max:
            self._check_large(data, pos + LENGTH_BYTES, length)
        return length

    def _check_large(self, data: Buffer, pos: int, length: int) -> None:
        if len(data) < pos + _KEY.size:
            return  # it is asked again when there is more
        key: int = _KEY.unpack_from(data, pos)[0]
        if key not in self.large:
            raise MalformedFrame(
                f"request {key} of {length} bytes, allowed are {self.small_max} for this kind"
            )


def frame(*parts: Buffer) -> bytes:
    """Return a frame made of these parts."""
    size = sum(len(part) for part in parts)
    return b"".join((_LENGTH.pack(size), *parts))


# --- headers ------------------------------------------------------------------------------------


class RequestHeader(Record, frozen=True, gc=False):
    """What is before every request."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None


def peek_api(data: Buffer) -> tuple[int, int, int]:
    """Return API key, version and correlation id, which every version of the header starts with.

    Enough to refuse a request whose header cannot be read, since it is not known to be flexible.
    """
    try:
        key, version, correlation_id = _REQUEST_BARE.unpack_from(data, 0)
    except DECODE_ERRORS as error:
        raise malformed("RequestHeader", 0, error) from error
    return key, version, correlation_id


def decode_request_header(data: Buffer, flexible: bool) -> tuple[RequestHeader, int]:
    """Read the header, version 2 if `flexible` and else 1; return it and where the message starts.

    The client id has the old encoding in both versions, so that a broker can read it before it
    knows which one this is.
    """
    try:
        key, version, correlation_id, length = _REQUEST.unpack_from(data, 0)
        pos = _REQUEST.size
        client_id = None
        if length >= 0:
            end = pos + length
            if end > len(data):
                raise bad_length("client_id", length)
            client_id = str(data[pos:end], "utf-8")
            pos = end
        elif length != -1:
            raise bad_length("client_id", length)
        if flexible:
            pos = _skip_header_tags(data, pos)
    except DECODE_ERRORS as error:
        raise malformed("RequestHeader", 1 + flexible, error) from error
    return RequestHeader(key, version, correlation_id, client_id), pos


def _skip_header_tags(data: Buffer, pos: int) -> int:
    count = data[pos]
    return skip_tags(data, pos + 1, count) if count else pos + 1


def encode_request_header(header: RequestHeader, flexible: bool) -> bytes:
    """Write the header, version 2 if `flexible` and else 1."""
    text = b"" if header.client_id is None else header.client_id.encode()
    length = -1 if header.client_id is None else len(text)
    start = _REQUEST.pack(header.api_key, header.api_version, header.correlation_id, length)
    return start + text + (NO_TAGS if flexible else b"")


def response_header_is_flexible(api_key: int, flexible: bool) -> bool:
    """Say if a response has header version 1; `flexible` says it of the message.

    ApiVersions never has, as the client cannot know yet what the broker speaks.
    """
    return flexible and api_key != API_VERSIONS_KEY


def encode_response_header(correlation_id: int, flexible: bool) -> bytes:
    """Write the header, version 1 if `flexible` and else 0."""
    return _RESPONSE_FLEXIBLE.pack(correlation_id) if flexible else _LENGTH.pack(correlation_id)


def decode_response_header(data: Buffer, flexible: bool) -> tuple[int, int]:
    """Read the header; return the correlation id, and where the message starts."""
    try:
        (correlation_id,) = _LENGTH.unpack_from(data, 0)
        pos = _LENGTH.size
        return correlation_id, _skip_header_tags(data, pos) if flexible else pos
    except DECODE_ERRORS as error:
        raise malformed("ResponseHeader", int(flexible), error) from error
