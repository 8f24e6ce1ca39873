"""Topics and the exchange amq.topic are one trie of addresses: what goes from one to the other."""

import pytest
from tests.unit.core.vhosts.conversations import bodies, publish, waiting
from tests.unit.core.world import World, append, make_batch, read, values

from anymq.core.routing.records import VhostRecord
from anymq.core.streams.topic import Topic
from anymq.core.vhosts.vhost import VirtualHost


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def vhost(world: World) -> VirtualHost:
    vhost = world.broker.vhost("/")
    for name in ("q", "r"):
        vhost.declare_queue(name, durable=True)
    return vhost


@pytest.fixture
def topic(world: World) -> Topic:
    return world.broker.create_topic("sensors.t1", 1)


def produce(world: World, topic: Topic, *bodies: bytes, **said: object) -> None:
    """Do what a Kafka producer does."""
    append(topic.partition(0), make_batch(*bodies, **said))  # type: ignore[arg-type]
    world.broker.turn.run()


# To a topic


def test_what_is_published_to_an_address_is_in_the_topic_of_that_name(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    assert publish(vhost, "amq.topic", "sensors.t1", b"21")
    assert not publish(vhost, "amq.topic", "sensors.t2", b"22")
    world.commit()
    assert [(record.key, record.value) for record in read(topic.partition(0))] == [
        (b"sensors.t1", b"21")
    ]


def test_a_topic_that_is_bound_to_its_own_address_has_a_message_once(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    vhost.bind("amq.topic", topic.name, "sensors.#")
    publish(vhost, "amq.topic", "sensors.t1", b"once")
    world.commit()
    assert values(topic.partition(0)) == [b"once"]


def test_ways_follow_the_topics(world: World, vhost: VirtualHost, topic: Topic) -> None:
    """A way is looked up once; that a topic comes or goes is noticed all the same."""
    vhost.bind("amq.topic", "q", "#")
    publish(vhost, "amq.topic", "later", b"1")
    later = world.broker.create_topic("later", 1)
    publish(vhost, "amq.topic", "later", b"2")
    world.commit()
    assert values(later.partition(0)) == [b"2"]
    world.broker.delete_topic("later")
    publish(vhost, "amq.topic", "later", b"3")
    assert bodies(vhost, "q") == [b"1", b"2", b"3"]


# Neither, where a virtual host says so


def test_a_virtual_host_can_keep_topics_and_addresses_apart(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    vhost.bind("amq.topic", "q", "#")
    produce(world, topic, b"1")
    publish(vhost, "amq.topic", "sensors.t1", b"2")
    world.broker.put_vhost("/", VhostRecord(topic_addresses=False))
    produce(world, topic, b"3")
    publish(vhost, "amq.topic", "sensors.t1", b"4")
    publish(vhost, "", "sensors.t1", b"5")
    world.commit()
    assert bodies(vhost, "q") == [b"1", b"2", b"4"]
    assert values(topic.partition(0)) == [b"1", b"2", b"3", b"5"]
    vhost = world.restart().vhost("/")
    publish(vhost, "amq.topic", "sensors.t1", b"6")
    world.commit()
    assert values(world.broker.topic(topic.name).partition(0))[-1] == b"5"
    world.broker.put_vhost("/", VhostRecord())
    publish(vhost, "amq.topic", "sensors.t1", b"7")
    world.commit()
    assert values(world.broker.topic(topic.name).partition(0))[-1] == b"7"


# From a topic


def test_who_listens_at_a_topics_address_hears_what_kafka_clients_write(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    vhost.bind("amq.topic", "q", "sensors.*")
    vhost.bind("amq.topic", "r", "*.t2")
    produce(world, topic, b"20", b"21", key=b"k")
    assert bodies(vhost, "q") == [b"20", b"21"]
    assert bodies(vhost, "r") == []
    first = waiting(vhost, "q")[0]
    assert (first.envelope.exchange, first.envelope.routing_key) == ("amq.topic", "sensors.t1")
    assert first.read().headers == {"x-key": "k"}


def test_what_is_published_to_an_address_does_not_come_back_from_its_topic(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    vhost.bind("amq.topic", "q", "#")
    publish(vhost, "amq.topic", "sensors.t1", b"once")
    world.commit()
    assert bodies(vhost, "q") == [b"once"]
    assert values(topic.partition(0)) == [b"once"]


def test_what_is_published_to_a_topic_itself_reaches_who_listens_at_its_address(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    vhost.bind("amq.topic", "q", "sensors.#")
    publish(vhost, "", "sensors.t1", b"to the stream")
    (message,) = waiting(vhost, "q")
    assert (message.envelope.exchange, message.envelope.routing_key) == ("amq.topic", "sensors.t1")
    assert message.read().headers == {}


def test_another_routing_key_is_a_header_at_the_topics_address(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    vhost.declare_exchange("x", "direct")
    vhost.bind("x", topic.name, "red")
    vhost.bind("amq.topic", "q", "sensors.t1")
    publish(vhost, "x", "red", b"hello", headers={"n": 1})
    (message,) = waiting(vhost, "q")
    assert message.envelope.routing_key == "sensors.t1"
    assert message.read().headers == {"n": 1, "x-key": "red"}


def test_a_message_comes_once_however_many_addresses_it_passes(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    """`#` matches the address it was published to, and those of the topics it goes to."""
    all_of_it = world.broker.create_topic("all", 1)
    vhost.bind("amq.topic", "all", "#")
    vhost.bind("amq.topic", "q", "#")
    vhost.bind("amq.topic", "r", "all")
    publish(vhost, "amq.topic", "sensors.t1", b"published")
    produce(world, topic, b"produced")
    world.commit()
    assert bodies(vhost, "q") == [b"published", b"produced"]
    assert bodies(vhost, "r") == [b"published", b"produced"]
    assert values(all_of_it.partition(0)) == [b"published", b"produced"]
    assert {one.envelope.routing_key for one in waiting(vhost, "q")} == {"sensors.t1"}
    assert {one.envelope.routing_key for one in waiting(vhost, "r")} == {"all"}


def test_topics_that_lead_to_each_other_end(world: World, vhost: VirtualHost, topic: Topic) -> None:
    other = world.broker.create_topic("other", 1)
    vhost.bind("amq.topic", "other", "sensors.t1")
    vhost.bind("amq.topic", topic.name, "other")
    produce(world, topic, b"1")
    append(other.partition(0), make_batch(b"2"))
    publish(vhost, "", "other", b"3")
    world.commit()
    assert values(topic.partition(0)) == [b"1", b"2", b"3"]
    assert values(other.partition(0)) == [b"1", b"2", b"3"]
