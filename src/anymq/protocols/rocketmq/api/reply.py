"""Replies: a consumer answers a message that asks for it; the answer goes to who asked.

A request is a message with `REPLY_TO_CLIENT`, the id of a producer. A reply is not stored: it is
pushed over the connection by which that producer sends heartbeats, and is lost if there is none.
"""

from functools import partial

from anymq.core.rights.operations import Operation
from anymq.protocols.rocketmq import authorization, layout, names
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.relaying import Asked
from anymq.protocols.rocketmq.send_request import LONG, SHORT, Fields

PUSHED_AT = "PUSH_REPLY_TIME"


def handle(call: Call) -> None:
    """Reply with the long names of fields."""
    _handle(call, LONG)


def handle_short(call: Call) -> None:
    """Reply with the short ones."""
    _handle(call, SHORT)


def _handle(call: Call, fields: Fields) -> None:
    topic = call.text(fields.topic)
    names.check_sendable(topic)
    authorization.topic(call, Operation.WRITE, topic)
    content = call.text(fields.properties, "")
    said = layout.read_properties(content.encode(errors="surrogateescape"))
    to = said.get(layout.REPLY_TO_CLIENT)
    if to is None:
        call.refuse(
            ResponseCode.SYSTEM_ERROR,
            f"reply message properties[{layout.REPLY_TO_CLIENT}] is null",
        )
        return
    client = call.rocketmq.clients.producer(to)
    channel = client.channel if client is not None else None
    if not isinstance(channel, Asked):
        call.refuse(
            ResponseCode.SYSTEM_ERROR, f"push reply message fail, channel of <{to}> not found."
        )
        return
    properties = layout.write_properties({**said, PUSHED_AT: str(call.now_ms())})
    ext = _pushed(call, fields, topic, properties.decode(errors="surrogateescape"))
    call.later(_nothing)
    answered = partial(_answered, call, to, call.number(fields.queue, 0))
    channel.ask(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, ext, answered, call.body)
    channel.wake()


def _pushed(call: Call, fields: Fields, topic: str, properties: str) -> dict[str, object]:
    peer = call.client.peer
    return {
        "producerGroup": call.text(fields.group, ""),
        "topic": topic,
        "defaultTopic": call.text(fields.default_topic, names.AUTO_CREATE),
        "defaultTopicQueueNums": call.number(fields.default_queues, 4),
        "queueId": call.number(fields.queue, 0),
        "sysFlag": call.number(fields.sys_flag, 0),
        "bornTimestamp": call.number(fields.born, call.now_ms()),
        "flag": call.number(fields.flag, 0),
        "properties": properties,
        "reconsumeTimes": call.number(fields.reconsumed, 0),
        "unitMode": call.flag(fields.unit_mode),
        "bornHost": f"{peer.host}:{peer.port}",
        "storeHost": f"{peer.local_host}:{peer.local_port}",
        "storeTimestamp": call.now_ms(),
    }


def _answered(call: Call, to: str, queue: int, frame: Frame | None) -> None:
    if frame is None or frame.code != ResponseCode.SUCCESS:
        call.refuse(ResponseCode.SYSTEM_ERROR, f"push reply message to {to}fail.")
    else:
        call.answer({"msgId": "0", "queueId": queue, "queueOffset": 0})


def _nothing() -> None:
    """Whoever replied is gone: who asked has the answer all the same."""


CODES = {
    RequestCode.SEND_REPLY_MESSAGE: handle,
    RequestCode.SEND_REPLY_MESSAGE_V2: handle_short,
}
