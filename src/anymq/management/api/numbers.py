"""Numbers: what is counted of each kind of thing, as RabbitMQ names it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from anymq.core.broker import Broker
from anymq.core.queues.queue import Queue
from anymq.core.streams.group_calls import Lag
from anymq.core.streams.partition import Partition
from anymq.core.streams.topic import Topic
from anymq.core.vhosts.kinds import AnyQueue
from anymq.core.vhosts.stream import Stream
from anymq.management.api.totals import waiting
from anymq.protocols.amqp.counters import Counters
from anymq.protocols.amqp.methods import BasicGet

LENGTHS = ("messages", "messages_ready", "messages_unacknowledged")
QUEUE_STATS = (
    "publish",
    "deliver_get",
    "ack",
    "redeliver",
    "deliver",
    "deliver_no_ack",
    "get",
    "get_no_ack",
    "get_empty",
)
STREAM_STATS = ("publish", "deliver_get", "deliver")
TOPIC_STATS = ("publish", "messages", "size_bytes")
GROUP_STATS = ("lag",)


class Counted(NamedTuple):
    """How numbers of a kind of thing are named, and read."""

    names: Sequence[str]
    read: Callable[..., Sequence[int]]


def lengths(queue: AnyQueue) -> tuple[int, int, int]:
    """Return how much there is in a queue, without any work that follows from asking."""
    ready, unacked = waiting(queue), queue.unacked
    return ready + unacked, ready, unacked


def queue_stats(one: Queue) -> tuple[int, ...]:
    """Return what happened in a queue so far."""
    got, got_no_ack, no_ack = one.got, one.got_no_ack, one.delivered_no_ack
    return (
        one.published,
        one.delivered,
        one.acknowledged,
        one.returned,
        one.delivered - got - got_no_ack - no_ack,
        no_ack,
        got,
        got_no_ack,
        one.got_nothing,
    )


def stream_stats(one: Stream) -> tuple[int, ...]:
    """Return what happened in a stream so far; written by any protocol."""
    return written(one.topic), one.delivered, one.delivered


def topic_stats(topic: Topic) -> tuple[int, int, int]:
    """Return what was written to a topic, and what it keeps."""
    return written(topic), kept(topic), topic.size_bytes()


def written(topic: Topic) -> int:
    """Return how many records were ever written."""
    return sum(partition.visible_end for partition in topic.partitions)


def kept(topic: Topic) -> int:
    """Return how far it is from the first kept records to the ends."""
    return sum(distance(partition) for partition in topic.partitions)


def distance(partition: Partition) -> int:
    """Return how far it is from its first kept record to its end."""
    return partition.visible_end - partition.start


def lags(broker: Broker, group: str) -> list[Lag]:
    """Return how far a group is behind, by partition."""

    def end_of(topic: str, index: int) -> int | None:
        found = broker.topics.get(topic)
        if found is None or index >= len(found.partitions):
            return None
        return found.partitions[index].visible_end

    return broker.groups.lag(group, end_of)


def total_lag(broker: Broker, group: str) -> int:
    """Return how far a group is behind, altogether."""
    return sum(one.lag or 0 for one in lags(broker, group))


def message_stats(counters: Counters) -> Mapping[str, int]:
    """Return what AMQP's clients did so far."""
    return {
        "publish": counters.publishes,
        "confirm": counters.confirmed,
        "ack": counters.acks,
        "get": counters.methods[BasicGet.KEY],
        "deliver_get": counters.delivered,
        "return_unroutable": counters.returned,
        "drop_unroutable": counters.dropped,
    }


OF_QUEUE = Counted((*LENGTHS, *QUEUE_STATS), lambda one: (*lengths(one), *queue_stats(one)))
OF_STREAM = Counted((*LENGTHS, *STREAM_STATS), lambda one: (*lengths(one), *stream_stats(one)))
OF_TOPIC = Counted(TOPIC_STATS, topic_stats)


def of_queue(one: AnyQueue) -> Counted:
    """Return what is counted of a queue or stream."""
    return OF_QUEUE if isinstance(one, Queue) else OF_STREAM
