"""AckMessage, ChangeInvisibleDuration, ForwardMessageToDeadLetterQueue: what became of messages."""

from functools import partial

from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.grpc.call import GrpcCall
from anymq.protocols.rocketmq.grpc.checks import group_of, topic_of
from anymq.protocols.rocketmq.grpc.definition import Code, Status
from anymq.protocols.rocketmq.grpc.errors import OK, GrpcRefusal, code_of, status
from anymq.protocols.rocketmq.grpc.handles import about, handle_of
from anymq.protocols.rocketmq.grpc.inner import Answer
from anymq.protocols.rocketmq.grpc.messages import (
    AckMessageRequest,
    AckMessageResponse,
    AckMessageResultEntry,
    ChangeInvisibleDurationRequest,
    ChangeInvisibleDurationResponse,
    ForwardMessageToDeadLetterQueueRequest,
    StatusResponse,
)
from anymq.protocols.rocketmq.grpc.method import Method

ENTRIES_MAX = 1024
INVISIBLE_MS_MAX = 12 * 3600 * 1000
DEAD = -1  # the level of a delay that never ends
# Who has no such message any more: it took too long, or settled it before.
NOT_LENT = frozenset(
    (ResponseCode.NO_MESSAGE, ResponseCode.INVALID_PARAMETER, ResponseCode.MESSAGE_ILLEGAL)
)


def on_ack(call: GrpcCall, request: AckMessageRequest) -> None:
    """Messages are dealt with."""
    name, group = topic_of(request.topic), group_of(request.group)
    said = request.entries
    if not 0 < len(said) <= ENTRIES_MAX:
        raise GrpcRefusal(Code.BAD_REQUEST, f"between 1 and {ENTRIES_MAX} entries, please")
    results = [AckMessageResultEntry(one.message_id, one.receipt_handle) for one in said]
    waiting = set(range(len(said)))

    def acked(index: int, result: Status) -> None:
        results[index].status = result
        waiting.discard(index)
        if not waiting:
            call.answer(AckMessageResponse(_common(results), results))

    for index, one in enumerate(said):
        _ack(call, name, group, one.receipt_handle, partial(acked, index))


def _ack(call: GrpcCall, name: str, group: str, text: str, then: "partial[None]") -> None:
    try:
        handle = handle_of(call.client.renewals.end(text))
    except GrpcRefusal as error:
        then(status(error.code, str(error)))
        return
    ext = about(handle, name, group)
    call.ask(RequestCode.ACK_MESSAGE, ext, lambda answer: then(_status_of(answer)))


def _status_of(answer: Answer) -> Status:
    if answer.code == ResponseCode.SUCCESS:
        return OK
    if answer.code in NOT_LENT:
        why = answer.remark or "the message is not lent by this handle any more"
        return status(Code.INVALID_RECEIPT_HANDLE, why)
    return status(code_of(answer.code), answer.remark)


def _common(results: list[AckMessageResultEntry]) -> Status:
    codes = {(one.status or OK).code for one in results}
    if len(codes) > 1:
        return status(Code.MULTIPLE_RESULTS)
    return results[0].status or OK


def on_change(call: GrpcCall, request: ChangeInvisibleDurationRequest) -> None:
    """A message is needed for longer, or wanted again after a pause."""
    name, group = topic_of(request.topic), group_of(request.group)
    ms = 0 if request.invisible_duration is None else request.invisible_duration.ms
    if not 0 <= ms <= INVISIBLE_MS_MAX:
        why = f"the invisible duration must be within 0..{INVISIBLE_MS_MAX} ms"
        raise GrpcRefusal(Code.ILLEGAL_INVISIBLE_TIME, why)
    handle = handle_of(call.client.renewals.end(request.receipt_handle))

    def changed(answer: Answer) -> None:
        if answer.code:
            call.answer(ChangeInvisibleDurationResponse(_status_of(answer)))
        else:
            call.answer(ChangeInvisibleDurationResponse(OK, handle.renewed(answer)))

    ext = about(handle, name, group) | {"invisibleTime": ms}
    call.ask(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, ext, changed)


def on_dead(call: GrpcCall, request: ForwardMessageToDeadLetterQueueRequest) -> None:
    """Nobody of the group can deal with a message."""
    name, group = topic_of(request.topic), group_of(request.group)
    handle = handle_of(call.client.renewals.end(request.receipt_handle))
    ext = {
        "group": group,
        "offset": handle.physical_offset,
        "delayLevel": DEAD,
        "originMsgId": request.message_id,
        "originTopic": handle.topic(name, group),
        "maxReconsumeTimes": 0,
    }

    def buried(answer: Answer) -> None:
        if answer.code:
            call.refuse_as(answer)
        else:
            _ack(call, name, group, handle.text, partial(_buried, call))

    call.ask(RequestCode.CONSUMER_SEND_MSG_BACK, ext, buried)


def _buried(call: GrpcCall, _: Status) -> None:
    """It is among the dead: whether it was still lent does not matter."""
    call.answer(StatusResponse(OK))


METHODS = {
    "AckMessage": Method(AckMessageRequest, AckMessageResponse, on_ack),
    "ChangeInvisibleDuration": Method(
        ChangeInvisibleDurationRequest, ChangeInvisibleDurationResponse, on_change
    ),
    "ForwardMessageToDeadLetterQueue": Method(
        ForwardMessageToDeadLetterQueueRequest, StatusResponse, on_dead
    ),
}
