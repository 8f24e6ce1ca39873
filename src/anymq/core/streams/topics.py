"""Topics: those there are, as their definitions say."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from uuid import UUID

import msgspec

from anymq.core.errors import NotFound
from anymq.core.streams.errors import InvalidConfig, UnknownTopicId
from anymq.core.streams.logs import Logs
from anymq.core.streams.naming import Collisions
from anymq.core.streams.partition import Partition
from anymq.core.streams.topic import Topic
from anymq.core.streams.topic_config import Defaults, TopicConfig

CONFIGS_MAX = 1000  # to share; whoever sets another one for each topic pays for it
PRODUCERS_LOOKED_AT_MAX = 2000  # by one call: a millisecond

Said = tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]  # by itself, by a policy


class TopicRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A topic, as it is kept among the definitions. On disk: see catalog.py."""

    id: UUID
    logs: tuple[int, ...]  # by partition
    config: dict[str, str] = {}


class Topics:
    """Every topic of the broker, by its name, id and logs."""

    def __init__(
        self,
        store: Logs,
        *,
        node_id: int,
        leader_epoch: int,
        starts: Mapping[int, int],
        policy_of: Callable[[str], Mapping[str, str]],
    ) -> None:
        """`policy_of` a topic says configs that come before its own."""
        self.by_name: dict[str, Topic] = {}
        self.by_id: dict[UUID, Topic] = {}
        self.partitions: dict[int, Partition] = {}  # by the id of their log
        self.collisions = Collisions()
        self.defaults = Defaults()
        self._configs: dict[Said, TopicConfig] = {}
        self._policy_of = policy_of
        self._store = store
        self._node_id = node_id
        self._leader_epoch = leader_epoch
        self._starts = starts
        self._deleting: dict[UUID, Topic] = {}  # until their deletion is durable
        self._to_expire: list[Partition] = []  # where to look for silent producers

    def find(self, name: str) -> Topic:
        """Return a topic, or refuse."""
        try:
            return self.by_name[name]
        except KeyError:
            raise NotFound(f"no topic {name!r}") from None

    def find_id(self, topic_id: UUID) -> Topic:
        """Return a topic by its id, or refuse."""
        try:
            return self.by_id[topic_id]
        except KeyError:
            raise UnknownTopicId(f"no topic has the id {topic_id}") from None

    def define(self, name: str, record: TopicRecord | None) -> None:
        """Make a topic be what its definition says; None: it is no more."""
        topic = self.by_name.get(name)
        if topic is not None and (record is None or topic.id != record.id):
            self._remove(topic)
            topic = None
        if record is None:
            return
        config = self._config(name, record.config)
        if topic is None:
            # A deletion that the disk did not keep brings back the same topic, with its waiters.
            topic = self._deleting.pop(record.id, None)
            topic = topic or Topic(name, record.id, config, self._node_id)
            self._add(topic)
        topic.configure(config)
        self._fit_partitions(topic, record.logs)

    def forget(self, topic_id: UUID) -> None:
        """The deletion of this topic is durable: it never comes back."""
        self._deleting.pop(topic_id, None)

    def expire_producers(self, before_ms: int) -> None:
        """Forget producers that have written nothing since, a part of all partitions each time."""
        self._to_expire = self._to_expire or list(self.partitions.values())
        looked_at = 0
        while self._to_expire and looked_at < PRODUCERS_LOOKED_AT_MAX:
            looked_at += 1 + self._to_expire.pop().expire_producers(before_ms)

    def configure(self, defaults: Defaults) -> None:
        """Use other defaults where topics say nothing."""
        self.defaults = defaults
        self._configs.clear()
        for topic in self.by_name.values():
            topic.configure(self._config(topic.name, topic.config.overrides))

    def follow_policy(self, name: str) -> None:
        """Let a topic be as its policy says now."""
        topic = self.find(name)
        config = self._config(name, topic.config.overrides)
        if config is not topic.config:
            topic.configure(config)

    def default_config(self) -> TopicConfig:
        """Return the config of a topic that says nothing, and of which no policy speaks."""
        nothing: Said = (frozenset(), frozenset())
        config = self._configs.get(nothing)
        if config is None:
            config = self._configs[nothing] = TopicConfig({}, self.defaults)
        return config

    def _config(self, name: str, overrides: Mapping[str, str]) -> TopicConfig:
        """Return a config, one for all topics that say the same: most do."""
        policy = self._policy_of(name)
        said = frozenset(overrides.items()), frozenset(policy.items())
        config = self._configs.get(said)
        if config is None:
            if len(self._configs) >= CONFIGS_MAX:
                self._configs.clear()
            config = self._configs[said] = self._kept_config(overrides, policy)
        return config

    def _kept_config(self, overrides: Mapping[str, str], policy: Mapping[str, str]) -> TopicConfig:
        """Return a config of what was accepted once, or what still makes sense of it.

        Another version may have written it, or the broker's defaults are others now: that is no
        reason not to start.
        """
        try:
            return TopicConfig(overrides, self.defaults, policy)
        except InvalidConfig:
            config = TopicConfig({}, self.defaults, policy)
        for name, value in overrides.items():
            with suppress(InvalidConfig):
                config = config.replace({**config.overrides, name: value})
        return config

    def _add(self, topic: Topic) -> None:
        topic.deleted = False
        self.by_name[topic.name] = self.by_id[topic.id] = topic
        self.collisions.add(topic.name)
        for partition in topic.partitions:
            self.partitions[partition.log.id] = partition

    def _remove(self, topic: Topic) -> None:
        del self.by_name[topic.name], self.by_id[topic.id]
        self.collisions.discard(topic.name)
        self._drop(topic.partitions)
        self._deleting[topic.id] = topic
        topic.delete()

    def _drop(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            del self.partitions[partition.log.id]

    def _fit_partitions(self, topic: Topic, logs: tuple[int, ...]) -> None:
        """Have as many partitions as the definition: more, or fewer when adding them failed."""
        gone = topic.partitions[len(logs) :]
        del topic.partitions[len(logs) :]
        self._drop(gone)
        for partition in gone:
            partition.wake()
        for index in range(len(topic.partitions), len(logs)):
            partition = self._new_partition(topic, index, logs[index])
            topic.partitions.append(partition)
            self.partitions[logs[index]] = partition

    def _new_partition(self, topic: Topic, index: int, log_id: int) -> Partition:
        log = self._store.open_log(log_id, topic.config.log)
        if log_id in self._starts:
            # Not beyond the end: a start may have outlived records that were never synced.
            log.delete_before(min(self._starts[log_id], log.visible_end))
        return Partition(topic.name, index, log, topic.config, self._leader_epoch)
