"""Graves: where messages go that were popped so often that the group cannot deal with them.

RocketMQ leaves that to its clients and proxies, and some of them drop such messages; here it
happens whoever pops: after as many retries as the group may have, they go to `%DLQ%<group>`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from anymq.core.shares.pops import Rules
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.core.taps import BROKER
from anymq.protocols.rocketmq import layout, names
from anymq.protocols.rocketmq.convert import own_form
from anymq.protocols.rocketmq.errors import REFUSALS
from anymq.protocols.rocketmq.form import Said, unpacked
from anymq.protocols.rocketmq.sending import Sent, size_of

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq

Done = Callable[[bool], None]
NO_HOST = bytes(8)
FOR_EVER = 1 << 31


class Graves:
    """The rules of groups that pop."""

    def __init__(self, rocketmq: "RocketMq") -> None:
        self._rocketmq = rocketmq
        self._rules: dict[str, Rules] = {}

    def hold_for(self, group: str) -> None:
        """Let the group's retries be what they are for it."""
        retries = self._rocketmq.group_settings.of(group).retry_max_times
        most = 1 + retries if retries >= 0 else FOR_EVER
        rules = self._rules.get(group)
        if rules is None or rules.deliveries_max != most:
            bury = rules.bury if rules is not None else partial(self._bury, group)
            rules = self._rules[group] = Rules(most, bury)
        self._rocketmq.broker.shares.rule(group, rules)

    def forget(self, group: str) -> None:
        """There is no such group any more, until it pops again."""
        if self._rules.pop(group, None) is not None:
            self._rocketmq.broker.shares.rule(group, None)

    def _bury(self, group: str, partition: Partition, offsets: Sequence[int], done: Done) -> None:
        """Bring these to the group's dead letters; `done` when they are safe there."""
        try:
            letters = self._letters(partition, offsets)
            topic = names.dead_letter_topic(group)
            self._rocketmq.making.make(topic, 1, partial(self._put, topic, letters, done))
        except REFUSALS:
            done(False)

    def _put(
        self,
        topic_name: str,
        letters: Sequence[tuple[Said, bytes]],
        done: Done,
        error: Exception | None,
    ) -> None:
        topic = self._rocketmq.broker.topics.get(topic_name)
        if error is not None or topic is None:
            done(False)
            return
        waiting = set(range(len(letters)))
        failed: list[Exception] = []

        def put(index: int, _offset: int, why: Exception | None) -> None:
            waiting.discard(index)
            if why is not None:
                failed.append(why)
            if not waiting:
                done(not failed)

        for index, letter in enumerate(letters):
            sent = Sent([letter], size_of([letter]), BROKER, partial(put, index))
            self._rocketmq.gatherer.add(topic, topic.partitions[0], sent)
        if not letters:
            done(True)

    def _letters(self, partition: Partition, offsets: Sequence[int]) -> list[tuple[Said, bytes]]:
        """Return the messages that are at these offsets, as dead letters.

        What retention or cleaning took meanwhile is not there any more: that is no reason to wait.
        """
        found: list[tuple[Said, bytes]] = []
        teller = self._rocketmq.teller(partition.topic_name, NO_HOST)

        def take(
            offset: int, time_ms: int, key: bytes | None, value: bytes | None, headers: bytes
        ) -> bool:
            if offset == wanted:
                form = own_form(headers) or teller.form(key, value, headers, time_ms)
                found.append((_letter(partition, offset, unpacked(form)), value or b""))
            return True

        for wanted in offsets:
            Reader(partition, wanted, self._rocketmq.unpacked).read(1, 1, take)
        return found


def _letter(partition: Partition, offset: int, said: Said) -> Said:
    """Return what the letter says: what the message said, and where it came from."""
    before = layout.read_properties(said.properties)
    place = layout.physical_offset(partition.log.id, offset)
    marks = {
        "RETRY_TOPIC": before.get("RETRY_TOPIC", partition.topic_name),
        "ORIGIN_MESSAGE_ID": before.get("ORIGIN_MESSAGE_ID") or layout.message_id(NO_HOST, place),
    }
    return said._replace(properties=layout.write_properties({**before, **marks}))
