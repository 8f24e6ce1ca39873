"""What a group has committed: read it, set it, forget it. From outside the group."""

from collections.abc import Iterable, Mapping

from anymq.cli.kafka.cluster import Cluster, retrying
from anymq.cli.kafka.errors import RequestRefused, check, error_code, error_text
from anymq.cli.kafka.membership import commit_topics
from anymq.cli.kafka.offsets import Where
from anymq.protocols.kafka.schema.generated import offset_commit, offset_delete, offset_fetch


def committed(
    cluster: Cluster, group: str, partitions: Iterable[Where] | None = None
) -> dict[Where, int]:
    """Return what is committed, for these partitions or for all; what is not is left out."""
    return retrying(lambda: _committed(cluster, group, partitions))


def _committed(
    cluster: Cluster, group: str, partitions: Iterable[Where] | None
) -> dict[Where, int]:
    request = _fetch_request(group, partitions)
    answer = cluster.ask(offset_fetch, request, cluster.coordinator(group).id)
    check(answer.error_code, about=f"group {group!r}")
    for each in answer.groups:
        check(each.error_code, about=f"group {group!r}")
        return _known(each.topics)
    return _known(answer.topics)


Answered = Iterable[offset_fetch.OffsetFetchResponseTopic | offset_fetch.OffsetFetchResponseTopics]


def _known(topics: Answered) -> dict[Where, int]:
    return {
        (topic.name, each.partition_index): each.committed_offset
        for topic in topics
        for each in topic.partitions
        if each.committed_offset >= 0
    }


def _fetch_request(
    group: str, partitions: Iterable[Where] | None
) -> offset_fetch.OffsetFetchRequest:
    """Ask in the words of all versions: one group, or (from 8 on) a list of them."""
    grouped = None if partitions is None else _by_topic(partitions)
    old = new = None
    if grouped is not None:
        pairs = grouped.items()
        old = [offset_fetch.OffsetFetchRequestTopic(name, each) for name, each in pairs]
        new = [
            offset_fetch.OffsetFetchRequestTopics(name=name, partition_indexes=each)
            for name, each in pairs
        ]
    asked = offset_fetch.OffsetFetchRequestGroup(group, topics=new)
    return offset_fetch.OffsetFetchRequest(group, old, [asked])


def set_committed(cluster: Cluster, group: str, offsets: Mapping[Where, int]) -> None:
    """Commit for a group that has no members."""

    def attempt() -> None:
        request = offset_commit.OffsetCommitRequest(group, topics=commit_topics(offsets))
        answer = cluster.ask(offset_commit, request, cluster.coordinator(group).id)
        for topic in answer.topics:
            for each in topic.partitions:
                about = f"partition {each.partition_index} of {topic.name!r}"
                check(each.error_code, about=about)

    if offsets:
        retrying(attempt)


def delete_committed(
    cluster: Cluster, group: str, partitions: Iterable[Where]
) -> dict[Where, RequestRefused | None]:
    """Forget what is committed; return for each partition why not, if so."""
    topics = [
        offset_delete.OffsetDeleteRequestTopic(
            name, [offset_delete.OffsetDeleteRequestPartition(index) for index in indexes]
        )
        for name, indexes in _by_topic(partitions).items()
    ]
    request = offset_delete.OffsetDeleteRequest(group, topics)
    answer = cluster.ask(offset_delete, request, cluster.coordinator(group).id)
    check(answer.error_code, about=f"group {group!r}")
    return {
        (topic.name, each.partition_index): _refusal(each.error_code)
        for topic in answer.topics
        for each in topic.partitions
    }


def _refusal(number: int) -> RequestRefused | None:
    return RequestRefused(error_code(number), error_text(number)) if number else None


def _by_topic(partitions: Iterable[Where]) -> dict[str, list[int]]:
    grouped: dict[str, list[int]] = {}
    for topic, index in partitions:
        grouped.setdefault(topic, []).append(index)
    return grouped
