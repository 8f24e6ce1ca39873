"""What RocketMQ's administrators say of topics and groups, beyond what the core has of them.

It is kept among the parameters of the virtual host, so it is listed, exported and imported as those
are. What says nothing special of itself is not there, and has the settings of everybody.
"""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from anymq.core.catalog import Then
from anymq.core.errors import Invalid
from anymq.core.policies.policies import Policies
from anymq.core.streams.stream_names import DEFAULT_VHOST

GROUPS, TOPICS, KEY_VALUES = "rocketmq-group", "rocketmq-topic", "rocketmq-kv"
REQUEST_MODES = "rocketmq-request-mode"
READ, WRITE, INHERIT = 4, 2, 1  # permissions
RETRIES = 16


class GroupSettings(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A group, as `mqadmin updateSubGroup` describes it."""

    group_name: str = ""
    consume_enable: bool = True
    consume_from_min_enable: bool = True
    consume_broadcast_enable: bool = True
    consume_message_orderly: bool = False
    retry_queue_nums: int = 1
    retry_max_times: int = RETRIES
    group_retry_policy: Any = None
    broker_id: int = 0
    which_broker_when_consume_slowly: int = 1
    notify_consumer_ids_changed_enable: bool = True
    group_sys_flag: int = 0
    consume_timeout_minute: int = 15
    attributes: dict[str, str] = {}

    def told(self, name: str) -> dict[str, object]:
        """Return all of it, as answers have it."""
        policy = self.group_retry_policy or {"type": "CUSTOMIZED"}
        return {**_all_of(self), "groupName": name, "groupRetryPolicy": policy}


class TopicSettings(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A topic, as `mqadmin updateTopic` describes it. No queues: as many as there are."""

    read_queue_nums: int = 0
    write_queue_nums: int = 0
    perm: int = READ | WRITE
    order: bool = False
    topic_sys_flag: int = 0
    attributes: dict[str, str] = {}

    @property
    def is_readable(self) -> bool:
        """May consumers read?"""
        return bool(self.perm & READ)

    @property
    def is_writable(self) -> bool:
        """May producers write?"""
        return bool(self.perm & WRITE)

    def queues(self, there: int) -> tuple[int, int]:
        """Return how many there are for readers, and for writers, of so many partitions."""
        reads, writes = self.read_queue_nums, self.write_queue_nums
        return min(reads or there, there), min(writes or there, there)

    def told(self, name: str, there: int) -> dict[str, object]:
        """Return all of it, as answers have it."""
        reads, writes = self.queues(there)
        return {
            **_all_of(self),
            "topicName": name,
            "readQueueNums": reads,
            "writeQueueNums": writes,
            "topicFilterType": "SINGLE_TAG",
        }


class KeyValues(msgspec.Struct, frozen=True):
    """What name servers keep for others in one namespace."""

    table: dict[str, str] = {}


class RequestMode(msgspec.Struct, frozen=True, rename="camel"):
    """How a group gets a topic where we share its queues out: by pulls, or by POP."""

    mode: str = "PULL"
    pop_share_queue_num: int = 0  # of how many others each member pops, too; 0: of all


class RequestModes(msgspec.Struct, frozen=True):
    """Those of one group, by topic."""

    topics: dict[str, RequestMode] = {}


Settings = TypeVar("Settings", bound=GroupSettings | TopicSettings | KeyValues | RequestModes)


class Kept(Generic[Settings]):
    """The settings of all groups, or of all topics."""

    def __init__(self, policies: Policies, component: str, kind: type[Settings]) -> None:
        self._parameters = policies.parameters
        self._component = component
        self._kind = kind
        self._default: Settings = kind()
        self._read: dict[str, Settings] = {}
        self._parameters.listen_to(component, self._changed)
        policies.components[component] = self._check

    def __contains__(self, name: object) -> bool:
        return name in self._parameters.of(DEFAULT_VHOST, self._component)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._parameters.of(DEFAULT_VHOST, self._component)))

    def of(self, name: str) -> Settings:
        """Return the settings of a group or a topic; those of everybody if it has none."""
        found = self._read.get(name)
        if found is None:
            value = self._parameters.of(DEFAULT_VHOST, self._component).get(name)
            if value is None:
                return self._default
            try:
                found = self._convert(value)
            except msgspec.ValidationError:  # somebody wrote it by other means
                found = self._default
            self._read[name] = found
        return found

    def put(self, name: str, settings: Settings, then: Then) -> None:
        """Let it have these from now on; `then` when that is durable."""
        value = msgspec.to_builtins(settings)
        self._parameters.put(DEFAULT_VHOST, self._component, name, value, then)

    def forget(self, name: str, then: Then) -> None:
        """Let it have those of everybody."""
        if name in self:
            self._parameters.delete(DEFAULT_VHOST, self._component, name, then)
        else:
            then(None)

    def _convert(self, value: Any) -> Settings:
        converted: Settings = msgspec.convert(value, self._kind, strict=False)
        return converted

    def _check(self, vhost: str, name: str, value: Any) -> None:
        """Refuse what makes no sense, whoever says it, by whichever door."""
        if vhost != DEFAULT_VHOST:
            raise Invalid(f"RocketMQ's topics and groups are in the virtual host '{DEFAULT_VHOST}'")
        try:
            self._convert(value)
        except msgspec.ValidationError as error:
            raise Invalid(f"{self._component} '{name}': {error}") from None

    def _changed(self, vhost: str, name: str) -> None:
        self._read.pop(name, None)


def changed(attributes: dict[str, str], said: str) -> dict[str, str]:
    """Return attributes after a change: `+name=value,-name`."""
    after = dict(attributes)
    for part in filter(None, said.split(",")):
        name, _, value = part.partition("=")
        if name.startswith("+"):
            after[name[1:].strip()] = value.strip()
        elif name.startswith("-"):
            after.pop(name[1:].strip(), None)
        else:
            raise Invalid(f"add/alter attribute format is wrong: {part[:64]!r}")
    return after


def _all_of(settings: GroupSettings | TopicSettings) -> dict[str, object]:
    """Return all fields by their names in JSON, those that are as everybody's, too."""
    fields = type(settings).__struct_encode_fields__
    names = type(settings).__struct_fields__
    return {said: getattr(settings, name) for said, name in zip(fields, names, strict=True)}
