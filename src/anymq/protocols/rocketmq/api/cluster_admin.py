"""The broker and its cluster, for administrators: who there is, settings, what runs."""

from collections.abc import Mapping
from functools import partial

import msgspec

import anymq
from anymq.core.rights.operations import Operation
from anymq.protocols.rocketmq import authorization, names, tables
from anymq.protocols.rocketmq.api.offsets import partition_of
from anymq.protocols.rocketmq.api.route import MASTER, broker_data
from anymq.protocols.rocketmq.api.topic_admin import data_version, visible
from anymq.protocols.rocketmq.call import INT_MAX, Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import BadRequest, RocketMqError
from anymq.protocols.rocketmq.kept import READ, WRITE, KeyValues
from anymq.protocols.rocketmq.pending import Pending
from anymq.protocols.rocketmq.queue_rows import rows_of

ROWS_MAX = 1000  # of a queue, in one answer
SPANS = ("statsMinute", "statsHour", "statsDay")
LEVELS = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"


def cluster(call: Call) -> None:
    """Say which brokers there are: this one."""
    settings = call.rocketmq.settings
    said = {
        "brokerAddrTable": {settings.broker_name: broker_data(call)},
        "clusterAddrTable": {settings.cluster_name: [settings.broker_name]},
    }
    call.answer(body=tables.encode(said))


def brokers_of_a_name(call: Call) -> None:
    """Say which brokers have a name: a master, and no slaves."""
    settings = call.rocketmq.settings
    ours = call.text("brokerName", "") == settings.broker_name
    data = broker_data(call)
    said = {
        "brokerAddrs": data["brokerAddrs"] if ours else {},
        "brokerName": call.text("brokerName", ""),
        "cluster": settings.cluster_name,
    }
    call.answer(body=tables.encode({"brokerMemberGroup": said}))


def replication(call: Call) -> None:
    """Say how far slaves are: there are none."""
    authorization.cluster(call, Operation.DESCRIBE)
    said = {
        "haConnectionInfo": [],
        "inSyncSlaveNums": 0,
        "master": True,
        "masterCommitLogMaxOffset": 0,
    }
    call.answer(body=tables.encode(said))


# Settings


def configuration(call: Call) -> None:
    """Say how the broker is set, in RocketMQ's words where there are any."""
    authorization.cluster(call, Operation.DESCRIBE_CONFIGS)
    version = msgspec.json.encode(data_version(call)).decode()
    call.answer({"version": version}, _properties(_configuration(call)))


def _configuration(call: Call) -> Mapping[str, object]:
    settings, config = call.rocketmq.settings, call.broker.config
    synced = str(config.value("anymq.durability")) == "commit"
    host, _, port = str(_address(call)).rpartition(":")
    return {
        "autoCreateSubscriptionGroup": True,
        "autoCreateTopicEnable": settings.auto_create,
        "brokerClusterName": settings.cluster_name,
        "brokerId": MASTER,
        "brokerIP1": host,
        "brokerName": settings.broker_name,
        "brokerPermission": READ | WRITE,
        "brokerRole": "ASYNC_MASTER",
        "authenticationEnabled": settings.require_login,
        "defaultTopicQueueNums": settings.queues,
        "enablePropertyFilter": True,
        "flushDiskType": "SYNC_FLUSH" if synced else "ASYNC_FLUSH",
        "listenPort": port,
        "longPollingEnable": True,
        "maxMessageSize": settings.message_bytes_max,
        "messageDelayLevel": LEVELS,
        "recallMessageEnable": True,
        "rocketmqVersion": _version(),
        "traceTopicEnable": True,
    }


def _address(call: Call) -> object:
    addresses = broker_data(call)["brokerAddrs"]
    assert isinstance(addresses, dict)
    return addresses[MASTER]


def name_server_configuration(call: Call) -> None:
    """Say how the name server is set."""
    authorization.cluster(call, Operation.DESCRIBE_CONFIGS)
    said = {"enableAllTopicList": True, "orderMessageEnable": True, "clusterTest": False}
    call.answer(body=_properties(said))


def _properties(values: Mapping[str, object]) -> bytes:
    """Write properties, as Java does."""
    return "".join(f"{name}={_written(value)}\n" for name, value in values.items()).encode()


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def change_configuration(call: Call) -> None:
    """Refuse: it would last until the file is read again, and say another thing than the file."""
    authorization.cluster(call, Operation.ALTER_CONFIGS)
    raise BadRequest("settings are changed in the configuration file, or by its variables")


# What runs


def runtime(call: Call) -> None:
    """Say how the broker does. Rates are since this was asked last."""
    authorization.cluster(call, Operation.DESCRIBE)
    rocketmq, now = call.rocketmq, call.now_ms()
    sent, pulled = rocketmq.counters.messages_in, rocketmq.counters.messages_out
    put_rate, get_rate = rocketmq.rates.between(now, sent, pulled)
    said = {
        "bootTimestamp": rocketmq.since_ms,
        "brokerActive": "true",
        "brokerVersion": 0,
        "brokerVersionDesc": _version(),
        "earliestMessageTimeStamp": _oldest(call),
        "getTransferredTps": f"{get_rate:.2f} {get_rate:.2f} {get_rate:.2f}",
        "msgGetTotalTodayMorning": 0,
        "msgGetTotalTodayNow": pulled,
        "msgGetTotalYesterdayMorning": 0,
        "msgPutTotalTodayMorning": 0,
        "msgPutTotalTodayNow": sent,
        "msgPutTotalYesterdayMorning": 0,
        "pageCacheLockTimeMills": 0,
        "pullThreadPoolQueueHeadWaitTimeMills": 0,
        "pullThreadPoolQueueSize": 0,
        "putTps": f"{put_rate:.2f} {put_rate:.2f} {put_rate:.2f}",
        "runtime": _since((now - rocketmq.since_ms) // 1000),
        "sendThreadPoolQueueHeadWaitTimeMills": 0,
        "sendThreadPoolQueueSize": 0,
        "timerCongestNum": 0,
        "timerDequeueTps": "0.0",
        "timerEnqueueTps": "0.0",
        "timerOffsetBehind": 0,
        "timerReadBehind": 0,
    }
    call.answer(body=tables.encode({"table": {name: str(value) for name, value in said.items()}}))


def _version() -> str:
    return f"anymq_{anymq.__version__}"


def _since(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"[ {days} days, {hours} hours, {minutes} minutes, {seconds} seconds ]"


def _oldest(call: Call) -> int:
    """Return when the first message came that is kept in any of the topics; now: there is none."""
    partitions = (one for name in visible(call) for one in call.broker.topics[name].partitions)
    found = (one.log.offset_at(0) for one in partitions if one.visible_end > one.start)
    return min((each[1] for each in found if each is not None), default=call.now_ms())


def statistics(call: Call) -> None:
    """Say how many messages came to a topic or a group, since somebody asked for it first."""
    name, key = call.text("statsName"), call.text("statsKey")
    authorization.cluster(call, Operation.DESCRIBE)
    found = call.rocketmq.statistics.of(name, key)
    if found is None:
        call.refuse(ResponseCode.SYSTEM_ERROR, f"The stats <{name}> <{key}> not exist")
        return
    said = [{"sum": one.messages, "tps": one.per_second, "avgpt": 0.0} for one in found]
    call.answer(body=tables.encode(dict(zip(SPANS, said, strict=True))))


def version_of_data(call: Call) -> None:
    """Say that what is defined is as new as can be."""
    authorization.cluster(call, Operation.DESCRIBE)
    call.answer({"changed": "false"}, tables.encode(data_version(call)))


# Key-value configs of the name server


def put_value(call: Call) -> None:
    """Keep a value by its namespace and key."""
    authorization.cluster(call, Operation.ALTER_CONFIGS)
    namespace, key = call.text("namespace"), call.text("key")
    table = {**call.rocketmq.key_values.of(namespace).table, key: call.text("value")}
    pending = Pending(call)
    pending.ask(partial(call.rocketmq.key_values.put, namespace, KeyValues(table=table)))
    pending.all_asked()


def delete_value(call: Call) -> None:
    """Forget a value."""
    authorization.cluster(call, Operation.ALTER_CONFIGS)
    namespace, key = call.text("namespace"), call.text("key")
    kept = call.rocketmq.key_values
    table = {name: value for name, value in kept.of(namespace).table.items() if name != key}
    pending = Pending(call)
    if table:
        pending.ask(partial(kept.put, namespace, KeyValues(table=table)))
    else:
        pending.ask(partial(kept.forget, namespace))
    pending.all_asked()


def value(call: Call) -> None:
    """Return a value."""
    namespace, key = call.text("namespace"), call.text("key")
    found = call.rocketmq.key_values.of(namespace).table.get(key)
    if found is None:
        why = f"No config item, Namespace: {namespace} Key: {key}"
        raise RocketMqError(ResponseCode.QUERY_NOT_FOUND, why)
    call.answer({"value": found})


def values(call: Call) -> None:
    """Return all values of a namespace."""
    namespace = call.text("namespace")
    found = call.rocketmq.key_values.of(namespace).table
    if not found:
        why = f"No config item, Namespace: {namespace}"
        raise RocketMqError(ResponseCode.QUERY_NOT_FOUND, why)
    call.answer(body=tables.encode({"table": found}))


# Whether anybody may write


def forbid_writing(call: Call) -> None:
    """Let no route say that one may send here, until it is allowed again or we start anew."""
    _let_write(call, "wipeTopicCount", allowed=False)


def allow_writing(call: Call) -> None:
    """Let routes say again that one may send here."""
    _let_write(call, "addTopicCount", allowed=True)


def _let_write(call: Call, counted: str, *, allowed: bool) -> None:
    authorization.cluster(call, Operation.ALTER)
    settings = call.rocketmq.settings
    if call.text("brokerName") != settings.broker_name:
        call.answer({counted: 0})
        return
    call.rocketmq.routes_writable = allowed
    call.answer({counted: sum(1 for one in call.broker.topics if not names.is_of_group(one))})


# What a queue has in it


def queue_rows(call: Call) -> None:
    """List messages of a queue, in brief: where each is, how long, the hash of its tag."""
    partition = partition_of(call, Operation.READ)
    first = max(call.number("index", 0), partition.start)
    count = min(call.number("count", 10, at_least=1, at_most=INT_MAX), ROWS_MAX)
    rows = rows_of(call, partition, first, count)
    said = {
        "maxQueueIndex": partition.visible_end,
        "minQueueIndex": partition.start,
        "queueData": rows,
    }
    call.answer(body=tables.encode(said))


CODES = {
    RequestCode.GET_BROKER_CLUSTER_INFO: cluster,
    RequestCode.GET_BROKER_MEMBER_GROUP: brokers_of_a_name,
    RequestCode.GET_BROKER_HA_STATUS: replication,
    RequestCode.GET_BROKER_CONFIG: configuration,
    RequestCode.UPDATE_BROKER_CONFIG: change_configuration,
    RequestCode.GET_NAMESRV_CONFIG: name_server_configuration,
    RequestCode.UPDATE_NAMESRV_CONFIG: change_configuration,
    RequestCode.GET_BROKER_RUNTIME_INFO: runtime,
    RequestCode.VIEW_BROKER_STATS_DATA: statistics,
    RequestCode.QUERY_DATA_VERSION: version_of_data,
    RequestCode.PUT_KV_CONFIG: put_value,
    RequestCode.DELETE_KV_CONFIG: delete_value,
    RequestCode.GET_KV_CONFIG: value,
    RequestCode.GET_KVLIST_BY_NAMESPACE: values,
    RequestCode.WIPE_WRITE_PERM_OF_BROKER: forbid_writing,
    RequestCode.ADD_WRITE_PERM_OF_BROKER: allow_writing,
    RequestCode.QUERY_CONSUME_QUEUE: queue_rows,
}
