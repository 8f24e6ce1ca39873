"""The metrics that have RabbitMQ's names are those that it has: of the same kind, by its labels."""

import re
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.maven import PeerUnavailable
from tests.peers.process import free_ports
from tests.peers.rabbitmq import PLUGINS, RabbitmqServer

from anymq.management import rabbitmq_metrics as _declares  # noqa: F401
from anymq.management.object_metrics import DETAILED, FAMILIES, metrics_of
from anymq.observability.metrics import DECLARED, Metric

# What it does not show at first.
NOT_THERE = {
    "rabbitmq_queue_messages_published_total": "RabbitMQ has it once something is published",
    "rabbitmq_auth_attempts_total": "RabbitMQ has it once somebody logs in",
    "rabbitmq_auth_attempts_succeeded_total": "RabbitMQ has it once somebody logs in",
    "rabbitmq_auth_attempts_failed_total": "RabbitMQ has it once somebody logs in",
}


@pytest.fixture(scope="module")
def exposition() -> Iterator[str]:
    """What RabbitMQ shows, on all its pages."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        (port,) = free_ports(1)
        settings = {"prometheus.tcp.port": str(port), "prometheus.tcp.ip": "127.0.0.1"}
        plugins = (*PLUGINS, "rabbitmq_prometheus")
        server = RabbitmqServer(Path(folder), settings, plugins=plugins)
        try:
            server.start()
        except PeerUnavailable as error:
            pytest.skip(str(error))
        try:
            if not server.version.startswith("4."):
                pytest.skip("an old RabbitMQ: ./dev peers rabbitmq")
            families = "&".join(f"family={name}" for name in FAMILIES)
            pages = ("", "/per-object", f"/detailed?{families}")
            urls = [f"http://127.0.0.1:{port}/metrics{page}" for page in pages]
            yield "".join(urllib.request.urlopen(url).read().decode() for url in urls)
        finally:
            server.stop()


def ours() -> Iterator[Metric]:
    yield from (one for one in DECLARED.values() if one.name.startswith("rabbitmq_"))
    for family in FAMILIES.values():
        yield from (metric for metric, _ in metrics_of(family, DETAILED))


def test_names_and_kinds_are_rabbitmqs(exposition: str) -> None:
    theirs = dict(re.findall(r"^# TYPE (\S+) (\S+)$", exposition, re.MULTILINE))
    wrong = {
        one.name: (one.kind, theirs.get(one.name))
        for one in ours()
        if theirs.get(one.name, "untyped") not in (one.kind, "untyped")
    }
    assert wrong == {}
    assert {one.name for one in ours()} - set(theirs) - set(NOT_THERE) == set()


def test_labels_of_what_all_queues_count_are_rabbitmqs(exposition: str) -> None:
    """Whoever asks for one protocol or one type of queue gets an answer."""
    for one in ours():
        if one.name.startswith("rabbitmq_global_"):
            labels = "".join(rf'(?=[^}}]*\b{label}="(\w+)")' for label in one.labels)
            assert re.search(rf"^{one.name}\{{{labels}", exposition, re.MULTILINE), one.name
