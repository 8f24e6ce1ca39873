"""Is the broker of use? The conditions that must hold for it to be."""

from collections.abc import Callable, Sequence

from anymq.cluster.meta import embedded
from anymq.config.units import MIB
from anymq.core.broker import Broker
from anymq.core.flow import MEMORY
from anymq.core.queues import delays, journal
from anymq.core.queues.queue import Queue
from anymq.core.streams import offset_records
from anymq.core.transactions import fates, halves
from anymq.core.vhosts import arrivals
from anymq.management.pages import Condition
from anymq.protocols.mqtt import kept
from anymq.storage.store import LogStore

OURS = {
    embedded.LOG_ID: "definitions",
    offset_records.LOG_ID: "committed offsets",
    journal.LOG_ID: "settlement of queues",
    delays.LOG_ID: "delayed messages",
    kept.LOG_ID: "MQTT's sessions and retained messages",
    arrivals.LOG_ID: "notes of where delayed records arrive",
    halves.LOG_ID: "half messages",
    fates.LOG_ID: "what was decided of half messages",
}


def conditions(
    broker: Broker, store: LogStore, stopping: Callable[[], bool]
) -> Sequence[Condition]:
    """Return what must hold, and whether it does."""
    short = MEMORY in broker.flow.alarms
    failed = [log.id for log in store.logs.values() if log.failed is not None]
    return [
        Condition("serving", not stopping(), "stopping" if stopping() else ""),
        Condition("disk has space", not store.full, f"{store.free_bytes() // MIB}MiB are free"),
        Condition(
            "every log takes writes",
            not failed,
            _about(broker, failed) if failed else "",
        ),
        # Publishers wait; consumers, who end that, are welcome.
        Condition(
            "memory is free",
            not short,
            "publishers wait until consumers have made room" if short else "",
            to_serve=False,
        ),
    ]


def _about(broker: Broker, failed: Sequence[int]) -> str:
    first = _name_of(broker, failed[0])
    return f"{len(failed)} failed, {first} first: restart when the disk is well again"


def _name_of(broker: Broker, log_id: int) -> str:
    """Say whose log it is, in words that somebody knows."""
    if log_id in OURS:
        return OURS[log_id]
    for topic in broker.topics.values():
        for partition in topic.partitions:
            if partition.log.id == log_id:
                return f"{partition.topic_name}-{partition.index}"
    for vhost in broker.vhosts.values():
        for queue in vhost.queues.values():
            if isinstance(queue, Queue) and log_id in queue.log_ids:
                return queue.of
    return f"log {log_id}"
