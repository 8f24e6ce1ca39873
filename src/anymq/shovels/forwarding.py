"""Forwarding: what a message becomes on its way: another address, and what it has gone through."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from anymq.core.message import Envelope, Form, Long, Message, Properties
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.shovels.definition import KAFKA, MQTT, DestEnd, SourceEnd

WAY = "x-shovelled"
WHEN = "x-shovelled-timestamp"


class Forwarding:
    """Does that to each message of one shovel."""

    def __init__(
        self,
        source: SourceEnd,
        dest: DestEnd,
        stamp: Mapping[str, str],
        now_s: Callable[[], int],
    ) -> None:
        self._dest = dest
        self._stamp = {**stamp, **_places(source, dest)}
        self._now_s = now_s
        self._changes = bool(dest.properties or dest.forward_headers or dest.timestamp_header)

    def changed(self, message: Message, source_uri: str, dest_uri: str) -> Message:
        """Return it as it goes on."""
        exchange, key, form = self._address(message.envelope)
        properties = message.properties
        if self._changes:
            form = AMQP_FORM
            properties = AMQP_FORM.write(self._said(message.read(), source_uri, dest_uri))
        return message._replace(envelope=_envelope(exchange, key, form), properties=properties)

    def _address(self, came: Envelope) -> tuple[str, str, Any]:
        dest = self._dest
        if dest.protocol in (KAFKA, MQTT):
            return came.exchange, came.routing_key, came.form
        if dest.queue:
            return "", dest.queue, came.form
        exchange = came.exchange if dest.exchange is None else dest.exchange
        return exchange, came.routing_key if dest.key is None else dest.key, came.form

    def _said(self, said: Properties, source_uri: str, dest_uri: str) -> Properties:
        dest, headers = self._dest, dict(said.headers)
        if dest.properties:
            said = replace(said, **dest.properties)
            headers = dict(said.headers)
        if dest.forward_headers:
            way = headers.get(WAY)
            step = {**self._stamp, "src-uri": source_uri, "dest-uri": dest_uri}
            headers[WAY] = [step, *(way if isinstance(way, list) else [])]
        if dest.timestamp_header:
            headers[WHEN] = Long(self._now_s())
        return replace(said, headers=headers)


def _places(source: SourceEnd, dest: DestEnd) -> dict[str, str]:
    said = {
        "src-queue": source.queue or None,
        "src-exchange": source.exchange,
        "src-exchange-key": source.key,
        "src-topic": source.topic or None,
        "dest-queue": dest.queue or None,
        "dest-exchange": dest.exchange,
        "dest-exchange-key": dest.key,
        "dest-topic": dest.topic or None,
    }
    return {name: value for name, value in said.items() if value is not None}


@lru_cache(maxsize=1000)
def _envelope(exchange: str, routing_key: str, form: Form) -> Envelope:
    """One object for all with one address: routes are remembered by it."""
    return Envelope(exchange, routing_key, form)
