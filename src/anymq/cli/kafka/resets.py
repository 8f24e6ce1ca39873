"""Where a group is to go on: the offsets that a reset would set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.cluster import Cluster
from anymq.cli.kafka.commits import committed
from anymq.cli.kafka.offsets import EARLIEST, LATEST, Where, offsets_at


@dataclass(frozen=True, slots=True)
class Target:
    """One of these."""

    special: int | None = None  # EARLIEST or LATEST
    offset: int | None = None
    shift: int | None = None
    time_ms: int | None = None
    current: bool = False
    plan: Mapping[Where, int] | None = None


@dataclass(frozen=True, slots=True)
class Reset:
    """New offsets, and the partitions that have nothing as new as the time asked for."""

    offsets: dict[Where, int]
    too_old: Sequence[Where] = ()


def plan(cluster: Cluster, group: str, partitions: Sequence[Where], target: Target) -> Reset:
    """Return the new offsets; none is outside its partition."""
    if target.special is not None:
        return Reset(offsets_at(cluster, dict.fromkeys(partitions, target.special)))
    if target.time_ms is not None:
        return _at_time(cluster, partitions, target.time_ms)
    if target.current:
        return Reset(_current(cluster, group, partitions))
    if target.shift is not None:
        wanted = _shifted(cluster, group, partitions, target.shift)
    elif target.plan is not None:
        wanted = dict(target.plan)
    else:
        wanted = dict.fromkeys(partitions, target.offset or 0)
    return Reset(_within(cluster, wanted))


def _at_time(cluster: Cluster, partitions: Sequence[Where], time_ms: int) -> Reset:
    found = offsets_at(cluster, dict.fromkeys(partitions, time_ms))
    too_old = [where for where, offset in found.items() if offset < 0]
    return Reset(found | offsets_at(cluster, dict.fromkeys(too_old, LATEST)), too_old)


def _current(cluster: Cluster, group: str, partitions: Sequence[Where]) -> dict[Where, int]:
    known = committed(cluster, group)
    missing = [where for where in partitions if where not in known]
    ends = offsets_at(cluster, dict.fromkeys(missing, LATEST))
    return {where: known.get(where, ends.get(where, 0)) for where in partitions}


def _shifted(
    cluster: Cluster, group: str, partitions: Sequence[Where], shift: int
) -> dict[Where, int]:
    known = committed(cluster, group)
    for topic, index in partitions:
        if (topic, index) not in known:
            raise CommandFailed(
                f"Cannot shift offset for partition {topic}-{index}"
                " since there is no current committed offset"
            )
    return {where: known[where] + shift for where in partitions}


def _within(cluster: Cluster, wanted: Mapping[Where, int]) -> dict[Where, int]:
    starts = offsets_at(cluster, dict.fromkeys(wanted, EARLIEST))
    ends = offsets_at(cluster, dict.fromkeys(wanted, LATEST))
    return {where: min(max(offset, starts[where]), ends[where]) for where, offset in wanted.items()}


def partitions_named(cluster: Cluster, words: Sequence[str]) -> list[Where]:
    """Read TOPIC or TOPIC:0,1; a topic alone means all its partitions."""
    whole = [word for word in words if ":" not in word]
    found = cluster.topics(whole) if whole else {}
    named: list[Where] = []
    for word in words:
        topic, separator, indexes = word.partition(":")
        if not separator:
            named += [(topic, each.index) for each in found[topic].partitions]
            continue
        try:
            named += [(topic, int(index)) for index in indexes.split(",")]
        except ValueError:
            raise CommandFailed(
                f"Invalid topic arg '{word}', expected topic name and partitions"
            ) from None
    return named
