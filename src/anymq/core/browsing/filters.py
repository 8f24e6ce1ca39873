"""Filters: which messages are meant. All that is said must hold.

Most of what is looked for is in few messages, as bytes: so whole batches are left out after one
look for these bytes (`may_hold`), and messages before anything of them is decoded.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from anymq.core.browsing.conditions import Condition, steps_of
from anymq.core.errors import Invalid
from anymq.core.message import Message, Properties
from anymq.core.queues.deadletters import deaths_of
from anymq.core.queues.delivery import Seen

CONDITIONS_MAX = 20  # of one kind
TEXT_MAX = 10_000
DEATH = ("reason", "queue", "exchange")
PROPERTIES = frozenset(Properties.__dataclass_fields__) - {"headers"}
_decode = msgspec.json.Decoder().decode

Test = Callable[[Message], bool]
MayBe = Callable[[bytes], bool]

# JSON may write letters and numbers in other ways: then one has to look closer.
_ESCAPED = b"\\u"
_EXPONENT = re.compile(rb"[0-9][eE][+-]?[0-9]")


class Filter:
    """A filter, as it was said."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        """Understand it. Invalid, if that is not possible."""
        unknown = said.keys() - _PARTS.keys() - _WITH_OTHERS
        if unknown:
            raise Invalid(f"a filter has no {', '.join(sorted(unknown))}")
        self.said = said
        self.since_ms: int | None = None
        self.redelivered: bool | None = None
        self._tests: list[Test] = []
        self._may_be: list[MayBe] = []
        for name, add in _PARTS.items():
            if said.get(name) is not None:
                add(self, said[name])

    def matches(self, message: Message) -> bool:
        """Is this message meant?"""
        for test in self._tests:  # noqa: SIM110 - a million times: no generator
            if not test(message):
                return False
        return True

    def matches_place(self, seen: Seen) -> bool:
        """And where it is?"""
        return self.redelivered is None or seen.redelivered == self.redelivered

    @property
    def may_hold(self) -> MayBe | None:
        """What says of a batch that none of its messages can be meant; None: only a look does."""
        tests = self._may_be
        if not tests:
            return None
        return tests[0] if len(tests) == 1 else lambda batch: all(test(batch) for test in tests)

    # What may be said: the cheapest first

    def _from(self, said: Any) -> None:
        self.since_ms = since = time_of(said)
        self._tests.append(lambda message: message.timestamp_ms >= since)

    def _to(self, said: Any) -> None:
        until = time_of(said)
        self._tests.append(lambda message: message.timestamp_ms < until)

    def _bytes_min(self, said: Any) -> None:
        least = _number("bytes_min", said)
        self._tests.append(lambda message: len(message.body) >= least)

    def _bytes_max(self, said: Any) -> None:
        most = _number("bytes_max", said)
        self._tests.append(lambda message: len(message.body) <= most)

    def _redelivered(self, said: Any) -> None:
        if not isinstance(said, bool):
            raise Invalid("redelivered is true or false")
        self.redelivered = said

    def _routing_key(self, said: Any) -> None:
        matches = self._name(said)
        self._tests.append(lambda message: matches(message.envelope.routing_key))

    def _exchange(self, said: Any) -> None:
        matches = self._name(said)
        self._tests.append(lambda message: matches(message.envelope.exchange))

    def _name(self, said: Any) -> Callable[[str], bool]:
        pattern = _text("a name", said)
        parts = pattern.split("*")
        self._look_for(max(parts, key=len))
        return pattern.__eq__ if len(parts) == 1 else partial(_like, parts)

    def _text(self, said: Any) -> None:
        wanted = _text("text", said).encode()
        if self.said.get("ignore_case") is True:
            lower = wanted.decode().lower()
            self._tests.append(lambda message: lower in _lower(message.body))
        else:
            self._may_be.append(lambda batch: wanted in batch)
            self._tests.append(lambda message: wanted in message.body)

    def _death(self, said: Any) -> None:
        if not isinstance(said, Mapping) or said.keys() - set(DEATH):
            raise Invalid(f"death has {', '.join(DEATH)}")
        wanted = {name: _text(name, value) for name, value in said.items()}
        for text in wanted.values():
            self._look_for(text)
        self._tests.append(partial(_died, wanted))

    def _properties(self, said: Any) -> None:
        for condition in self._conditions("properties", said, _name_of):
            if condition.steps[0] not in PROPERTIES:
                raise Invalid(f"properties are {', '.join(sorted(PROPERTIES))}")
            self._tests.append(partial(_properties_hold, condition))

    def _headers(self, said: Any) -> None:
        for condition in self._conditions("headers", said, _name_of):
            if condition.op == "=" and isinstance(condition.wanted, str):
                self._look_for(condition.wanted)
            self._tests.append(partial(_headers_hold, condition))

    def _json(self, said: Any) -> None:
        conditions = self._conditions("json", said, lambda one: steps_of(one.get("path")))
        for condition in conditions:
            if condition.op == "=" and (may_be := _json_may_be(condition.wanted)) is not None:
                self._may_be.append(may_be)
                self._tests.append(lambda message, may_be=may_be: may_be(message.body))  # type: ignore[misc]
        self._tests.append(partial(_json_holds, conditions))

    def _conditions(
        self, what: str, said: Any, steps: Callable[[Mapping[str, Any]], Sequence[Any]]
    ) -> list[Condition]:
        if not isinstance(said, list) or not all(isinstance(one, Mapping) for one in said):
            raise Invalid(f"{what} is a list of conditions")
        if len(said) > CONDITIONS_MAX:
            raise Invalid(f"{what} has at most {CONDITIONS_MAX} conditions")
        return [Condition(steps(one), one) for one in said]

    def _look_for(self, text: str) -> None:
        """This is in what is written of every message that is meant, as it is."""
        if text:
            wanted = text.encode(errors="surrogateescape")
            self._may_be.append(lambda batch: wanted in batch)


_PARTS: Mapping[str, Callable[[Filter, Any], None]] = {
    "from": Filter._from,
    "to": Filter._to,
    "bytes_min": Filter._bytes_min,
    "bytes_max": Filter._bytes_max,
    "redelivered": Filter._redelivered,
    "routing_key": Filter._routing_key,
    "key": Filter._routing_key,
    "exchange": Filter._exchange,
    "text": Filter._text,
    "death": Filter._death,
    "properties": Filter._properties,
    "headers": Filter._headers,
    "json": Filter._json,
}
_WITH_OTHERS = {"ignore_case"}


def time_of(said: Any) -> int:
    """Return milliseconds since 1970; they, or ISO 8601, is what was said."""
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < DIGITS_MAX:
        said = int(said)
    if isinstance(said, int) and not isinstance(said, bool):
        return said
    try:
        moment = datetime.fromisoformat(said)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        raise Invalid(f"{said!r} is no time: milliseconds since 1970, or ISO 8601") from None


DIGITS_MAX = 19


def _number(name: str, said: Any) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or said < 0:
        raise Invalid(f"{name} is a number")
    return said


def _text(name: str, said: Any) -> str:
    if not isinstance(said, str) or len(said) > TEXT_MAX:
        raise Invalid(f"{name} is a text of at most {TEXT_MAX} letters")
    return said


def _like(parts: Sequence[str], name: str) -> bool:
    """Does a name match parts with anything between them?"""
    first, *middle, last = parts
    if not name.startswith(first) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def _lower(body: bytes) -> str:
    return body.decode(errors="replace").lower()


def _died(wanted: Mapping[str, str], message: Message) -> bool:
    deaths = deaths_of(message)
    return bool(deaths) and all(deaths[0].get(name) == wanted[name] for name in wanted)


def _name_of(said: Mapping[str, Any]) -> Sequence[Any]:
    return (_text("name", said.get("name")),)


def _properties_hold(condition: Condition, message: Message) -> bool:
    value = getattr(message.read(), condition.steps[0])
    return condition.holds({} if value is None else {condition.steps[0]: value})


def _headers_hold(condition: Condition, message: Message) -> bool:
    return condition.holds(message.read().headers)


def _json_holds(conditions: Sequence[Condition], message: Message) -> bool:
    try:
        content = _decode(message.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    for condition in conditions:  # noqa: SIM110
        if not condition.holds(content):
            return False
    return True


def _json_may_be(wanted: Any) -> MayBe | None:
    """Return what says of JSON that it does not have this value; None: nothing does quickly."""
    if isinstance(wanted, bool):
        literal = b"true" if wanted else b"false"
        return lambda data: literal in data
    if isinstance(wanted, str) and wanted and not re.search(r'["\\/\x00-\x1f]', wanted):
        text = b'"%b"' % wanted.encode(errors="surrogatepass")
        return lambda data: text in data or _ESCAPED in data
    if isinstance(wanted, int):
        digits = b"%d" % wanted
        return lambda data: digits in data or _EXPONENT.search(data) is not None
    return None
