"""Recall: a producer takes back a message that is not due yet."""

from anymq.core.rights.operations import Operation
from anymq.protocols.rocketmq import authorization
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import RocketMqError


def handle(call: Call) -> None:
    """Take it back; the answer waits until a crash could not bring it back again."""
    topic = call.text("topic")
    authorization.topic(call, Operation.WRITE, topic)
    if not call.rocketmq.making.is_there(topic):
        raise RocketMqError(
            ResponseCode.TOPIC_NOT_EXIST, f"recall failed, the topic[{topic}] not exist"
        )

    def done(message_id: str, error: Exception | None) -> None:
        if error is not None:
            call.fail(error)
        else:
            call.answer({"msgId": message_id, "MSG_REGION": "DefaultRegion"})

    call.later()
    call.rocketmq.delaying.recall(topic, call.text("recallHandle"), done)


CODES = {RequestCode.RECALL_MESSAGE: handle}
