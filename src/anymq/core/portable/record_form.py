"""RecordForm: what a Kafka client wrote, as a message."""

import re
from dataclasses import replace
from struct import Struct
from typing import Any

from anymq.core.message import Properties, Traits, Value
from anymq.core.portable.plain import add_header, decoded, plain_headers, take_field
from anymq.storage.records import encode_headers, headers_of

RECORD_FORM_NUMBER = 2  # on disk
KEY_HEADER = "x-key"  # a record's key, where the routing key is not meant or cannot say it
PERSISTENT = 2

REMEMBERED_MAX = 500
REMEMBERED_BYTES_MAX = 1024  # longer headers seldom come twice

TIME = Struct(">q")
_NO_KEY = b"\xff\xff\xff\xff"
_NUMBER = re.compile(rb"[0-9]{1,18}")


class RecordForm:
    """How a Kafka record says what a message says.

    As properties: timestamp 8 · length of the key 4 (0 and none: FFFFFFFF) · key · headers.
    """

    number = RECORD_FORM_NUMBER

    def __init__(self) -> None:
        self._remembered: dict[bytes, Traits] = {}  # by headers; most records are alike

    def headers(self, properties: bytes) -> bytes:
        """Return the record's headers."""
        return properties[_key_at(properties)[1] :]

    def traits(self, properties: bytes) -> Traits:
        """Return what the core must know."""
        said = self.headers(properties)
        if said == b"\0":
            return _NO_HEADERS
        traits = self._remembered.get(said)
        if traits is None:
            traits = self._traits(properties)
            if len(said) <= REMEMBERED_BYTES_MAX and not depends_on_time(said):
                if len(self._remembered) >= REMEMBERED_MAX:
                    self._remembered.clear()
                self._remembered[said] = traits
        return traits

    def _traits(self, properties: bytes) -> Traits:
        says = self.read(properties)
        return Traits(
            persistent=True,
            priority=says.priority,
            expiration_ms=int(says.expiration) if says.expiration is not None else None,
            has_headers=bool(says.headers),
        )

    def read(self, properties: bytes) -> Properties:
        """Decode everything."""
        time = TIME.unpack_from(properties)[0]
        key, at = _key_at(properties)
        fields: dict[str, Any] = {"delivery_mode": PERSISTENT}
        headers: dict[str, Value] = {}
        for name, value in headers_of(properties[at:]):
            if not _take(fields, name, value, time):
                add_header(headers, decoded(name), value_of(value))
        if time >= 0:  # unless the publisher said another one
            fields.setdefault("timestamp", time // 1000)
        if key is not None:
            headers.setdefault(KEY_HEADER, value_of(key))
        return Properties(headers=headers, **fields)

    def write(self, properties: Properties) -> bytes:
        """Encode everything; numbers, tables and lists in the headers become text."""
        time = -1 if properties.timestamp is None else properties.timestamp * 1000
        plain = plain_headers(replace(properties, timestamp=None), max(time, 0))
        return TIME.pack(time) + _NO_KEY + encode_headers(plain)


RECORD_FORM = RecordForm()
NO_PROPERTIES = TIME.pack(0) + _NO_KEY + b"\0"
TIME_BYTES = TIME.size  # in front of a record's properties


def depends_on_time(properties: bytes) -> bool:
    """Do a record's properties say something else a millisecond later? When it expires."""
    return b"expires-at" in properties


_NO_HEADERS = Traits(persistent=True)


def _take(fields: dict[str, Any], name: bytes, value: bytes | None, time: int) -> bool:
    """Let a header be the property that it stands for; not if it cannot, or was there before."""
    if name == b"expires-at" and value is not None and _NUMBER.fullmatch(value):
        left = str(max(0, int(value) - max(time, 0)))
        return fields.setdefault("expiration", left) is left
    return take_field(fields, name, value)


def value_of(content: bytes | None) -> Value:
    """Return text where it is text."""
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return content


def sized_key(key: bytes | None) -> bytes:
    """Return a key as a record's properties begin with it, behind the time."""
    return _NO_KEY if key is None else len(key).to_bytes(4, "big") + key


def _key_at(properties: bytes) -> tuple[bytes | None, int]:
    """Return the key in a record's properties, and where the headers begin."""
    size = properties[8:12]
    if size == _NO_KEY:
        return None, 12
    end = 12 + int.from_bytes(size, "big")
    return properties[12:end], end
