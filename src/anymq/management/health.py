"""Is the broker of use? The conditions that must hold for it to be."""

from collections.abc import Callable, Sequence

from anymq.config.units import MIB
from anymq.core.broker import Broker
from anymq.management.pages import Condition
from anymq.storage.store import LogStore


def conditions(
    broker: Broker, store: LogStore, stopping: Callable[[], bool]
) -> Sequence[Condition]:
    """Return what must hold, and whether it does."""
    failed = [
        f"{partition.topic_name}-{partition.index}"
        for topic in broker.topics.values()
        for partition in topic.partitions
        if partition.log.failed is not None
    ]
    return [
        Condition("serving", not stopping(), "stopping" if stopping() else ""),
        Condition("disk has space", not store.full, f"{store.free_bytes() // MIB}MiB are free"),
        Condition(
            "every log takes writes",
            not failed,
            f"{len(failed)} failed, {failed[0]} first: restart when the disk is well again"
            if failed
            else "",
        ),
    ]
