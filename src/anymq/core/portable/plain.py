"""Plain headers: what a message says, as text that every Kafka tool can read."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from anymq.core.message import Properties, Value
from anymq.storage.records import Header

RESERVED = b"anymq"
TEXT_BYTES_MAX = 255  # of AMQP's short strings: routing keys and properties

# Which property is which header, where both are texts.
TEXTS = {
    b"content-type": "content_type",
    b"content-encoding": "content_encoding",
    b"correlation-id": "correlation_id",
    b"reply-to": "reply_to",
    b"message-id": "message_id",
    b"type": "type",
    b"app-id": "app_id",
}
# Which are numbers, up to what. Larger times are no seconds: they stay what somebody calls so.
NUMBERS = {b"priority": 255, b"timestamp": (1 << 33) - 1}
_NUMBER = re.compile(rb"0|[1-9][0-9]{0,17}")  # as we write them, so that the way back is exact


class Repeated(list[Value]):
    """The values of a header that comes more than once."""


def add_header(headers: dict[str, Value], name: str, value: Value) -> None:
    """Add a header; one that comes again makes it a list."""
    if name not in headers:
        headers[name] = value
    elif isinstance(headers[name], Repeated):
        headers[name].append(value)
    else:
        headers[name] = Repeated((headers[name], value))


def plain_headers(says: Properties, timestamp_ms: int) -> list[Header]:
    """Return what a message says as headers that every tool can read."""
    plain: list[Header] = []
    for name, attribute in TEXTS.items():
        if (text := getattr(says, attribute)) is not None:
            plain.append((name, encoded(text)))
    if says.user_id is not None:
        plain.append((b"user-id", encoded(says.user_id)))
    if says.priority is not None:
        plain.append((b"priority", b"%d" % says.priority))
    if says.timestamp is not None:
        plain.append((b"timestamp", b"%d" % says.timestamp))
    if says.expiration is not None and says.expiration.isdecimal():
        plain.append((b"expires-at", b"%d" % (timestamp_ms + int(says.expiration))))
    for header, value in says.headers.items():
        if (name := encoded(header)) != RESERVED:
            plain += [(name, one) for one in _repeated(value)]
    return plain


def is_repeated(value: Value) -> bool:
    """Is it said as a header that comes again? A list of plain values, which most cannot say."""
    if isinstance(value, Repeated):
        return True
    if not isinstance(value, list) or len(value) < 2:
        return False
    return all(one is None or isinstance(one, (str, bytes)) for one in value)


def _repeated(value: Value) -> list[bytes | None]:
    """Return one value, or those of a header that comes more than once."""
    return [to_bytes(one) for one in value] if is_repeated(value) else [to_bytes(value)]


def take_field(fields: dict[str, Any], name: bytes, value: bytes | None) -> bool:
    """Let a header be the property that it stands for; not if it cannot, or was there before."""
    attribute = TEXTS.get(name)
    if attribute is not None:
        text = text_of(value)
        return text is not None and fields.setdefault(attribute, text) is text
    maximum = NUMBERS.get(name)
    if maximum is None or value is None or _NUMBER.fullmatch(value) is None:
        return False
    number = int(value)
    return number <= maximum and fields.setdefault(name.decode(), number) is number


def to_bytes(value: Value) -> bytes | None:
    """Return a value as text in UTF-8; bytes stay what they are, tables and lists are JSON.

    A tuple is one number in parts, AMQP's decimal, which knows how it is read.
    """
    if value is None or isinstance(value, bytes):
        return None if value is None else bytes(value)
    if isinstance(value, (str, tuple)):
        return encoded(str(value))
    return encoded(json.dumps(_to_json(value), ensure_ascii=False, separators=(",", ":")))


def to_text(value: Value) -> str:
    """Return a value for protocols that know text only; what is none, or has a NUL, is base64."""
    content = to_bytes(value) or b""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return b64encode(content).decode()
    return text if "\0" not in text else b64encode(content).decode()


def _to_json(value: Value) -> Any:
    if isinstance(value, tuple):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _to_json(one) for name, one in value.items()}
    if isinstance(value, (bytes, bytearray)):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return b64encode(value).decode()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_to_json(one) for one in value]
    return value


def text_of(content: bytes | None) -> str | None:
    """Return a text that every protocol can hold as a key or property; None when it is none."""
    if content is None or len(content) > TEXT_BYTES_MAX:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def encoded(text: str) -> bytes:
    """Return UTF-8, or the bytes that a protocol found not to be it."""
    return text.encode(errors="surrogateescape")


def decoded(content: bytes) -> str:
    """Undo `encoded`, whatever the bytes."""
    return content.decode(errors="surrogateescape")
