"""A queue or an exchange of another broker, as the destination of a shovel."""

from collections import deque

from typing_extensions import override

from anymq.core.message import Message
from anymq.core.routing.target import Then
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.foreign import properties_of
from anymq.protocols.amqp.method import Method
from anymq.shovels.amqp.end import AmqpEnd, Means, declare_queue
from anymq.shovels.definition import ON_CONFIRM, Definition
from anymq.shovels.ends import Refusal, Worker


class AmqpDest(AmqpEnd):
    """Publishes there."""

    def __init__(self, means: Means, definition: Definition, worker: Worker) -> None:
        super().__init__(means, definition.dest, worker)
        self._said = definition.dest
        self._confirms = definition.ack_mode == ON_CONFIRM
        self._blocked = False
        self._next = 1  # the number of the next message
        self._unconfirmed: dict[int, Then] = {}
        self._order: deque[int] = deque()

    @property
    def blocked(self) -> bool:
        """Does the broker want nothing now?"""
        return self._blocked

    @property
    def room(self) -> bool:
        """May more be published now?"""
        return self.client is not None and not self._blocked and self.client.has_room

    def send(self, message: Message, then: Then | None) -> None:
        """Publish it under the address that it has now."""
        if then is not None and self._confirms:
            self._unconfirmed[self._next] = then
            self._order.append(self._next)
        self._next += 1
        address = message.envelope
        publish = methods.BasicPublish(address.exchange, address.routing_key, False, False)
        self._client.publish(publish, properties_of(message), message.body)

    # What the client says

    @override
    def opened(self) -> None:
        """Declare what must be there, and have everything confirmed."""
        if self._said.queue:
            declare_queue(self._client, self._said, self._declared)
        else:
            self._declared(None)

    def _declared(self, _: object) -> None:
        if self._confirms:
            select = methods.ConfirmSelect(False)
            self._client.ask(select, methods.ConfirmSelectOk, self._ready)
        else:
            self._ready(None)

    def _ready(self, _: object) -> None:
        self._worker.dest_ready()

    @override
    def on_method(self, method: Method) -> None:
        """Confirms."""
        match method:
            case methods.BasicAck():
                self._answered(method.delivery_tag, None, multiple=method.multiple)
            case methods.BasicNack():
                refused = Refusal("the destination refused a message")
                self._answered(method.delivery_tag, refused, multiple=method.multiple)

    def _answered(self, tag: int, error: Exception | None, *, multiple: bool) -> None:
        tags = [tag]
        if multiple:
            tags = []
            while self._order and (not tag or self._order[0] <= tag):
                tags.append(self._order.popleft())
        for each in tags:
            if (then := self._unconfirmed.pop(each, None)) is not None:
                then(error)
        while self._order and self._order[0] not in self._unconfirmed:
            self._order.popleft()

    @override
    def on_blocked(self, blocked: bool) -> None:
        """It wants nothing, or does again."""
        self._blocked = blocked
        self._worker.dest_changed()

    @override
    def on_room(self) -> None:
        """There is room again."""
        self._worker.dest_changed()
