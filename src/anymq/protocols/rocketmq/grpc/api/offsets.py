"""UpdateOffset, GetOffset, QueryOffset: how far groups have read, where queues begin and end."""

from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.grpc.call import GrpcCall
from anymq.protocols.rocketmq.grpc.checks import group_of, topic_of
from anymq.protocols.rocketmq.grpc.definition import Code, MessageQueue, OffsetPolicy
from anymq.protocols.rocketmq.grpc.errors import OK, GrpcRefusal
from anymq.protocols.rocketmq.grpc.inner import Answer
from anymq.protocols.rocketmq.grpc.messages import (
    GetOffsetRequest,
    OffsetResponse,
    QueryOffsetRequest,
    StatusResponse,
    UpdateOffsetRequest,
)
from anymq.protocols.rocketmq.grpc.method import Method


def _about(queue: MessageQueue | None) -> dict[str, object]:
    queue = queue or MessageQueue()
    return {"topic": topic_of(queue.topic), "queueId": queue.id}


def on_update(call: GrpcCall, request: UpdateOffsetRequest) -> None:
    """Keep how far a group has read."""
    if request.offset < 0:
        raise GrpcRefusal(Code.ILLEGAL_OFFSET, "an offset is not negative")
    ext = _about(request.message_queue)
    ext |= {"consumerGroup": group_of(request.group), "commitOffset": request.offset}

    def kept(answer: Answer) -> None:
        if answer.code:
            call.refuse_as(answer)
        else:
            call.answer(StatusResponse(OK))

    call.ask(RequestCode.UPDATE_CONSUMER_OFFSET, ext, kept)


def on_get(call: GrpcCall, request: GetOffsetRequest) -> None:
    """Say how far a group has read."""
    ext = _about(request.message_queue)
    ext |= {"consumerGroup": group_of(request.group), "setZeroIfNotFound": False}
    _answer_offset(call, RequestCode.QUERY_CONSUMER_OFFSET, ext)


def on_query(call: GrpcCall, request: QueryOffsetRequest) -> None:
    """Say where a queue begins, ends, or was at a time."""
    ext = _about(request.message_queue)
    policy = request.query_offset_policy
    if policy == OffsetPolicy.TIMESTAMP:
        if request.timestamp is None:
            raise GrpcRefusal(Code.BAD_REQUEST, "the timestamp is missing")
        ext["timestamp"] = request.timestamp.ms
        _answer_offset(call, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, ext)
    elif policy == OffsetPolicy.END:
        _answer_offset(call, RequestCode.GET_MAX_OFFSET, ext)
    else:
        _answer_offset(call, RequestCode.GET_MIN_OFFSET, ext)


def _answer_offset(call: GrpcCall, code: RequestCode, ext: dict[str, object]) -> None:
    def found(answer: Answer) -> None:
        if answer.code:
            call.refuse_as(answer)
        else:
            call.answer(OffsetResponse(OK, answer.number("offset")))

    call.ask(code, ext, found)


METHODS = {
    "UpdateOffset": Method(UpdateOffsetRequest, StatusResponse, on_update),
    "GetOffset": Method(GetOffsetRequest, OffsetResponse, on_get),
    "QueryOffset": Method(QueryOffsetRequest, OffsetResponse, on_query),
}
