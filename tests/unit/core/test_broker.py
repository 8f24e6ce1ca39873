"""The broker: topics come, change, go, and are there again after a restart."""

import errno
from uuid import UUID

import pytest
from tests.unit.core.world import NOW_MS, Restart, Told, World, append, make_batch, values

from anymq.core.broker import BrokerSettings
from anymq.core.errors import Conflict, NotFound, Refused, TooLarge
from anymq.core.streams.config_def import Source
from anymq.core.streams.errors import (
    InvalidConfig,
    InvalidName,
    InvalidPartitions,
    PolicyViolation,
    UnknownTopicId,
)
from anymq.core.streams.group_calls import CommitRequest, NewOffset
from anymq.core.streams.topic import Topic
from anymq.core.streams.topic_config import Change, Operation
from anymq.storage.errors import DiskFull, LogDeleted, LogFailed, StorageError

DAY_MS = 86_400_000


@pytest.fixture
def world() -> World:
    return World()


def files_of(world: World, topic: Topic) -> list[str]:
    places = tuple(f"logs/{partition.log.id}/" for partition in topic.partitions)
    return [path for path in world.files.paths() if path.startswith(places)]


def settings(**configs: str) -> BrokerSettings:
    return BrokerSettings(configs={name.replace("_", "."): v for name, v in configs.items()})


def test_a_new_topic_is_there_at_once_and_after_a_restart(world: World) -> None:
    """Who made it hears so when it would survive; nobody has to ask twice."""
    made = Told()
    topic = world.broker.create_topic("orders", 3, {"retention.ms": "5"}, made)

    assert world.broker.topic("orders") is topic
    assert world.broker.topic_by_id(topic.id) is topic
    assert len(topic.partitions) == 3
    assert made.waits
    world.commit()
    assert made.ok

    found = world.restart().topic("orders")
    assert found.id == topic.id
    assert [one.log.id for one in found.partitions] == [one.log.id for one in topic.partitions]
    assert found.config.overrides == {"retention.ms": "5"}
    assert found.partition(0).log.config.retention_ms == 5


def test_a_topic_that_nobody_has_heard_of_may_be_lost(world: World) -> None:
    world.broker.create_topic("orders", 1)
    assert "orders" not in world.restart().topics


def test_what_is_not_there(world: World) -> None:
    world.broker.create_topic("orders", 2)
    with pytest.raises(NotFound):
        world.broker.topic("order")
    with pytest.raises(UnknownTopicId):
        world.broker.topic_by_id(UUID(int=1))
    for index in (2, -1):
        with pytest.raises(NotFound):
            world.broker.topic("orders").partition(index)
    with pytest.raises(NotFound):
        world.broker.delete_topic("order")


@pytest.mark.parametrize(
    ("name", "partitions", "config", "error"),
    [
        ("orders", 1, {}, Conflict),
        ("or/ders", 1, {}, InvalidName),
        ("a_b", 1, {}, InvalidName),
        ("new", 0, {}, InvalidPartitions),
        ("new", -1, {}, InvalidPartitions),
        ("new", 10_001, {}, InvalidPartitions),
        ("new", 1, {"nonsense": "1"}, InvalidConfig),
        ("new", 1, {"retention.ms": None}, InvalidConfig),
        ("new", 1, {"min.compaction.lag.ms": "2", "max.compaction.lag.ms": "1"}, InvalidConfig),
    ],
)
def test_topics_that_cannot_be(
    world: World, name: str, partitions: int, config: dict[str, str | None], error: type[Refused]
) -> None:
    world.broker.create_topic("orders", 1)
    world.broker.create_topic("a.b", 1)
    with pytest.raises(error):
        world.broker.create_topic(name, partitions, config)
    assert set(world.broker.topics) == {"orders", "a.b"}


def test_there_are_limits() -> None:
    """One client in a loop must not take the broker down."""
    broker = World(BrokerSettings(topics_max=2, partitions_max=5)).broker
    broker.create_topic("a", 2)
    broker.create_topic("b", 2)
    with pytest.raises(PolicyViolation):
        broker.create_topic("c", 1)
    with pytest.raises(PolicyViolation):
        broker.add_partitions("a", 4)
    broker.add_partitions("a", 3)
    assert broker.partition_count == 5


def test_a_topic_is_made_when_first_named(world: World) -> None:
    made, again = Told(), Told()
    topic = world.broker.auto_create_topic("orders", made)
    assert len(topic.partitions) == 1
    assert world.broker.auto_create_topic("orders", again) is topic
    assert (made.waits, again.ok) == (True, True)


def test_how_many_partitions_such_a_topic_gets_is_a_setting() -> None:
    broker = World(settings(num_partitions="4")).broker
    assert len(broker.auto_create_topic("orders").partitions) == 4


def test_no_topic_is_made_where_that_is_off() -> None:
    broker = World(settings(auto_create_topics_enable="false")).broker
    with pytest.raises(NotFound):
        broker.auto_create_topic("orders")


def test_a_deleted_topic_is_gone_with_its_records(world: World) -> None:
    topic, gone = world.broker.create_topic("orders", 2), Told()
    append(topic.partition(1), make_batch())
    world.commit()

    world.broker.delete_topic("orders", gone)

    assert topic.deleted
    assert "orders" not in world.broker.topics
    with pytest.raises(UnknownTopicId):
        world.broker.topic_by_id(topic.id)
    assert gone.waits
    world.commit()
    assert gone.ok
    assert not files_of(world, topic)
    assert "orders" not in world.restart().topics


def test_its_name_is_free_at_once_and_its_records_do_not_return(world: World) -> None:
    old = world.broker.create_topic("orders", 1)
    append(old.partition(0), make_batch(b"old"))
    world.commit()

    world.broker.delete_topic("orders")
    new = world.broker.create_topic("orders", 1)
    append(new.partition(0), make_batch(b"new"))
    world.commit()

    assert new.id != old.id
    assert values(new.partition(0)) == [b"new"]
    found = world.restart().topic("orders")
    assert found.id == new.id
    assert values(found.partition(0)) == [b"new"]


def test_who_waits_for_a_deleted_topic_hears_of_it(world: World) -> None:
    """The append was never acknowledged, and must be answered."""
    topic, acked = world.broker.create_topic("orders", 1), Told()
    world.commit()
    world.broker.delete_topic("orders")
    append(topic.partition(0), make_batch(), acked)
    world.commit()
    assert isinstance(acked.error, LogDeleted)


def test_files_of_a_deleted_topic_go_even_if_a_crash_comes_between(world: World) -> None:
    topic = world.broker.create_topic("orders", 1)
    append(topic.partition(0), make_batch())
    world.commit()
    world.broker.delete_topic("orders")
    world.write()  # the deletion is durable, but the files are still there
    assert files_of(world, topic)

    world.restart()
    assert world.store.orphans() == []
    world.commit()

    assert not files_of(world, topic)
    assert "orders" not in world.restart().topics


def test_log_ids_are_never_used_twice(world: World) -> None:
    """An old log's records must never turn up in a new topic."""
    log_id = world.broker.create_topic("a", 1).partition(0).log.id
    world.commit()
    world.broker.delete_topic("a")
    world.commit()
    world.commit()
    assert world.restart().create_topic("b", 1).partition(0).log.id > log_id


def test_logs_that_nobody_knows_are_kept_and_reported(world: World) -> None:
    """Data is never deleted because its definition is missing, nor mixed with new data."""
    topic = world.broker.create_topic("lost", 1)
    append(topic.partition(0), make_batch())
    world.lose(errno.EIO, "logs/1/")  # the definitions are not kept, the records are

    broker = world.restart()

    log_id = topic.partition(0).log.id
    assert world.store.orphans() == [log_id]
    assert broker.create_topic("new", 1).partition(0).log.id > log_id
    world.commit()
    assert files_of(world, topic)


@pytest.mark.parametrize("log_id", [1, 2])
@pytest.mark.parametrize("restart", [Restart.CLEAN, Restart.KILLED])
def test_a_flipped_bit_in_our_own_journals_is_put_aside(
    world: World, log_id: int, restart: Restart
) -> None:
    """All topics are more important than one definition, and than one offset."""
    for number in range(9):
        world.broker.create_topic(f"topic-{number}", 1)
        offset = NewOffset(f"topic-{number}", 0, number)
        world.broker.groups.commit(CommitRequest(group="g", offsets=[offset]), lambda _: None)
        world.commit()
    world.maintain()
    (path,) = [p for p in world.files.paths() if p.startswith(f"logs/{log_id}/") and ".log" in p]

    def flip() -> None:
        content = bytearray(world.files.content(path))
        content[len(content) // 2] ^= 1
        world.files.put(path, bytes(content))

    if restart is Restart.CLEAN:
        world.store.close()
        flip()
    else:
        flip()
    broker = world.restart(Restart.KILLED)

    assert len(broker.topics) >= 8
    assert len(world.store.reports) == 1
    assert "kept in" in world.store.reports[0]
    broker.create_topic("new", 1, then=(told := Told()))
    world.commit()
    assert told.ok
    assert len(broker.topics) == len(world.restart().topics) >= 9


def test_what_the_disk_does_not_keep_is_undone(world: World) -> None:
    """Nobody may go on with a topic, a config or a deletion that a restart would not find."""
    broker = world.broker
    old = broker.create_topic("old", 1, {"retention.ms": "5"})
    doomed = broker.create_topic("doomed", 1)
    append(doomed.partition(0), make_batch(b"kept"))
    world.commit()
    told = [Told() for _ in range(6)]
    broker.create_topic("new", 1, then=told[0])
    broker.alter_topic_config("old", {"retention.ms": "6"}, told[1])
    broker.change_topic_config("old", [Change("retention.ms", Operation.DELETE)], told[2])
    broker.add_partitions("old", 3, told[3])
    broker.delete_topic("doomed", told[4])
    other = broker.create_topic("doomed", 2, then=told[5])

    world.lose()

    assert [type(one.error) for one in told] == [DiskFull] * 6
    assert set(broker.topics) == {"old", "doomed"}
    assert broker.topic("old") is old
    assert len(old.partitions) == 1
    assert old.config.overrides == {"retention.ms": "5"}
    assert old.partition(0).log.config.retention_ms == 5
    assert broker.topic("doomed") is doomed
    assert not doomed.deleted
    assert other.deleted
    assert values(doomed.partition(0)) == [b"kept"]
    assert broker.partition_count == 2
    broker.create_topic("new", 1, then=(again := Told()))
    world.commit()
    assert again.ok


def test_what_was_undone_leaves_nothing_in_memory(world: World) -> None:
    """A client tries again and again: while a disk refuses, that must not fill the memory."""
    world.broker.create_topic("old", 1)
    world.commit()
    logs = set(world.store.logs)
    for _ in range(3):
        world.broker.create_topic("new", 3)
        world.broker.add_partitions("old", 3)
        world.lose()
    world.store.logs[1].failed = LogFailed("EIO")
    with pytest.raises(LogFailed):
        world.broker.create_topic("new", 3)
    assert set(world.store.logs) == logs
    assert not world.broker._topics._deleting
    assert world.store.ids() == sorted(logs)


def test_records_of_a_topic_that_is_undone_are_not_acknowledged(world: World) -> None:
    """A restart would not find the topic, so nobody could read them."""
    topic = world.broker.create_topic("new", 1)
    append(topic.partition(0), make_batch(), told := Told())
    world.lose(errno.ENOSPC, "logs/1/")
    assert isinstance(told.error, StorageError)


def test_who_waits_in_a_partition_that_is_undone_hears_of_it(world: World) -> None:
    topic = world.broker.create_topic("old", 1)
    world.commit()
    world.broker.add_partitions("old", 2)
    woken: list[int] = []
    topic.partition(1).watch(lambda: woken.append(len(topic.partitions)))
    world.lose()
    assert woken == [1]


def test_a_disk_that_refuses_at_once(world: World) -> None:
    world.store.logs[1].failed = LogFailed("EIO")
    told = Told()
    with pytest.raises(LogFailed):
        world.broker.create_topic("new", 1, then=told)
    assert told.waits


def test_more_partitions(world: World) -> None:
    topic = world.broker.create_topic("orders", 2)
    first = topic.partitions[:]
    world.broker.add_partitions("orders", 4, told := Told())
    assert topic.partitions[:2] == first
    assert [one.index for one in topic.partitions] == [0, 1, 2, 3]
    world.commit()
    assert told.ok
    assert len(world.restart().topic("orders").partitions) == 4


@pytest.mark.parametrize(("total", "said"), [(2, "already has 2"), (1, "not be an increase")])
def test_partitions_only_grow(world: World, total: int, said: str) -> None:
    world.broker.create_topic("orders", 2)
    with pytest.raises(InvalidPartitions, match=said):
        world.broker.add_partitions("orders", total)


def test_a_config_holds_at_once_for_every_partition(world: World) -> None:
    topic = world.broker.create_topic("orders", 2, {"retention.ms": "5", "retention.bytes": "7"})
    world.broker.alter_topic_config("orders", {"retention.ms": "6"}, told := Told())
    assert [one.log.config.retention_ms for one in topic.partitions] == [6, 6]
    assert topic.config.value("retention.bytes") == "-1", "legacy AlterConfigs replaces all"
    world.broker.alter_topic_config("orders", {"max.message.bytes": "100"})
    with pytest.raises(TooLarge):
        append(topic.partition(0), make_batch(b"x" * 200))
    world.commit()
    assert told.ok


def test_changes_of_a_config_are_checked_together(world: World) -> None:
    topic = world.broker.create_topic("orders", 1, {"min.compaction.lag.ms": "10"})
    with pytest.raises(InvalidConfig):
        world.broker.change_topic_config(
            "orders", [Change("max.compaction.lag.ms", Operation.SET, "5")]
        )
    assert topic.config.overrides == {"min.compaction.lag.ms": "10"}


def test_topics_follow_the_brokers_dynamic_configs(world: World) -> None:
    topic = world.broker.create_topic("orders", 1)
    own = world.broker.create_topic("own", 1, {"retention.ms": "3"})
    change = Change("log.retention.ms", Operation.SET, "9")
    world.broker.change_broker_config([change], told := Told())
    assert topic.partition(0).log.config.retention_ms == 9
    assert own.partition(0).log.config.retention_ms == 3
    world.commit()
    assert told.ok
    assert world.restart().topic("orders").config.source("retention.ms") is Source.DYNAMIC_BROKER

    world.broker.change_broker_config([Change("log.retention.ms", Operation.DELETE)])
    world.broker.change_broker_config(
        [Change("log.retention.ms", Operation.SET, "8")], every_node=True
    )
    config = world.broker.topic("orders").config
    assert config.value("retention.ms") == "8"
    assert config.source("retention.ms") is Source.DYNAMIC_DEFAULT_BROKER


def test_what_is_kept_and_makes_no_sense_any_more_stops_nobody(world: World) -> None:
    """A downgrade, or another default of the broker: it starts, and the rest of it holds."""
    world.broker.create_topic("orders", 1, {"min.compaction.lag.ms": "10", "retention.ms": "5"})
    change = Change("log.cleaner.max.compaction.lag.ms", Operation.SET, "5")
    world.broker.change_broker_config([change])
    world.commit()

    config = world.restart().topic("orders").config

    assert config.log.retention_ms == 5
    assert config.value("min.compaction.lag.ms") == "0"


def test_the_broker_is_not_told_nonsense(world: World) -> None:
    with pytest.raises(InvalidConfig):
        world.broker.change_broker_config([Change("log.retention.ms", Operation.SET, "x")])
    with pytest.raises(InvalidConfig):
        World(settings(num_partitions="many"))


def test_tools_can_ask_who_it_is() -> None:
    config = World(BrokerSettings(node_id=3, rack="r1")).broker.config
    assert (config.value("node.id"), config.value("broker.id")) == ("3", "3")
    assert config.value("broker.rack") == "r1"


def test_a_cluster_keeps_its_name(world: World) -> None:
    name = world.broker.cluster_id
    assert len(name) == 22
    world.commit()
    assert world.restart().cluster_id == name


def test_a_producer_id_is_given_once(world: World) -> None:
    """Two producers with one id would take each other's batches for retries."""
    given: list[int] = []

    def take() -> None:
        world.broker.next_producer_id(lambda one, error: given.append(one))

    take()
    assert given == [], "not before a restart would know that it is given"
    world.commit()
    for _ in range(1500):
        take()
        world.commit()
    world.restart()
    take()
    world.commit()
    assert len(given) == len(set(given)) == 1502
    assert min(given) >= 0


def test_no_producer_id_without_a_disk(world: World) -> None:
    errors: list[Exception | None] = []
    world.broker.next_producer_id(lambda one, error: errors.append(error))
    world.lose()
    assert isinstance(errors[0], DiskFull)
    world.broker.next_producer_id(lambda one, error: errors.append(error))
    world.commit()
    assert errors[1] is None


def test_maintenance_does_what_the_store_finds(world: World) -> None:
    world.broker.create_topic("orders", 1)
    world.broker.maintenance(NOW_MS + DAY_MS)
