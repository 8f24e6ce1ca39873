"""Captures: addresses that become topics when somebody first publishes there.

A parameter of the component `capture` says which: `{"pattern": "sensors.#", "partitions": 1,
"topics-max": 1000, "config": {"retention.ms": "86400000"}}`. The pattern is one of `amq.topic`.
Whoever may publish to the address needs nothing more: who made the capture has allowed it.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec

from anymq.core.errors import Refused
from anymq.core.policies.checks import failed
from anymq.core.policies.policies import Policies
from anymq.core.routing.trie import ANY, ONE, Trie
from anymq.core.streams.stream_names import topic_of
from anymq.core.streams.topic import Topic
from anymq.core.streams.topic_config import check_overrides
from anymq.core.vhosts.kinds import STREAM
from anymq.core.vhosts.vhost import RESERVED, VirtualHost
from anymq.observability.log import Log as News
from anymq.storage.errors import StorageError

COMPONENT = "capture"
OWN = "$"  # how addresses begin that no wildcard at the beginning matches
PARTITIONS_MAX = 1000
TOPICS_MAX = 1_000_000
COUNT_AGAIN_MS = 1000  # where there are too many
TELL_AGAIN_MS = 60_000

news = News(__name__)


class Capture(msgspec.Struct, frozen=True, eq=False, rename="kebab", forbid_unknown_fields=True):
    """What the value of a parameter says."""

    pattern: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    partitions: Annotated[int, msgspec.Meta(ge=1, le=PARTITIONS_MAX)] = 1
    topics_max: Annotated[int, msgspec.Meta(ge=0, le=TOPICS_MAX)] = 1000
    config: dict[str, str] = {}

    def matches(self, address: str) -> bool:
        """Is this address one that becomes a topic?"""
        if address.startswith(OWN) and self.pattern.startswith((ONE, ANY)):
            return False
        trie: Trie[Capture] = Trie()
        trie.add(self.pattern, self)
        return any(trie.match(address))


CreateTopic = Callable[[str, int, Mapping[str, str]], Topic]


def check(_vhost: str, name: str, value: Any) -> None:
    """Refuse what is no capture."""
    parse(name, value)


def parse(name: str, value: Any) -> Capture:
    """Return what a value says; Invalid when it makes no sense."""
    try:
        capture = msgspec.convert(value, Capture)
        check_overrides(capture.config)
    except (msgspec.ValidationError, Refused) as error:
        raise failed([f"{name}: {error}"]) from None
    return capture


class _Counted:
    """A capture, and how many topics there are of it: as it was counted, and made since."""

    def __init__(self, capture: Capture, vhost: VirtualHost) -> None:
        self.capture = capture
        self._vhost = vhost
        self._count = 0
        self._count_again_ms = 0

    def has_room(self, now_ms: int) -> bool:
        """May there be one more? Topics go, too, so that is counted again now and then."""
        most = self.capture.topics_max
        if self._count >= most or not self._count_again_ms:
            if now_ms < self._count_again_ms:
                return False
            self._count_again_ms = now_ms + COUNT_AGAIN_MS
            self._count = sum(
                queue.kind == STREAM and self.capture.matches(name)
                for name, queue in self._vhost.queues.items()
            )
        return self._count < most

    def made(self) -> None:
        """There is one more."""
        self._count += 1


class Captures:
    """All there are, by virtual host."""

    def __init__(
        self,
        policies: Policies,
        vhosts: Mapping[str, VirtualHost],
        create_topic: CreateTopic,
        now_ms: Callable[[], int],
    ) -> None:
        self._parameters = policies.parameters
        self._vhosts = vhosts
        self._create_topic = create_topic
        self._now_ms = now_ms
        self._tries: dict[str, Trie[_Counted]] = {}
        self._tell_ms = 0
        policies.components[COMPONENT] = check
        self._parameters.listen_to(COMPONENT, self._changed)
        for one in self._parameters.list(COMPONENT):
            self._changed(one.vhost, one.name)

    def capture(self, vhost_name: str, address: str) -> None:
        """Somebody publishes to an address where no topic is: make one, if it is to be."""
        trie = self._tries.get(vhost_name)
        if trie is None or not address or address.startswith(RESERVED):
            return
        for counted in trie.match(address):
            if counted.capture.matches(address):
                self._make(vhost_name, address, counted)
                return

    def _make(self, vhost_name: str, address: str, counted: _Counted) -> None:
        now_ms, capture = self._now_ms(), counted.capture
        try:
            if not counted.has_room(now_ms):
                self._tell(now_ms, vhost_name, address, "there are too many of its capture")
                return
            topic = topic_of(vhost_name, address)
            self._create_topic(topic, capture.partitions, capture.config)
        except (Refused, StorageError) as error:
            self._tell(now_ms, vhost_name, address, str(error))
        else:
            counted.made()

    def _tell(self, now_ms: int, vhost_name: str, address: str, reason: str) -> None:
        if now_ms < self._tell_ms:
            return
        self._tell_ms = now_ms + TELL_AGAIN_MS
        news.warning(
            "an address does not become a topic", vhost=vhost_name, address=address, reason=reason
        )

    def _changed(self, vhost_name: str, _name: str) -> None:
        self._tries.pop(vhost_name, None)
        vhost = self._vhosts.get(vhost_name)
        if vhost is None:
            return
        vhost.topology.version += 1  # where nobody listened, there may be a topic now
        for name, value in self._parameters.of(vhost_name, COMPONENT).items():
            try:
                capture = parse(name, value)
            except Refused as error:  # another version took it
                news.warning("a capture makes no sense", vhost=vhost_name, reason=str(error))
                continue
            trie = self._tries.setdefault(vhost_name, Trie())
            trie.add(capture.pattern, _Counted(capture, vhost))
