"""The names of topics, for who asks the name server."""

import msgspec

from anymq.core.rights.operations import Operation
from anymq.protocols.rocketmq import authorization
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode


def handle(call: Call) -> None:
    """List the topics that the client may know of."""
    visible = [
        name
        for name in call.broker.topics
        if authorization.may_topic(call, Operation.DESCRIBE, name)
    ]
    call.answer(body=msgspec.json.encode({"topicList": sorted(visible)}))


CODES = {RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: handle}
