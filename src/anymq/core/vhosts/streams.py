"""Streams: every topic is one, in the virtual host that its name says.

Kafka clients make topics, AMQP clients declare streams: both come here by what the catalog tells,
so it does not matter who did. A stream has no definition besides its topic's.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from anymq.core.catalog import topic_key
from anymq.core.errors import Conflict, PreconditionFailed
from anymq.core.message import Form, Value
from anymq.core.queues.arguments import check_properties
from anymq.core.queues.turn import Turn
from anymq.core.queues.witness import Witness
from anymq.core.routing.target import Then
from anymq.core.streams import stream_names
from anymq.core.streams.errors import PolicyViolation
from anymq.core.streams.topic import Topic
from anymq.core.streams.topic_config import Change, Operation
from anymq.core.values import check_field
from anymq.core.vhosts import stream_arguments
from anymq.core.vhosts.kinds import STREAM, AnyQueue, Ending, QueueDeclaration
from anymq.core.vhosts.relay import Later, Relay
from anymq.core.vhosts.stream import Means, Stream
from anymq.core.vhosts.vhost import RESERVED, VirtualHost, ignore


class TopicVerbs(Protocol):
    """What the broker does with topics."""

    def create_topic(
        self,
        name: str,
        partitions: int | None = None,
        config: Mapping[str, str | None] | None = None,
        then: Then = ignore,
    ) -> Topic:
        """Make a topic."""

    def delete_topic(self, name: str, then: Then = ignore) -> None:
        """Forget a topic and its records."""

    def topic_ending(self, name: str) -> Ending:
        """Return what forgets a topic."""

    @property
    def topics(self) -> Mapping[str, Topic]:
        """All there are."""

    def follow_policy(self, name: str) -> None:
        """Let a topic be as its policy says now."""

    def change_topic_config(self, name: str, changes: list[Change], then: Then = ignore) -> None:
        """Change some of a topic's configs."""


class Streams:
    """The queue type `stream`, and all there are."""

    def __init__(
        self,
        topics: TopicVerbs,
        vhosts: Mapping[str, VirtualHost],
        *,
        turn: Turn,
        forms: Mapping[int, Form],
        now_ms: Callable[[], int],
        witness: Witness,
    ) -> None:
        self.later = Later(turn)  # for those who listen at addresses
        self._topics = topics
        self._vhosts = vhosts
        self._means = Means(turn=turn, forms=forms, now_ms=now_ms, witness=witness)
        self._by_topic: dict[str, Stream] = {}

    # What the catalog tells

    def on_topic(self, name: str, topic: Topic | None) -> None:
        """There is this topic, with so many partitions; None: it is gone."""
        stream = self._by_topic.get(name)
        if stream is not None and stream.topic is not topic:
            self._drop(name, stream)
            stream = None
        if topic is None:
            return
        if stream is None:
            self._add(name, topic)
        else:
            self._relay(stream)
            stream.on_partitions()

    def check_free(self, name: str) -> None:
        """Refuse a topic whose name a queue has, or that is one too many: topics are streams."""
        vhost_name, stream_name = stream_names.stream_of(name)
        vhost = self._vhosts.get(vhost_name)
        if vhost is not None and stream_name in vhost.queues:
            raise Conflict(f"'{stream_name}' is a queue already.")
        limit = None if vhost is None else vhost.rules.queues_max
        if vhost is not None and limit is not None and len(vhost.queues) >= limit:
            raise PolicyViolation(f"queue limit in vhost '{vhost_name}' ({limit}) is reached")

    def tick(self) -> None:
        """Look again where something could not be read: damage is put aside meanwhile."""
        for stream in self._means.read:
            stream.wake()
        if not self._means.read:
            self._means.unpacked.clear()

    # The queue type

    def check_same(self, queue: AnyQueue, declaration: QueueDeclaration) -> None:
        """Refuse to declare a stream again in another way."""
        assert isinstance(queue, Stream)
        of, arguments = queue.of, declaration.arguments
        for key, received in (
            ("durable", declaration.durable),
            ("auto_delete", declaration.auto_delete),
        ):
            check_field(key, of, key == "durable", received)
        stream_arguments.check_same(of, queue.topic.config, arguments)

    def key_of(self, queue: AnyQueue) -> str:
        """Return under which key the catalog keeps its topic."""
        assert isinstance(queue, Stream)
        return topic_key(queue.topic.name)

    def declare(self, vhost: VirtualHost, declaration: QueueDeclaration, then: Then) -> Stream:
        """Make a stream: its topic, with one partition."""
        name, arguments = declaration.name, declaration.arguments
        if name.startswith(RESERVED):  # clients cannot say so: it is a name that we made
            raise PreconditionFailed(
                "Cannot declare a server-named queue for type rabbit_stream_queue"
            )
        stream_arguments.check_arguments(str(declaration), arguments)
        check_properties(
            str(declaration),
            STREAM,
            durable=declaration.durable or declaration.owner is not None,
            exclusive=declaration.owner is not None,
            auto_delete=declaration.auto_delete,
        )
        topic = stream_names.topic_of(vhost.name, name)
        self._topics.create_topic(topic, 1, dict(stream_arguments.to_config(arguments)), then)
        return self._by_topic[topic]

    def delete(self, vhost: VirtualHost, queue: AnyQueue, then: Then) -> None:
        """Unmake it: the topic, and all that is in it."""
        assert isinstance(queue, Stream)
        self._topics.delete_topic(queue.topic.name, then)

    def ending(self, vhost: VirtualHost, queue: AnyQueue) -> Ending:
        """Return what unmakes it."""
        assert isinstance(queue, Stream)
        return self._topics.topic_ending(queue.topic.name)

    def restore(self, vhost: VirtualHost) -> None:
        """Add the topics whose names say that they are in this virtual host."""
        for name, topic in self._topics.topics.items():
            if name not in self._by_topic and stream_names.stream_of(name)[0] == vhost.name:
                self._add(name, topic)

    def change(
        self,
        vhost: VirtualHost,
        queue: AnyQueue,
        arguments: Mapping[str, Value],
        then: Then,
    ) -> None:
        """Let a living stream keep more, or less."""
        assert isinstance(queue, Stream)
        stream_arguments.check_arguments(queue.of, arguments)
        changes = [
            Change(name, Operation.SET, value)
            for name, value in stream_arguments.to_config(arguments).items()
        ]
        self._topics.change_topic_config(queue.topic.name, changes, then)

    # Within

    def _add(self, name: str, topic: Topic) -> None:
        vhost_name, stream_name = stream_names.stream_of(name)
        vhost = self._vhosts.get(vhost_name)
        # Data from before there was a virtual host of this name, or a queue of the topic's name:
        # Kafka clients reach it all the same.
        if vhost is None or stream_name in vhost.queues:
            return
        stream = self._by_topic[name] = Stream(stream_name, vhost_name, topic, self._means)
        topic.taps = vhost.taps
        vhost.topology.put_queue(stream)
        self._relay(stream)

    def _relay(self, stream: Stream) -> None:
        """Let who listens at the topic's address hear of what comes, in new partitions, too."""
        partitions = stream.topic.partitions
        relay = partitions[0].audience
        if relay is None:
            publishing = self._vhosts[stream.vhost_name].publishing
            relay = Relay(stream, publishing, self._means.forms, self.later)
        for partition in partitions:
            partition.audience = relay

    def _drop(self, name: str, stream: Stream) -> None:
        del self._by_topic[name]
        for partition in stream.topic.partitions:
            partition.audience = None
        vhost = self._vhosts.get(stream.vhost_name)
        if vhost is not None and vhost.queues.get(stream.name) is stream:
            vhost.forget(stream)
        stream.close()
