"""What the broker is measured by, and where each number comes from."""

import gc
import os
import resource
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import anymq
from anymq.core.broker import Broker
from anymq.core.streams.partition import Partition
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
REQUESTS = counter("anymq_requests_total", "Requests received.", "protocol", "api")
IN_FLIGHT = gauge(
    "anymq_in_flight_bytes",
    "Memory that requests and answers under way take; at limits.memory_bytes_max peers wait.",
)
MALFORMED = counter("anymq_malformed_total", "Connections closed for what they sent.", "protocol")
LOGINS_FAILED = counter("anymq_logins_failed_total", "Logins that were refused.", "protocol")

TOPICS = gauge("anymq_topics", "Topics there are.")
PARTITIONS = gauge("anymq_partitions", "Partitions there are.")
RECORDS = counter("anymq_records_written_total", "Records ever written to the topics there are.")
STORED = gauge("anymq_stored_bytes", "Bytes the topics take on the disk.")
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


def watch(registry: Registry, watched: Watched) -> None:
    """Tell the registry where every number comes from."""
    _watch_process(registry, watched.broker)
    _watch_peers(registry, watched)
    _watch_topics(registry, watched.broker)
    _watch_disk(registry, watched)


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
    registry.read(REQUESTS, lambda: [(*key, n) for key, n in watched.requests().items()])
    registry.read_number(IN_FLIGHT, watched.in_flight_bytes)
    registry.read(MALFORMED, lambda: watched.malformed().items())
    registry.read(LOGINS_FAILED, lambda: watched.logins_failed().items())


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
    registry.read_number(
        LOGS_FAILED, lambda: sum(p.log.failed is not None for p in _partitions(broker))
    )
    registry.read_number(DAMAGE, lambda: len(store.reports))
    registry.read_number(DISK_FREE, store.free_bytes)
    registry.read_number(DISK_FULL, lambda: int(store.full))
    registry.read(COMMIT_SECONDS, lambda: [(watched.commit_seconds,)])


def _partitions(broker: Broker) -> list[Partition]:
    """Return those of this moment: while they are gone through, there may be others."""
    return [partition for topic in broker.topics.values() for partition in topic.partitions]


def _by_partition(broker: Broker, number: Callable[[Partition], int]) -> Iterable[Sample]:
    return ((p.topic_name, p.index, number(p)) for p in _partitions(broker))


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
