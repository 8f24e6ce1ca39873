"""Topics and the exchange amq.topic are one trie of addresses: what goes from one to the other."""

import pytest
from tests.unit.core.vhosts.conversations import bodies, publish, waiting
from tests.unit.core.world import NOW_MS, Restart, Told, World, append, make_batch, read, values

from anymq.core.errors import Invalid
from anymq.core.routing.records import VhostRecord
from anymq.core.streams.topic import Topic
from anymq.core.vhosts.relay import RECORDS_AT_ONCE
from anymq.core.vhosts.vhost import VirtualHost
from anymq.storage import batch as batches
from anymq.storage import records
from anymq.storage.compression import Compression
from anymq.storage.errors import DiskFull
from anymq.storage.records import Record
from anymq.testing.simfs import SimFiles


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


def produce(world: World, topic: Topic, *bodies: bytes | None, **said: object) -> None:
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


def test_a_batch_that_a_producer_sends_again_comes_once(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    vhost.bind("amq.topic", "q", "#")
    for sequence in (0, 0, 1):
        produce(world, topic, b"%d" % sequence, producer_id=7, sequence=sequence)
    assert bodies(vhost, "q") == [b"0", b"1"]


@pytest.mark.parametrize("compression", list(Compression))
def test_compressed_batches_are_opened(
    world: World, vhost: VirtualHost, topic: Topic, compression: Compression
) -> None:
    vhost.bind("amq.topic", "q", "#")
    values = [b"%d" % number for number in range(100)]
    produce(world, topic, *values, compression=compression)
    assert bodies(vhost, "q") == values


def test_a_tombstone_is_an_empty_message(world: World, vhost: VirtualHost, topic: Topic) -> None:
    vhost.bind("amq.topic", "q", "#")
    produce(world, topic, None, b"", key=b"k")
    assert bodies(vhost, "q") == [b"", b""]


def test_what_cannot_be_opened_does_not_come_and_harms_nobody(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    """A producer may send what it likes, with a checksum that is right."""
    vhost.bind("amq.topic", "q", "#")
    bomb = records.build([Record(bytes(40 << 20))], compression=Compression.GZIP)
    nonsense = records.seal(b"nonsense", batches.read_header(make_batch(b"x"))._replace(length=0))
    for batch in (bomb, nonsense, make_batch(b"after")):
        append(topic.partition(0), batch)
    world.broker.turn.run()
    assert bodies(vhost, "q") == [b"after"]


def test_records_that_expire_do_so_at_their_time(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    """The others come when they come: a queue's TTL begins with that, not when they were made."""
    vhost.declare_queue("short", arguments={"x-message-ttl": 70_000})
    vhost.bind("amq.topic", "short", "#")
    old = NOW_MS - 60_000
    expires = ((b"expires-at", b"%d" % (NOW_MS + 1000)),)
    late = ((b"expires-at", b"%d" % (NOW_MS - 1000)),)
    batch = records.build(
        [
            Record(b"late", headers=late, timestamp=old),
            Record(b"soon", headers=expires, timestamp=old),
            Record(b"old", timestamp=old),
        ]
    )
    append(topic.partition(0), batch)
    world.broker.turn.run()
    assert bodies(vhost, "short") == [b"soon", b"old"]
    (soon, rest) = waiting(vhost, "short")
    assert soon.timestamp_ms + int(soon.read().expiration or 0) == NOW_MS + 1000
    assert rest.read().timestamp == old // 1000
    assert rest.timestamp_ms == NOW_MS


def test_partitions_that_come_later_are_heard_too(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    vhost.bind("amq.topic", "q", "#")
    world.broker.add_partitions(topic.name, 3)
    for partition in topic.partitions:
        append(partition, make_batch(b"%d" % partition.index))
    world.broker.turn.run()
    assert bodies(vhost, "q") == [b"0", b"1", b"2"]


def test_another_virtual_host_hears_its_own_topics(world: World, vhost: VirtualHost) -> None:
    other = world.broker.create_vhost("other")
    other.declare_queue("s", durable=True, arguments={"x-queue-type": "stream"})
    other.declare_queue("q")
    other.bind("amq.topic", "q", "#")
    vhost.bind("amq.topic", "q", "#")
    produce(world, world.broker.topic("anymq--other--s"), b"1")
    assert publish(other, "amq.topic", "s", b"2")
    assert not publish(vhost, "", "s", b"3")
    assert bodies(other, "q") == [b"1", b"2"]
    assert bodies(vhost, "q") == []


def test_very_many_records_come_in_several_turns(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    """Others have their turns; what comes behind waits, and who has sent it for his answer."""
    vhost.bind("amq.topic", "q", "#")
    queue = vhost.queue("q")
    many = RECORDS_AT_ONCE * 5 // 2
    numbers = [b"%d" % number for number in range(many)]
    told, behind = Told(), Told()
    append(topic.partition(0), make_batch(*numbers), told)
    append(topic.partition(0), make_batch(b"behind"), behind)
    seen = []
    while told.waits:
        world.commit()
        world.broker.turn.run()
        seen.append(queue.ready)
    assert seen == [RECORDS_AT_ONCE, 2 * RECORDS_AT_ONCE, many + 1]
    assert told.ok
    assert behind.ok
    produce(world, topic, b"after")
    expected = [*numbers, b"behind", b"after"]
    assert [one.message.body for one in queue.browse(0, many + 2)] == expected  # type: ignore[attr-defined]


def test_a_clean_end_waits_for_who_listens(world: World, vhost: VirtualHost, topic: Topic) -> None:
    vhost.bind("amq.topic", "q", "#")
    many = RECORDS_AT_ONCE * 3
    append(topic.partition(0), make_batch(*[b""] * many))
    broker = world.restart(Restart.CLEAN)
    assert broker.vhost("/").queue("q").ready == many


def test_a_large_batch_that_the_disk_refuses_is_answered_at_once(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    vhost.bind("amq.topic", "q", "#")
    world.commit()
    told = Told()
    append(topic.partition(0), make_batch(*[b""] * (RECORDS_AT_ONCE + 1)), told)
    world.lose()
    assert isinstance(told.error, DiskFull)
    world.broker.turn.run()
    world.broker.turn.run()
    world.commit()
    assert len(told.answers) == 1


# Acknowledgements


def test_a_queue_that_is_full_is_no_reason_to_refuse_a_producer(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    vhost.declare_queue("full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    vhost.bind("amq.topic", "full", "#")
    kafka, amqp = Told(), Told()
    append(topic.partition(0), make_batch(b"1", b"2"), kafka)
    publish(vhost, "", topic.name, b"3", amqp)
    world.broker.turn.run()
    world.commit()
    assert kafka.ok
    assert amqp.ok
    assert bodies(vhost, "full") == [b"1"]
    assert values(topic.partition(0)) == [b"1", b"2", b"3"]


def test_whenever_we_are_killed_who_listens_has_what_is_in_the_topic(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    """A producer that repeats what the topic has already would be told: it is here."""
    vhost.bind("amq.topic", "q", "#")
    world.commit()
    images: list[SimFiles] = []
    world.files.on_syscall = lambda op, path: images.append(world.files.killed())
    produce(world, topic, b"1", producer_id=7)
    publish(vhost, "amq.topic", "sensors.t1", b"2")
    world.broker.turn.run()
    world.write()
    world.files.on_syscall = None
    images.append(world.files.killed())
    seen = set()
    for image in images:
        world.files = image
        broker = world.restart()
        there = values(broker.topic(topic.name).partition(0))
        waits = bodies(broker.vhost("/"), "q")
        assert there == waits[: len(there)]
        seen.add((len(there), len(waits)))
    assert seen >= {(0, 0), (0, 2), (2, 2)}


def test_what_the_disk_refuses_is_not_in_the_topic(
    world: World, vhost: VirtualHost, topic: Topic
) -> None:
    """Its producer knows, and sends it again: who listens may get it twice."""
    vhost.bind("amq.topic", "q", "#")
    world.commit()
    told = Told()
    append(topic.partition(0), make_batch(b"1"), told)
    world.broker.turn.run()
    world.lose()
    assert isinstance(told.error, DiskFull)
    assert values(topic.partition(0)) == []
    produce(world, topic, b"1")
    world.commit()
    assert values(topic.partition(0)) == [b"1"]
    assert bodies(vhost, "q")[-1] == b"1"


# Captures


def capture(world: World, vhost: str = "/", /, **value: object) -> None:
    """Do what an administrator does; names have underscores here."""
    value = {key.replace("_", "-"): one for key, one in value.items()}
    name = f"c{len(world.broker.policies.parameters.list('capture'))}"
    world.broker.policies.put_parameter(vhost, "capture", name, value)


def test_an_address_that_is_captured_becomes_a_topic(world: World, vhost: VirtualHost) -> None:
    assert not publish(vhost, "amq.topic", "sensors.t1", b"before")
    capture(world, pattern="sensors.*", partitions=2, config={"retention.ms": "5000"})
    assert publish(vhost, "amq.topic", "sensors.t1", b"1")
    assert publish(vhost, "amq.topic", "sensors.t1", b"2")
    assert not publish(vhost, "amq.topic", "sensors.t1.deep")
    assert not publish(vhost, "amq.direct", "sensors.t2")
    world.commit()
    topic = world.broker.topic("sensors.t1")
    assert len(topic.partitions) == 2
    assert topic.config.overrides == {"retention.ms": "5000"}
    assert {body for one in topic.partitions for body in values(one)} == {b"1", b"2"}
    assert sorted(world.broker.topics) == ["sensors.t1"]


def test_captures_are_there_after_a_restart(world: World, vhost: VirtualHost) -> None:
    capture(world, pattern="#")
    world.commit()
    broker = world.restart()
    assert publish(broker.vhost("/"), "amq.topic", "later", b"1")
    assert "later" in broker.topics


def test_there_are_never_more_topics_of_a_capture_than_it_says(
    world: World, vhost: VirtualHost
) -> None:
    world.broker.create_topic("sensors.t1", 1)
    capture(world, pattern="sensors.*", topics_max=2)
    for number in range(5):
        publish(vhost, "amq.topic", f"sensors.t{number}")
    assert sorted(world.broker.topics) == ["sensors.t0", "sensors.t1"]
    world.broker.delete_topic("sensors.t0")
    world.clock.now_ms += 2000
    assert publish(vhost, "amq.topic", "sensors.t7")


def test_what_cannot_be_a_topic_is_published_all_the_same(world: World, vhost: VirtualHost) -> None:
    """A queue has the name, it is too long, it is nobody's business, or begins with a dollar."""
    capture(world, pattern="#")
    vhost.bind("amq.topic", "q", "#")
    for address in ("r", "x" * 255, "amq.mine", "", "$SYS.uptime"):
        publish(vhost, "amq.topic", address, address.encode())
    assert len(bodies(vhost, "q")) == 5
    assert list(world.broker.topics) == []


def test_other_virtual_hosts_have_captures_of_their_own(world: World, vhost: VirtualHost) -> None:
    other = world.broker.create_vhost("other")
    capture(world, "other", pattern="#")
    assert not publish(vhost, "amq.topic", "a")
    assert publish(other, "amq.topic", "a")
    assert list(world.broker.topics) == ["anymq--other--a"]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"pattern": ""},
        {"pattern": 5},
        {"pattern": "a", "partitions": 0},
        {"pattern": "a", "topics-max": -1},
        {"pattern": "a", "config": {"no.such": "1"}},
        {"pattern": "a", "strange": 1},
        "text",
    ],
)
def test_what_is_no_capture_is_refused(world: World, value: object) -> None:
    with pytest.raises(Invalid, match="Validation failed"):
        world.broker.policies.put_parameter("/", "capture", "c", value)
