"""ReceiveMessage, PullMessage: how consumers get messages: lent, or read."""

from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.grpc.call import GrpcCall
from anymq.protocols.rocketmq.grpc.checks import group_of, topic_of
from anymq.protocols.rocketmq.grpc.convert import message_of
from anymq.protocols.rocketmq.grpc.definition import (
    Code,
    Duration,
    FilterExpression,
    FilterType,
    MessageQueue,
    Resource,
    timestamp_of,
)
from anymq.protocols.rocketmq.grpc.errors import OK, GrpcRefusal, code_of, status
from anymq.protocols.rocketmq.grpc.handles import Lent
from anymq.protocols.rocketmq.grpc.inner import Answer
from anymq.protocols.rocketmq.grpc.manners import LONG_POLLING_MS
from anymq.protocols.rocketmq.grpc.messages import (
    PullMessageRequest,
    PullMessageResponse,
    ReceiveMessageRequest,
    ReceiveMessageResponse,
)
from anymq.protocols.rocketmq.grpc.method import Method
from anymq.protocols.rocketmq.layout import read_messages

BATCH_MAX = 32  # messages that POP lends at once
INVISIBLE_MS_MAX = 12 * 3600 * 1000
RENEWED_MS = 60_000  # of those whose time we extend while the consumer is there
MARGIN_MS = 500  # before the client's own time is up, so that it hears of it
OWED_BYTES_MAX = 32 << 20  # that a client has asked for and does not take
NOTHING = frozenset(
    (
        ResponseCode.POLLING_TIMEOUT,
        ResponseCode.PULL_NOT_FOUND,
        ResponseCode.PULL_RETRY_IMMEDIATELY,
        ResponseCode.NO_MESSAGE,
    )
)
FROM_END = 1  # where a group begins that is new, unless nothing was deleted yet
SUSPEND, SUBSCRIPTION = 2, 4  # sysFlag of a pull


# Lent

# Simple consumers go around the queues, and would wait at empty ones. Only push consumers, whose
# leases are renewed, keep to those they are given.
ANY = -1


def on_receive(call: GrpcCall, request: ReceiveMessageRequest) -> None:
    """Lend messages; wait for some, if there are none."""
    queue = request.message_queue or MessageQueue()
    topic, group = queue.topic or Resource(), group_of(request.group)
    name, in_order = topic_of(topic), call.grpc.is_ordered(group_of(request.group))
    if call.owed_bytes > OWED_BYTES_MAX:
        raise GrpcRefusal(Code.TOO_MANY_REQUESTS, "what was asked for before is not taken")
    kind, expression = _filter(request.filter_expression)
    ext = {
        "consumerGroup": group,
        "topic": name,
        "queueId": queue.id if in_order and request.auto_renew else ANY,
        "maxMsgNums": max(1, min(request.batch_size, BATCH_MAX)),
        "invisibleTime": _invisible_ms(request),
        "pollTime": _poll_ms(call, request.long_polling_timeout),
        "bornTime": call.grpc.rocketmq.broker.clock.wall_ms(),
        "initMode": FROM_END,
        "expType": kind,
        "exp": expression,
        "order": in_order,
        "attemptId": request.attempt_id,
    }

    def popped(answer: Answer) -> None:
        if answer.code:
            _say_nothing(call, answer)
        else:
            _lend(call, topic, answer, renewed=group if request.auto_renew else "")

    call.ask(RequestCode.POP_MESSAGE, ext, popped)


def _invisible_ms(request: ReceiveMessageRequest) -> int:
    said = request.invisible_duration
    if request.auto_renew:
        return RENEWED_MS
    ms = 0 if said is None else said.ms
    if not 0 < ms <= INVISIBLE_MS_MAX:
        why = f"the invisible duration must be within 1..{INVISIBLE_MS_MAX} ms"
        raise GrpcRefusal(Code.ILLEGAL_INVISIBLE_TIME, why)
    return ms


def _poll_ms(call: GrpcCall, said: Duration | None) -> int:
    """Return how long to wait: as long as the client wants to, and does."""
    wanted = LONG_POLLING_MS if said is None else min(max(said.ms, 0), LONG_POLLING_MS)
    patience = call.timeout_ms
    if patience is None:
        return wanted
    return int(max(0, min(wanted, patience - MARGIN_MS)))


def _filter(said: FilterExpression | None) -> tuple[str, str]:
    if said is None:
        return "TAG", "*"
    kind = "SQL92" if said.type == FilterType.SQL else "TAG"
    return kind, said.expression or "*"


def _lend(call: GrpcCall, topic: Resource, answer: Answer, *, renewed: str) -> None:
    grpc = call.grpc
    lent = Lent(answer, grpc.rocketmq.settings.broker_name)
    call.say(ReceiveMessageResponse(status=OK))
    for stored in read_messages(answer.body):
        handle = lent.handle(stored)
        call.say(ReceiveMessageResponse(message=message_of(stored, topic, handle)))
        if renewed:
            call.client.renewals.add(renewed, topic.name, handle, RENEWED_MS)
    _end(call)


def _say_nothing(call: GrpcCall, answer: Answer) -> None:
    if answer.code in NOTHING:
        call.say(ReceiveMessageResponse(status=status(Code.MESSAGE_NOT_FOUND, "no new message")))
    else:
        call.say(ReceiveMessageResponse(status=status(code_of(answer.code), answer.remark)))
    _end(call)


def _end(call: GrpcCall) -> None:
    now = timestamp_of(call.grpc.rocketmq.broker.clock.wall_ms())
    call.say(ReceiveMessageResponse(delivery_timestamp=now))
    call.finish()


# Read


def on_pull(call: GrpcCall, request: PullMessageRequest) -> None:
    """Give messages of one queue from an offset on; wait for some, if there are none."""
    queue = request.message_queue or MessageQueue()
    topic, group = queue.topic or Resource(), group_of(request.group)
    kind, expression = _filter(request.filter_expression)
    ext = {
        "consumerGroup": group,
        "topic": topic_of(topic),
        "queueId": queue.id,
        "queueOffset": request.offset,
        "maxMsgNums": max(1, request.batch_size),
        "sysFlag": SUSPEND | SUBSCRIPTION,
        "suspendTimeoutMillis": _poll_ms(call, request.long_polling_timeout),
        "subscription": expression,
        "expressionType": kind,
    }

    def pulled(answer: Answer) -> None:
        if answer.code in NOTHING:
            call.say(PullMessageResponse(status=status(Code.MESSAGE_NOT_FOUND, "no new message")))
        elif answer.code:
            call.say(PullMessageResponse(status=status(code_of(answer.code), answer.remark)))
        else:
            call.say(PullMessageResponse(status=OK))
            for stored in read_messages(answer.body):
                call.say(PullMessageResponse(message=message_of(stored, topic)))
        call.say(PullMessageResponse(next_offset=answer.number("nextBeginOffset", request.offset)))
        call.finish()

    call.ask(RequestCode.PULL_MESSAGE, ext, pulled)


METHODS = {
    "ReceiveMessage": Method(ReceiveMessageRequest, ReceiveMessageResponse, on_receive),
    "PullMessage": Method(PullMessageRequest, PullMessageResponse, on_pull),
}
