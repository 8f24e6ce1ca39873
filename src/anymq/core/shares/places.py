"""Where share groups get messages: topics, and queues that are seen as topics of one partition."""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary, WeakValueDictionary

from anymq.core.clock import Clock
from anymq.core.errors import NotFound
from anymq.core.queues.queue import Queue
from anymq.core.shares.queue_view import QueueAsTopic, QueueView
from anymq.core.streams.errors import UnknownTopicId
from anymq.core.streams.stream_names import stream_of, topic_of
from anymq.core.streams.topic import Topic
from anymq.core.timers import Timers
from anymq.core.vhosts.vhost import VirtualHost

# An id of a queue: this, and the id of its first log, which no other queue ever has.
_MAGIC = int.from_bytes(b"anymq\0\0q", "big") << 64


class Spot(NamedTuple):
    """A topic, or a queue that is seen as one."""

    id: UUID
    name: str
    partitions: int
    topic: Topic | None = None
    queue: Queue | None = None


class Spots:
    """Finds them by name and by id."""

    def __init__(
        self,
        topics: Mapping[str, Topic],
        topic_by_id: Callable[[UUID], Topic],
        vhosts: Mapping[str, VirtualHost],
        clock: Clock,
        timers: Timers,
    ) -> None:
        self._clock, self._timers = clock, timers
        self._views: WeakKeyDictionary[Queue, QueueAsTopic] = WeakKeyDictionary()
        self._topics = topics
        self._topic_by_id = topic_by_id
        self._vhosts = vhosts
        self._queues: WeakValueDictionary[UUID, Queue] = WeakValueDictionary()  # those asked for

    def find(self, name: str) -> Spot | None:
        """Return what has this name; None: nothing has."""
        topic = self._topics.get(name)
        if topic is not None:
            return Spot(topic.id, name, len(topic.partitions), topic=topic)
        queue = self.queue(name)
        if queue is None:
            return None
        spot_id = id_of(queue)
        self._queues[spot_id] = queue
        return Spot(spot_id, name, 1, queue=queue)

    def queue(self, name: str) -> Queue | None:
        """Return the queue that Kafka's clients call so, if everybody may use it."""
        vhost_name, queue_name = stream_of(name)
        vhost = self._vhosts.get(vhost_name)
        queue = vhost.queues.get(queue_name) if vhost is not None else None
        usable = isinstance(queue, Queue) and queue.owner is None and not queue.closed
        return queue if usable and isinstance(queue, Queue) else None

    def find_id(self, spot_id: UUID) -> Spot:
        """Return what has this id, or refuse. A queue has one once it was asked for by name."""
        queue = self._queues.get(spot_id)
        if queue is not None and not queue.closed:
            return Spot(spot_id, topic_of(queue.vhost_name, queue.name), 1, queue=queue)
        try:
            topic = self._topic_by_id(spot_id)
        except NotFound:
            raise UnknownTopicId(f"nothing has the id {spot_id}") from None
        return Spot(topic.id, topic.name, len(topic.partitions), topic=topic)

    def readable(self, key: object) -> Topic | QueueAsTopic:
        """Return what can be read by offsets, by its id or its name, or refuse."""
        if isinstance(key, UUID):
            spot = self.find_id(key)
        elif (found := self.find(str(key))) is not None:
            spot = found
        else:
            raise NotFound(f"no topic {key!r}")
        if spot.topic is not None:
            return spot.topic
        assert spot.queue is not None
        return self._as_topic(spot, spot.queue)

    def _as_topic(self, spot: Spot, queue: Queue) -> QueueAsTopic:
        made = self._views.get(queue)
        if made is None:
            view = QueueView(queue, spot.name, self._clock, self._timers)
            made = self._views[queue] = QueueAsTopic(spot.id, spot.name, view)
        return made


def id_of(queue: Queue) -> UUID:
    """Return the topic id of a queue: it lasts as long as the queue."""
    return UUID(int=_MAGIC | min(queue.log_ids))
