"""The numbers there are, and that each comes from somewhere."""

from collections import Counter
from types import SimpleNamespace
from typing import cast

import pytest

from anymq.core.broker import Broker
from anymq.core.queues.totals import Totals
from anymq.core.transactions.transactions import Counts, Transactions
from anymq.management.metrics import Watched, watch
from anymq.observability.metrics import DECLARED, Histogram, Registry
from anymq.protocols.amqp.counters import Counters
from anymq.storage.store import LogStore


class Waiting:
    """Two half messages."""

    counts = Counts(committed=4)
    oldest_seconds = 7.5

    def __len__(self) -> int:
        return 2


@pytest.fixture
def registry() -> Registry:
    partition = SimpleNamespace(
        topic_name="news",
        index=0,
        start=2,
        visible_end=5,
        log=SimpleNamespace(size_bytes=lambda: 300, failed=None),
    )
    totals = Totals(departed=Counter(expired=2))
    totals.gone["quorum"].acknowledged = 6
    broker = SimpleNamespace(
        clock=SimpleNamespace(wall_ms=lambda: 1000),
        topics={"news": SimpleNamespace(partitions=[partition])},
        partition_count=1,
        vhosts={},
        queue_totals=totals,
        delayed_count=3,
        flow=SimpleNamespace(alarms=("memory",)),
    )
    logs = {3: partition.log, 20: SimpleNamespace(size_bytes=lambda: 340, failed="broken")}
    store = SimpleNamespace(reports=["damage"], free_bytes=lambda: 7, full=False, logs=logs)
    watched = Watched(
        broker=cast(Broker, broker),
        store=cast(LogStore, store),
        connections=lambda: {"kafka": 3},
        connections_refused=lambda: 0,
        requests=lambda: {("kafka", "Fetch"): 4},
        in_flight_bytes=lambda: 0,
        malformed=lambda: {"kafka": 0},
        logins_failed=lambda: {"kafka": 0},
        commit_seconds=Histogram(),
        messages=lambda: {"amqp": Counters(published=9, confirmed=4, dropped=1)},
        channels=lambda: {"amqp": 2},
        transactions=cast(Transactions, Waiting()),
    )
    registry = Registry()
    list(watch(registry, watched).look())
    return registry


def test_every_number_that_is_declared_comes_from_somewhere(registry: Registry) -> None:
    """The reference promises it."""
    exposition = b"".join(registry.exposition()).decode()

    of_others = ("test_", "rabbitmq_", "kafka_")  # see test_metrics_of_others
    declared = [name for name in DECLARED if not name.startswith(of_others)]
    assert [name for name in declared if f"\n{name}" not in exposition] == []


@pytest.mark.parametrize(
    "line",
    [
        "process_start_time_seconds 1.0",
        'anymq_connections{listener="kafka"} 3',
        "anymq_transactions_open 2",
        "anymq_transactions_oldest_seconds 7.5",
        'anymq_transactions_ended_total{outcome="committed"} 4',
        'anymq_requests_total{protocol="kafka",api="Fetch"} 4',
        "anymq_records_written_total 5",
        'anymq_partition_end_offset{topic="news",partition="0"} 5',
        "anymq_damage_reports 1",
        "anymq_logs_failed 1",
        "anymq_queues_stored_bytes 40",
        "anymq_messages_acknowledged_total 6",
        'anymq_messages_dropped_total{reason="expired"} 2',
        "anymq_messages_delayed 3",
        'anymq_messages_published_total{protocol="amqp"} 9',
        'anymq_messages_confirmed_total{protocol="amqp"} 4',
        'anymq_messages_unroutable_total{protocol="amqp",fate="dropped"} 1',
        'anymq_channels{protocol="amqp"} 2',
        'anymq_alarm{alarm="memory"} 1',
        'anymq_alarm{alarm="disk"} 0',
    ],
)
def test_it_says_what_is_so(registry: Registry, line: str) -> None:
    assert line in b"".join(registry.exposition()).decode().splitlines()
