"""Where partitions begin and end, and what was where at a time."""

from collections.abc import Iterable, Mapping

from anymq.cli.kafka.cluster import Cluster
from anymq.cli.kafka.errors import RequestRefused, error_code, error_text
from anymq.protocols.kafka.schema.generated import list_offsets

Where = tuple[str, int]  # topic and partition

LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED = -1, -2, -3, -4, -5


def offsets_at(
    cluster: Cluster, times: Mapping[Where, int], committed: bool = False
) -> dict[Where, int]:
    """Return the first offset not older than a time (or LATEST, EARLIEST …), -1 where none is."""
    found, errors = lookup(cluster, times, committed)
    for where, error in errors.items():
        raise RequestRefused(error.code, f"partition {where[1]} of {where[0]!r}: {error}")
    return found


def lookup(
    cluster: Cluster, times: Mapping[Where, int], committed: bool = False
) -> tuple[dict[Where, int], dict[Where, RequestRefused]]:
    """As `offsets_at`, with an error for each partition that has one."""
    found: dict[Where, int] = {}
    errors: dict[Where, RequestRefused] = {}
    for leader, group in by_leader(cluster, times).items():
        request = list_offsets.ListOffsetsRequest(
            -1, int(committed), _topics({where: times[where] for where in group}), 30_000
        )
        answer = cluster.ask(list_offsets, request, leader)
        for topic in answer.topics:
            for each in topic.partitions:
                where = (topic.name, each.partition_index)
                if each.error_code:
                    text = error_text(each.error_code)
                    errors[where] = RequestRefused(error_code(each.error_code), text)
                else:
                    found[where] = each.offset
    return found, errors


def by_leader(cluster: Cluster, partitions: Iterable[Where]) -> dict[int, list[Where]]:
    """Sort partitions by the broker to ask about them."""
    wanted = list(partitions)
    topics = cluster.topics(sorted({topic for topic, _ in wanted})) if wanted else {}
    groups: dict[int, list[Where]] = {}
    for topic, index in wanted:
        known = {each.index: each.leader for each in topics[topic].partitions}
        # Whoever is asked about a partition that is not there says so.
        groups.setdefault(known.get(index, min(known.values())), []).append((topic, index))
    return groups


def _topics(times: Mapping[Where, int]) -> list[list_offsets.ListOffsetsTopic]:
    grouped: dict[str, list[list_offsets.ListOffsetsPartition]] = {}
    for (topic, index), time in times.items():
        grouped.setdefault(topic, []).append(list_offsets.ListOffsetsPartition(index, -1, time))
    return [list_offsets.ListOffsetsTopic(name, each) for name, each in grouped.items()]
