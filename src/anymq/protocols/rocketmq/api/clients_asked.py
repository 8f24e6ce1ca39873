"""What administrators ask of consumers: what they do, what they would do with a message."""

from collections.abc import Callable
from functools import partial

from anymq.core.rights.operations import Operation
from anymq.core.streams.clients import Member
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.protocols.rocketmq import authorization, layout, relaying, tables
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.convert import Pulled
from anymq.protocols.rocketmq.errors import RocketMqError
from anymq.protocols.rocketmq.relaying import Asked


def running_info(call: Call) -> None:
    """Have a consumer say what it does."""
    group = call.text("consumerGroup")
    authorization.group(call, Operation.DESCRIBE, group)
    relaying.relay(call, group, call.text("clientId", ""))


def consume_directly(call: Call) -> None:
    """Have a consumer consume one message now, and say how that went."""
    group = call.text("consumerGroup")
    authorization.group(call, Operation.READ, group)
    relaying.relay(call, group, call.text("clientId", ""), _message(call, call.text("msgId")))


def _message(call: Call, message_id: str) -> bytes:
    """Return the message of this id, as clients pull it."""
    read = layout.read_message_id(message_id)
    if read is not None:
        log_id, offset = layout.place_of(read[1])
        partition = _partition_of(call, log_id)
        if partition is not None and partition.start <= offset < partition.visible_end:
            authorization.topic(call, Operation.READ, partition.topic_name)
            teller = call.rocketmq.teller(partition.topic_name, call.client.store_host)
            pulled = Pulled(teller, partition.index, log_id)
            Reader(partition, offset, call.rocketmq.unpacked).read(1, 1, pulled.take)
            if pulled.parts:
                return b"".join(pulled.parts)
    raise RocketMqError(ResponseCode.SYSTEM_ERROR, f"no message has the id {message_id[:64]}")


def _partition_of(call: Call, log_id: int) -> Partition | None:
    for topic in call.broker.topics.values():
        for partition in topic.partitions:
            if partition.log.id == log_id:
                return partition
    return None


def status(call: Call) -> None:
    """Ask consumers how far they are with a topic, and put it together."""
    group, topic = call.text("group"), call.text("topic")
    authorization.group(call, Operation.DESCRIBE, group)
    found = call.rocketmq.clients.consumers.get(group)
    wanted = call.text("clientAddr", "")
    members = [
        one
        for one in (found.members.values() if found is not None else ())
        if wanted in ("", one.client.id) and isinstance(one.client.channel, Asked)
    ]
    if not members:
        call.refuse(
            ResponseCode.SYSTEM_ERROR, f"No Any Consumer online in the consumer group: [{group}]"
        )
        return
    call.later(_nothing)
    _Asking(members, partial(_told, call)).ask({"topic": topic, "group": group})


class _Asking:
    """Several are asked the same, and all of them have answered, or never will."""

    def __init__(self, members: list[Member], then: Callable[[dict[str, bytes]], None]) -> None:
        self._waiting = {id(one): one for one in members}
        self._then = then
        self._said: dict[str, bytes] = {}  # by client id

    def ask(self, ext: dict[str, object]) -> None:
        for key, one in list(self._waiting.items()):
            channel = one.client.channel
            assert isinstance(channel, Asked)
            channel.ask(
                RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, ext, partial(self._answered, key)
            )
            channel.wake()

    def _answered(self, key: int, frame: Frame | None) -> None:
        member = self._waiting.pop(key)
        if frame is not None and frame.code == ResponseCode.SUCCESS and frame.body:
            self._said[member.client.id] = frame.body
        if not self._waiting:
            self._then(self._said)


def _told(call: Call, said: dict[str, bytes]) -> None:
    """Put it together: each of them is an object whose keys are objects, so it is left as it is."""
    tables_said = b",".join(
        tables.encode(client_id) + b":" + _table_of(body) for client_id, body in said.items()
    )
    call.answer(body=b'{"consumerTable":{%s},"messageQueueTable":{}}' % tables_said)


_TABLE = b'"messageQueueTable":'


def _table_of(body: bytes) -> bytes:
    """Return the value of the table in `{"consumerTable":{},"messageQueueTable":{…}}`."""
    at = body.find(_TABLE)
    if at < 0:
        return b"{}"
    depth, start = 0, at + len(_TABLE)
    for index in range(start, len(body)):
        depth += (body[index] == 0x7B) - (body[index] == 0x7D)
        if depth == 0 and index > start:
            return body[start : index + 1]
    return b"{}"


def _nothing() -> None:
    """Whoever asked is gone."""


CODES = {
    RequestCode.GET_CONSUMER_RUNNING_INFO: running_info,
    RequestCode.CONSUME_MESSAGE_DIRECTLY: consume_directly,
    RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS: status,
}
