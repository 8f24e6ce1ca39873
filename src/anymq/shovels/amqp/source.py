"""A queue or an exchange of another broker, as the source of a shovel."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from typing_extensions import override

from anymq.core.message import Envelope, Message
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.method import Method
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.shovels.amqp.end import AmqpEnd, Means, declare_queue
from anymq.shovels.definition import NO_ACK, Definition
from anymq.shovels.ends import Arrival, Worker

PREFETCH_WIRE_MAX = 0xFFFF


class AmqpSource(AmqpEnd):
    """Consumes there."""

    def __init__(self, means: Means, definition: Definition, worker: Worker) -> None:
        super().__init__(means, definition.source, worker)
        self._said = definition.source
        self._no_ack = definition.ack_mode == NO_ACK
        self._arrivals: list[Arrival] = []
        self._paused = True

    def pause(self, paused: bool) -> None:
        """Listen no more, or again."""
        self._paused = paused
        if self.client is not None:
            self.client.pause(paused)

    def ack(self, tokens: Sequence[Any]) -> None:
        """These are done."""
        if self.client is not None:
            for tag in tokens:
                self.client.say(methods.BasicAck(tag, False))

    # What the client says

    @override
    def opened(self) -> None:
        """Declare what must be there, then consume."""
        client, said = self._client, self._said
        if said.exchange is None:
            declare_queue(client, said, self._declared)
        else:
            ask = methods.QueueDeclare("", False, False, True, True, False, {})
            client.ask(ask, methods.QueueDeclareOk, self._bind)

    def _bind(self, queue: methods.QueueDeclareOk) -> None:
        exchange, key = self._said.exchange or "", self._said.key or ""
        bind = methods.QueueBind(queue.queue, exchange, key, False, {})
        self._client.ask(bind, methods.QueueBindOk, lambda _: self._declared(queue))

    def _declared(self, queue: methods.QueueDeclareOk) -> None:
        client, said = self._client, self._said
        if not self._no_ack:
            qos = methods.BasicQos(0, min(said.prefetch, PREFETCH_WIRE_MAX), False)
            client.ask(qos, methods.BasicQosOk, _ignore)
        consume = methods.BasicConsume(
            queue.queue,
            said.consumer_name,
            False,
            self._no_ack,
            False,
            False,
            dict(said.consumer_args),
        )
        self._worker.source_ready(queue.message_count)
        client.ask(consume, methods.BasicConsumeOk, _ignore)
        client.pause(self._paused)

    @override
    def on_content(self, method: Method, properties: bytes, body: bytes) -> None:
        """A message."""
        if not isinstance(method, methods.BasicDeliver):
            return
        message = Message(
            _envelope(method.exchange, method.routing_key), properties, body, self._means.now_ms()
        )
        self._worker.arrived([Arrival(method.delivery_tag, message)])

    @override
    def on_method(self, method: Method) -> None:
        """Perhaps the queue is gone."""
        if isinstance(method, methods.BasicCancel):
            self._worker.failed("the queue is gone")


def _ignore(_: object) -> None:
    pass


@lru_cache(maxsize=1000)
def _envelope(exchange: str, routing_key: str) -> Envelope:
    """One object for all with one address: routes are remembered by it."""
    return Envelope(exchange, routing_key, AMQP_FORM)
