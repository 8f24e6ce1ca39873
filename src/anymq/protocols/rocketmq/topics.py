"""Topics as RocketMQ's clients have them: made when somebody sends to them."""

from collections.abc import Callable
from functools import partial

from anymq.core.broker import Broker
from anymq.core.streams.topic import Topic
from anymq.protocols.rocketmq import names
from anymq.protocols.rocketmq.errors import BadRequest
from anymq.protocols.rocketmq.settings import RocketMqSettings

Then = Callable[[Exception | None], None]
ROOM_BYTES = 1 << 20  # beside the biggest message: what a batch says of it
MAX_BYTES = "max.message.bytes"


class Making:
    """The topics that are being made: who asks for them meanwhile waits with the others."""

    def __init__(self, broker: Broker, settings: Callable[[], RocketMqSettings]) -> None:
        self._broker = broker
        self._settings = settings
        self._waiting: dict[str, list[Then]] = {}

    def is_there(self, name: str) -> bool:
        """Would a restart find it?"""
        return name in self._broker.topics and name not in self._waiting

    def make(self, name: str, queues: int, then: Then) -> None:
        """Make a topic unless there is one; `then` when a restart would find it."""
        if name in self._waiting:
            self._waiting[name].append(then)
        elif name in self._broker.topics:
            then(None)
        else:
            self._waiting[name] = [then]
            try:
                self._create(name, queues)
            except Exception:
                self._waiting.pop(name)
                raise

    def _create(self, name: str, queues: int) -> None:
        names.check_topic(name)
        needed = self._settings().message_bytes_max + ROOM_BYTES
        config = {}
        if int(self._broker.config.topic_defaults.texts[MAX_BYTES][0]) < needed:
            config[MAX_BYTES] = str(needed)
        self._broker.create_topic(name, queues, config, partial(self._made, name))

    def _made(self, name: str, error: Exception | None) -> None:
        for then in self._waiting.pop(name, ()):
            then(error)


def queue_of(topic: Topic, queue: int) -> int:
    """Refuse a queue that a topic does not have."""
    if not 0 <= queue < len(topic.partitions):
        raise BadRequest(
            f"request queueId[{queue}] is illegal, topic {topic.name} has"
            f" {len(topic.partitions)} queues"
        )
    return queue
