"""Metrics by the names that RabbitMQ's have, so that its dashboards and alerts go on as they are.

Only those that mean something here; summed up over all queues, as RabbitMQ's /metrics has them.
"""

import platform
from collections.abc import Callable, Iterable

import anymq
from anymq.core.flow import DISK, MEMORY
from anymq.core.queues.totals import Counts
from anymq.management.api.site import Machine, Site
from anymq.management.queue_metrics import Numbers
from anymq.observability.metrics import Metric, Registry, Sample, counter, gauge
from anymq.protocols.amqp.channel import Channel
from anymq.protocols.amqp.conversation import COMPAT_VERSION, Conversation
from anymq.protocols.amqp.methods import ChannelOpen, ConnectionOpen, QueueDeclare

PROTOCOL = "amqp091"
QUEUE_TYPES = {"classic": "rabbit_classic_queue", "quorum": "rabbit_quorum_queue"}
AGGREGATED = "aggregated"

BUILD = gauge(
    "rabbitmq_build_info",
    "Always 1; the labels say what this is.",
    "rabbitmq_version",
    "product_name",
    "product_version",
    "erlang_version",
)
IDENTITY = gauge(
    "rabbitmq_identity_info",
    "Always 1; the labels say which node this is. RabbitMQ's dashboards join others with it.",
    "rabbitmq_node",
    "rabbitmq_cluster",
    "rabbitmq_cluster_permanent_id",
    "rabbitmq_endpoint",
)

CONNECTIONS = gauge("rabbitmq_connections", "Connections of AMQP's clients.")
CHANNELS = gauge("rabbitmq_channels", "Channels within them.")
CONSUMERS = gauge("rabbitmq_consumers", "Consumers of queues and streams.")
QUEUES = gauge("rabbitmq_queues", "Queues and streams.")
CONNECTIONS_OPENED = counter("rabbitmq_connections_opened_total", "AMQP connections that began.")
CONNECTIONS_CLOSED = counter("rabbitmq_connections_closed_total", "Of those, ended.")
CHANNELS_OPENED = counter("rabbitmq_channels_opened_total", "Channels that began.")
CHANNELS_CLOSED = counter("rabbitmq_channels_closed_total", "Of those, ended.")
QUEUES_DECLARED = counter("rabbitmq_queues_declared_total", "Queues declared, made or there.")

READY = gauge("rabbitmq_queue_messages_ready", "Messages that wait in queues.")
UNACKED = gauge("rabbitmq_queue_messages_unacked", "Messages out with consumers.")
MESSAGES = gauge("rabbitmq_queue_messages", "Both together.")
READY_BYTES = gauge("rabbitmq_queue_messages_ready_bytes", "Bodies of those that wait.")
QUEUE_CONSUMERS = gauge("rabbitmq_queue_consumers", "Consumers of queues and streams.")
QUEUED = counter("rabbitmq_queue_messages_published_total", "Messages that came into queues.")

RECEIVED = counter(
    "rabbitmq_global_messages_received_total", "Messages that clients published.", "protocol"
)
ROUTED = counter("rabbitmq_global_messages_routed_total", "Of those, for a queue.", "protocol")
CONFIRMED = counter(
    "rabbitmq_global_messages_confirmed_total", "Of those, confirmed to who sent them.", "protocol"
)
DROPPED = counter(
    "rabbitmq_global_messages_unroutable_dropped_total",
    "Of those, for no queue, and dropped.",
    "protocol",
)
RETURNED = counter(
    "rabbitmq_global_messages_unroutable_returned_total",
    "Of those, for no queue, and sent back (mandatory).",
    "protocol",
)
PUBLISHERS = gauge("rabbitmq_global_publishers", "Channels that have published.", "protocol")
GLOBAL_CONSUMERS = gauge("rabbitmq_global_consumers", "Consumers there are.", "protocol")

# What queues count: the first part of the name, of what, the number.
DELIVERY: tuple[tuple[str, str, Callable[[Counts], int]], ...] = (
    ("delivered", "Messages sent to consumers, or got.", lambda one: one.delivered),
    (
        "delivered_consume_manual_ack",
        "Messages sent to consumers that acknowledge.",
        lambda one: one.pushed_for_ack,
    ),
    (
        "delivered_consume_auto_ack",
        "Messages sent to consumers that need not.",
        lambda one: one.delivered_no_ack,
    ),
    ("delivered_get_manual_ack", "Messages got, to be acknowledged.", lambda one: one.got),
    ("delivered_get_auto_ack", "Messages got and gone.", lambda one: one.got_no_ack),
    ("get_empty", "Gets that found nothing.", lambda one: one.got_nothing),
    ("redelivered", "Messages that were given back.", lambda one: one.returned),
    ("acknowledged", "Messages that consumers acknowledged.", lambda one: one.acknowledged),
)
DELIVERIES: tuple[tuple[Metric, Callable[[Counts], int]], ...] = tuple(
    (counter(f"rabbitmq_global_messages_{name}_total", about, "protocol", "queue_type"), number)
    for name, about, number in DELIVERY
)

INCOMING = counter("rabbitmq_connection_incoming_bytes_total", "Bytes received, by any protocol.")
OUTGOING = counter("rabbitmq_connection_outgoing_bytes_total", "Bytes sent, by any protocol.")
ATTEMPTS = counter("rabbitmq_auth_attempts_total", "Logins that were tried.", "protocol")
SUCCEEDED = counter("rabbitmq_auth_attempts_succeeded_total", "Of those, let in.", "protocol")
FAILED = counter("rabbitmq_auth_attempts_failed_total", "Of those, refused.", "protocol")

MEMORY_ALARM = gauge("rabbitmq_alarms_memory_used_watermark", "1 while memory is short.")
DISK_ALARM = gauge("rabbitmq_alarms_free_disk_space_watermark", "1 while the disk is full.")
UPTIME = gauge("rabbitmq_erlang_uptime_seconds", "How long it has been running; without Erlang.")
OF_MACHINE: tuple[tuple[Metric, Callable[[Machine], int]], ...] = (
    (gauge("rabbitmq_process_open_fds", "Files and sockets open."), lambda one: one.files),
    (gauge("rabbitmq_process_max_fds", "How many there may be."), lambda one: one.files_max),
    (
        gauge("rabbitmq_process_resident_memory_bytes", "Memory this process occupies."),
        lambda one: one.memory_bytes,
    ),
    (
        gauge("rabbitmq_resident_memory_limit_bytes", "From there on, publishers wait."),
        lambda one: one.memory_bytes_max,
    ),
    (
        gauge("rabbitmq_disk_space_available_bytes", "Space left on the disk."),
        lambda one: one.disk_free_bytes,
    ),
    (
        gauge("rabbitmq_disk_space_available_limit_bytes", "Below that, publishers wait."),
        lambda one: one.disk_free_bytes_min,
    ),
)


def watch_as_rabbitmq(registry: Registry, site: Site, numbers: Numbers) -> None:
    """Tell the registry where every number comes from. `numbers` are of the same moment."""
    watch_identity(registry, site, AGGREGATED)
    _watch_clients(registry, site)
    _watch_queues(registry, numbers)
    _watch_messages(registry, site, numbers)
    _watch_logins(registry, site)
    _watch_node(registry, site)


def watch_identity(registry: Registry, site: Site, endpoint: str) -> None:
    """Say who this is, and which of the pages of metrics."""
    python = f"none: Python {platform.python_version()}"
    registry.read(BUILD, lambda: [(COMPAT_VERSION, "anymq", anymq.__version__, python, 1)])
    registry.read(
        IDENTITY,
        lambda: [(site.node, site.cluster_name, site.broker.cluster_id, endpoint, 1)],
    )


def _watch_clients(registry: Registry, site: Site) -> None:
    amqp, methods = site.amqp, site.amqp.counters.methods
    registry.read_number(CONNECTIONS, lambda: len(amqp.conversations))
    registry.read_number(CHANNELS, lambda: amqp.channel_count)
    registry.read_number(CONNECTIONS_OPENED, lambda: methods[ConnectionOpen.KEY])
    registry.read_number(
        CONNECTIONS_CLOSED, lambda: methods[ConnectionOpen.KEY] - len(amqp.conversations)
    )
    registry.read_number(CHANNELS_OPENED, lambda: methods[ChannelOpen.KEY])
    registry.read_number(CHANNELS_CLOSED, lambda: methods[ChannelOpen.KEY] - amqp.channel_count)
    registry.read_number(QUEUES_DECLARED, lambda: methods[QueueDeclare.KEY])
    registry.read_number(INCOMING, lambda: site.sampler.seen.traffic().received)
    registry.read_number(OUTGOING, lambda: site.sampler.seen.traffic().sent)


def _watch_queues(registry: Registry, numbers: Numbers) -> None:
    registry.read_number(QUEUES, lambda: sum(numbers.now.kinds.values()))
    registry.read_number(CONSUMERS, lambda: numbers.now.consumers)
    registry.read_number(QUEUE_CONSUMERS, lambda: numbers.now.consumers)
    registry.read_number(READY, lambda: numbers.now.ready)
    registry.read_number(UNACKED, lambda: numbers.now.unacked)
    registry.read_number(MESSAGES, lambda: numbers.now.ready + numbers.now.unacked)
    registry.read_number(READY_BYTES, lambda: numbers.now.ready_bytes)
    registry.read_number(QUEUED, lambda: numbers.now.all.published)


def _watch_messages(registry: Registry, site: Site, numbers: Numbers) -> None:
    counts = site.amqp.counters

    def read(metric: Metric, number: Callable[[], int]) -> None:
        registry.read(metric, lambda: [(PROTOCOL, number())])

    read(RECEIVED, lambda: counts.publishes)
    read(ROUTED, lambda: counts.publishes - counts.dropped - counts.returned)
    read(CONFIRMED, lambda: counts.confirmed)
    read(DROPPED, lambda: counts.dropped)
    read(RETURNED, lambda: counts.returned)
    read(PUBLISHERS, lambda: _publishers(site.amqp.conversations))
    read(GLOBAL_CONSUMERS, lambda: numbers.now.consumers)
    for metric, number in DELIVERIES:
        registry.read(metric, _by_type(numbers, number))


def _by_type(numbers: Numbers, number: Callable[[Counts], int]) -> Callable[[], Iterable[Sample]]:
    return lambda: [
        (PROTOCOL, name, number(numbers.now.counts[kind]))
        for kind, name in QUEUE_TYPES.items()
        if kind in numbers.now.counts
    ]


def _publishers(conversations: Iterable[Conversation]) -> int:
    return sum(
        isinstance(channel, Channel) and channel.published > 0
        for one in conversations
        if one.channels is not None
        for channel in one.channels.all.values()
    )


def _watch_logins(registry: Registry, site: Site) -> None:
    tallies = site.guard.gate.attempts.by_protocol
    registry.read(
        ATTEMPTS, lambda: [(name, one.succeeded + one.failed) for name, one in tallies.items()]
    )
    registry.read(SUCCEEDED, lambda: [(name, one.succeeded) for name, one in tallies.items()])
    registry.read(FAILED, lambda: [(name, one.failed) for name, one in tallies.items()])


def _watch_node(registry: Registry, site: Site) -> None:
    flow, clock = site.broker.flow, site.broker.clock
    registry.read_number(MEMORY_ALARM, lambda: int(MEMORY in flow.alarms))
    registry.read_number(DISK_ALARM, lambda: int(DISK in flow.alarms))
    registry.read_number(UPTIME, lambda: (clock.wall_ms() - site.started_ms) / 1000)
    machine = site.machine()

    def of(number: Callable[[Machine], int]) -> Callable[[], int]:
        def read() -> int:
            nonlocal machine
            if number is OF_MACHINE[0][1]:  # the first asked looks anew; the others follow
                machine = site.machine()
            return number(machine)

        return read

    for metric, number in OF_MACHINE:
        registry.read_number(metric, of(number))
