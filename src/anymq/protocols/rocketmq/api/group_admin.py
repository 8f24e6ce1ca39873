"""Groups, for administrators: their settings, who is in them, how far they have read."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import msgspec

from anymq.core.catalog import Then
from anymq.core.errors import Conflict, Refused
from anymq.core.rights.operations import Operation
from anymq.core.streams.group_calls import GroupError
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.protocols.rocketmq import authorization, hosts, members_view, names, tables
from anymq.protocols.rocketmq.api.topic_admin import data_version
from anymq.protocols.rocketmq.bodies import read
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import BadRequest, NoTopic, RocketMqError
from anymq.protocols.rocketmq.kept import GroupSettings
from anymq.protocols.rocketmq.pending import Pending

OFFSETS_MAX = 100_000  # of partitions, in one answer
NEVER = 0


class _Groups(msgspec.Struct, rename="camel"):
    group_config_list: list[GroupSettings]


# Settings


def put(call: Call) -> None:
    """Describe a group: it need not be there, nor have members."""
    _put_all(call, [read(call.body, GroupSettings)])


def put_list(call: Call) -> None:
    """Describe several."""
    _put_all(call, read(call.body, _Groups).group_config_list)


def _put_all(call: Call, wanted: list[GroupSettings]) -> None:
    for one in wanted:
        names.check_group(one.group_name)
        authorization.group(call, Operation.ALTER, one.group_name)
        if one.retry_max_times < -1 or one.retry_queue_nums < 1:
            raise BadRequest("a group is tried -1 times or more, by 1 queue or more")
    pending = Pending(call)
    for one in wanted:
        attributes = _plain(one.attributes)
        settings = msgspec.structs.replace(one, attributes=attributes)
        pending.ask(partial(call.rocketmq.group_settings.put, one.group_name, settings))
        pending.ask(partial(call.rocketmq.making.make, names.retry_topic(one.group_name), 1))
    pending.all_asked()


def _plain(attributes: dict[str, str]) -> dict[str, str]:
    """Return attributes; `+name` says that one is new."""
    return {
        name.lstrip("+"): value for name, value in attributes.items() if not name.startswith("-")
    }


def delete(call: Call) -> None:
    """Forget a group's settings, and with `cleanOffset` how far it has read."""
    group = call.text("groupName")
    authorization.group(call, Operation.DELETE, group)
    pending = Pending(call)
    pending.ask(partial(call.rocketmq.group_settings.forget, group))
    call.rocketmq.graves.forget(group)
    if call.flag("cleanOffset") or call.flag("removeOffset"):
        call.rocketmq.progress.forget(group)
        pending.ask(partial(_delete_offsets, call, group))
        if group in call.broker.shares:  # what it popped, and how far that went
            pending.ask(partial(call.broker.shares.delete, group))
    pending.all_asked()


def _delete_offsets(call: Call, group: str, then: Then) -> None:
    def deleted(error: GroupError | None) -> None:
        if error is GroupError.NON_EMPTY:
            then(Conflict(f"the group {group} has members"))
        else:
            then(None if error in (None, GroupError.NOT_FOUND) else Refused(error.value))

    call.broker.groups.delete(group, deleted)


def describe(call: Call) -> None:
    """Say how a group is; one that nobody described is like all."""
    group = call.text("group")
    authorization.group(call, Operation.DESCRIBE, group)
    call.answer(body=tables.encode(call.rocketmq.group_settings.of(group).told(group)))


def describe_all(call: Call) -> None:
    """Say how all groups are; a part of them, where that is asked for."""
    found = visible(call)
    first = call.number("groupSeq", 0, at_least=0)
    count = call.number("maxGroupNum", len(found), at_least=1)
    some = found[first : first + count] if "maxGroupNum" in call.ext else found
    settings = call.rocketmq.group_settings
    said = {
        "dataVersion": data_version(call),
        "forbiddenTable": {},
        "subscriptionGroupTable": {name: settings.of(name).told(name) for name in some},
    }
    call.answer({"totalGroupNum": len(found)}, tables.encode(said))


def visible(call: Call) -> list[str]:
    """Return the groups that this client may know of: described, with members, or with offsets."""
    rocketmq = call.rocketmq
    found = {*rocketmq.group_settings, *members_view.groups(rocketmq), *call.broker.groups.names()}
    return sorted(one for one in found if authorization.may_group(call, Operation.DESCRIBE, one))


def forbidden(call: Call) -> None:
    """Say whether a group may read a topic: nobody is forbidden to but by rights."""
    group, topic = call.text("group"), call.text("topic")
    authorization.group(call, Operation.DESCRIBE, group)
    if call.ext.get("readable") is not None and not call.flag("readable"):
        raise RocketMqError(
            ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
            "what a group may read is said by rights, not by a list of topics",
        )
    call.answer(body=tables.encode({"group": group, "readable": True, "topic": topic}))


# Members


def consumers(call: Call) -> None:
    """Say who is in a group of consumers, and what it wants."""
    group = call.text("consumerGroup")
    authorization.group(call, Operation.DESCRIBE, group)
    members = members_view.consumers(call.rocketmq, group)
    if not members:
        why = f"the consumer group[{group}] not online"
        raise RocketMqError(ResponseCode.CONSUMER_NOT_ONLINE, why)
    how = members_view.how(call.rocketmq, group)
    wanted = members_view.subscriptions(call.rocketmq, group)
    said = {"connectionSet": members, "subscriptionTable": wanted, **how}
    call.answer(body=tables.encode(said))


def producers(call: Call) -> None:
    """Say who is in a group of producers."""
    group = call.text("producerGroup")
    authorization.group(call, Operation.DESCRIBE, group)
    members = members_view.producers(call.rocketmq, group)
    if not members:
        raise RocketMqError(ResponseCode.SYSTEM_ERROR, f"the producer group[{group}] not exist")
    call.answer(body=tables.encode({"connectionSet": members}))


def all_producers(call: Call) -> None:
    """Say who produces, by group."""
    authorization.cluster(call, Operation.DESCRIBE)
    now = call.now_ms()
    found = members_view.all_producers(call.rocketmq)
    said = {
        group: [
            {
                "clientId": one["clientId"],
                "remoteIP": one["clientAddr"],
                "language": one["language"],
                "version": one["version"],
                "lastUpdateTimestamp": now,
            }
            for one in members
        ]
        for group, members in found.items()
    }
    call.answer(body=tables.encode({"data": said}))


def who_consumes(call: Call) -> None:
    """List the groups that want something of a topic, or did."""
    topic = call.text("topic")
    authorization.topic(call, Operation.DESCRIBE, topic)
    groups = call.broker.groups
    read_it = {one for one in groups.names() if topic in groups.offsets.of(one).offsets}
    found = sorted(read_it | members_view.groups_on(call.rocketmq, topic))
    call.answer(body=tables.encode({"groupList": found}))


def topics_of(call: Call) -> None:
    """List the topics that a group reads, or did."""
    group = call.text("group")
    authorization.group(call, Operation.DESCRIBE, group)
    where = hosts.address_of(*hosts.advertised(call.rocketmq, call.client.peer))
    call.answer(body=tables.encode({"brokerAddr": where, "topicList": _topics(call, group)}))


def _topics(call: Call, group: str) -> list[str]:
    """Return the topics of a group, without those that are its own."""
    kept = call.broker.groups.offsets.of(group).offsets
    wanted = members_view.subscriptions(call.rocketmq, group)
    return sorted(one for one in {*kept, *wanted} if not names.is_of_group(one))


def subscription(call: Call) -> None:
    """Say what a group wants of a topic."""
    group, topic = call.text("group"), call.text("topic")
    authorization.group(call, Operation.DESCRIBE, group)
    wanted = members_view.subscriptions(call.rocketmq, group).get(topic)
    said: dict[str, Any] = {"group": group, "topic": topic}
    call.answer(
        body=tables.encode(said if wanted is None else {**said, "subscriptionData": wanted})
    )


# How far they have read


def stats(call: Call) -> None:
    """Say how far a group has read, queue by queue."""
    group = call.text("consumerGroup")
    authorization.group(call, Operation.DESCRIBE, group)
    topic = call.text("topic", "")
    listed = [one for one in call.text("topicList", "").split(";") if one]
    rows = _rows(call, group, [topic] if topic else listed or _all_topics(call, group))
    call.answer(body=_consume_stats(rows))


def _all_topics(call: Call, group: str) -> list[str]:
    kept = call.broker.groups.offsets.of(group).offsets
    wanted = members_view.subscriptions(call.rocketmq, group)
    return sorted({*kept, *wanted})


def _consume_stats(rows: Iterable[tuple[tables.Queue, object]]) -> bytes:
    return tables.with_table({"consumeTps": 0.0}, "offsetTable", tables.by_queue(rows))


def _rows(
    call: Call, group: str, topics: Iterable[str]
) -> Iterator[tuple[tables.Queue, dict[str, int]]]:
    """Yield each queue, and where the group is in it."""
    broker_name, left = call.rocketmq.settings.broker_name, OFFSETS_MAX
    for name in topics:
        topic = call.broker.topics.get(name)
        if topic is None or not authorization.may_topic(call, Operation.DESCRIBE, name):
            continue
        for partition in topic.partitions[:left]:
            left -= 1
            yield (
                tables.queue(broker_name, name, partition.index),
                _progress(call, group, partition),
            )


def _progress(call: Call, group: str, partition: Partition) -> dict[str, int]:
    offset = call.rocketmq.progress.of(group, partition.topic_name, partition.index)
    read_to = max(offset or 0, partition.start)
    return {
        "brokerOffset": partition.visible_end,
        "consumerOffset": read_to,
        "lastTimestamp": time_of(call, partition, read_to - 1),
        "pullOffset": read_to,
    }


def time_of(call: Call, partition: Partition, offset: int) -> int:
    """Return when the message at an offset came; 0: it is not there."""
    found: list[int] = []

    def take(at: int, time_ms: int, *_: object) -> bool:
        found.append(time_ms if at == offset else NEVER)
        return True

    if partition.start <= offset < partition.visible_end:
        Reader(partition, offset, call.rocketmq.unpacked).read(1, 1, take)
    return found[0] if found else NEVER


def stats_of_all(call: Call) -> None:
    """Say how far all groups have read."""
    authorization.cluster(call, Operation.DESCRIBE)
    found = []
    for group in visible(call):
        rows = list(_rows(call, group, _all_topics(call, group)))
        if rows:
            found.append({group: [msgspec.Raw(_consume_stats(rows))]})
    where = hosts.address_of(*hosts.advertised(call.rocketmq, call.client.peer))
    said = {"brokerAddr": where, "consumeStatsList": found, "totalDiff": 0, "totalInflightDiff": 0}
    call.answer(body=tables.encode(said))


def spans(call: Call) -> None:
    """Say between which times the messages of a topic came, and where a group is among them."""
    name, group = call.text("topic"), call.text("group")
    authorization.topic(call, Operation.DESCRIBE, name)
    authorization.group(call, Operation.DESCRIBE, group)
    topic = call.broker.topics.get(name)
    if topic is None:
        raise NoTopic(name)
    said = [_span(call, group, one) for one in topic.partitions]
    call.answer(body=tables.encode({"consumeTimeSpanSet": said}))


def _span(call: Call, group: str, partition: Partition) -> dict[str, object]:
    name, index = partition.topic_name, partition.index
    queue = tables.queue(call.rocketmq.settings.broker_name, name, index)
    offset = call.rocketmq.progress.of(group, name, index)
    read_ms = time_of(call, partition, (offset or 0) - 1)
    newest = time_of(call, partition, partition.visible_end - 1)
    behind = offset is not None and offset < partition.visible_end
    waiting_ms = time_of(call, partition, offset or 0) if behind else NEVER
    return {
        "messageQueue": queue,
        "minTimeStamp": time_of(call, partition, partition.start) or -1,
        "maxTimeStamp": newest or -1,
        "consumeTimeStamp": read_ms or -1,
        "delayTime": call.now_ms() - waiting_ms if waiting_ms else 0,
    }


def clone(call: Call) -> None:
    """Let one group stand where another one does in a topic."""
    source, target, name = call.text("srcGroup"), call.text("destGroup"), call.text("topic", "")
    authorization.group(call, Operation.DESCRIBE, source)
    authorization.group(call, Operation.READ, target)
    names.check_group(target)
    progress = call.rocketmq.progress
    pending = Pending(call)
    for topic, partitions in list(call.broker.groups.offsets.of(source).offsets.items()):
        if name in ("", topic):
            authorization.topic(call, Operation.READ, topic)
            for index in partitions:
                offset = progress.of(source, topic, index)
                pending.ask(partial(_commit, call, (target, topic, index, offset or 0)))
    pending.all_asked()


def _commit(call: Call, place: tuple[str, str, int, int], then: Then) -> None:
    def kept(error: GroupError | None) -> None:
        then(None if error is None else Refused(error.value))

    call.rocketmq.progress.commit(*place, kept)


def all_offsets(call: Call) -> None:
    """Say where all groups are."""
    authorization.cluster(call, Operation.DESCRIBE)
    kept, rows = call.broker.groups.offsets, []
    for group in visible(call):
        for topic, partitions in kept.of(group).offsets.items():
            table = tables.by_number((one, of.offset) for one, of in sorted(partitions.items()))
            rows.append(tables.encode(f"{topic}@{group}") + b":" + table)
    said = {"dataVersion": data_version(call)}
    call.answer(body=tables.with_table(said, "offsetTable", b"{%s}" % b",".join(rows)))


CODES = {
    RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: put,
    RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: put_list,
    RequestCode.DELETE_SUBSCRIPTIONGROUP: delete,
    RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG: describe,
    RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG: describe_all,
    RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN: forbidden,
    RequestCode.GET_CONSUMER_CONNECTION_LIST: consumers,
    RequestCode.GET_PRODUCER_CONNECTION_LIST: producers,
    RequestCode.GET_ALL_PRODUCER_INFO: all_producers,
    RequestCode.QUERY_TOPIC_CONSUME_BY_WHO: who_consumes,
    RequestCode.QUERY_TOPICS_BY_CONSUMER: topics_of,
    RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER: subscription,
    RequestCode.GET_CONSUME_STATS: stats,
    RequestCode.GET_BROKER_CONSUME_STATS: stats_of_all,
    RequestCode.QUERY_CONSUME_TIME_SPAN: spans,
    RequestCode.CLONE_GROUP_OFFSET: clone,
    RequestCode.GET_ALL_CONSUMER_OFFSET: all_offsets,
}
