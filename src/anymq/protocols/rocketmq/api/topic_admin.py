"""Topics, for administrators: made, changed, deleted, described."""

from functools import partial
from typing import Any

import msgspec

from anymq.core.catalog import Then
from anymq.core.errors import NotFound
from anymq.core.rights.operations import Operation
from anymq.core.streams.partition import Partition
from anymq.protocols.rocketmq import authorization, hosts, names, tables
from anymq.protocols.rocketmq.bodies import read
from anymq.protocols.rocketmq.call import INT_MAX, Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import BadRequest, NoTopic, RocketMqError
from anymq.protocols.rocketmq.kept import READ, WRITE, TopicSettings, changed
from anymq.protocols.rocketmq.pending import Pending

PERM_MAX = 7
SYSTEM_TOPICS = (*sorted(names.RESERVED), names.TRACE)
ILLEGAL = "conflict with system topic."


class _Topic(msgspec.Struct, rename="camel"):
    topic_name: str
    read_queue_nums: int = 8
    write_queue_nums: int = 8
    perm: int = READ | WRITE
    topic_sys_flag: int = 0
    order: bool | None = False
    attributes: dict[str, str] | None = None


class _Topics(msgspec.Struct, rename="camel"):
    topic_config_list: list[_Topic]


# Making and changing


def put(call: Call) -> None:
    """Make a topic, or change it."""
    wanted = _Topic(
        topic_name=call.text("topic"),
        read_queue_nums=call.number("readQueueNums", 8, at_most=INT_MAX),
        write_queue_nums=call.number("writeQueueNums", 8, at_most=INT_MAX),
        perm=call.number("perm", READ | WRITE),
        topic_sys_flag=call.number("topicSysFlag", 0),
        order=call.flag("order"),
    )
    _put_all(call, [wanted], call.text("attributes", ""))


def put_list(call: Call) -> None:
    """Make or change several."""
    _put_all(call, read(call.body, _Topics).topic_config_list)


def _put_all(call: Call, wanted: list[_Topic], attributes: str = "") -> None:
    for one in wanted:
        _check(call, one)
    pending = Pending(call)
    for one in wanted:
        said = attributes or ",".join(f"{name}={to}" for name, to in (one.attributes or {}).items())
        _put(call, one, said, pending)
    pending.all_asked()


def _check(call: Call, wanted: _Topic) -> None:
    name = wanted.topic_name
    names.check_topic(name)
    if name in names.RESERVED:
        raise BadRequest(f"The topic[{name}] is {ILLEGAL}")
    if not 0 <= wanted.perm <= PERM_MAX:
        raise BadRequest(f"perm {wanted.perm} is none of 0..{PERM_MAX}")
    if min(wanted.read_queue_nums, wanted.write_queue_nums) < 1:
        raise BadRequest("a topic has at least one queue to read, and one to write")
    there = name in call.broker.topics
    authorization.topic(call, Operation.ALTER if there else Operation.CREATE, name)


def _put(call: Call, wanted: _Topic, attributes: str, pending: Pending) -> None:
    name, broker = wanted.topic_name, call.broker
    total = max(wanted.read_queue_nums, wanted.write_queue_nums)
    topic = broker.topics.get(name)
    if topic is None:
        pending.ask(partial(call.rocketmq.making.make, name, total))
    elif total > len(topic.partitions):
        pending.ask(partial(broker.add_partitions, name, total))
    pending.ask(partial(_keep, call, wanted, attributes))


def _keep(call: Call, wanted: _Topic, attributes: str, then: Then) -> None:
    """Keep what is not as with everybody: fewer queues than there are, other permissions."""
    kept, name = call.rocketmq.topic_settings, wanted.topic_name
    there = len(call.broker.topic(name).partitions)
    reads, writes = wanted.read_queue_nums, wanted.write_queue_nums
    settings = TopicSettings(
        read_queue_nums=reads if reads < there else 0,
        write_queue_nums=writes if writes < there else 0,
        perm=wanted.perm & (READ | WRITE),
        order=bool(wanted.order),
        topic_sys_flag=wanted.topic_sys_flag,
        attributes=changed(kept.of(name).attributes, attributes),
    )
    if settings == TopicSettings():
        kept.forget(name, then)
    else:
        kept.put(name, settings, then)


def delete(call: Call) -> None:
    """Delete a topic and what a broker keeps of it; one that is not there is as good."""
    name = call.text("topic")
    if name in names.RESERVED:
        raise BadRequest(f"The topic[{name}] is {ILLEGAL}")
    authorization.topic(call, Operation.DELETE, name)
    pending = Pending(call)
    if name in call.broker.topics:
        pending.ask(partial(call.broker.delete_topic, name))
    pending.ask(partial(call.rocketmq.topic_settings.forget, name))
    pending.all_asked()


def delete_route(call: Call) -> None:
    """Forget where a topic is: the broker, who is told to delete it, too, knows by itself."""
    authorization.topic(call, Operation.DELETE, call.text("topic"))
    call.answer()


# Looking


def describe(call: Call) -> None:
    """Say how a topic is."""
    name = call.text("topic")
    authorization.topic(call, Operation.DESCRIBE, name)
    if name not in call.broker.topics:
        why = f"No topic in this broker. topic: {name}"
        raise RocketMqError(ResponseCode.TOPIC_NOT_EXIST, why)
    call.answer(body=tables.encode(told(call, name)))


def told(call: Call, name: str) -> dict[str, object]:
    """Return a topic as administrators see it."""
    there = len(call.broker.topics[name].partitions)
    return call.rocketmq.topic_settings.of(name).told(name, there)


def visible(call: Call) -> list[str]:
    """Return the topics that this client may know of."""
    describes = partial(authorization.may_topic, call, Operation.DESCRIBE)
    return sorted(filter(describes, call.broker.topics))


def describe_all(call: Call) -> None:
    """Say how all topics are; a part of them, where that is asked for."""
    visible_ones = visible(call)
    first = call.number("topicSeq", 0, at_least=0)
    count = call.number("maxTopicNum", len(visible_ones), at_least=1)
    some = visible_ones[first : first + count] if call.flag("splitTopicConfig") else visible_ones
    version = data_version(call)
    said = {
        "dataVersion": version,
        "mappingDataVersion": version,
        "topicConfigTable": {name: told(call, name) for name in some},
        "topicQueueMappingInfoMap": {},
        "topicQueueMappingDetailMap": {},
    }
    call.answer({"totalTopicNum": len(visible_ones)}, tables.encode(said))


def data_version(call: Call) -> dict[str, object]:
    """Return a version of what is defined; it is as new as the asking."""
    return {"counter": 0, "stateVersion": 0, "timestamp": call.now_ms()}


def of_cluster(call: Call) -> None:
    """List the topics of a cluster: there is one."""
    ours = call.text("cluster") == call.rocketmq.settings.cluster_name
    call.answer(body=tables.encode({"topicList": visible(call) if ours else []}))


def system_topics(call: Call) -> None:
    """List the names that belong to the system."""
    settings = call.rocketmq.settings
    listed = [*SYSTEM_TOPICS, settings.cluster_name, settings.broker_name]
    call.answer(body=tables.encode({"topicList": listed, **_address(call)}))


def system_topics_of_name_server(call: Call) -> None:
    """List the names that clusters and brokers have."""
    settings = call.rocketmq.settings
    listed = [settings.broker_name, settings.cluster_name]
    call.answer(body=tables.encode({"topicList": listed, **_address(call)}))


def no_topics(call: Call) -> None:
    """There are no units here, so none has topics."""
    call.answer(body=tables.encode({"topicList": []}))


def _address(call: Call) -> dict[str, object]:
    where = hosts.address_of(*hosts.advertised(call.rocketmq, call.client.peer))
    return {"brokerAddr": where}


def stats(call: Call) -> None:
    """Say what is in each queue of a topic, and when it last got something."""
    name = call.text("topic")
    authorization.topic(call, Operation.DESCRIBE, name)
    topic = call.broker.topics.get(name)
    if topic is None:
        raise RocketMqError(ResponseCode.TOPIC_NOT_EXIST, f"topic[{name}] not exist")
    broker_name = call.rocketmq.settings.broker_name
    rows = [(tables.queue(broker_name, name, one.index), _stats(one)) for one in topic.partitions]
    said: dict[str, Any] = {"topicPutTps": 0.0}
    call.answer(body=tables.with_table(said, "offsetTable", tables.by_queue(rows)))


def _stats(partition: Partition) -> dict[str, int]:
    newest = partition.log.newest_timestamp()
    return {
        "lastUpdateTimestamp": 0 if newest is None else newest[1],
        "maxOffset": partition.visible_end,
        "minOffset": partition.start,
    }


def nothing_to_clean(call: Call) -> None:
    """What expired goes by itself: there is nothing to wait for."""
    authorization.cluster(call, Operation.ALTER)
    call.answer()


def register(call: Call) -> None:
    """A topic that the name server should know: it does, if the topic is there."""
    name = call.text("topic")
    authorization.topic(call, Operation.CREATE, name)
    try:
        call.broker.topic(name)
    except NotFound:
        raise NoTopic(name) from None
    call.answer()


CODES = {
    RequestCode.UPDATE_AND_CREATE_TOPIC: put,
    RequestCode.UPDATE_AND_CREATE_TOPIC_LIST: put_list,
    RequestCode.DELETE_TOPIC_IN_BROKER: delete,
    RequestCode.DELETE_TOPIC_IN_NAMESRV: delete_route,
    RequestCode.REGISTER_TOPIC_IN_NAMESRV: register,
    RequestCode.GET_TOPIC_CONFIG: describe,
    RequestCode.GET_ALL_TOPIC_CONFIG: describe_all,
    RequestCode.GET_TOPICS_BY_CLUSTER: of_cluster,
    RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER: system_topics,
    RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS: system_topics_of_name_server,
    RequestCode.GET_UNIT_TOPIC_LIST: no_topics,
    RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST: no_topics,
    RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: no_topics,
    RequestCode.GET_TOPIC_STATS_INFO: stats,
    RequestCode.CLEAN_UNUSED_TOPIC: nothing_to_clean,
    RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE: nothing_to_clean,
    RequestCode.DELETE_EXPIRED_COMMITLOG: nothing_to_clean,
}
