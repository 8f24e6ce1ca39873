"""Topic: a name, an id and so many partitions."""

from uuid import UUID

from typing_extensions import override

from anymq.core.errors import NotFound
from anymq.core.streams.partition import Partition
from anymq.core.streams.topic_config import TopicConfig
from anymq.core.taps import Taps


class Topic:
    """One topic. Deleted and made again under its name, it is another one with another id."""

    __slots__ = (
        "__weakref__",
        "config",
        "deleted",
        "id",
        "name",
        "node_id",
        "partitions",
        "taps",
    )

    def __init__(self, name: str, topic_id: UUID, config: TopicConfig, node_id: int) -> None:
        self.name = name
        self.id = topic_id
        self.config = config
        self.node_id = node_id  # who leads it: on a single node always this one
        self.partitions: list[Partition] = []
        self.deleted = False
        self.taps = Taps()  # those of its virtual host, when it has one

    @override
    def __repr__(self) -> str:
        return f"Topic({self.name!r}, {self.id}, {len(self.partitions)} partitions)"

    def partition(self, index: int) -> Partition:
        """Return a partition, or refuse."""
        if not 0 <= index < len(self.partitions):
            raise NotFound(f"topic {self.name!r} has no partition {index}")
        return self.partitions[index]

    def configure(self, config: TopicConfig) -> None:
        """Use another config from now on."""
        self.config = config
        for partition in self.partitions:
            partition.configure(config)

    def delete(self) -> None:
        """It is gone: whoever waits for its records gets up and sees that."""
        self.deleted = True
        for partition in self.partitions:
            partition.wake()

    def size_bytes(self) -> int:
        """Return how much disk it takes."""
        return sum(partition.log.size_bytes() for partition in self.partitions)
