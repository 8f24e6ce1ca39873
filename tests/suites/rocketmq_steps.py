"""A session with mqadmin: what each command must say. The order matters."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and what it must say (regular expressions).

    NS stands for the name server, BR for the broker's address, NAME for its name, HOME for a
    folder.
    """

    command: str
    says: tuple[str, ...] = ()


def steps() -> list[Step]:
    """Return the session."""
    return [*_topics(), *_messages(), *_groups(), *_broker(), *_policies(), *_goodbye()]


def _topics() -> list[Step]:
    return [
        Step("clusterList -n NS", (r"DefaultCluster\s+NAME\s+0\s+BR",)),
        Step(
            "updateTopic -n NS -c DefaultCluster -t one -r 4 -w 4", ("create topic to BR success",)
        ),
        Step(
            "updateTopic -n NS -b BR -t two -r 2 -w 2 -a +message.type=FIFO",
            ("create topic to BR success",),
        ),
        Step("updateTopic -n NS -b BR -t bad!name", ("CODE: 29", "illegal characters")),
        Step("updateTopic -n NS -b BR -t one -r 6 -w 6", ("success",)),
        Step("topicList -n NS", (r"(?m)^one$", r"(?m)^two$")),
        Step("topicList -n NS -c DefaultCluster", (r"DefaultCluster\s+one\b",)),
        Step("topicRoute -n NS -t one", ('"readQueueNums":6', '"writeQueueNums":6', '"perm":6')),
        Step("topicRoute -n NS -t nosuch", ("CODE: 17",)),
        Step("topicStatus -n NS -t one", (r"NAME\s+5\s+0\s+0\b",)),
        Step("topicClusterList -n NS -t one", ("DefaultCluster",)),
        Step("updateTopicPerm -n NS -b BR -t two -p 4", ("update topic perm from 6 to 4",)),
        Step("topicRoute -n NS -t two", ('"perm":4',)),
        Step("updateTopicPerm -n NS -b BR -t two -p 6", ("update topic perm from 4 to 6",)),
        Step("updateOrderConf -n NS -t one -v NAME:4 -m put", ("success",)),
        Step("updateOrderConf -n NS -t one -m get", (r"orderConf=\[NAME:4\]",)),
        Step("updateOrderConf -n NS -t one -m delete", ("success",)),
        Step("allocateMQ -n NS -t one -i a,b", (r'"a":\[', r'"b":\[')),
    ]


def _messages() -> list[Step]:
    return [
        Step("sendMessage -n NS -t one -p hello -k key1 -c red", (r"NAME\s+\d\s+SEND_OK",)),
        Step("checkMsgSendRT -n NS -t one -a 6 -s 10", (r"NAME\s+\d\s+true", "Avg RT")),
        Step("queryMsgByKey -n NS -t one -k key1", (r"[0-9A-F]{32,}\s+\d\s+0",)),
        Step("queryMsgByOffset -n NS -t two -b NAME -i 0 -o 0", ()),
        Step("printMsg -n NS -t one", (r"MSGID: [0-9A-F]{32,}", "BODY: hello")),
        Step("consumeMessage -n NS -t one", ("Consume ok", "BODY: hello")),
        Step("queryCq -n NS -b BR -t one -q 0 -i 0", (r"max: \d+, min: 0", "physicSize=")),
        Step("statsAll -n NS -t one", (r"one\s",)),
    ]


def _groups() -> list[Step]:
    return [
        Step(
            "updateSubGroup -n NS -b BR -g group -r 3", ("create subscription group to BR success",)
        ),
        Step("getConsumerConfig -n NS -g group", (r"retryMaxTimes\s+=\s+3",)),
        Step("consumerProgress -n NS", (r"#Diff Total",)),
        Step("consumerConnection -n NS -g group", (r"CODE: \d+",)),
        Step("producerConnection -n NS -g group -t one", ("not exist",)),
        Step("producer -n NS -b BR"),
        Step("brokerConsumeStats -n NS -b BR", ("Diff Total",)),
        Step("deleteSubGroup -n NS -b BR -g group -r true", ("success",)),
    ]


def _broker() -> list[Step]:
    return [
        Step("brokerStatus -n NS -b BR", (r"brokerActive\s+: true", r"putTps\s+: \d")),
        Step("getBrokerConfig -n NS -b BR", (r"brokerName\s+=\s+NAME", "brokerClusterName")),
        Step("getNamesrvConfig -n NS", ("enableAllTopicList",)),
        Step("updateKvConfig -n NS -s space -k a -v b", ("success",)),
        Step("deleteKvConfig -n NS -s space -k a", ("success",)),
        Step("wipeWritePerm -n NS -b NAME", (r"wipe write perm of broker\[NAME\].*OK, \d",)),
        Step("topicRoute -n NS -t two", ('"perm":4',)),
        Step("addWritePerm -n NS -b NAME", (r"add write perm of broker\[NAME\].*OK, \d",)),
        Step("haStatus -n NS -b BR", ("#SlaveNum\t0",)),
        Step("cleanUnusedTopic -n NS -b BR", ("success",)),
        Step("cleanExpiredCQ -n NS -b BR", ("success",)),
        Step("deleteExpiredCommitLog -n NS -b BR", ("success",)),
        Step("exportMetadata -n NS -b BR -f HOME"),
        Step("exportConfigs -n NS -c DefaultCluster -f HOME", ("success",)),
        Step("exportMetrics -n NS -c DefaultCluster -f HOME", ("success",)),
    ]


def _policies() -> list[Step]:
    return []


def _goodbye() -> list[Step]:
    return [
        Step("deleteTopic -n NS -c DefaultCluster -t two", ("success",)),
        Step("topicRoute -n NS -t two", ("CODE: 17",)),
    ]
