"""Queues for oneself, which consumers lock before they read them in order."""

from collections.abc import Sequence

import msgspec

from anymq.core.rights.operations import Operation
from anymq.protocols.rocketmq import authorization, names
from anymq.protocols.rocketmq.api.membership import CLIENT_ID_MAX
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.errors import BadRequest


class _Queue(msgspec.Struct, rename="camel", frozen=True):
    topic: str
    queue_id: int
    broker_name: str = ""


class _Queues(msgspec.Struct, rename="camel"):
    consumer_group: str
    client_id: str
    mq_set: list[_Queue] = []


_queues = msgspec.json.Decoder(_Queues, strict=False)


def lock(call: Call) -> None:
    """Lock what nobody else of the group has; what is not there nobody gets."""
    said = _read(call)
    wanted = {(one.topic, one.queue_id): one for one in _there(call, said)}
    locks = call.broker.groups.queue_locks
    locked = locks.lock(said.consumer_group, said.client_id, wanted)
    told = [msgspec.to_builtins(wanted[one]) for one in locked]
    call.answer(body=msgspec.json.encode({"lockOKMQSet": told}))


def unlock(call: Call) -> None:
    """Let others have them."""
    said = _read(call)
    queues = [(one.topic, one.queue_id) for one in said.mq_set]
    call.broker.groups.queue_locks.unlock(said.consumer_group, said.client_id, queues)
    call.answer()


def _read(call: Call) -> _Queues:
    try:
        said = _queues.decode(call.body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise BadRequest(f"a lock that cannot be read: {error}") from None
    names.check_group(said.consumer_group)
    if len(said.client_id) > CLIENT_ID_MAX:
        raise BadRequest("the id of a client is too long")
    authorization.group(call, Operation.READ, said.consumer_group)
    return said


def _there(call: Call, said: _Queues) -> Sequence[_Queue]:
    """Return the queues that there are and that the client may read."""
    topics, found = call.broker.topics, []
    for one in said.mq_set:
        topic = topics.get(one.topic)
        if topic is not None and 0 <= one.queue_id < len(topic.partitions):
            authorization.topic(call, Operation.READ, one.topic)
            found.append(one)
    return found


CODES = {RequestCode.LOCK_BATCH_MQ: lock, RequestCode.UNLOCK_BATCH_MQ: unlock}
