"""Frames of the remoting protocol: from any chunks of bytes to whole ones, and back.

    length of the rest 4 · kind of header 1, its length 3 · header · body

The header is JSON or binary (`Kind`); both say the same: a code, flags, an opaque number by which
an answer finds its request, a remark for people, and fields of text.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from struct import Struct
from struct import error as struct_error
from typing import Any, NamedTuple

import msgspec

RESPONSE, ONEWAY = 1, 2  # flags
LENGTH_BYTES = 4
VERSION = 479  # of RocketMQ, as its clients count: 5.3.3
LANGUAGES = (
    *("JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO"),
    *("PHP", "OMS", "RUST", "NODE_JS"),
)
OTHER = 7

_LENGTH = Struct(">i")
_HEAD = Struct(">ii")  # length of the rest, kind and length of the header
_BINARY = Struct(">hbhiii")  # code, language, version, opaque, flag, length of the remark
_I16, _I32 = Struct(">h"), Struct(">i")
_INT_MIN, _INT_MAX = -(1 << 31), (1 << 31) - 1
_SAFE = (str, int, float, bool)


class MalformedFrame(Exception):
    """This is not the protocol: the connection ends."""


class Kind(IntEnum):
    """How a header is written."""

    JSON = 0
    BINARY = 1


class Frame(NamedTuple):
    """One request, or one answer to a request of ours."""

    code: int
    opaque: int
    flag: int
    ext: dict[str, str]
    body: bytes
    remark: str
    language: str
    version: int
    kind: Kind
    size: int  # of all of it, on the wire

    @property
    def is_answer(self) -> bool:
        """Does it answer a request of ours?"""
        return bool(self.flag & RESPONSE)

    @property
    def is_oneway(self) -> bool:
        """Does nobody await an answer?"""
        return bool(self.flag & ONEWAY)


class _Header(msgspec.Struct, rename={"ext": "extFields"}, gc=False):
    code: int
    opaque: int = 0
    flag: int = 0
    version: int = 0
    language: Any = None
    remark: str | None = None
    ext: Any = None


class _TextHeader(_Header, rename={"ext": "extFields"}, gc=False):
    """As Java and Go write it: all fields are texts."""

    ext: dict[str, str] | None = None


_json_of_texts = msgspec.json.Decoder(_TextHeader)
_json = msgspec.json.Decoder(_Header)
_encode_json = msgspec.json.Encoder().encode
_TEN_DIGITS = 1234567890  # where an opaque number goes
_ENDS = b'"serializeTypeCurrentRPC":"JSON","version":%d' % VERSION


class Limits:
    """How big things may be; may be changed at any time."""

    __slots__ = ("frame_bytes_max", "header_bytes_max")

    def __init__(self, frame_bytes_max: int = 16 << 20, header_bytes_max: int = 256 << 10) -> None:
        self.frame_bytes_max = frame_bytes_max
        self.header_bytes_max = header_bytes_max


class Decoder:
    """Cuts what arrives into frames. What it holds grows with what came, not with what is said."""

    __slots__ = ("_at", "_buffer", "limits")

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        # Bytes when it came at once, as most does; what comes in pieces grows in place.
        self._buffer: bytes | bytearray = b""
        self._at = 0

    @property
    def held_bytes(self) -> int:
        """How much waits for its rest, or for its turn."""
        return len(self._buffer) - self._at

    def feed(self, data: bytes | memoryview) -> None:
        """Take what came."""
        buffer, at = self._buffer, self._at
        self._at = 0
        if at == len(buffer):
            self._buffer = bytes(data)
        elif isinstance(buffer, bytearray):
            del buffer[:at]
            buffer += data
        else:
            self._buffer = bytearray(buffer[at:]) + data

    def clear(self) -> None:
        """Forget everything."""
        self._buffer = b""
        self._at = 0

    def next(self) -> Frame | None:
        """Return the next frame, if it is whole. MalformedFrame when it never will be one.

        Hot: benchmarks/micro/rocketmq.py.
        """
        buffer, at = self._buffer, self._at
        held = len(buffer) - at
        if held < LENGTH_BYTES:
            return None
        length: int = _LENGTH.unpack_from(buffer, at)[0]
        if not LENGTH_BYTES <= length <= self.limits.frame_bytes_max:
            raise MalformedFrame(
                f"a frame of {length} bytes, at most {self.limits.frame_bytes_max} are allowed"
            )
        if held < _HEAD.size:
            return None
        word: int = _HEAD.unpack_from(buffer, at)[1]
        size = word & 0xFFFFFF
        read = _READERS.get(word >> 24)
        if read is None:
            raise MalformedFrame(f"nobody writes headers of kind {word >> 24 & 0xFF}")
        if size > length - LENGTH_BYTES or size > self.limits.header_bytes_max:
            raise MalformedFrame(f"a header of {size} bytes in a frame of {length}")
        end = at + LENGTH_BYTES + length
        if end > len(buffer):
            return None
        start = at + _HEAD.size + size
        if isinstance(buffer, bytes):  # came at once: most do
            header, body = buffer[at + _HEAD.size : start], buffer[start:end]
        else:
            view = memoryview(buffer)
            header, body = bytes(view[at + _HEAD.size : start]), bytes(view[start:end])
        frame = read(header, body, LENGTH_BYTES + length)
        self._at = end
        if end == len(buffer):
            self.clear()
        return frame


# JSON


def _from_json(header: bytes, body: bytes, size: int) -> Frame:
    """Hot: most requests of most clients."""
    ext: dict[str, str] = {}
    try:
        said: _Header = _json_of_texts.decode(header)
        ext = said.ext or ext
    except msgspec.ValidationError:
        said = _loose_header(header)
        ext = _texts(said.ext) if said.ext else ext
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise MalformedFrame(f"a header that cannot be read: {error}") from None
    if not (_INT_MIN <= said.opaque <= _INT_MAX and _INT_MIN <= said.flag <= _INT_MAX):
        raise MalformedFrame("a header with numbers that are too large")
    told = (said.remark or "", _language(said.language), said.version, Kind.JSON, size)
    # In half the time of the class.
    return tuple.__new__(Frame, (said.code, said.opaque, said.flag, ext, body, *told))


def _loose_header(header: bytes) -> _Header:
    try:
        said = _json.decode(header)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise MalformedFrame(f"a header that cannot be read: {error}") from None
    if said.ext is not None and not isinstance(said.ext, dict):
        raise MalformedFrame("fields that are none")
    return said


def _texts(ext: dict[str, Any]) -> dict[str, str]:
    """Return fields as Java's client writes them: C++ and JavaScript write numbers as such."""
    return {name: _text(value) for name, value in ext.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _SAFE):
        try:
            return str(value)
        except ValueError:  # digits without end
            raise MalformedFrame("a number that is too long") from None
    raise MalformedFrame("a field that is neither text nor a number")


def _language(said: object) -> str:
    if isinstance(said, str):
        return said if said in LANGUAGES else "OTHER"
    return LANGUAGES[said] if isinstance(said, int) and 0 <= said < len(LANGUAGES) else "OTHER"


# Binary


def _from_binary(header: bytes, body: bytes, size: int) -> Frame:
    try:
        code, language, version, opaque, flag, remark_size = _BINARY.unpack_from(header)
        remark, at = _text_at(header, _BINARY.size, remark_size)
        ext_size: int = _I32.unpack_from(header, at)[0]
        at += _I32.size
        if ext_size < 0 or at + ext_size != len(header):
            raise MalformedFrame(f"fields of {ext_size} bytes in a header of {len(header)}")
        ext = _fields_at(header, at)
    except (struct_error, UnicodeDecodeError) as error:
        raise MalformedFrame(f"a header that cannot be read: {error}") from None
    return Frame(
        code, opaque, flag, ext, body, remark, _language(language), version, Kind.BINARY, size
    )


def _fields_at(header: bytes, at: int) -> dict[str, str]:
    ext: dict[str, str] = {}
    end = len(header)
    name_size, value_size = _I16.unpack_from, _I32.unpack_from
    while at < end:
        name, at = _text_at(header, at + 2, name_size(header, at)[0])
        value, at = _text_at(header, at + 4, value_size(header, at)[0])
        ext[name] = value
    return ext


def _text_at(header: bytes, at: int, size: int) -> tuple[str, int]:
    end = at + size
    if size < 0 or end > len(header):
        raise MalformedFrame(f"a text of {size} bytes in a header of {len(header)}")
    return header[at:end].decode(), end


# By the first byte of the word after a frame's length.
_READERS = {Kind.JSON.value: _from_json, Kind.BINARY.value: _from_binary}


# Writing


def encode(
    code: int,
    opaque: int,
    flag: int,
    ext: Mapping[str, object] | None = None,
    body: bytes = b"",
    *,
    remark: str = "",
    kind: Kind = Kind.JSON,
) -> bytes:
    """Write one frame. Fields that are None are left out."""
    return head_of(code, opaque, flag, ext or {}, len(body), remark, kind) + body


def head_of(
    code: int,
    opaque: int,
    flag: int,
    ext: Mapping[str, object],
    body_bytes: int,
    remark: str,
    kind: Kind,
) -> bytes:
    """Write a frame as far as its body."""
    make = _json_header if kind is Kind.JSON else _binary_header
    header = make(code, opaque, flag, ext, remark)
    word = kind << 24 | len(header)
    return _HEAD.pack(LENGTH_BYTES + len(header) + body_bytes, word) + header


class Answers:
    """Answers with the same fields each time: written without ado, for what clients do most.

    `names` are of those fields whose values change; `same` do not. All are plain text, which means
    nothing in JSON.
    """

    __slots__ = ("_json", "_names", "_same", "code", "remark")

    def __init__(
        self, names: Sequence[str], same: Mapping[str, str], *, code: int = 0, remark: str = ""
    ) -> None:
        self.code, self.remark = code, remark
        self._names, self._same = names, same
        told = dict.fromkeys(names, "%b") | dict(same)
        written = _json_header(code, _TEN_DIGITS, RESPONSE, told, remark)
        self._json = written.replace(b"%d" % _TEN_DIGITS, b"%d")

    def fields(self, values: Sequence[bytes]) -> dict[str, str]:
        """Return what one says."""
        changing = {n: value.decode() for n, value in zip(self._names, values, strict=True)}
        return changing | dict(self._same)

    def head(self, opaque: int, values: Sequence[bytes], body_bytes: int, kind: Kind) -> bytes:
        """Write one as far as its body."""
        if kind is not Kind.JSON:
            said = self.fields(values)
            return head_of(self.code, opaque, RESPONSE, said, body_bytes, self.remark, kind)
        header = self._json % (opaque, *values)
        return _HEAD.pack(LENGTH_BYTES + len(header) + body_bytes, len(header)) + header


def _json_header(
    code: int, opaque: int, flag: int, ext: Mapping[str, object], remark: str
) -> bytes:
    """Hot: every answer. `language`: some clients know no others."""
    fixed = b'{"code":%d,"flag":%d,"language":"JAVA","opaque":%d,%s' % (code, flag, opaque, _ENDS)
    parts = [fixed]
    if ext:
        said = {
            name: value
            if (kind := value.__class__) is str
            else str(value)
            if kind is int
            else _written(value)
            for name, value in ext.items()
            if value is not None
        }
        parts += (b',"extFields":', _encode_json(said))
    if remark:
        parts += (b',"remark":', _encode_json(remark))
    parts.append(b"}")
    return b"".join(parts)


def _binary_header(
    code: int, opaque: int, flag: int, ext: Mapping[str, object], remark: str
) -> bytes:
    text = remark.encode()
    parts: list[bytes] = []
    for name, value in ext.items():
        if value is not None:
            key, content = name.encode(), _written(value).encode()
            parts += (_I16.pack(len(key)), key, _I32.pack(len(content)), content)
    fields = b"".join(parts)
    fixed = _BINARY.pack(code, 0, VERSION, opaque, flag, len(text))
    return b"".join((fixed, text, _I32.pack(len(fields)), fields))


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
