"""Topics, their partitions and configs: what is Kafka's, in the style of everything else."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any

from anymq.core.catalog import Then
from anymq.core.rights.permit import CONFIGURE
from anymq.core.streams.config_def import ConfigType, Source
from anymq.core.streams.partition import HIGH_WATERMARK, Partition
from anymq.core.streams.producers import Producer
from anymq.core.streams.stream_names import stream_of
from anymq.core.streams.topic import Topic
from anymq.core.streams.topic_config import Change, Operation, TopicConfig
from anymq.core.streams.topic_configs import TOPIC_CONFIGS
from anymq.management.api import numbers, routes
from anymq.management.api.call import MESSAGES_OF, Call, created, done, number_of, when_safe
from anymq.management.api.faults import bad_request, no_object
from anymq.management.http import Answer
from anymq.storage.errors import OffsetOutOfRange

ROUTES = routes.Routes()
NAME = attrgetter("name")
PRODUCERS_MAX = 10_000  # of a topic, in a list
SOURCES = {Source.TOPIC: "topic", Source.DEFAULT: "default"}  # the others are the broker's
TYPES = {each: each.name.lower() for each in ConfigType}


@ROUTES.get("/topics")
def topics(call: Call) -> Answer:
    """All topics."""
    return call.listed(visible(call), partial(row, call), NAME, {"name": NAME})


@ROUTES.get("/topics/:topic")
def topic(call: Call) -> Answer:
    """One topic, with its configs and the groups that read it."""
    one = _find(call)
    vhost, name = stream_of(one.name)
    return call.shown(
        {
            **row(call, one),
            "configs": _configs(one.config),
            "groups": _groups(call, one),
            "queue": {"vhost": vhost, "name": name} if vhost in call.broker.vhosts else None,
        }
    )


@ROUTES.put("/topics/:topic")
def put_topic(call: Call) -> Answer:
    """Make a topic, or have it be like this: more partitions, other configs."""
    name = call.names["topic"]
    _check_may(call, name)
    partitions, configs = _partitions(call), _wanted_configs(call.table("configs"))
    if name in call.broker.topics:
        return _change(call, call.broker.topics[name], partitions, configs)
    given = {key: value for key, value in configs.items() if value is not None}
    return when_safe(
        lambda then: call.broker.create_topic(name, partitions, given, then),
        lambda: created(f"/api/topics/{name}"),
    )


@ROUTES.delete("/topics/:topic")
def delete_topic(call: Call) -> Answer:
    """Delete a topic with its records."""
    one = _find(call)
    _check_may(call, one.name)
    return when_safe(lambda then: call.broker.delete_topic(one.name, then), done)


@ROUTES.delete("/topics/:topic/contents")
def delete_records(call: Call) -> Answer:
    """Delete the records of a topic; `partition=0`: of that one; `before=42`: those before."""
    one = _find(call)
    _check_may(call, one.name)
    before = _number(call, "before", HIGH_WATERMARK)
    only = _number(call, "partition", -1)
    chosen = one.partitions if only < 0 else [_partition(one, only)]
    try:
        for partition in chosen:
            partition.offset_to_delete(before)  # none, if one of them cannot be
    except OffsetOutOfRange as error:
        raise bad_request(str(error)) from None
    return when_safe(lambda then: _delete_all(call, chosen, before, then), done)


@ROUTES.get("/topics/:topic/configs")
def configs_of_topic(call: Call) -> Answer:
    """The configs of a topic."""
    rows = _configs(_find(call).config)
    return call.listed(rows, lambda one: one, lambda one: str(one["name"]))


@ROUTES.put("/topics/:topic/configs")
def put_configs(call: Call) -> Answer:
    """Change some configs of a topic; null: back to the default."""
    one = _find(call)
    _check_may(call, one.name)
    return _change(call, one, None, _wanted_configs(call.body))


@ROUTES.get("/topics/:topic/partitions")
def partitions(call: Call) -> Answer:
    """The partitions of a topic."""
    one = _find(call)
    return call.listed(
        list(one.partitions), lambda each: _partition_row(call, each), lambda each: str(each.index)
    )


@ROUTES.get("/topics/:topic/partitions/:partition")
def partition(call: Call) -> Answer:
    """One partition."""
    if (index := number_of(call.names["partition"])) is None:
        raise no_object()
    return call.shown(_partition_row(call, _partition(_find(call), index)))


@ROUTES.get("/topics/:topic/producers")
def producers(call: Call) -> Answer:
    """The idempotent producers that wrote to a topic."""
    every = (
        (each, key, producer)
        for each in _find(call).partitions
        for key, producer in each.producers.all.items()
    )
    found = list(islice(every, PRODUCERS_MAX))
    return call.listed(found, lambda one: _producer_row(*one), lambda one: str(one[1]))


def visible(call: Call) -> list[Topic]:
    """Return the topics that the caller may see, by their names."""
    every = call.broker.topics
    enters: dict[str, bool] = {}
    found = []
    for name in sorted(every):
        vhost = stream_of(name)[0]
        if vhost not in enters:
            enters[vhost] = call.caller.may_enter(vhost)
        if enters[vhost]:
            found.append(every[name])
    return found


def sees(call: Call, name: str) -> bool:
    """May the caller see a topic of this name, if there is one?"""
    return call.caller.may_enter(stream_of(name)[0])


def row(call: Call, one: Topic) -> dict[str, Any]:
    """Return what lists say about a topic."""
    published, kept, size = numbers.topic_stats(one)
    return {
        "name": one.name,
        "id": id_of(one),
        "partitions": len(one.partitions),
        "replication_factor": 1,
        "messages": kept,
        "size_bytes": size,
        "cleanup_policy": one.config.value("cleanup.policy"),
        "retention_ms": one.config.log.retention_ms,
        "internal": False,
        "overrides": one.config.overrides,
        "node": call.site.node,
        "message_stats": call.rated(one, {"publish": published}, numbers.OF_TOPIC, MESSAGES_OF),
    }


def id_of(one: Topic) -> str:
    """Return a topic's id as Kafka's tools write it."""
    return urlsafe_b64encode(one.id.bytes).rstrip(b"=").decode()


# Within


def _find(call: Call) -> Topic:
    name = call.names["topic"]
    found = call.broker.topics.get(name)
    if found is None or not sees(call, name):
        raise no_object()
    return found


def _check_may(call: Call, name: str) -> None:
    """Refuse who may not configure it."""
    vhost, queue = stream_of(name)
    call.caller.permit(vhost).check(CONFIGURE, "topic", queue)


def _partition(one: Topic, index: int) -> Partition:
    if index >= len(one.partitions):
        raise no_object()
    return one.partitions[index]


def _partitions(call: Call) -> int | None:
    wanted = call.body.get("partitions")
    if wanted is None or (isinstance(wanted, int) and not isinstance(wanted, bool)):
        return wanted
    raise bad_request("partitions is a number")


def _number(call: Call, name: str, default: int) -> int:
    said = call.query.get(name)
    if said is None:
        return default
    if (number := number_of(said)) is None:
        raise bad_request(f"{name} is a number")
    return number


def _wanted_configs(body: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: _text(name, value) for name, value in body.items()}


def _text(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    raise bad_request(f"the value of {name} is neither text nor a number")


def _change(
    call: Call, one: Topic, partitions: int | None, configs: Mapping[str, str | None]
) -> Answer:
    broker, name = call.broker, one.name
    changes = [
        Change(key, Operation.DELETE if value is None else Operation.SET, value)
        for key, value in configs.items()
    ]
    more = partitions is not None and partitions != len(one.partitions)
    if more:
        assert partitions is not None
        broker.check_more_partitions(name, partitions)
    if changes:
        broker.check_config_changes(name, changes)
    steps = []
    if more:
        steps.append(lambda then: broker.add_partitions(name, partitions or 0, then))
    if changes:
        steps.append(lambda then: broker.change_topic_config(name, changes, then))
    return when_safe(lambda then: _all(steps, then), done)


def _delete_all(call: Call, chosen: list[Partition], before: int, then: Then) -> None:
    _all(
        [
            lambda each_then, one=each: call.broker.delete_records(one, before, each_then)
            for each in chosen
        ],
        then,
    )


def _all(steps: list[Any], then: Then) -> None:
    """Begin all of these; `then` is called once, when all are done or one could not be."""
    left = len(steps) + 1
    failed: list[Exception] = []

    def one_done(error: Exception | None) -> None:
        nonlocal left
        left -= 1
        if error is not None:
            failed.append(error)
        if not left:
            then(failed[0] if failed else None)

    for step in steps:
        step(one_done)
    one_done(None)


def _configs(config: TopicConfig) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "value": config.value(name),
            "source": SOURCES.get(config.source(name), "broker"),
            "type": TYPES[declared.type],
            "read_only": declared.read_only,
            "documentation": declared.doc,
        }
        for name, declared in TOPIC_CONFIGS.items()
        if not declared.hidden
    ]


def _groups(call: Call, one: Topic) -> list[dict[str, Any]]:
    """Return the groups that have read the topic."""
    broker = call.broker
    found = []
    for name in sorted(broker.groups.names()):
        if one.name in broker.groups.offsets.of(name).offsets:
            mine = [each for each in numbers.lags(broker, name) if each.topic == one.name]
            state = broker.groups.describe(name).state.value
            found.append({"name": name, "state": state, "lag": sum(each.lag or 0 for each in mine)})
    return found


def _partition_row(call: Call, one: Partition) -> dict[str, Any]:
    numbers_of = {"publish": one.visible_end}
    return {
        "topic": one.topic_name,
        "partition": one.index,
        "start": one.start,
        "end": one.visible_end,
        "messages": numbers.distance(one),
        "size_bytes": one.log.size_bytes(),
        "leader": call.broker.node_id,
        "leader_epoch": one.leader_epoch,
        "producers": len(one.producers),
        "message_stats": call.site.rates.with_rates(one, numbers_of),
    }


def _producer_row(partition: Partition, producer_id: int, producer: Producer) -> dict[str, Any]:
    return {
        "topic": partition.topic_name,
        "partition": partition.index,
        "producer_id": producer_id,
        "producer_epoch": producer.epoch,
        "last_sequence": producer.last_sequence,
        "last_timestamp": producer.last_ms,
    }
