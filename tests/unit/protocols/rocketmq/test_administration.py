"""What administrators ask: topics, groups and the broker, made, changed and described."""

import json
import re
from typing import Any

import pytest

from anymq.core.errors import Invalid
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.queue_rows import hash_of
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom

OBJECT_KEY = re.compile(r"\{(\{[^}]*\}):")


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic("t", 2)
    return room


@pytest.fixture
def admin(room: RocketMqRoom) -> RocketMqDialog:
    return room.client()


def told(admin: RocketMqDialog, code: RequestCode, **fields: object) -> Any:
    answer = admin.ask(code, fields)
    assert answer.code == ResponseCode.SUCCESS, answer
    return json.loads(answer.body)


def raw(admin: RocketMqDialog, code: RequestCode, **fields: object) -> str:
    answer = admin.ask(code, fields)
    assert answer.code == ResponseCode.SUCCESS, answer
    return answer.body.decode()


def refusal(
    admin: RocketMqDialog, code: RequestCode, body: bytes = b"", **fields: Any
) -> tuple[int, str]:
    answer = admin.ask(code, fields, body)
    assert answer.code != ResponseCode.SUCCESS
    return answer.code, answer.remark


def make(admin: RocketMqDialog, name: str, **fields: object) -> int:
    fields = {"readQueueNums": 4, "writeQueueNums": 4, "perm": 6, "topic": name, **fields}
    return admin.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, fields).code


def route(admin: RocketMqDialog, topic: str) -> Any:
    return told(admin, RequestCode.GET_ROUTEINFO_BY_TOPIC, topic=topic)["queueDatas"][0]


# Topics


def test_a_topic_is_made_with_so_many_queues(room: RocketMqRoom, admin: RocketMqDialog) -> None:
    assert make(admin, "new") == ResponseCode.SUCCESS
    assert len(room.broker.topic("new").partitions) == 4
    assert told(admin, RequestCode.GET_TOPIC_CONFIG, topic="new") == {
        "topicName": "new",
        "readQueueNums": 4,
        "writeQueueNums": 4,
        "perm": 6,
        "order": False,
        "topicSysFlag": 0,
        "topicFilterType": "SINGLE_TAG",
        "attributes": {},
    }


def test_a_topic_gets_more_queues_and_shows_fewer(
    room: RocketMqRoom, admin: RocketMqDialog
) -> None:
    """Queues are never taken away: what is in them would be lost. Routes show fewer."""
    make(admin, "t", readQueueNums=6, writeQueueNums=6)
    assert len(room.broker.topic("t").partitions) == 6
    make(admin, "t", readQueueNums=6, writeQueueNums=3)
    assert (route(admin, "t")["readQueueNums"], route(admin, "t")["writeQueueNums"]) == (6, 3)
    assert len(room.broker.topic("t").partitions) == 6
    make(admin, "t", readQueueNums=6, writeQueueNums=6)
    assert route(admin, "t")["writeQueueNums"] == 6
    assert "t" not in room.rocketmq.topic_settings  # it is like all others again


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"topic": "a b"}, "illegal characters"),
        ({"topic": ""}, "illegal characters"),
        ({"topic": "SCHEDULE_TOPIC_XXXX"}, "conflict with system topic"),
        ({"topic": "n", "perm": 9}, "perm"),
        ({"topic": "n", "readQueueNums": 0}, "at least one queue"),
        ({"topic": "n", "readQueueNums": "many"}, "no number"),
        ({"topic": "n", "attributes": "message.type=FIFO"}, "attribute format is wrong"),
    ],
)
def test_a_topic_that_makes_no_sense_is_refused(
    admin: RocketMqDialog, fields: dict[str, object], why: str
) -> None:
    fields = {"writeQueueNums": 1, **fields}
    code, remark = refusal(admin, RequestCode.UPDATE_AND_CREATE_TOPIC, b"", **fields)
    assert code == ResponseCode.INVALID_PARAMETER
    assert why in remark


def test_who_may_not_write_is_told_so_and_by_the_route(
    room: RocketMqRoom, admin: RocketMqDialog
) -> None:
    make(admin, "t", readQueueNums=2, writeQueueNums=2, perm=4)
    assert route(admin, "t")["perm"] == 4
    assert admin.send("t").code == ResponseCode.NO_PERMISSION
    make(admin, "t", readQueueNums=2, writeQueueNums=2, perm=2)
    assert admin.send("t").code == ResponseCode.SUCCESS
    assert admin.pull("t").code == ResponseCode.NO_PERMISSION
    make(admin, "t", readQueueNums=2, writeQueueNums=2)
    assert admin.pull("t").code == ResponseCode.SUCCESS


def test_attributes_are_added_and_taken_away(admin: RocketMqDialog) -> None:
    make(admin, "n", attributes="+message.type=FIFO,+a=b")
    make(admin, "n", attributes="-a")
    found = told(admin, RequestCode.GET_TOPIC_CONFIG, topic="n")
    assert found["attributes"] == {"message.type": "FIFO"}


def test_what_is_said_of_topics_is_among_the_definitions(
    room: RocketMqRoom, admin: RocketMqDialog
) -> None:
    """So it is exported and imported with them, and there after a restart."""
    make(admin, "n", perm=4, attributes="+message.type=FIFO")
    [kept] = room.broker.policies.parameters.list("rocketmq-topic")
    assert (kept.name, kept.vhost) == ("n", "/")
    assert kept.value == {"perm": 4, "attributes": {"message.type": "FIFO"}}
    room.broker.policies.put_parameter("/", "rocketmq-topic", "n", {"perm": 6})
    assert told(admin, RequestCode.GET_TOPIC_CONFIG, topic="n")["perm"] == 6
    with pytest.raises(Invalid, match="rocketmq-topic 'n'"):
        room.broker.policies.put_parameter("/", "rocketmq-topic", "n", {"perm": "all"})


def test_several_topics_at_once(room: RocketMqRoom, admin: RocketMqDialog) -> None:
    topics = [
        {"topicName": name, "readQueueNums": 1, "writeQueueNums": 1, "perm": 6} for name in "ab"
    ]
    body = json.dumps({"topicConfigList": topics}).encode()
    assert admin.ask(RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, {}, body).code == 0
    assert {"a", "b"} <= set(room.broker.topics)
    assert refusal(admin, RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, b"{")[0] == 29


def test_a_topic_is_deleted_with_what_was_said_of_it(
    room: RocketMqRoom, admin: RocketMqDialog
) -> None:
    make(admin, "n", perm=4)
    assert admin.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "n"}).code == 0
    assert "n" not in room.broker.topics
    assert "n" not in room.rocketmq.topic_settings
    assert admin.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "n"}).code == 0
    assert admin.ask(RequestCode.DELETE_TOPIC_IN_NAMESRV, {"topic": "n"}).code == 0
    assert refusal(admin, RequestCode.GET_TOPIC_CONFIG, topic="n") == (
        ResponseCode.TOPIC_NOT_EXIST,
        "No topic in this broker. topic: n",
    )


def test_what_is_in_each_queue(admin: RocketMqDialog) -> None:
    """The keys of the map are objects, as RocketMQ writes and its clients read them."""
    admin.send("t", queue=1)
    said = raw(admin, RequestCode.GET_TOPIC_STATS_INFO, topic="t")
    assert '{"brokerName":"anymq","queueId":1,"topic":"t"}:{"lastUpdateTimestamp":' in said
    assert '"maxOffset":1,"minOffset":0}' in said
    code, _ = refusal(admin, RequestCode.GET_TOPIC_STATS_INFO, topic="nowhere")
    assert code == ResponseCode.TOPIC_NOT_EXIST


def test_all_topics_and_a_part_of_them(admin: RocketMqDialog) -> None:
    make(admin, "n")
    found = told(admin, RequestCode.GET_ALL_TOPIC_CONFIG)
    assert set(found["topicConfigTable"]) == {"n", "t"}
    found = told(
        admin, RequestCode.GET_ALL_TOPIC_CONFIG, splitTopicConfig=True, topicSeq=1, maxTopicNum=1
    )
    assert set(found["topicConfigTable"]) == {"t"}
    assert told(admin, RequestCode.GET_TOPICS_BY_CLUSTER, cluster="DefaultCluster") == {
        "topicList": ["n", "t"]
    }
    assert told(admin, RequestCode.GET_TOPICS_BY_CLUSTER, cluster="x") == {"topicList": []}
    assert "TBW102" in told(admin, RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER)["topicList"]


# Groups


def describe(admin: RocketMqDialog, **fields: object) -> int:
    body = json.dumps({"groupName": "g", **fields}).encode()
    return admin.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, body).code


def test_a_group_is_described_and_forgotten(room: RocketMqRoom, admin: RocketMqDialog) -> None:
    assert describe(admin, retryMaxTimes=3) == ResponseCode.SUCCESS
    found = told(admin, RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, group="g")
    assert (found["groupName"], found["retryMaxTimes"]) == ("g", 3)
    assert found["groupRetryPolicy"] == {"type": "CUSTOMIZED"}
    assert room.rocketmq.group_settings.of("g").retry_max_times == 3
    all_of_them = told(admin, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)
    assert list(all_of_them["subscriptionGroupTable"]) == ["g"]
    assert "%RETRY%g" in room.broker.topics
    assert admin.ask(RequestCode.DELETE_SUBSCRIPTIONGROUP, {"groupName": "g"}).code == 0
    assert room.rocketmq.group_settings.of("g").retry_max_times == 16


def test_a_group_that_may_not_consume_does_not(admin: RocketMqDialog) -> None:
    describe(admin, groupName="G", consumeEnable=False)
    admin.send("t")
    assert admin.pull("t", group="G").code == ResponseCode.NO_PERMISSION
    describe(admin, groupName="G")
    assert admin.pull("t", group="G").code == ResponseCode.SUCCESS


@pytest.mark.parametrize(
    "fields", [{"groupName": "a b"}, {"retryQueueNums": 0}, {"retryMaxTimes": -2}]
)
def test_a_group_that_makes_no_sense_is_refused(
    admin: RocketMqDialog, fields: dict[str, object]
) -> None:
    assert describe(admin, **fields) == ResponseCode.INVALID_PARAMETER


def test_how_far_a_group_has_read(admin: RocketMqDialog) -> None:
    admin.send("t", queue=1)
    admin.send("t", queue=1)
    place = {"consumerGroup": "G", "topic": "t", "queueId": 1, "commitOffset": 1}
    admin.ask(RequestCode.UPDATE_CONSUMER_OFFSET, place)
    said = raw(admin, RequestCode.GET_CONSUME_STATS, consumerGroup="G")
    row = said.split('"queueId":1,"topic":"t"}:')[1]
    found = json.loads(row[: row.index("}") + 1])
    assert (found["brokerOffset"], found["consumerOffset"]) == (2, 1)
    assert found["lastTimestamp"] > 0  # when the message came that was read last
    assert told(admin, RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, topic="t") == {"groupList": ["G"]}
    topics = told(admin, RequestCode.QUERY_TOPICS_BY_CONSUMER, group="G")
    assert topics["topicList"] == ["t"]
    spans = told(admin, RequestCode.QUERY_CONSUME_TIME_SPAN, group="G", topic="t")
    behind = [one["delayTime"] for one in spans["consumeTimeSpanSet"]]
    assert behind[0] == 0  # nothing is there
    assert '"t@G":{1:1}' in raw(admin, RequestCode.GET_ALL_CONSUMER_OFFSET)


def test_a_group_stands_where_another_one_does(room: RocketMqRoom, admin: RocketMqDialog) -> None:
    admin.send("t")
    place = {"consumerGroup": "G", "topic": "t", "queueId": 0, "commitOffset": 1}
    admin.ask(RequestCode.UPDATE_CONSUMER_OFFSET, place)
    fields = {"srcGroup": "G", "destGroup": "H", "topic": "t"}
    assert admin.ask(RequestCode.CLONE_GROUP_OFFSET, fields).code == ResponseCode.SUCCESS
    assert room.rocketmq.progress.of("H", "t", 0) == 1


def test_who_is_in_a_group(room: RocketMqRoom, admin: RocketMqDialog) -> None:
    consumer = {
        "groupName": "G",
        "consumeType": "CONSUME_PASSIVELY",
        "messageModel": "BROADCASTING",
        "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET",
        "subscriptionDataSet": [{"topic": "t", "subString": "a || b", "subVersion": 7}],
    }
    beat = {
        "clientID": "c1",
        "consumerDataSet": [consumer],
        "producerDataSet": [{"groupName": "P"}],
    }
    room.client().ask(RequestCode.HEART_BEAT, {}, json.dumps(beat).encode())
    found = told(admin, RequestCode.GET_CONSUMER_CONNECTION_LIST, consumerGroup="G")
    assert [one["clientId"] for one in found["connectionSet"]] == ["c1"]
    assert found["messageModel"] == "BROADCASTING"
    assert found["subscriptionTable"]["t"]["subString"] == "a || b"
    found = told(admin, RequestCode.GET_PRODUCER_CONNECTION_LIST, producerGroup="P")
    assert found["connectionSet"][0]["clientAddr"] == "127.0.0.1:50000"
    assert list(told(admin, RequestCode.GET_ALL_PRODUCER_INFO)["data"]) == ["P"]
    wanted = told(admin, RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER, group="G", topic="t")
    assert wanted["subscriptionData"]["subVersion"] == 7


def test_who_is_in_no_group(admin: RocketMqDialog) -> None:
    code, remark = refusal(admin, RequestCode.GET_CONSUMER_CONNECTION_LIST, consumerGroup="G")
    assert (code, remark) == (206, "the consumer group[G] not online")
    code, _ = refusal(admin, RequestCode.GET_PRODUCER_CONNECTION_LIST, producerGroup="P")
    assert code == ResponseCode.SYSTEM_ERROR


# The broker


def test_the_cluster_is_this_broker(admin: RocketMqDialog) -> None:
    found = told(admin, RequestCode.GET_BROKER_CLUSTER_INFO)
    assert found["clusterAddrTable"] == {"DefaultCluster": ["anymq"]}
    broker = found["brokerAddrTable"]["anymq"]
    assert broker["brokerAddrs"] == {"0": "127.0.0.1:10911"}


def test_what_runs(admin: RocketMqDialog) -> None:
    admin.send("t")
    found = told(admin, RequestCode.GET_BROKER_RUNTIME_INFO)["table"]
    assert (found["brokerActive"], found["msgPutTotalTodayNow"]) == ("true", "1")
    assert all(isinstance(value, str) for value in found.values())


def test_settings_are_told_and_changed_elsewhere(admin: RocketMqDialog) -> None:
    said = raw(admin, RequestCode.GET_BROKER_CONFIG)
    assert "brokerName=anymq\n" in said
    assert "autoCreateTopicEnable=true\n" in said
    code, remark = refusal(admin, RequestCode.UPDATE_BROKER_CONFIG, b"brokerName=x")
    assert (code, "configuration file" in remark) == (ResponseCode.INVALID_PARAMETER, True)


def test_values_by_key(admin: RocketMqDialog) -> None:
    place = {"namespace": "N", "key": "k"}
    assert (
        refusal(admin, RequestCode.GET_KV_CONFIG, b"", **place)[0] == ResponseCode.QUERY_NOT_FOUND
    )
    admin.ask(RequestCode.PUT_KV_CONFIG, {**place, "value": "v"})
    assert admin.ask(RequestCode.GET_KV_CONFIG, place).ext["value"] == "v"
    assert told(admin, RequestCode.GET_KVLIST_BY_NAMESPACE, namespace="N") == {"table": {"k": "v"}}
    admin.ask(RequestCode.DELETE_KV_CONFIG, place)
    assert refusal(admin, RequestCode.GET_KVLIST_BY_NAMESPACE, namespace="N")[0] == 22


def test_a_topic_whose_queues_are_in_order_says_so_in_its_route(admin: RocketMqDialog) -> None:
    fields = {"namespace": "ORDER_TOPIC_CONFIG", "key": "t", "value": "anymq:2"}
    admin.ask(RequestCode.PUT_KV_CONFIG, fields)
    found = told(admin, RequestCode.GET_ROUTEINFO_BY_TOPIC, topic="t")
    assert found["orderTopicConf"] == "anymq:2"


def test_routes_say_that_nobody_writes_until_they_may(admin: RocketMqDialog) -> None:
    wiped = admin.ask(RequestCode.WIPE_WRITE_PERM_OF_BROKER, {"brokerName": "anymq"})
    assert wiped.ext["wipeTopicCount"] == "1"
    assert route(admin, "t")["perm"] == 4
    admin.ask(RequestCode.ADD_WRITE_PERM_OF_BROKER, {"brokerName": "anymq"})
    assert route(admin, "t")["perm"] == 6
    other = admin.ask(RequestCode.WIPE_WRITE_PERM_OF_BROKER, {"brokerName": "other"})
    assert other.ext["wipeTopicCount"] == "0"


def test_messages_of_a_queue_in_brief(admin: RocketMqDialog) -> None:
    admin.send("t", TAGS="red")
    admin.send("t")
    found = told(admin, RequestCode.QUERY_CONSUME_QUEUE, topic="t", queueId=0, index=0, count=5)
    assert [one["tagsCode"] for one in found["queueData"]] == [hash_of("red"), 0]
    assert (found["minQueueIndex"], found["maxQueueIndex"]) == (0, 2)
    assert found["queueData"][0]["physicSize"] > found["queueData"][1]["physicSize"]


def test_hashes_are_those_of_java() -> None:
    hashes = {"": 0, "red": 112785, "TagA": 2598919, "polygenelubricants": -(1 << 31)}
    assert {text: hash_of(text) for text in hashes} == hashes


def test_what_nobody_knows_is_not_supported(admin: RocketMqDialog) -> None:
    admin.say(9999)
    [answer] = admin.frames()
    assert (answer.code, answer.remark) == (3, "request type 9999 not supported")
