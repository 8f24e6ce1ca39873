"""Resets: a group goes on elsewhere in a topic; its members are told, and do."""

from collections.abc import Mapping
from functools import partial

from anymq.core.catalog import Then
from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.core.shares.places import Spot
from anymq.core.streams.clients import Member
from anymq.core.streams.group_calls import GroupError
from anymq.core.streams.partition import Partition
from anymq.core.streams.topic import Topic
from anymq.protocols.rocketmq import authorization, names, tables
from anymq.protocols.rocketmq.call import INT_MAX, Call
from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.errors import BadRequest, NoTopic
from anymq.protocols.rocketmq.pending import Pending
from anymq.protocols.rocketmq.relaying import Asked
from anymq.protocols.rocketmq.topics import queue_of

NOT_SAID = -1
CPP = "CPP"


def reset(call: Call) -> None:
    """Let a group go on at a time, or at an offset of one queue; `isForce`: also further on."""
    group, name = call.text("group"), call.text("topic")
    names.check_group(group)
    authorization.group(call, Operation.READ, group)
    authorization.topic(call, Operation.READ, name)
    topic = call.broker.topics.get(name)
    if topic is None:
        raise NoTopic(name)
    offsets = _offsets(call, group, topic)
    _Answering(call, group, topic, offsets).set()


def _offsets(call: Call, group: str, topic: Topic) -> dict[int, int]:
    """Return where the group goes on, by queue."""
    queue = call.number("queueId", NOT_SAID, at_most=INT_MAX)
    chosen = topic.partitions
    if queue >= 0:
        chosen = [topic.partitions[queue_of(topic, queue)]]
    said = call.number("offset", NOT_SAID)
    if queue >= 0 and said != NOT_SAID:
        return {queue: _within(chosen[0], said)}
    time_ms, forced = call.number("timestamp", NOT_SAID), call.flag("isForce")
    found = {}
    for partition in chosen:
        offset = _at(partition, time_ms)
        now = call.rocketmq.progress.of(group, topic.name, partition.index)
        if not forced and now is not None:
            offset = min(offset, now)
        found[partition.index] = offset
    return found


def _within(partition: Partition, offset: int) -> int:
    start, end = partition.start, partition.visible_end
    if not start <= offset <= end:
        raise BadRequest(f"Target offset {offset} not in consume queue range [{start}-{end}]")
    return offset


def _at(partition: Partition, time_ms: int) -> int:
    """Return the first message that is not older; the end when there is none, or no time said."""
    found = partition.log.offset_at(time_ms) if time_ms >= 0 else None
    return partition.visible_end if found is None else max(partition.start, found[0])


class _Answering:
    """Sets the offsets, tells the members, answers when it is durable."""

    def __init__(self, call: Call, group: str, topic: Topic, offsets: Mapping[int, int]) -> None:
        self._call = call
        self._group = group
        self._topic = topic
        self._offsets = offsets

    def set(self) -> None:
        """Change what is kept; of those who pop, too."""
        call, pending = self._call, Pending(self._call, self._answer)
        shares = call.broker.shares
        spot = Spot(
            self._topic.id, self._topic.name, len(self._topic.partitions), topic=self._topic
        )
        if shares.knows(self._group, spot):
            pending.ask(partial(shares.move, self._group, spot, self._offsets))
        for queue, offset in self._offsets.items():
            pending.ask(partial(self._commit, queue, offset))
        self._tell()
        pending.all_asked()

    def _commit(self, queue: int, offset: int, then: Then) -> None:
        def done(error: GroupError | None) -> None:
            then(None if error is None else Refused(error.value))

        self._call.rocketmq.progress.commit(self._group, self._topic.name, queue, offset, done)

    def _tell(self) -> None:
        found = self._call.rocketmq.clients.consumers.get(self._group)
        for member in found.members.values() if found is not None else ():
            self._tell_one(member)

    def _tell_one(self, member: Member) -> None:
        channel = member.client.channel
        if isinstance(channel, Asked):
            ext = {
                "topic": self._topic.name,
                "group": self._group,
                "timestamp": self._call.number("timestamp", NOT_SAID),
                "isForce": True,
            }
            body = self._for_cpp() if member.client.language == CPP else self._table()
            channel.tell(RequestCode.RESET_CONSUMER_CLIENT_OFFSET, ext, body)
            channel.wake()

    def _table(self) -> bytes:
        name = self._call.rocketmq.settings.broker_name
        rows = (
            (tables.queue(name, self._topic.name, queue), offset)
            for queue, offset in self._offsets.items()
        )
        return tables.with_table({}, "offsetTable", tables.by_queue(rows))

    def _for_cpp(self) -> bytes:
        """It reads a list."""
        name = self._call.rocketmq.settings.broker_name
        rows = [
            {**tables.queue(name, self._topic.name, queue), "offset": offset}
            for queue, offset in self._offsets.items()
        ]
        return tables.encode({"offsetTable": rows})

    def _answer(self) -> None:
        cpp = self._call.client.language == CPP
        self._call.answer(body=self._for_cpp() if cpp else self._table())


CODES = {RequestCode.INVOKE_BROKER_TO_RESET_OFFSET: reset}
