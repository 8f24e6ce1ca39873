"""Every metric there is, with the name an operator sees. docs/reference/metrics.md is made of it.

Whoever owns a number says where it is: `registry.read(catalogue.CONNECTIONS, self._count)`.
"""

from anymq.observability.metrics import counter, gauge, histogram

# the server
INFO = gauge("anymq_info", "Always 1; the version is a label.", "version")
READY = gauge("anymq_ready", "1 while the server takes requests, 0 while it starts or stops.")
START_TIME = gauge("anymq_start_time_seconds", "When the server started, in seconds since 1970.")

# connections
CONNECTIONS = gauge("anymq_connections", "Connections that are open.", "protocol")
CONNECTIONS_OPENED = counter(
    "anymq_connections_opened_total", "Connections that were taken.", "protocol"
)
CONNECTIONS_REFUSED = counter(
    "anymq_connections_refused_total", "Connections closed at once, over a limit.", "protocol"
)
CONNECTIONS_BROKEN = counter(
    "anymq_connections_broken_total",
    "Connections we closed: not the protocol, too big, too silent, or a bug of ours.",
    "protocol",
    "reason",
)
RECEIVED_BYTES = counter("anymq_received_bytes_total", "Bytes read from clients.", "protocol")
SENT_BYTES = counter("anymq_sent_bytes_total", "Bytes written to clients.", "protocol")
OWED_BYTES = gauge(
    "anymq_owed_bytes", "Bytes that clients have asked for and not taken yet.", "protocol"
)
LOGINS_FAILED = counter("anymq_logins_failed_total", "Log-ins that were refused.", "protocol")

# requests
REQUESTS = counter("anymq_requests_total", "Requests that were answered.", "protocol", "api")
REQUESTS_FAILED = counter(
    "anymq_requests_failed_total", "Answers that said no.", "protocol", "api", "error"
)
REQUEST_SECONDS = histogram(
    "anymq_request_seconds",
    "From the whole request being there to its answer being handed over.",
    "protocol",
    "api",
)

# topics
TOPICS = gauge("anymq_topics", "Topics there are.")
PARTITIONS = gauge("anymq_partitions", "Partitions of all topics.")
TOPIC_RECORDS_IN = counter("anymq_topic_records_in_total", "Records taken.", "topic")
TOPIC_BYTES_IN = counter("anymq_topic_bytes_in_total", "Bytes of batches taken.", "topic")
TOPIC_BYTES_OUT = counter("anymq_topic_bytes_out_total", "Bytes of batches given out.", "topic")
TOPIC_RECORDS = gauge("anymq_topic_records", "Records between start and end.", "topic")
TOPIC_SIZE_BYTES = gauge("anymq_topic_size_bytes", "What the topic takes of the disk.", "topic")

# groups
GROUPS = gauge("anymq_groups", "Groups of consumers.", "state")
GROUP_MEMBERS = gauge("anymq_group_members", "Members of a group.", "group")
GROUP_LAG = gauge(
    "anymq_group_lag_records", "Records the group has not committed yet.", "group", "topic"
)
GROUP_REBALANCES = counter("anymq_group_rebalances_total", "Rebalances of all groups.")

# the disk
COMMITS = counter("anymq_commits_total", "Group commits: one write per log, one sync for all.")
COMMIT_SECONDS = histogram("anymq_commit_seconds", "How long a group commit took.")
WRITTEN_BYTES = counter("anymq_written_bytes_total", "Bytes written to logs.")
LOGS = gauge("anymq_logs", "Logs on the disk: partitions and our own.")
LOGS_FAILED = gauge("anymq_logs_failed", "Logs that take no more writes: the disk had an error.")
DISK_FREE_BYTES = gauge("anymq_disk_free_bytes", "What is free where the data is.")
DISK_FULL = gauge("anymq_disk_full", "1 while messages are refused for want of space.")
DAMAGE_FOUND = gauge("anymq_damage_found", "Damaged places found and set aside, since the start.")
EXPIRED_BYTES = counter("anymq_expired_bytes_total", "Bytes deleted by retention.")
COMPACTED_BYTES = counter("anymq_compacted_bytes_total", "Bytes that compaction saved.")

# the process, with the names that every Prometheus client uses
PROCESS_CPU = counter("process_cpu_seconds_total", "Time the processor worked for us.")
PROCESS_RSS = gauge("process_resident_memory_bytes", "Memory in use.")
PROCESS_FILES = gauge("process_open_fds", "Files and sockets that are open.")
PROCESS_FILES_MAX = gauge("process_max_fds", "How many files and sockets may be open.")
