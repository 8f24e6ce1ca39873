"""StompForm: how STOMP writes down what a message says.

Header lines as STOMP 1.2 writes them, one after another, each with its line feed: most of the time
another STOMP client reads them, and delivering copies bytes. What is between a client and us
(destination, receipt, transaction, content-length) is not among them.

What text cannot say (values of other protocols) is JSON under a name that begins with `x-json:`,
with the types that JSON does not know spelled out, so that the way back is exact.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from anymq.core.message import Long, Properties, Time, Traits, Value
from anymq.core.portable.plain import to_text
from anymq.protocols.stomp.addresses import address_of, reply_to_of
from anymq.protocols.stomp.codec import V12, MalformedFrame, header_line, unescaped

FORM_NUMBER = 4  # on disk
PERSISTENT = 2
SHORT_BYTES_MAX = 255  # of AMQP's texts: what is longer is a header
SHORT_LINE_MAX = 64
REMEMBERED_MAX = 4096
REMEMBERED_BYTES_MAX = 512
EXPIRATION_MS_MAX = 315_360_000_000  # RabbitMQ's: 10 years
NUMBER_DIGITS_MAX = 18

DELAY, DELIVER_AT = "x-delay", "x-deliver-at"

# Which header is which property, where both are texts.
TEXTS = {
    "content-type": "content_type",
    "content-encoding": "content_encoding",
    "correlation-id": "correlation_id",
    "reply-to": "reply_to",
    "amqp-message-id": "message_id",
    "type": "type",
    "user-id": "user_id",
    "app-id": "app_id",
}
NUMBERS = {"priority": "priority", "timestamp": "timestamp"}
PERSISTENT_HEADER, EXPIRATION = "persistent", "expiration"
# What a frame says to us, or we to a client, and no message does.
BETWEEN_US = frozenset(
    (
        *("destination", "content-length", "receipt", "transaction"),
        *("message-id", "subscription", "ack", "redelivered"),
    )
)
# Names that mean something to the core in the headers of others, but nothing in STOMP: a message
# must not go where its CC says, which nobody has asked the rights for.
_ELSEWHERE = {"CC": "x-stomp-CC", "BCC": "x-stomp-BCC"}
_BACK = {name: mine for mine, name in _ELSEWHERE.items()}
JSON = "x-json:"
_JSON_BYTES = b"x-json\\c"
_INTEREST = (b"persistent:", b"priority:", b"expiration:", b"x-del")
_NO_TRAITS = Traits()
_ONLY_HEADERS = Traits(has_headers=True)


class StompForm:
    """Reads and writes it; what the core asks for again and again is remembered."""

    number = FORM_NUMBER

    def __init__(self) -> None:
        self._remembered: dict[bytes, Traits] = {}

    def traits(self, properties: bytes) -> Traits:
        """Return what the core must know; ValueError when these bytes are not ours."""
        traits = self._remembered.get(properties)
        if traits is None:
            traits = _traits(properties)
            if len(properties) <= REMEMBERED_BYTES_MAX:
                if len(self._remembered) >= REMEMBERED_MAX:
                    self._remembered.clear()
                self._remembered[properties] = traits
        return traits

    def read(self, properties: bytes) -> Properties:
        """Decode everything."""
        fields: dict[str, Any] = {}
        headers: dict[str, Value] = {}
        for name, value in unpacked(properties):
            if name.startswith(JSON):
                headers[name[len(JSON) :]] = _of_json(value)
            elif not _is_property(name, value, fields):
                headers[_ELSEWHERE.get(name, name)] = value
        return Properties(headers=headers, **fields)

    def write(self, properties: Properties) -> bytes:
        """Encode everything; what is no text is JSON, so that it can be read again."""
        return packed(_lines(properties, exact=True))


STOMP_FORM = StompForm()  # one for all: envelopes are compared by it


def packed(headers: Iterable[tuple[str, str]]) -> bytes:
    """Put headers together."""
    return b"".join(
        (_short_line if len(name) + len(value) <= SHORT_LINE_MAX else _line)(name, value)
        for name, value in headers
    )


def _line(name: str, value: str) -> bytes:
    return header_line(name, value, V12)


_short_line = lru_cache(2048)(_line)  # the same ones come again and again


def unpacked(properties: bytes) -> list[tuple[str, str]]:
    """Take them apart; ValueError when they are not ours."""
    pairs = []
    try:
        for line in properties.decode().split("\n")[:-1]:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError("not the headers of a message")
            if "\\" in line:
                name, value = unescaped(name, V12), unescaped(value, V12)
            pairs.append((name, value))
    except MalformedFrame as error:
        raise ValueError(str(error)) from None
    return pairs


def sayable(said: Properties) -> list[tuple[str, str]]:
    """Return what another protocol wrote as a STOMP client reads it: plain text."""
    return [pair for pair in _lines(said, exact=False) if pair[0] not in BETWEEN_US]


def is_plain(properties: bytes) -> bool:
    """Can a client read these bytes as they are, or is something in them for us alone?"""
    return _JSON_BYTES not in properties


def _traits(properties: bytes) -> Traits:
    if not any(name in properties for name in _INTEREST):
        return _ONLY_HEADERS if properties else _NO_TRAITS
    said = dict(unpacked(properties))
    return Traits(
        persistent=_is_true(said.get(PERSISTENT_HEADER)),
        priority=_small(said.get("priority")),
        expiration_ms=_number(said.get(EXPIRATION), EXPIRATION_MS_MAX),
        has_headers=True,
        delay_ms=_number(said.get(DELAY)),
        deliver_at_ms=_number(said.get(DELIVER_AT)),
    )


# Reading


def _is_property(name: str, value: str, fields: dict[str, Any]) -> bool:
    """Put a header where it belongs; False: it is one elsewhere, too."""
    if name in TEXTS:
        told = reply_to_of(value) if name == "reply-to" else value
        if len(told.encode()) > SHORT_BYTES_MAX:
            return False
        fields[TEXTS[name]] = told
    elif name == PERSISTENT_HEADER:
        if not _is_true(value):
            return False
        fields["delivery_mode"] = PERSISTENT
    elif name == EXPIRATION:
        if _number(value, EXPIRATION_MS_MAX) is None:
            return False
        fields["expiration"] = value
    elif name in NUMBERS:
        number = _small(value) if name == "priority" else _number(value)
        if number is None:
            return False
        fields[NUMBERS[name]] = number
    else:
        return False
    return True


def _is_true(value: str | None) -> bool:
    return value in ("true", "True")


def _small(value: str | None) -> int | None:
    return _number(value, 255)


def _number(value: str | None, most: int | None = None) -> int | None:
    """Return a whole number; what is none means nothing, as for RabbitMQ."""
    value = (value or "").strip()
    if not (value.isascii() and value.isdecimal() and len(value) <= NUMBER_DIGITS_MAX):
        return None
    number = int(value)
    return number if most is None or number <= most else None


# Writing


def _lines(said: Properties, *, exact: bool) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, attribute in TEXTS.items():
        value = getattr(said, attribute)
        if value is not None:
            lines.append((name, address_of(value) if name == "reply-to" else value))
    if said.delivery_mode == PERSISTENT:
        lines.append((PERSISTENT_HEADER, "true"))
    for name, attribute in NUMBERS.items():
        value = getattr(said, attribute)
        if value is not None:
            lines.append((name, str(value)))
    if said.expiration is not None:
        lines.append((EXPIRATION, said.expiration))
    taken = {name for name, _ in lines}
    for name, value in said.headers.items():
        if name not in taken:
            lines.append(_header(name, value, exact=exact))
    return lines


def _header(name: str, value: Value, *, exact: bool) -> tuple[str, str]:
    if isinstance(value, str) and (exact or "\0" not in value):
        return _BACK.get(name, name), value
    if exact:
        return JSON + name, json.dumps(_to_json(value))
    return name, to_text(value)


_TYPES: Mapping[str, type[int]] = {"$long": Long, "$time": Time}


def _to_json(value: Value) -> Any:
    if isinstance(value, Mapping):
        table = {str(name): _to_json(one) for name, one in value.items()}
        return {"$table": table} if any(name.startswith("$") for name in table) else table
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [_to_json(one) for one in value]
    for name, kind in _TYPES.items():
        if isinstance(value, kind):
            return {name: int(value)}
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return str(value)


def _of_json(text: str) -> Value:
    try:
        return _from_json(json.loads(text))
    except (ValueError, RecursionError):
        return text


def _from_json(value: Any) -> Value:
    if isinstance(value, list):
        return [_from_json(one) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(name, one)] = value.items()
        if name == "$bytes" and isinstance(one, str):
            return b64decode(one)
        if name == "$table" and isinstance(one, dict):
            return {key: _from_json(inner) for key, inner in one.items()}
        if name in _TYPES and isinstance(one, int):
            return _TYPES[name](one)
    return {name: _from_json(one) for name, one in value.items()}
