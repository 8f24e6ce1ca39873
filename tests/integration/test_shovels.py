"""Shovels between two whole brokers of ours, by AMQP, within one of them, and over Kafka."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import trustme
from confluent_kafka import Consumer, Producer
from tests.integration.shovelling import Place, until

from anymq.testing import EmbeddedBroker

NAMES = (f"s{number}" for number in count())


@pytest.fixture(scope="module")
def brokers() -> Iterator[tuple[EmbeddedBroker, EmbeddedBroker]]:
    with EmbeddedBroker() as here, EmbeddedBroker(settings={"topics": {"partitions": 3}}) as there:
        yield here, there


@pytest.fixture(scope="module")
def here(brokers: tuple[EmbeddedBroker, EmbeddedBroker]) -> Iterator[Place]:
    place = Place(brokers[0].ports["amqp"], brokers[0].ports["management"])
    yield place
    place.close()


@pytest.fixture(scope="module")
def there(brokers: tuple[EmbeddedBroker, EmbeddedBroker]) -> Iterator[Place]:
    place = Place(brokers[1].ports["amqp"], brokers[1].ports["management"])
    yield place
    place.close()


@pytest.fixture
def name(here: Place) -> Iterator[str]:
    """A name for a shovel and its queues; the shovel goes afterwards."""
    name = next(NAMES)
    yield name
    here.delete_shovel(name)


BODIES = [b"%d" % number for number in range(60)]


@pytest.mark.parametrize("mode", ["on-confirm", "on-publish", "no-ack"])
@pytest.mark.parametrize(
    ("source", "dest"), [("url", "url"), ("url", "amqp://"), ("amqp:///%2F", "url")]
)
def test_queue_to_queue(
    here: Place, there: Place, name: str, source: str, dest: str, mode: str
) -> None:
    """In their order, with all that they say; `amqp://` is the broker itself."""
    here.declare(name)
    here.publish(name, *BODIES, headers={"a": [1, "x"]}, correlation_id="c", type="t")
    source_uri = here.url if source == "url" else source
    dest_uri = there.url if dest == "url" else dest
    status, _ = here.set_shovel(
        name,
        src_uri=source_uri,
        src_queue=name,
        dest_uri=dest_uri,
        dest_queue=f"{name}-d",
        ack_mode=mode,
    )
    assert status == 201

    to = there if dest == "url" else here
    found = to.take(f"{name}-d", len(BODIES))

    assert [body for _, _, body in found] == BODIES
    _, properties, _ = found[0]
    assert (properties.headers, properties.correlation_id, properties.type) == (
        {"a": [1, "x"]},
        "c",
        "t",
    )
    until(lambda: here.count(name) == 0 or None)
    assert until(lambda: ((row := here.shovel(name)) and row["forwarded"] == len(BODIES)) or None)


def test_status_says_what_rabbitmqs_does_and_no_password(
    here: Place, there: Place, name: str
) -> None:
    here.declare(name)
    here.set_shovel(name, src_uri=here.url, src_queue=name, dest_uri=there.url, dest_exchange="x")
    there.channel.exchange_declare("x", durable=True)

    row = here.until_state(name, "running")

    assert (row["type"], row["src_protocol"], row["dest_protocol"]) == (
        "dynamic",
        "amqp091",
        "amqp091",
    )
    assert row["src_uri"] == f"amqp://127.0.0.1:{here.amqp_port}/%2F"
    assert (row["src_queue"], row["dest_exchange"], row["remaining"]) == (name, "x", "unlimited")
    _, told = here.ask("GET", f"shovels/vhost/%2F/{name}")
    assert told["value"]["dest-uri"] == f"amqp://127.0.0.1:{there.amqp_port}/%2F"
    for path in ("parameters", "parameters/shovel", f"parameters/shovel/%2F/{name}"):
        assert "guest" not in str(here.ask("GET", path))


def test_exchange_to_exchange_with_another_key(here: Place, there: Place, name: str) -> None:
    here.channel.exchange_declare(f"{name}-x", "topic", durable=True)
    there.channel.exchange_declare(f"{name}-y", "topic", durable=True)
    there.declare(name)
    there.channel.queue_bind(name, f"{name}-y", "new.key")
    here.set_shovel(
        name,
        src_protocol="local",
        src_exchange=f"{name}-x",
        src_exchange_key="a.*",
        dest_uri=there.url,
        dest_exchange=f"{name}-y",
        dest_exchange_key="new.key",
        add_forward_headers=True,
        dest_add_timestamp_header=True,
        publish_properties={"app_id": "shovelled", "headers": {"set": 1}},
    )
    here.until_state(name, "running")

    here.channel.basic_publish(f"{name}-x", "b.c", b"not this")
    here.channel.basic_publish(f"{name}-x", "a.b", b"this")

    ((method, properties, body),) = there.take(name, 1)
    assert (method.routing_key, body, properties.app_id) == ("new.key", b"this", "shovelled")
    (step,) = properties.headers["x-shovelled"]
    assert step["shovel-name"] == name
    assert step["src-exchange"] == f"{name}-x"
    assert "guest" not in step["dest-uri"]
    assert properties.headers["x-shovelled-timestamp"] > 0
    assert properties.headers["set"] == 1


@pytest.mark.parametrize("uri", ["amqp://", "url"])
def test_it_goes_when_all_that_was_there_is_over(
    here: Place, there: Place, name: str, uri: str
) -> None:
    here.declare(name)
    here.publish(name, *BODIES[:20])
    here.set_shovel(
        name,
        src_uri=here.url if uri == "url" else uri,
        src_queue=name,
        src_delete_after="queue-length",
        src_prefetch_count=3,
        dest_uri=there.url,
        dest_queue=name,
    )
    assert there.bodies(name, 20) == BODIES[:20]
    until(lambda: True if here.shovel(name) is None else None)
    assert here.ask("GET", f"shovels/vhost/%2F/{name}")[0] == 404


def test_it_goes_after_so_many_and_leaves_the_others(here: Place, there: Place, name: str) -> None:
    here.declare(name)
    here.publish(name, *BODIES[:20])
    here.set_shovel(
        name,
        src_protocol="local",
        src_queue=name,
        src_delete_after=7,
        dest_uri=there.url,
        dest_queue=name,
    )
    assert there.bodies(name, 7) == BODIES[:7]
    until(lambda: True if here.shovel(name) is None else None)
    assert here.bodies(name, 13) == BODIES[7:20]


def test_what_the_destination_refuses_stays_and_is_offered_again(
    here: Place, there: Place, name: str
) -> None:
    there.declare(name, **{"x-max-length": 1, "x-overflow": "reject-publish"})
    here.declare(name)
    here.publish(name, b"1", b"2", b"3")
    here.set_shovel(name, src_uri=here.url, src_queue=name, dest_uri=there.url, dest_queue=name)
    until(lambda: ((row := here.shovel(name)) and row.get("refused")) or None)
    assert sorted(there.bodies(name, 3)) == [b"1", b"2", b"3"]


def test_a_large_message_and_many_at_once_with_little_room(
    here: Place, there: Place, name: str
) -> None:
    """More than a frame, more than may be in flight: it waits, and all comes."""
    large = [bytes([number]) * 3_000_000 for number in range(12)]
    here.declare(name)
    here.publish(name, *large)
    here.set_shovel(name, src_uri=here.url, src_queue=name, dest_uri=there.url, dest_queue=name)
    assert there.bodies(name, 12) == large


def test_it_tries_again_and_says_why(here: Place, there: Place, name: str) -> None:
    here.declare(name)
    here.publish(name, b"1")
    wrong = there.url.replace("guest:guest", "guest:wrong")
    here.set_shovel(
        name,
        src_uri=here.url,
        src_queue=name,
        dest_uri=wrong,
        dest_queue=name,
        reconnect_delay=0.01,
    )
    row = here.until_state(name, "terminated")
    assert "403 ACCESS_REFUSED" in row["reason"]
    assert "wrong" not in str(row)
    assert here.count(name) == 1
    # The second URI is tried when the first one does not work.
    here.set_shovel(
        name, src_uri=here.url, src_queue=name, dest_uri=[wrong, there.url], dest_queue=name
    )
    assert there.bodies(name, 1) == [b"1"]


def test_restart_connects_anew(here: Place, there: Place, name: str) -> None:
    here.declare(name)
    here.set_shovel(
        name,
        src_uri=here.url,
        src_queue=name,
        dest_uri="amqp://127.0.0.1:1",
        reconnect_delay=0,
    )
    row = here.until_state(name, "terminated")
    assert "cannot connect" in row["reason"]
    status, _ = here.ask("DELETE", f"shovels/vhost/%2F/{name}/restart")
    assert status == 204
    assert here.until_state(name, "terminated")["timestamp"] >= row["timestamp"]


def test_a_queue_that_vanishes_is_told(here: Place, there: Place, name: str) -> None:
    here.declare(name)
    here.set_shovel(
        name, src_protocol="local", src_queue=name, dest_uri=there.url, reconnect_delay=0
    )
    here.until_state(name, "running")
    here.channel.queue_delete(name)
    assert here.until_state(name, "terminated")["reason"] == "the queue is gone"


def test_a_loop_to_itself_stops_nobody(here: Place, name: str) -> None:
    """A shovel from a queue into the same one goes on for ever; the broker answers all the same."""
    here.declare(name)
    here.publish(name, b"1")
    here.set_shovel(
        name,
        src_protocol="local",
        src_queue=name,
        dest_protocol="local",
        dest_queue=name,
        ack_mode="no-ack",
    )
    until(lambda: ((row := here.shovel(name)) and row.get("forwarded", 0) > 100) or None)


def test_local_ends_have_the_rights_of_who_set_them(here: Place, name: str) -> None:
    here.declare(name)
    here.publish(name, b"1")
    here.ask("PUT", "users/eve", {"password": "secret", "tags": "policymaker"})
    rights = {"configure": "", "write": "", "read": "^nothing$"}
    here.ask("PUT", "permissions/%2F/eve", rights)
    value = {"src-protocol": "local", "src-queue": name, "dest-protocol": "local"}
    value |= {"dest-queue": f"{name}-d"}
    path = f"parameters/shovel/%2F/{name}"
    status, _ = here.ask("PUT", path, {"value": value}, "eve:secret")
    assert status == 201
    row = here.until_state(name, "terminated")
    assert row["reason"] == (
        f"configure access to queue '{name}-d' in vhost '/' refused for user 'eve'"
    )
    here.ask("PUT", "permissions/%2F/eve", {"configure": ".*", "write": ".*", "read": "^x$"})
    here.ask("DELETE", f"shovels/vhost/%2F/{name}/restart")
    until(lambda: "read access" in str(here.shovel(name)) or None)
    assert here.count(name) == 1
    here.ask("PUT", "permissions/%2F/eve", {"configure": ".*", "write": ".*", "read": ".*"})
    here.ask("DELETE", f"shovels/vhost/%2F/{name}/restart")
    assert here.bodies(f"{name}-d", 1) == [b"1"]
    # And they lose them at once.
    here.until_state(name, "running")
    here.ask("PUT", "permissions/%2F/eve", rights)
    here.publish(name, b"2")
    assert "read access" in here.until_state(name, "terminated")["reason"]
    assert here.count(name) == 1
    here.ask("DELETE", "users/eve")
    here.ask("DELETE", f"shovels/vhost/%2F/{name}/restart")
    row = here.until_state(name, "terminated")
    assert row["reason"] == "access to vhost '/' refused for user 'eve'"


def test_a_stream_from_where_it_is_told(here: Place, there: Place, name: str) -> None:
    here.declare(name, **{"x-queue-type": "stream"})
    here.publish(name, *BODIES)
    here.set_shovel(
        name,
        src_protocol="local",
        src_queue=name,
        src_consumer_args={"x-stream-offset": 5},
        src_prefetch_count=7,
        dest_uri=there.url,
        dest_queue=name,
    )
    assert there.bodies(name, len(BODIES) - 5) == BODIES[5:]


def test_what_cannot_be_said_so_is_told(here: Place, there: Place, name: str) -> None:
    here.declare(name)
    here.publish(name, b"1")
    here.set_shovel(
        name,
        src_uri=here.url,
        src_queue=name,
        dest_uri=there.url,
        dest_queue=name,
        publish_properties={"priority": 1000},
        reconnect_delay=0,
    )
    assert "cannot be forwarded" in here.until_state(name, "terminated")["reason"]
    assert until(lambda: here.count(name) or None) == 1


def test_over_tls(tmp_path: Path, here: Place, name: str) -> None:
    """Who the other side is, is checked, unless somebody does not want that."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "broker.pem")
    settings: dict[str, dict[str, object]] = {
        "amqp": {"tls_port": 0},
        "tls": {"certificate": str(tmp_path / "broker.pem")},
    }
    here.declare(name)
    here.publish(name, *BODIES)
    with EmbeddedBroker(settings=settings) as secure:
        to = Place(secure.ports["amqp"], secure.ports["management"])
        uri = f"amqps://guest:guest@127.0.0.1:{secure.ports['amqp_tls']}"
        said = {"src_uri": "amqp://", "src_queue": name, "dest_queue": name}
        here.set_shovel(name, **said, dest_uri=uri, reconnect_delay=0)
        assert "certificate" in here.until_state(name, "terminated")["reason"].lower()
        here.set_shovel(name, **said, dest_uri=f"{uri}?cacertfile={tmp_path / 'ca.pem'}")
        assert to.bodies(name, len(BODIES)) == BODIES
        to.close()
        here.delete_shovel(name)


# Kafka


def records(address: str, topic: str, wanted: int) -> list[tuple[bytes | None, bytes]]:
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "g", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    found: list[tuple[bytes | None, bytes]] = []

    def more() -> bool | None:
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            found.append((message.key(), message.value() or b""))
        return True if len(found) >= wanted else None

    until(more)
    consumer.close()
    return found


@pytest.mark.parametrize("mode", ["on-confirm", "on-publish", "no-ack"])
def test_queue_to_topic(
    here: Place, brokers: tuple[EmbeddedBroker, EmbeddedBroker], name: str, mode: str
) -> None:
    here.declare(name)
    here.publish(name, *BODIES)
    here.set_shovel(
        name,
        src_uri=here.url,
        src_queue=name,
        dest_protocol="kafka",
        dest_uri=f"kafka://guest:guest@{brokers[1].kafka}",
        dest_topic=name,
        ack_mode=mode,
    )
    found = records(brokers[1].kafka, name, len(BODIES))
    assert sorted(value for _, value in found) == sorted(BODIES)
    until(lambda: here.count(name) == 0 or None)


@pytest.mark.parametrize("mode", ["on-confirm", "on-publish", "no-ack"])
def test_topic_to_queue_goes_on_where_its_group_is(
    here: Place,
    there: Place,
    brokers: tuple[EmbeddedBroker, EmbeddedBroker],
    name: str,
    mode: str,
) -> None:
    producer = Producer({"bootstrap.servers": brokers[1].kafka, "compression.type": "lz4"})

    def produce(*values: bytes) -> None:
        for value in values:
            producer.produce(name, value, key=b"k" + value[-1:], headers={"h": b"x"})
        producer.flush()

    produce(*BODIES)
    said = {
        "src_protocol": "kafka",
        "src_uri": f"kafka://127.0.0.1:1,{brokers[1].kafka}",
        "src_topic": name,
        "src_group": name,
        "dest_uri": "amqp://",
        "dest_queue": name,
        "ack_mode": mode,
    }
    here.set_shovel(name, **said)
    found = here.take(name, len(BODIES))
    assert sorted(body for _, _, body in found) == sorted(BODIES)
    assert found[0][1].headers["h"] == "x"

    def lag() -> int | None:
        status, group = there.ask("GET", f"groups/{name}")
        known = [one["committed"] for one in group["partitions"]] if status == 200 else [None]
        return sum(one["lag"] or 0 for one in group["partitions"]) if None not in known else None

    until(lambda: True if lag() == 0 else None)
    here.delete_shovel(name)
    produce(b"later")
    here.set_shovel(name, **said)
    assert here.bodies(name, 1) == [b"later"]
    assert here.count(name) == 0


def test_topic_to_topic_until_its_end(
    here: Place, brokers: tuple[EmbeddedBroker, EmbeddedBroker], name: str
) -> None:
    producer = Producer({"bootstrap.servers": brokers[0].kafka})
    for body in BODIES:
        producer.produce(name, body, key=body)
    producer.flush()
    here.set_shovel(
        name,
        src_protocol="kafka",
        src_uri=f"kafka://{brokers[0].kafka}",
        src_topic=name,
        src_group=name,
        src_delete_after="queue-length",
        dest_protocol="kafka",
        dest_uri=f"kafka://{brokers[1].kafka}",
        dest_topic=f"{name}-copy",
    )
    found = records(brokers[1].kafka, f"{name}-copy", len(BODIES))
    assert sorted(value for _, value in found) == sorted(BODIES)
    until(lambda: True if here.shovel(name) is None else None)
