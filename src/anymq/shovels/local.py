"""Local ends: queues, streams and exchanges of this broker, without a connection.

They act with the rights of the user that set the shovel, as these are now.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from typing_extensions import override

from anymq.core.errors import NotAllowed, NotFound, Refused, Unavailable
from anymq.core.flow import Flow
from anymq.core.message import Message
from anymq.core.queues.arguments import check_consumer
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.subscription import Subscription
from anymq.core.rights.permit import CONFIGURE, READ, WRITE, Permit
from anymq.core.routing.target import Then
from anymq.core.routing.topic import TOPIC
from anymq.core.taps import Origin
from anymq.core.vhosts import needs
from anymq.core.vhosts.kinds import AnyQueue
from anymq.core.vhosts.publishing import addressed
from anymq.core.vhosts.pushing import one
from anymq.core.vhosts.vhost import VirtualHost, ignore
from anymq.protocols.amqp.properties import AMQP_FORM, USER_ID
from anymq.protocols.mqtt.form import is_retained
from anymq.shovels.definition import NO_ACK, Definition, End
from anymq.shovels.ends import Arrival, Refusal, Soon, Worker
from anymq.storage.backlog import Backlog

DEALT_MAX = 500  # at once, without acknowledgements
Retain = Callable[[str, Message, Then], None]  # in a virtual host; Unavailable: there is no room

DEAD_LETTER_EXCHANGE = "x-dead-letter-exchange"


@dataclass(frozen=True, slots=True)
class Means:
    """What local ends need of the broker."""

    vhosts: Mapping[str, VirtualHost]
    permit: Callable[[str], Permit]  # of whoever set the shovel, in a virtual host
    who: Origin
    flow: Flow
    backlog: Callable[[], Backlog]
    now_ms: Callable[[], int]
    soon: Soon
    retain: Retain | None = None  # what another broker of MQTT has retained


class LocalEnd:
    """What both have."""

    def __init__(self, means: Means, said: End, worker: Worker, vhost: str) -> None:
        self._means = means
        self._end = said
        self._worker = worker
        self._closed = False
        self._vhost = said.amqp[0].vhost if said.amqp else vhost
        self.permit = means.permit(self._vhost)
        self.uri = said.amqp[0].shown if said.amqp else "amqp://"

    def open(self) -> None:
        """Begin, a little later."""
        self._means.soon(self._begin_if_wanted)

    @property
    def vhost(self) -> VirtualHost:
        """Where it is, as long as it is there and one may be in it."""
        found = self._means.vhosts.get(self._vhost)
        if found is None:
            raise NotFound(f"no vhost '{self._vhost}'")
        if not self.permit.may_enter:
            raise NotAllowed(self.permit.no_entry)
        return found

    def _begin_if_wanted(self) -> None:
        if not self._closed:
            self.trying(self.begin)

    def begin(self) -> None:
        """Do what comes first."""

    def trying(self, act: Callable[[], None]) -> None:
        """Do it; what is refused ends the shovel for now."""
        try:
            act()
        except Refused as refused:
            self.fail(refused)

    def fail(self, why: Exception | str) -> None:
        """It cannot go on."""
        if not self._closed:
            self._worker.failed(str(why))

    def after(self, act: Callable[[], None]) -> Then:
        """Do it when something is durable."""

        def then(error: Exception | None) -> None:
            if error is not None:
                self.fail(error)
            elif not self._closed:
                self._means.soon(lambda: None if self._closed else self.trying(act))

        return then

    def see_queue(self, act: Callable[[], None]) -> None:
        """Go on when the queue is there: as it is, or made now."""
        said, vhost, permit = self._end, self.vhost, self.permit
        if said.queue in vhost.queues or said.predeclared:
            vhost.queue(said.queue)
            act()
            return
        permit.queue(CONFIGURE, said.queue)
        dead_letters = said.queue_args.get(DEAD_LETTER_EXCHANGE)
        if isinstance(dead_letters, str):
            permit.queue(READ, said.queue)
            permit.exchange(WRITE, dead_letters)
        arguments = dict(said.queue_args)
        vhost.declare_queue(said.queue, durable=True, arguments=arguments, then=self.after(act))


class LocalSource(LocalEnd):
    """Consumes from a queue or stream of ours; from an exchange by a queue of its own."""

    def __init__(
        self, means: Means, definition: Definition, worker: Worker, vhost: str, tag: str
    ) -> None:
        super().__init__(means, definition.source, worker, vhost)
        self._said = definition.source
        self._tag = self._said.consumer_name or tag
        self._no_ack = definition.ack_mode == NO_ACK
        self._paused = True
        self._queue: AnyQueue | None = None
        self._subscription: Subscription | None = None
        self._out: set[int] = set()  # positions that are not done
        self._dealt: list[Delivery] = []  # to be handed over soon

    @override
    def begin(self) -> None:
        """See that there is a queue."""
        if self._said.exchange is not None:
            self._feed(self._said.exchange, self._said.key or "")
        else:
            self.see_queue(lambda: self._subscribe(self._said.queue))

    def _feed(self, exchange: str, key: str) -> None:
        vhost, permit, name = self.vhost, self.permit, self.vhost.new_queue_name()
        permit.queue(CONFIGURE, name)
        permit.queue(WRITE, name)
        needs.source_of_binding(permit, vhost, exchange, key)
        vhost.exchange(exchange)

        def bind() -> None:
            then = self.after(lambda: self._subscribe(name))
            vhost.bind(exchange, name, key, owner=self, then=then)

        vhost.declare_queue(name, owner=self, new_name=True, then=self.after(bind))

    def _subscribe(self, name: str) -> None:
        self.permit.queue(READ, name)
        queue = self._queue = self.vhost.queue(name, self)
        said = self._said
        check_consumer(f"queue '{name}' in vhost '{self._vhost}'", queue.kind, said.consumer_args)
        self._worker.source_ready(queue.ready)
        if not self._closed:
            self._subscription = queue.subscribe(
                self, tag=self._tag, no_ack=self._no_ack, arguments=said.consumer_args
            )

    def pause(self, paused: bool) -> None:
        """Take no more, or go on."""
        self._paused = paused
        if not paused:
            self._more()

    def ack(self, tokens: Sequence[Any]) -> None:
        """These are done."""
        subscription = self._subscription
        positions = sorted(self._out.intersection(tokens))
        if subscription is None or subscription.gone or not positions:
            return
        self._out.difference_update(positions)
        assert self._queue is not None
        self._queue.settle(subscription, positions)
        self._more()

    def close(self) -> None:
        """Give back what is not done."""
        if self._closed:
            return
        self._closed = True
        self._dealt.clear()
        subscription, queue = self._subscription, self._queue
        if subscription is not None and queue is not None and not subscription.gone:
            queue.unsubscribe(subscription)
            queue.give_back(subscription, sorted(self._out))
        vhost = self._means.vhosts.get(self._vhost)
        if vhost is not None:
            vhost.owner_gone(self)

    def _more(self) -> None:
        subscription = self._subscription
        if subscription is not None and not subscription.gone and self.credit:
            subscription.more()

    @property
    def _may_read(self) -> bool:
        """May the user still read it? If not, the shovel ends."""
        name = self._queue.name if self._queue is not None else ""
        if self.permit.may(READ, name):
            return True
        self._means.soon(lambda: self.trying(lambda: self.permit.queue(READ, name)))
        return False

    # What queues ask of consumers

    @property
    def credit(self) -> int:
        """How many it may get now."""
        if self._paused or self._closed or self._dealt or not self._may_read:
            return 0
        return DEALT_MAX if self._no_ack else max(0, self._said.prefetch - len(self._out))

    @property
    def shares(self) -> object | None:
        """It has a limit of its own."""
        return None

    @property
    def who(self) -> Origin:
        """The shovel, and its user."""
        return self._means.who

    def deliver(self, subscription: Subscription, deliveries: "list[Delivery]") -> None:
        """Take them; go on with them when the queues have done what they are at."""
        if not self._dealt:
            self._means.soon(self._hand_over)
        self._dealt += deliveries
        if not self._no_ack:
            self._out.update(delivery.position for delivery in deliveries)

    def _hand_over(self) -> None:
        dealt, self._dealt = self._dealt, []
        if self._closed or not self._may_read:
            return
        self._worker.arrived([Arrival(one.position, one.message) for one in dealt])
        self._more()

    def cancelled(self, subscription: Subscription) -> None:
        """The queue is gone."""
        self._means.soon(lambda: self.fail("the queue is gone"))

    def timed_out(self, subscription: Subscription, after_ms: int) -> None:
        """Something was under way for too long."""
        why = f"a message was not acknowledged within {after_ms} ms"
        self._means.soon(lambda: self.fail(why))


class LocalDest(LocalEnd):
    """Publishes to an exchange of ours, or to a queue."""

    @override
    def begin(self) -> None:
        """See that there is what it publishes to."""
        if self._end.queue:
            self.see_queue(self._ready)
        else:
            self._ready()

    def _ready(self) -> None:
        exchange = "" if self._end.queue else self._end.exchange
        if exchange is not None:
            self.permit.exchange(WRITE, exchange)
            self.vhost.exchange(exchange)
        self._means.flow.listen(self._changed)
        self._worker.dest_ready()

    @property
    def blocked(self) -> bool:
        """Is the broker short of memory or disk?"""
        return self._means.flow.short

    @property
    def room(self) -> bool:
        """May more be published now?"""
        return not self.blocked and self._means.backlog().admits(self._changed)

    def _changed(self) -> None:
        if not self._closed:
            self._means.soon(self._tell)

    def _tell(self) -> None:
        if not self._closed:
            self._worker.dest_changed()

    def send(self, message: Message, then: Then | None) -> None:
        """Publish it."""
        try:
            self._publish(message, then)
        except Unavailable as full:  # of what is retained
            refusal = Refusal(str(full))
            self._means.soon(lambda: None if then is None else then(refusal))
        except Refused as refused:
            self.fail(refused)
        except ValueError as error:  # properties that nobody can read
            self.fail(f"a message cannot be published: {error}")

    def _publish(self, message: Message, then: Then | None) -> None:
        name, vhost = message.envelope.exchange, self.vhost
        self.permit.exchange(WRITE, name)
        exchange = vhost.exchanges.get(name)
        if exchange is not None and exchange.declaration.type == TOPIC and self.permit.has_topics:
            self.permit.topics(WRITE, name, addressed(message)[0])
        message = self._honest(message._replace(timestamp_ms=self._means.now_ms()))
        answer = None if then is None else _answer(then)
        if self._means.retain is not None and is_retained(message):
            answer = _twice(answer or ignore)
            self._means.retain(self._vhost, message, answer)
        vhost.publish(one(message), then=answer, who=self._means.who)

    def _honest(self, message: Message) -> Message:
        """Leave out the name of somebody in whose name this user may not publish."""
        flags = int.from_bytes(message.properties[:2], "big")
        if message.envelope.form is AMQP_FORM and not flags & USER_ID:
            return message
        said = message.read()
        if said.user_id in (None, self.permit.user) or self.permit.may_pose:
            return message
        form = message.envelope.form
        return message._replace(properties=form.write(replace(said, user_id=None)))

    def close(self) -> None:
        """There is nothing to give back."""
        self._closed = True
        self._means.flow.forget(self._changed)


def _twice(then: Then) -> Then:
    """Return one that is told of two things, and tells when both are safe, or one is not."""
    told: list[Exception | None] = []

    def tell(error: Exception | None) -> None:
        told.append(error)
        if len(told) == 2:
            then(told[0] or told[1])

    return tell


def _answer(then: Then) -> Then:
    """A message that its queue does not take may be taken later."""
    return lambda error: then(None if error is None else Refusal(str(error)))
