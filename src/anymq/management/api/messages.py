"""Messages: publish one, get some."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from anymq.core.errors import Rejected, Unsupported
from anymq.core.message import Envelope, Message, Properties, Run
from anymq.core.queues.delivery import Delivery
from anymq.core.rights.permit import READ
from anymq.core.taps import Origin
from anymq.core.vhosts.kinds import STREAM, AnyQueue
from anymq.management.api import checks, routes
from anymq.management.api.call import Call, exchange_name, failed, number_of
from anymq.management.api.faults import bad_request, not_found
from anymq.management.api.totals import waiting
from anymq.management.api.values import from_json, to_json
from anymq.management.http import Answer, Later, json
from anymq.protocols.amqp.fields import MalformedFields
from anymq.protocols.amqp.properties import AMQP_FORM

ROUTES = routes.Routes()

PERSISTENT = 2
COUNT_MAX = 1000  # messages in one answer
ANSWER_BYTES_MAX = 16 * 1024 * 1024  # of bodies in one answer, about
ACK_MODES = ("ack_requeue_true", "ack_requeue_false", "reject_requeue_true", "reject_requeue_false")
NUMBERS = {"delivery_mode": 255, "priority": 255, "timestamp": (1 << 63) - 1}
TEXTS = tuple(name for name in Properties.__dataclass_fields__ if name not in (*NUMBERS, "headers"))


@ROUTES.post("/exchanges/:vhost/:exchange/publish")
def publish(call: Call) -> Answer:
    """Publish a message; answered when it is as safe as a confirm promises."""
    call.need("properties", "routing_key", "payload", "payload_encoding")
    vhost, name = call.vhost, exchange_name(call.names["exchange"])
    if name not in vhost.exchanges:
        raise not_found("exchange_not_found")
    message = _message(call, name)
    checks.publish(call.permit, vhost, message)
    later = Later()
    run = Run([message], persistent=message.traits.persistent)
    came = [True]

    def then(error: Exception | None) -> None:
        if error is None or isinstance(error, Rejected):
            later.answer(json({"routed": came[0] and error is None}))
        else:
            later.answer(failed(error))

    vhost.publish(run, then, returned=lambda _: came.__setitem__(0, False), who=call.who)
    return later


def _message(call: Call, exchange: str) -> Message:
    key = call.text("routing_key")
    try:
        properties = AMQP_FORM.write(_properties(call.table("properties")))
        AMQP_FORM.traits(properties)
    except (MalformedFields, ValueError) as error:
        raise bad_request(str(error)) from None
    if len(key.encode()) > 255:
        raise bad_request("a routing key has at most 255 bytes")
    body = payload_of(call.body)
    if len(body) > call.site.amqp.settings.message_bytes_max:
        raise bad_request("the message is too large")
    return Message(Envelope(exchange, key, AMQP_FORM), properties, body, call.broker.now_ms())


def payload_of(said: Mapping[str, Any]) -> bytes:
    """Return the body that is said."""
    payload, encoding = said.get("payload", ""), said.get("payload_encoding", "string")
    if not isinstance(payload, str):
        raise bad_request(["not_string", "payload"])
    if encoding == "string":
        return payload.encode()
    if encoding != "base64":
        raise bad_request(["unsupported_encoding", encoding])
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request(["not_base64", payload]) from None


def _properties(said: Mapping[str, Any]) -> Properties:
    headers = said.get("headers") or {}
    if not isinstance(headers, dict):
        raise bad_request(["not_object", "headers"])
    return Properties(headers=from_json(headers), **properties_of(said))


def properties_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties among what is said, but for the headers."""
    given: dict[str, Any] = {}
    for name, value in said.items():
        if name in NUMBERS:
            if not isinstance(value, int) or isinstance(value, bool):
                raise bad_request(["not_int", name])
            if not 0 <= value <= NUMBERS[name]:
                raise bad_request(f"{name} is out of range")
            given[name] = value
        elif name in TEXTS:
            if not isinstance(value, str):
                raise bad_request(["not_string", name])
            given[name] = value
    return given


@ROUTES.post("/queues/:vhost/:queue/get")
def get(call: Call) -> Answer:
    """Get messages from the head of a queue, and put them back or not (`ackmode`)."""
    call.need("ackmode", "count", "encoding")
    queue = call.vhost.queues.get(call.names["queue"])
    if queue is None:
        raise not_found("queue_not_found")
    mode, count, encoding = call.body["ackmode"], call.body["count"], call.body["encoding"]
    if isinstance(count, str) and (number := number_of(count)) is not None:
        count = number  # rabbitmqadmin writes text
    if not isinstance(count, int) or isinstance(count, bool):
        raise bad_request(["not_integer", count])
    if mode not in ACK_MODES:
        valid = ", ".join(ACK_MODES)
        raise bad_request(f"Invalid ackmode value: {mode}. Valid values are: {valid}")
    if encoding not in ("auto", "base64"):
        raise bad_request(["unsupported_encoding", encoding])
    if queue.kind == STREAM:
        raise Unsupported(f"540 basic.get not supported by stream queues {_of(queue)}")
    call.permit.queue(READ, queue.name)
    call.vhost.queue(queue.name)  # not somebody's own
    shown = (min(count, COUNT_MAX), encoding, call.body.get("truncate"))
    getting = _Getting(queue, call.who, mode, *shown)
    getting.go_on()
    return getting.later


def _of(queue: AnyQueue) -> str:
    return f"queue '{queue.name}' in vhost '{queue.vhost_name}'"


class _Getting:
    """Gets one message after another: some must be read from the disk first."""

    def __init__(
        self,
        queue: AnyQueue,
        who: Origin,
        mode: str,
        count: int,
        encoding: str,
        truncate: object,
    ) -> None:
        self.later = Later()
        self._queue = queue
        self._who = who
        self._mode = mode
        self._count = count
        self._encoding = encoding
        self._truncate = truncate if isinstance(truncate, int) else None
        self._shown: list[dict[str, Any]] = []
        self._positions: list[int] = []
        self._size = 0
        self._running = False
        self._waits = False

    def go_on(self) -> None:
        """Get until there are enough, or no more, or one must be waited for."""
        if self._running:
            return
        self._running = True
        while self.later.response is None and not self._waits:
            if len(self._shown) >= self._count or self._size > ANSWER_BYTES_MAX:
                self._finish()
            else:
                self._waits = True
                self._queue.get(self._take, no_ack=False, who=self._who)
        self._running = False

    def _take(self, delivery: Delivery | None) -> None:
        self._waits = False
        if delivery is None:
            self._finish()
            return
        self._positions.append(delivery.position)
        self._size += len(delivery.message.body)
        self._shown.append(self._row(delivery))
        self.go_on()

    def _finish(self) -> None:
        if self._positions:
            self._answer_for()
        self.later.answer(json(self._shown))

    def _answer_for(self) -> None:
        """Say of them what the mode says."""
        queue, positions = self._queue, self._positions
        if self._mode == "ack_requeue_false":
            queue.settle(None, positions)
        else:
            requeue = self._mode.endswith("true")
            by_nack = self._mode.startswith("ack")
            queue.reject(None, positions, requeue=requeue, by_nack=by_nack)

    def _row(self, delivery: Delivery) -> dict[str, Any]:
        message = delivery.message
        body = message.body if self._truncate is None else message.body[: self._truncate]
        payload, encoding = shown_payload(body, self._encoding)
        return {
            "payload_bytes": len(message.body),
            "redelivered": delivery.redelivered,
            "exchange": message.envelope.exchange,
            "routing_key": message.envelope.routing_key,
            "message_count": waiting(self._queue),
            "properties": said(message),
            "payload": payload,
            "payload_encoding": encoding,
        }


def said(message: Message) -> Any:
    """Return the properties of a message, as RabbitMQ shows them."""
    said = message.read()
    names = (*NUMBERS, *TEXTS)
    given = {name: to_json(getattr(said, name)) for name in names}
    shown = {name: value for name, value in given.items() if value is not None}
    if said.headers:
        shown["headers"] = to_json(said.headers)
    return shown or []  # as RabbitMQ: Erlang's empty list


def shown_payload(body: bytes, encoding: str) -> tuple[str, str]:
    """Return a body as text, and how that was made."""
    if encoding == "auto":
        try:
            return body.decode(), "string"
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), "base64"
