"""Shovels between us and the real RabbitMQ, both ways, set here and there; and what both say."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.shovelling import Place, until
from tests.peers.maven import PeerUnavailable
from tests.peers.process import free_ports
from tests.peers.rabbitmq import RabbitmqServer

from anymq.testing import EmbeddedBroker

PLUGINS = ("rabbitmq_management", "rabbitmq_shovel", "rabbitmq_shovel_management")
BODIES = [b"%d" % number for number in range(40)]
OURS_ONLY = {"refused"}


@pytest.fixture(scope="module")
def ours() -> Iterator[Place]:
    with EmbeddedBroker() as broker:
        place = Place(broker.ports["amqp"], broker.ports["management"])
        yield place
        place.close()


@pytest.fixture(scope="module")
def theirs() -> Iterator[Place]:
    (port,) = free_ports(1)
    settings = {"management.tcp.port": str(port), "management.tcp.ip": "127.0.0.1"}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = RabbitmqServer(Path(folder), settings, plugins=PLUGINS)
        try:
            server.start()
        except PeerUnavailable as reason:
            pytest.skip(str(reason))
        try:
            if not server.version.startswith("4."):
                pytest.skip("an old RabbitMQ: ./dev peers rabbitmq")
            place = Place(server.port, port)
            yield place
            place.close()
        finally:
            server.stop()


@pytest.mark.parametrize("setter", ["ours", "theirs"])
@pytest.mark.parametrize("way", ["there", "back"])
def test_both_ways_whoever_does_it(ours: Place, theirs: Place, setter: str, way: str) -> None:
    """With all that a message says."""
    source, dest = (ours, theirs) if way == "there" else (theirs, ours)
    name = f"{way}-by-{setter}"
    source.declare(name)
    headers = {"text": "x", "number": 1, "list": [1, "y"], "table": {"a": True}}
    source.publish(
        name, *BODIES, headers=headers, priority=3, content_type="a/b", expiration="90000"
    )
    by = ours if setter == "ours" else theirs
    status, _ = by.set_shovel(
        name, src_uri=source.url, src_queue=name, dest_uri=dest.url, dest_queue=name
    )
    assert status == 201

    found = dest.take(name, len(BODIES))

    assert [body for _, _, body in found] == BODIES
    _, said, _ = found[0]
    assert (said.headers, said.priority, said.content_type) == (headers, 3, "a/b")
    assert (said.expiration, said.delivery_mode) == ("90000", 2)
    until(lambda: True if source.count(name) == 0 else None)


def test_both_say_the_same_of_a_shovel(ours: Place, theirs: Place) -> None:
    said = [status(place) for place in (ours, theirs)]
    mine, known = ({key: type(each) for key, each in one.items()} for one in said)
    assert {key: each for key, each in mine.items() if key not in OURS_ONLY} == known


def test_both_say_the_same_of_its_definition(ours: Place, theirs: Place) -> None:
    answers = []
    for place in (ours, theirs):
        status(place)
        code, told = place.ask("GET", "shovels/vhost/%2F/shape")
        told["value"] = {key: each for key, each in told["value"].items() if "uri" not in key}
        answers.append((code, told))
    assert answers[0] == answers[1]


def test_both_mark_the_way_the_same(ours: Place, theirs: Place) -> None:
    steps = []
    for place in (ours, theirs):
        place.declare("marked")
        place.publish("marked", b"1")
        place.set_shovel(
            "marks",
            src_uri=place.url,
            src_queue="marked",
            dest_uri=place.url,
            dest_queue="marked-d",
            add_forward_headers=True,
            add_timestamp_header=True,
        )
        ((_, properties, _),) = place.take("marked-d", 1)
        headers = properties.headers
        assert isinstance(headers["x-shovelled-timestamp"], int)
        (step,) = headers["x-shovelled"]
        ours_alone = ("shovelled-by", "src-uri", "dest-uri")
        steps.append({key: each for key, each in step.items() if key not in ours_alone})
        assert step.keys() >= set(ours_alone)
    assert steps[0] == steps[1]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"src-uri": "amqp://", "dest-uri": "amqp://"},
        {"src-uri": "amqp://", "dest-uri": "amqp://", "src-queue": "q", "src-exchange": "x"},
        {
            "src-uri": "amqp://",
            "dest-uri": "amqp://",
            "src-queue": "q",
            "dest-queue": "q",
            "dest-exchange": "x",
        },
        {"src-uri": "amqp://", "dest-uri": "amqp://", "src-queue": "q", "what": 1},
        {"src-uri": "amqp://", "dest-uri": "amqp://", "src-queue": "q", "ack-mode": "maybe"},
        {"src-uri": "amqp://", "dest-uri": "amqp://", "src-queue": "q", "prefetch-count": "x"},
        {
            "src-uri": "amqp://",
            "dest-uri": "amqp://",
            "src-queue": "q",
            "src-delete-after": 5,
            "ack-mode": "no-ack",
        },
    ],
)
def test_both_refuse_what_makes_no_sense(ours: Place, theirs: Place, value: Any) -> None:
    path = "parameters/shovel/%2F/wrong"
    codes = [place.ask("PUT", path, {"value": value})[0] for place in (ours, theirs)]
    assert codes == [400, 400]


def test_both_answer_for_one_that_is_not_there_the_same(ours: Place, theirs: Place) -> None:
    for method, path in (
        ("GET", "shovels/vhost/%2F/nobody"),
        ("GET", "shovels/nowhere"),
        ("DELETE", "shovels/vhost/%2F/nobody/restart"),
        ("DELETE", "shovels/vhost/%2F/nobody"),
    ):
        codes = [place.ask(method, path)[0] for place in (ours, theirs)]
        assert codes[0] == codes[1], path


def status(place: Place) -> dict[str, Any]:
    """Return what is said of one that goes."""
    place.declare("shape")
    place.set_shovel(
        "shape",
        src_uri=place.url,
        src_queue="shape",
        dest_uri=place.url,
        dest_exchange="amq.direct",
        dest_exchange_key="k",
    )
    return place.until_state("shape", "running", "flow")
