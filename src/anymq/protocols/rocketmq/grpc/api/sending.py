"""SendMessage, RecallMessage, EndTransaction: what producers do."""

from functools import partial
from zlib import crc32

from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.grpc.call import GrpcCall
from anymq.protocols.rocketmq.grpc.checks import topic_of
from anymq.protocols.rocketmq.grpc.convert import Outgoing, outgoing_of
from anymq.protocols.rocketmq.grpc.definition import (
    Code,
    Message,
    Resolution,
    Resource,
    Source,
    Status,
)
from anymq.protocols.rocketmq.grpc.errors import OK, GrpcRefusal, code_of, status
from anymq.protocols.rocketmq.grpc.inner import Answer
from anymq.protocols.rocketmq.grpc.messages import (
    EndTransactionRequest,
    RecallMessageRequest,
    RecallMessageResponse,
    SendMessageRequest,
    SendMessageResponse,
    SendResultEntry,
    StatusResponse,
)
from anymq.protocols.rocketmq.grpc.method import Method
from anymq.protocols.rocketmq.grpc.orphans import Half, half_of
from anymq.protocols.rocketmq.layout import COMMIT, ROLLBACK, read_message_id

TIMER = "timer message illegal"  # how a refusal begins that is about the time
MESSAGES_MAX = 1024  # of one call
_ENDS = {Resolution.COMMIT: COMMIT, Resolution.ROLLBACK: ROLLBACK}


def on_send(call: GrpcCall, request: SendMessageRequest) -> None:
    """Keep messages, all of one topic; the answer waits for the disk."""
    messages = request.messages
    if not messages or len(messages) > MESSAGES_MAX:
        why = f"between 1 and {MESSAGES_MAX} messages can be sent at once"
        raise GrpcRefusal(Code.MESSAGE_CORRUPTED, why)
    topic = messages[0].topic or Resource()
    name = topic_of(topic)
    if any(one.topic != topic for one in messages):
        raise GrpcRefusal(Code.MESSAGE_CORRUPTED, "topic in message is not same")
    outgoing = [_outgoing(call, one, name) for one in messages]
    entries: list[SendResultEntry | None] = [None] * len(outgoing)

    def sent(index: int, answer: Answer) -> None:
        entries[index] = _entry(outgoing[index], answer)
        if None not in entries:
            done = [one for one in entries if one is not None]
            call.answer(SendMessageResponse(_common(done), done))

    for index, one in enumerate(outgoing):
        _send(call, name, one, partial(sent, index))


def _outgoing(call: GrpcCall, message: Message, name: str) -> Outgoing:
    settings = call.grpc.rocketmq.settings
    return outgoing_of(message, name, str(call.client.peer), settings.message_bytes_max)


def _send(call: GrpcCall, name: str, one: Outgoing, then: "partial[None]") -> None:
    ext = {
        "producerGroup": name,
        "topic": name,
        "queueId": _queue_of(call, name, one.group),
        "sysFlag": one.sys_flag,
        "properties": one.properties,
    }
    call.ask(RequestCode.SEND_MESSAGE, ext, then, one.body)


def _queue_of(call: GrpcCall, name: str, group: str) -> int:
    """Messages of a group are in one queue, others anywhere."""
    if not group:
        return -1
    rocketmq = call.grpc.rocketmq
    topic = rocketmq.broker.topics.get(name)
    count = rocketmq.settings.queues if topic is None else len(topic.partitions)
    return crc32(group.encode()) % count


def _entry(sent: Outgoing, answer: Answer) -> SendResultEntry:
    if answer.code:
        why = answer.remark or f"response code {answer.code}"
        return SendResultEntry(status(_refused(answer), why))
    offset = answer.number("queueOffset")
    return SendResultEntry(
        OK,
        sent.message_id,
        _transaction_id(sent, answer, offset) if sent.is_transaction else "",
        offset,
        answer.text("recallHandle"),
    )


def _refused(answer: Answer) -> Code:
    if answer.code == ResponseCode.MESSAGE_ILLEGAL and answer.remark.startswith(TIMER):
        return Code.ILLEGAL_DELIVERY_TIME
    return code_of(answer.code)


def _transaction_id(sent: Outgoing, answer: Answer, offset: int) -> str:
    place = read_message_id(answer.text("msgId"))
    own_id = answer.text("transactionId") or sent.message_id
    return str(Half(offset, place[1] if place is not None else 0, own_id))


def _common(entries: list[SendResultEntry]) -> Status:
    """Return what is true of all."""
    first = entries[0].status or OK
    if any((one.status or OK).code != first.code for one in entries):
        return status(Code.MULTIPLE_RESULTS)
    return first


def on_end_transaction(call: GrpcCall, request: EndTransactionRequest) -> None:
    """Have a message seen, or forgotten."""
    name = topic_of(request.topic)
    if not request.transaction_id.strip():
        raise GrpcRefusal(Code.INVALID_TRANSACTION_ID, "transaction id cannot be empty")
    half = half_of(request.transaction_id)
    ext = {
        "topic": name,
        "producerGroup": name,
        "tranStateTableOffset": half.table_offset,
        "commitLogOffset": half.log_offset,
        "commitOrRollback": _ENDS.get(Resolution(request.resolution), 0)
        if request.resolution in set(Resolution)
        else 0,
        "fromTransactionCheck": request.source == Source.SERVER_CHECK,
        "msgId": request.message_id,
        "transactionId": half.own_id,
    }

    def ended(answer: Answer) -> None:
        if answer.code:
            call.refuse_as(answer)
        else:
            call.answer(StatusResponse(OK))

    call.ask(RequestCode.END_TRANSACTION, ext, ended)


def on_recall(call: GrpcCall, request: RecallMessageRequest) -> None:
    """Take back a message whose time has not come."""
    name = topic_of(request.topic)
    ext = {"producerGroup": name, "topic": name, "recallHandle": request.recall_handle}

    def recalled(answer: Answer) -> None:
        if answer.code:
            call.refuse_as(answer)
        else:
            call.answer(RecallMessageResponse(OK, answer.text("msgId")))

    call.ask(RequestCode.RECALL_MESSAGE, ext, recalled)


METHODS = {
    "SendMessage": Method(SendMessageRequest, SendMessageResponse, on_send, sends=True),
    "EndTransaction": Method(EndTransactionRequest, StatusResponse, on_end_transaction),
    "RecallMessage": Method(RecallMessageRequest, RecallMessageResponse, on_recall),
}
