"""OffsetFetch: how far groups have read. A group that is not there has read nothing: no error."""

from collections.abc import Mapping
from functools import partial
from uuid import UUID

from anymq.core.errors import NotFound
from anymq.core.rights.operations import Operation
from anymq.core.streams.offset_records import CommittedOffset
from anymq.core.streams.offsets import TopicOffsets
from anymq.protocols.kafka import authorization
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.primitives import NULL_UUID, MalformedFrame
from anymq.protocols.kafka.schema.generated import offset_fetch as schema

REPEATS_MAX = 100  # of groups: four bytes ask for everything one has committed
KEY = 9
VERSIONS = range(1, 11)
GROUP_ERROR = 2
SEVERAL_GROUPS = 8
TOPIC_IDS = 10

NOTHING = CommittedOffset(-1)
_NO_PARTITIONS: Mapping[int, CommittedOffset] = {}


def handle(call: Call, request: schema.OffsetFetchRequest) -> None:
    """Answer for one group, or in newer versions for several."""
    groups = request.groups if call.version >= SEVERAL_GROUPS else [_only_group(request)]
    if len(groups) > len({group.group_id for group in groups}) + REPEATS_MAX:
        raise MalformedFrame("OffsetFetch of the same group again and again")
    answer = _Answer(call, len(groups))
    for place, group in enumerate(groups):
        denied = authorization.group_error(call, Operation.DESCRIBE, group.group_id)
        if denied:
            answer.refuse(place, group, denied)
        else:
            call.broker.groups.committed(group.group_id, partial(answer.put, place, group))
    answer.all_asked()


def _only_group(request: schema.OffsetFetchRequest) -> schema.OffsetFetchRequestGroup:
    topics = None
    if request.topics is not None:
        topics = [
            schema.OffsetFetchRequestTopics(name=one.name, partition_indexes=one.partition_indexes)
            for one in request.topics
        ]
    return schema.OffsetFetchRequestGroup(group_id=request.group_id, topics=topics)


class _Answer:
    """The response as the groups come in; each waits for commits that were asked for before."""

    def __init__(self, call: Call, count: int) -> None:
        self._call = call
        self._groups = [schema.OffsetFetchResponseGroup() for _ in range(count)]
        self._open = count + 1

    def refuse(self, place: int, asked: schema.OffsetFetchRequestGroup, code: ErrorCode) -> None:
        """Nobody tells this client about this group."""
        self._groups[place] = schema.OffsetFetchResponseGroup(
            group_id=asked.group_id, error_code=code, topics=self._nothing(asked, code)
        )
        self.all_asked()

    def _nothing(
        self, asked: schema.OffsetFetchRequestGroup, code: ErrorCode
    ) -> list[schema.OffsetFetchResponseTopics]:
        """Return what older clients read: before version 2 an answer has no error of its own."""
        if self._call.version >= GROUP_ERROR:
            return []
        return [_denied(one, code) for one in asked.topics or ()]

    def put(self, place: int, asked: schema.OffsetFetchRequestGroup, offsets: TopicOffsets) -> None:
        """These are the offsets of one group."""
        topics = _all(self._call, offsets) if asked.topics is None else self._asked(asked, offsets)
        self._groups[place].group_id = asked.group_id
        self._groups[place].topics = topics
        self.all_asked()

    def all_asked(self) -> None:
        """One less to wait for."""
        self._open -= 1
        if self._open > 0:
            return
        if self._call.version >= SEVERAL_GROUPS:
            self._call.reply(schema.OffsetFetchResponse(groups=self._groups))
        else:
            only = self._groups[0]
            self._call.reply(
                schema.OffsetFetchResponse(topics=_plain(only.topics), error_code=only.error_code)
            )

    def _asked(
        self, asked: schema.OffsetFetchRequestGroup, offsets: TopicOffsets
    ) -> list[schema.OffsetFetchResponseTopics]:
        # Each once, however often it is named: a few bytes ask for kilobytes of metadata.
        wanted: dict[tuple[str, UUID], dict[int, None]] = {}
        for one in asked.topics or ():
            indexes = dict.fromkeys(one.partition_indexes)
            wanted.setdefault((one.name, one.topic_id), {}).update(indexes)
        if self._call.version < TOPIC_IDS:
            return [self._named(name, list(parts), offsets) for (name, _), parts in wanted.items()]
        return [self._of_id(id, list(parts), offsets) for (_, id), parts in wanted.items()]

    def _named(
        self, name: str, indexes: list[int], offsets: TopicOffsets
    ) -> schema.OffsetFetchResponseTopics:
        if authorization.may_topic(self._call, Operation.DESCRIBE, name):
            return _of(name, indexes, offsets)
        answer = _of(name, indexes, {})
        for entry in answer.partitions:
            entry.error_code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        return answer

    def _of_id(
        self, topic_id: UUID, indexes: list[int], offsets: TopicOffsets
    ) -> schema.OffsetFetchResponseTopics:
        try:
            name = self._call.broker.topic_by_id(topic_id).name
        except NotFound:
            answer = _of("", indexes, {})
            for entry in answer.partitions:
                entry.error_code = ErrorCode.UNKNOWN_TOPIC_ID
        else:
            answer = self._named(name, indexes, offsets)
        answer.topic_id = topic_id
        return answer


def _all(call: Call, offsets: TopicOffsets) -> list[schema.OffsetFetchResponseTopics]:
    topics = []
    for name in offsets:
        if not authorization.may_topic(call, Operation.DESCRIBE, name):
            continue
        topic = call.broker.topics.get(name)
        if topic is None and call.version >= TOPIC_IDS:
            continue  # there is no way to name it
        answer = _of(name, sorted(offsets[name]), offsets)
        answer.topic_id = topic.id if topic is not None else NULL_UUID
        topics.append(answer)
    return topics


def _of(name: str, indexes: list[int], offsets: TopicOffsets) -> schema.OffsetFetchResponseTopics:
    kept = offsets.get(name, _NO_PARTITIONS)
    partitions = [_entry(index, kept.get(index, NOTHING)) for index in indexes]
    return schema.OffsetFetchResponseTopics(name=name, partitions=partitions)


def _denied(
    asked: schema.OffsetFetchRequestTopics, code: ErrorCode
) -> schema.OffsetFetchResponseTopics:
    answer = _of(asked.name, asked.partition_indexes, {})
    for entry in answer.partitions:
        entry.error_code = code
    return answer


def _entry(index: int, kept: CommittedOffset) -> schema.OffsetFetchResponsePartitions:
    return schema.OffsetFetchResponsePartitions(
        index, kept.offset, kept.leader_epoch, kept.metadata
    )


def _plain(
    topics: list[schema.OffsetFetchResponseTopics],
) -> list[schema.OffsetFetchResponseTopic]:
    return [
        schema.OffsetFetchResponseTopic(
            topic.name,
            [
                schema.OffsetFetchResponsePartition(
                    one.partition_index,
                    one.committed_offset,
                    one.committed_leader_epoch,
                    one.metadata,
                    one.error_code,
                )
                for one in topic.partitions
            ],
        )
        for topic in topics
    ]
