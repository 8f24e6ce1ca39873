"""What the broker is measured by, and where each number comes from."""

import gc
import os
import resource
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import anymq
from anymq.core.broker import Broker
from anymq.core.catalog import LOG_ID_FIRST
from anymq.core.flow import DISK as DISK_ALARM
from anymq.core.flow import MEMORY as MEMORY_ALARM
from anymq.core.streams.partition import Partition
from anymq.core.transactions.transactions import Transactions
from anymq.management.queue_metrics import Numbers, watch_queues
from anymq.management.transaction_metrics import watch_transactions
from anymq.observability.metrics import Histogram, Registry, Sample, counter, gauge, histogram
from anymq.storage.store import LogStore

INFO = gauge("anymq_info", "Always 1; the version is a label.", "version")
GARBAGE = counter("anymq_gc_collections_total", "Runs of the garbage collector.", "generation")

# The process, by the names that every Prometheus client uses and every dashboard knows.
START_TIME = gauge("process_start_time_seconds", "When it began to serve, in seconds since 1970.")
CPU = counter("process_cpu_seconds_total", "Processor time this process has used.")
MEMORY = gauge("process_resident_memory_bytes", "Memory this process occupies.")
HANDLES = gauge("process_open_fds", "Files and sockets this process has open.")
HANDLES_MAX = gauge("process_max_fds", "How many it may have open.")

CONNECTIONS = gauge("anymq_connections", "Connections there are.", "listener")
CONNECTIONS_REFUSED = counter("anymq_connections_refused_total", "Connections turned away.")
CHANNELS = gauge("anymq_channels", "Channels there are within connections.", "protocol")
REQUESTS = counter("anymq_requests_total", "Requests received.", "protocol", "api")
IN_FLIGHT = gauge(
    "anymq_in_flight_bytes",
    "Memory that requests and answers under way take; at limits.memory_bytes_max peers wait.",
)
MALFORMED = counter("anymq_malformed_total", "Connections closed for what they sent.", "protocol")
LOGINS_FAILED = counter("anymq_logins_failed_total", "Logins that were refused.", "protocol")

PUBLISHED = counter("anymq_messages_published_total", "Messages clients published.", "protocol")
CONFIRMED = counter(
    "anymq_messages_confirmed_total", "Of those, confirmed to who published them.", "protocol"
)
REFUSED = counter(
    "anymq_messages_refused_total",
    "Of those, refused (nack): the queue was full, or the disk could not take them.",
    "protocol",
)
UNROUTABLE = counter(
    "anymq_messages_unroutable_total",
    "Of those, for no queue: returned if they were mandatory, else dropped.",
    "protocol",
    "fate",
)
DELIVERED = counter(
    "anymq_messages_delivered_total", "Messages delivered to clients, again or first.", "protocol"
)

ALARM = gauge("anymq_alarm", "1 while those who publish have to wait for this.", "alarm")
TOPICS = gauge("anymq_topics", "Topics there are.")
PARTITIONS = gauge("anymq_partitions", "Partitions there are.")
RECORDS = counter("anymq_records_written_total", "Records ever written to the topics there are.")
STORED = gauge("anymq_stored_bytes", "Bytes the topics take on the disk.")
QUEUES_STORED = gauge("anymq_queues_stored_bytes", "Bytes the queues take on the disk.")
LOGS_FAILED = gauge("anymq_logs_failed", "Logs that take no more writes until a restart.")
DAMAGE = gauge("anymq_damage_reports", "Damage found on the disk since the start.")
DISK_FREE = gauge("anymq_disk_free_bytes", "Space left on the disk of the data directory.")
DISK_FULL = gauge("anymq_disk_full", "1 while writes are refused for lack of space.")

COMMIT_SECONDS = histogram(
    "anymq_commit_seconds", "Group commits: one write for each log, then one sync for all."
)

TOPIC_START = gauge("anymq_partition_start_offset", "First kept offset.", "topic", "partition")
TOPIC_END = gauge("anymq_partition_end_offset", "Next visible offset.", "topic", "partition")
TOPIC_STORED = gauge("anymq_partition_stored_bytes", "Bytes on the disk.", "topic", "partition")

ALARMS = (DISK_ALARM, MEMORY_ALARM)


class MessageCounts(Protocol):
    """What a protocol counts of messages."""

    published: int
    confirmed: int
    refused: int
    returned: int
    dropped: int
    delivered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Whom we ask."""

    broker: Broker
    store: LogStore
    connections: Callable[[], Mapping[str, int]]
    connections_refused: Callable[[], int]
    requests: Callable[[], Mapping[tuple[str, str], int]]
    in_flight_bytes: Callable[[], int]
    malformed: Callable[[], Mapping[str, int]]
    logins_failed: Callable[[], Mapping[str, int]]
    commit_seconds: Histogram
    messages: Callable[[], Mapping[str, MessageCounts]]
    channels: Callable[[], Mapping[str, int]]
    transactions: Transactions


def watch(registry: Registry, watched: Watched) -> Numbers:
    """Tell the registry where every number comes from; return what is seen of queues."""
    _watch_process(registry, watched.broker)
    _watch_peers(registry, watched)
    _watch_messages(registry, watched)
    numbers = watch_queues(registry, watched.broker)
    watch_transactions(registry, watched.transactions)
    _watch_topics(registry, watched.broker)
    _watch_disk(registry, watched)
    return numbers


def _watch_process(registry: Registry, broker: Broker) -> None:
    since = broker.clock.wall_ms() / 1000
    registry.read(INFO, lambda: [(anymq.__version__, 1)])
    registry.read(GARBAGE, _collections)
    registry.read_number(START_TIME, lambda: since)
    registry.read_number(CPU, _cpu_seconds)
    registry.read_number(MEMORY, resident_bytes)
    registry.read_number(HANDLES, _open_files)
    registry.read_number(HANDLES_MAX, lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _watch_peers(registry: Registry, watched: Watched) -> None:
    registry.read(CONNECTIONS, lambda: watched.connections().items())
    registry.read_number(CONNECTIONS_REFUSED, watched.connections_refused)
    registry.read(CHANNELS, lambda: watched.channels().items())
    registry.read(REQUESTS, lambda: [(*key, n) for key, n in watched.requests().items()])
    registry.read_number(IN_FLIGHT, watched.in_flight_bytes)
    registry.read(MALFORMED, lambda: watched.malformed().items())
    registry.read(LOGINS_FAILED, lambda: watched.logins_failed().items())


def _watch_messages(registry: Registry, watched: Watched) -> None:
    registry.read(PUBLISHED, lambda: _by_protocol(watched, lambda one: one.published))
    registry.read(CONFIRMED, lambda: _by_protocol(watched, lambda one: one.confirmed))
    registry.read(REFUSED, lambda: _by_protocol(watched, lambda one: one.refused))
    registry.read(UNROUTABLE, lambda: _unroutable(watched.messages()))
    registry.read(DELIVERED, lambda: _by_protocol(watched, lambda one: one.delivered))


def _watch_topics(registry: Registry, broker: Broker) -> None:
    registry.read_number(TOPICS, lambda: len(broker.topics))
    registry.read_number(PARTITIONS, lambda: broker.partition_count)
    registry.read_number(RECORDS, lambda: sum(p.visible_end for p in _partitions(broker)))
    registry.read_number(STORED, lambda: sum(p.log.size_bytes() for p in _partitions(broker)))
    registry.read(TOPIC_START, lambda: _by_partition(broker, lambda p: p.start))
    registry.read(TOPIC_END, lambda: _by_partition(broker, lambda p: p.visible_end))
    registry.read(TOPIC_STORED, lambda: _by_partition(broker, lambda p: p.log.size_bytes()))


def _watch_disk(registry: Registry, watched: Watched) -> None:
    broker, store = watched.broker, watched.store
    registry.read(ALARM, lambda: _alarms(broker.flow.alarms))
    registry.read_number(
        LOGS_FAILED, lambda: sum(log.failed is not None for log in list(store.logs.values()))
    )
    registry.read_number(QUEUES_STORED, lambda: _queues_stored(broker, store))
    registry.read_number(DAMAGE, lambda: len(store.reports))
    registry.read_number(DISK_FREE, store.free_bytes)
    registry.read_number(DISK_FULL, lambda: int(store.full))
    registry.read(COMMIT_SECONDS, lambda: [(watched.commit_seconds,)])


def _by_protocol(watched: Watched, number: Callable[[MessageCounts], int]) -> Iterable[Sample]:
    return [(protocol, number(counts)) for protocol, counts in watched.messages().items()]


def _unroutable(messages: Mapping[str, MessageCounts]) -> Iterable[Sample]:
    for protocol, counts in messages.items():
        yield protocol, "returned", counts.returned
        yield protocol, "dropped", counts.dropped


def _alarms(on: Collection[str]) -> Iterable[Sample]:
    return [(alarm, int(alarm in on)) for alarm in ALARMS]


def _partitions(broker: Broker) -> list[Partition]:
    """Return those of this moment: while they are gone through, there may be others."""
    return [partition for topic in broker.topics.values() for partition in topic.partitions]


def _by_partition(broker: Broker, number: Callable[[Partition], int]) -> Iterable[Sample]:
    return ((p.topic_name, p.index, number(p)) for p in _partitions(broker))


def _queues_stored(broker: Broker, store: LogStore) -> int:
    own = sum(p.log.size_bytes() for p in _partitions(broker))
    logs = list(store.logs.items())
    return sum(log.size_bytes() for log_id, log in logs if log_id >= LOG_ID_FIRST) - own


def resident_bytes() -> int:
    """Return how much memory we occupy."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:  # not on Linux: the most it ever was is better than nothing
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return round(used.ru_utime + used.ru_stime, 3)


def file_numbers() -> tuple[int, int]:
    """Return how many files and sockets are open, and how many may be."""
    return _open_files(), resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return -1


def _collections() -> Iterable[Sample]:
    return [(str(n), stats["collections"]) for n, stats in enumerate(gc.get_stats())]
