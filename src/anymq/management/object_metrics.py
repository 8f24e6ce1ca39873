"""Metrics of each queue, connection, channel, exchange, topic and group, for who asks for them.

`/metrics/per-object` is all of them, `/metrics/detailed?family=…&vhost=…&queue=…` those that are
wanted, as RabbitMQ has them. There may be very many: they are made some at a time, the lines are
counted, and only a few may ask at once.
"""

import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from anymq.core.queues.queue import Queue
from anymq.core.vhosts.kinds import AnyQueue
from anymq.core.vhosts.vhost import VirtualHost
from anymq.management.api.connections import channel_name
from anymq.management.api.numbers import lengths
from anymq.management.api.site import Site
from anymq.management.http import Request, Response, text
from anymq.management.kafka_metrics import GROUP_METRICS, TOPIC_METRICS, watch_groups, watch_topics
from anymq.management.rabbitmq_metrics import watch_identity
from anymq.observability.metrics import Metric, Registry, Sample
from anymq.protocols.amqp.channel import Channel
from anymq.protocols.amqp.conversation import Conversation

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LINES_MAX = 500_000  # of one answer, about 50 MB
AT_ONCE_MAX = 2
FILTER_MAX = 2000
PER_OBJECT, DETAILED, CLUSTER = "rabbitmq_", "rabbitmq_detailed_", "rabbitmq_cluster_"

Number = Callable[[Any], int]
Source = Callable[[], Iterator[Sample]]


class WrongQuery(Exception):
    """What was asked for makes no sense."""


def _everything(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which objects."""

    site: Site
    prefix: str = PER_OBJECT
    vhosts_named: Collection[str] = ()  # none: all
    is_wanted: Callable[[str], bool] = _everything

    @property
    def vhosts(self) -> list[VirtualHost]:
        """Those that are wanted."""
        every = list(self.site.broker.vhosts.values())
        return [one for one in every if not self.vhosts_named or one.name in self.vhosts_named]

    @property
    def queues(self) -> Iterator[AnyQueue]:
        """Those that are wanted, as they are at this moment."""
        for vhost in self.vhosts:
            for queue in list(vhost.queues.values()):
                if self.is_wanted(queue.name):
                    yield queue

    @property
    def conversations(self) -> list[Conversation]:
        """Those within the virtual hosts that are wanted."""
        return [
            one
            for one in list(self.site.amqp.conversations)
            if one.channels is not None
            and (not self.vhosts_named or one.channels.vhost.name in self.vhosts_named)
        ]

    @property
    def channels(self) -> Iterator[Channel]:
        """Those within them."""
        for one in self.conversations:
            for channel in list(one.channels.all.values()) if one.channels is not None else ():
                if isinstance(channel, Channel):
                    yield channel


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of a family: behind the prefix."""

    name: str
    about: str
    number: Number
    kind: Any = "gauge"


@dataclass(frozen=True, slots=True)
class Family:
    """Metrics of one kind of object."""

    about: str
    labels: tuple[str, ...]
    series: Sequence[Series] = ()
    samples: Callable[[Wanted, Number], Iterator[Sample]] | None = None
    metrics: Sequence[Metric] = ()  # or these, that have names of their own
    watch: Callable[[Registry, Wanted], None] | None = None
    only_detailed: bool = False  # and with the prefix of what is the same on every node


def _of_queues(wanted: Wanted, number: Number) -> Iterator[Sample]:
    return ((one.vhost_name, one.name, number(one)) for one in wanted.queues)


def _of_true_queues(wanted: Wanted, number: Number) -> Iterator[Sample]:
    """Streams do not count this."""
    for one in wanted.queues:
        if isinstance(one, Queue):
            yield one.vhost_name, one.name, number(one)


def _of_conversations(wanted: Wanted, number: Number) -> Iterator[Sample]:
    return ((one.peer.connection_name, one.user, number(one)) for one in wanted.conversations)


def _of_channels(wanted: Wanted, number: Number) -> Iterator[Sample]:
    return ((channel_name(one), one.wire.vhost.name, number(one)) for one in wanted.channels)


def _of_vhosts(wanted: Wanted, number: Number) -> Iterator[Sample]:
    return ((one.name, number(one)) for one in wanted.vhosts)


def _of_exchanges(wanted: Wanted, number: Number) -> Iterator[Sample]:
    for vhost in wanted.vhosts:
        for one in list(vhost.exchanges.values()):
            yield vhost.name, one.name, one.declaration.type, number(one)


def _counter(name: str, about: str, number: Number) -> Series:
    return Series(name, about, number, "counter")


CONSUMERS_ONLY, WITH_CONSUMERS = "queue_consumer_count", "queue_metrics"
OF_QUEUE = ("vhost", "queue")
OF_CHANNEL = ("channel", "vhost")
CONSUMERS = Series("queue_consumers", "Consumers of a queue.", lambda one: one.consumer_count)

FAMILIES: Mapping[str, Family] = {
    "queue_coarse_metrics": Family(
        "How much is in each queue and stream.",
        OF_QUEUE,
        (
            Series("queue_messages_ready", "Messages that wait.", lambda one: lengths(one)[1]),
            Series("queue_messages_unacked", "Out with consumers.", lambda one: lengths(one)[2]),
            Series("queue_messages", "Both together.", lambda one: lengths(one)[0]),
        ),
        _of_queues,
    ),
    CONSUMERS_ONLY: Family("Consumers only.", OF_QUEUE, (CONSUMERS,), _of_queues),
    WITH_CONSUMERS: Family(
        "Consumers and sizes of each queue.",
        OF_QUEUE,
        (
            CONSUMERS,
            Series(
                "queue_messages_ready_bytes",
                "Bodies of those that wait.",
                lambda one: one.ready_bytes if isinstance(one, Queue) else 0,
            ),
        ),
        _of_queues,
    ),
    "queue_delivery_metrics": Family(
        "What came out of each queue.",
        OF_QUEUE,
        (
            _counter("queue_get_ack_total", "Got, to be acknowledged.", lambda one: one.got),
            _counter("queue_get_total", "Got and gone.", lambda one: one.got_no_ack),
            _counter(
                "queue_messages_delivered_ack_total",
                "Sent to consumers that acknowledge.",
                lambda one: one.delivered - one.got - one.got_no_ack - one.delivered_no_ack,
            ),
            _counter(
                "queue_messages_delivered_total",
                "Sent to consumers that need not.",
                lambda one: one.delivered_no_ack,
            ),
            _counter("queue_messages_redelivered_total", "Given back.", lambda one: one.returned),
            _counter("queue_messages_acked_total", "Acknowledged.", lambda one: one.acknowledged),
            _counter("queue_get_empty_total", "Gets for nothing.", lambda one: one.got_nothing),
        ),
        _of_true_queues,
    ),
    "channel_queue_exchange_metrics": Family(
        "What came into each queue, by whatever channel and exchange.",
        OF_QUEUE,
        (_counter("queue_messages_published_total", "Came in.", lambda one: one.published),),
        _of_true_queues,
    ),
    "connection_coarse_metrics": Family(
        "Traffic of each AMQP connection.",
        ("connection", "user"),
        (
            _counter(
                "connection_incoming_bytes_total",
                "Bytes received.",
                lambda one: one.peer.traffic.received,
            ),
            _counter(
                "connection_outgoing_bytes_total", "Bytes sent.", lambda one: one.peer.traffic.sent
            ),
        ),
        _of_conversations,
    ),
    "connection_metrics": Family(
        "Channels of each AMQP connection.",
        ("connection", "user"),
        (Series("connection_channels", "Its channels.", lambda one: len(one.channels or ())),),
        _of_conversations,
    ),
    "channel_metrics": Family(
        "What each channel has under way.",
        OF_CHANNEL,
        (
            Series("channel_consumers", "Its consumers.", lambda one: len(one.consumers)),
            Series("channel_messages_unacked", "Out with it.", lambda one: len(one.unacked)),
            Series(
                "channel_messages_unconfirmed",
                "Published, not confirmed yet.",
                lambda one: 0 if one.confirms is None else one.confirms.waiting,
            ),
            Series("channel_prefetch", "Its shared limit.", lambda one: one.shared_prefetch),
        ),
        _of_channels,
    ),
    "channel_exchange_metrics": Family(
        "What each channel published, to whatever exchange.",
        OF_CHANNEL,
        (
            _counter("channel_messages_published_total", "Published.", lambda one: one.published),
            _counter("channel_messages_confirmed_total", "Confirmed.", lambda one: one.confirmed),
            _counter(
                "channel_messages_unroutable_returned_total",
                "Sent back.",
                lambda one: one.returned,
            ),
        ),
        _of_channels,
    ),
    "vhost_status": Family(
        "Which virtual hosts there are.",
        ("vhost",),
        (Series("vhost_status", "Always 1: it runs.", lambda _: 1),),
        _of_vhosts,
        only_detailed=True,
    ),
    "exchange_names": Family(
        "Which exchanges there are.",
        ("vhost", "exchange", "type"),
        (Series("exchange_name", "Always 1.", lambda _: 1),),
        _of_exchanges,
        only_detailed=True,
    ),
    "exchange_bindings": Family(
        "How many bindings each exchange has.",
        ("vhost", "exchange", "type"),
        (Series("exchange_bindings", "Its bindings.", lambda one: len(one.bindings)),),
        _of_exchanges,
        only_detailed=True,
    ),
    "kafka_topic_metrics": Family(
        "Each partition, by the names of kafka-exporter.",
        ("topic", "partition"),
        metrics=TOPIC_METRICS,
        watch=lambda registry, wanted: watch_topics(registry, wanted.site.broker),
    ),
    "kafka_consumergroup_metrics": Family(
        "Each group in each partition, by the names of kafka-exporter.",
        ("consumergroup", "topic", "partition"),
        metrics=GROUP_METRICS,
        watch=lambda registry, wanted: watch_groups(registry, wanted.site.broker),
    ),
}


@dataclass(slots=True)
class ObjectMetrics:
    """The two pages."""

    site: Site
    under_way: set[object] = field(default_factory=set)

    def per_object(self, _: Request) -> Response:
        """Show all that may be shown of each object."""
        names = [name for name, family in FAMILIES.items() if not family.only_detailed]
        return self._shown(names, Wanted(self.site), "per-object")

    def detailed(self, request: Request) -> Response:
        """Show some families, of some virtual hosts, of some queues."""
        query = parse_qs(request.query)
        try:
            wanted = _wanted(self.site, query)
        except WrongQuery as wrong:
            return text(f"{wrong}\n", HTTPStatus.BAD_REQUEST)
        return self._shown(query.get("family", ()), wanted, "detailed")

    def _shown(self, names: Sequence[str], wanted: Wanted, endpoint: str) -> Response:
        registry = Registry()
        for name in dict.fromkeys(names):
            if name == CONSUMERS_ONLY and WITH_CONSUMERS in names:
                continue
            if name in FAMILIES:  # as RabbitMQ: other versions may have others
                _watch(registry, FAMILIES[name], wanted)
        watch_identity(registry, self.site, endpoint)
        return Response(HTTPStatus.OK, b"", METRICS_TYPE, pieces=self._pieces(registry))

    def _pieces(self, registry: Registry) -> Generator[bytes, None, Response | None]:
        if len(self.under_way) >= AT_ONCE_MAX:
            busy = "others read these metrics just now: later\n"
            return text(busy, HTTPStatus.SERVICE_UNAVAILABLE)
        me = object()
        self.under_way.add(me)
        try:
            yield from registry.exposition(LINES_MAX)
        finally:  # also when who asked has gone
            self.under_way.discard(me)
        return None


def _wanted(site: Site, query: Mapping[str, list[str]]) -> Wanted:
    patterns = query.get("queue", [""])
    if len(patterns) > 1 or len(patterns[0]) > FILTER_MAX:
        raise WrongQuery(f"one pattern for queues, of {FILTER_MAX} characters at most")
    matches = pattern(patterns[0]) if patterns[0] else _everything
    return Wanted(site, DETAILED, query.get("vhost", ()), matches)


def _watch(registry: Registry, family: Family, wanted: Wanted) -> None:
    if family.watch is not None:
        family.watch(registry, wanted)
    for each in metrics_of(family, wanted.prefix):
        registry.read(*each_source(each, family, wanted))


def metrics_of(family: Family, prefix: str) -> list[tuple[Metric, Series]]:
    """Return its metrics, as they are called there."""
    front = CLUSTER if family.only_detailed else prefix
    return [
        (Metric(front + one.name, one.about, one.kind, family.labels), one) for one in family.series
    ]


def each_source(
    each: tuple[Metric, Series], family: Family, wanted: Wanted
) -> tuple[Metric, Source]:
    """Return a metric, and where its numbers come from."""
    metric, series = each
    samples = family.samples
    assert samples is not None
    return metric, lambda: samples(wanted, series.number)


# A pattern may come from anybody, so it must not take long: no choice of how often something is
# there but `.*`, whose pieces are looked for one after another.
_PIECE = re.compile(r"(?:[^\\^$.|?*+()\[\]{}]|\\[^\w\s]|\.)*")


def pattern(said: str) -> Callable[[str], bool]:
    """Return what tells whether a name matches a regular expression of the simple kind."""
    each = [_alternative(one) for one in said.split("|")]
    return lambda name: any(one(name) for one in each)


def _alternative(said: str) -> Callable[[str], bool]:
    begins, ends = said.startswith("^"), said.endswith("$") and not said.endswith("\\$")
    pieces = said[begins : len(said) - ends].split(".*")
    if not all(_PIECE.fullmatch(piece) for piece in pieces):
        raise WrongQuery(r"a pattern of queues has ^ $ | . .* and \. only")
    whole = [*([] if begins else [""]), *pieces, *([] if ends else [""])]
    compiled = [re.compile(piece, re.DOTALL) for piece in whole]
    return lambda name: _matches(compiled, name)


def _matches(pieces: Sequence["re.Pattern[str]"], name: str) -> bool:
    """Is the first at the start, the last at the end, and are the others in between, in order?"""
    first, *middle = pieces
    found = first.match(name)
    for piece in middle[:-1]:
        found = None if found is None else piece.search(name, found.end())
    if found is None:
        return False
    if not middle:
        return found.end() == len(name)
    size = _length(middle[-1].pattern)
    return len(name) - size >= found.end() and bool(middle[-1].match(name, len(name) - size))


def _length(piece: str) -> int:
    """Return how many characters it stands for: an escape is one."""
    return len(re.sub(r"\\.", "x", piece))
