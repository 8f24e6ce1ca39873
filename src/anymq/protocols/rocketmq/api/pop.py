"""POP: messages are lent, acked, kept for longer; who asks waits when there are none.

What is lent has a handle ("extra info"), which the client makes of the answer:

    first offset of the queue · pop time · invisible time · revive queue · kind of topic · broker
    · queue · offset

The pop time alone says which loan it is: no other has the same (core/shares/pops.py).
"""

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence

import msgspec

from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.core.shares.places import Spot
from anymq.core.shares.pops import Pop
from anymq.protocols.rocketmq import authorization, names, popping
from anymq.protocols.rocketmq.call import INT_MAX, LONG_MAX, Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import BadRequest, Denied, NoTopic, RocketMqError
from anymq.protocols.rocketmq.filters import ALL, TAG
from anymq.protocols.rocketmq.popping import Catch, PopWish, Waiting
from anymq.protocols.rocketmq.subscriptions import passes_of

IN_ORDER_QUEUE, ANY_QUEUE = 999, 0  # "revive queues", which we have none of
NORMAL, RETRY, RETRY_V2 = "0", "1", "2"  # kinds of topics
MIN = 0  # where a group begins that is new; else at the end
ACKS_MAX = 65_536  # in one request
HANDLE_PARTS_MIN = 2


def pop(call: Call) -> None:
    """Lend messages; wait for some when there are none."""
    group, topic = _group(call), call.text("topic")
    spot = spot_of(call, topic)
    wish = _wish(call, group, spot)
    call.rocketmq.graves.hold_for(group)
    _Pop(call, topic, wish).start()


def _group(call: Call) -> str:
    """Return the group, if the client may consume for it."""
    group = call.text("consumerGroup")
    names.check_group(group)
    authorization.group(call, Operation.READ, group)
    if not call.rocketmq.group_settings.of(group).consume_enable:
        raise Denied(f"subscription group no permission, {group}")
    return group


def spot_of(call: Call, name: str) -> Spot:
    """Return the topic or queue, if the client may read it."""
    authorization.topic(call, Operation.READ, name)
    spot = call.broker.shares.spots.find(name)
    if spot is None:
        raise NoTopic(name)
    if not call.rocketmq.topic_settings.of(name).is_readable:
        raise Denied(f"the topic[{name}] peeking message is forbidden")
    return spot


def _wish(call: Call, group: str, spot: Spot) -> PopWish:
    settings = call.rocketmq.settings
    passes = None
    expression = call.text("exp", ALL) or ALL
    if expression != ALL:
        passes = passes_of(expression, call.text("expType", TAG))
    if passes is not None and spot.queue is not None:
        raise RocketMqError(
            ResponseCode.SUBSCRIPTION_PARSE_FAILED,
            f"{spot.name} is a queue: whoever pops takes what comes, without a filter",
        )
    return PopWish(
        group=group,
        spot=spot,
        queue=_queue(call, spot),
        most=call.number("maxMsgNums", 1, at_least=1, at_most=settings.pop_messages_max),
        invisible_ms=call.number(
            "invisibleTime", at_least=1, at_most=settings.pop_invisible_ms_max
        ),
        bytes_max=settings.pull_bytes_max,
        from_end=call.number("initMode", MIN) != MIN,
        passes=passes,
        in_order=call.flag("order"),
        attempt=call.text("attemptId", ""),
        who=call.client.who,
    )


def _queue(call: Call, spot: Spot) -> int:
    """Return which queue; -1: all of them."""
    queue = call.number("queueId", -1, at_most=INT_MAX)
    if queue >= spot.partitions:
        raise BadRequest(
            f"queueId[{queue}] is illegal, topic:[{spot.name}] has {spot.partitions} queues"
        )
    return max(queue, -1)


class _Pop:
    """One POP on its way to its answer."""

    __slots__ = ("_call", "_taking", "_topic", "_waiting", "_wish")

    def __init__(self, call: Call, topic: str, wish: PopWish) -> None:
        self._call = call
        self._topic = topic
        self._wish = wish
        self._waiting: Waiting | None = None
        self._taking = False

    def start(self) -> None:
        """Take; wait when there is nothing."""
        if self._take():
            return
        call, rocketmq = self._call, self._call.rocketmq
        wait_ms = min(
            call.number("pollTime", 0, at_most=LONG_MAX), rocketmq.settings.suspend_ms_max
        )
        if wait_ms <= 0:
            self._nothing(ResponseCode.POLLING_TIMEOUT)
        elif not call.client.can_wait():
            self._nothing(ResponseCode.POLLING_FULL)
        else:
            call.later(self._stop)
            pops = _pops(call, self._wish)
            self._waiting = Waiting(rocketmq, pops, wait_ms, self._more, self._time_is_up)

    def _take(self) -> bool:
        """Answer with what there is; say whether there was something."""
        rocketmq = self._call.rocketmq
        teller = rocketmq.teller(self._topic, self._call.client.store_host)
        self._taking = True  # what is put back meanwhile is not news
        try:
            catch = popping.take(rocketmq, self._wish, teller)
        finally:
            self._taking = False
        if not catch.count:
            return False
        self._stop()
        rocketmq.counters.bytes_out += catch.size
        self._answer(catch)
        return True

    def _answer(self, catch: Catch) -> None:
        wish, kind = self._wish, kind_of(self._topic)
        ext: dict[str, object] = {
            "popTime": catch.hold.time_ms,
            "invisibleTime": wish.invisible_ms,
            "reviveQid": IN_ORDER_QUEUE if wish.in_order else ANY_QUEUE,
            "restNum": popping.waiting(self._call.rocketmq, wish),
            "startOffsetInfo": ";".join(
                f"{kind} {lent.queue} {lent.offsets[0]}" for lent in catch.lent
            ),
            "msgOffsetInfo": ";".join(
                f"{kind} {lent.queue} {','.join(map(str, lent.offsets))}" for lent in catch.lent
            ),
        }
        if wish.in_order:
            ext["orderCountInfo"] = ";".join(
                f"{kind} qo{lent.queue}%{offset} {times - 1}"
                for lent in catch.lent
                for offset, times in lent.times.items()
            )
        self._call.answer(ext, b"".join(catch.parts), remark="FOUND")

    def _more(self) -> None:
        """Something came, perhaps for another one."""
        if self._taking:
            return
        if not self._call.client.may_take:  # it is to take first what it is owed, and ask again
            self._stop()
            self._nothing(ResponseCode.POLLING_TIMEOUT)
            return
        try:
            spot = self._call.broker.shares.spots.find(self._topic)
            if spot is None or spot.id != self._wish.spot.id:
                raise NoTopic(self._topic)
            self._take()
        except Refused as error:
            self._stop()
            self._call.fail(error)

    def _time_is_up(self) -> None:
        self._waiting = None
        self._nothing(ResponseCode.POLLING_TIMEOUT)

    def _nothing(self, code: ResponseCode) -> None:
        wish = self._wish
        ext = {
            "popTime": self._call.now_ms(),
            "invisibleTime": wish.invisible_ms,
            "reviveQid": IN_ORDER_QUEUE if wish.in_order else ANY_QUEUE,
            "restNum": 0,
            "startOffsetInfo": "",
            "msgOffsetInfo": "",
        }
        self._call.answer(ext, code=code, remark="NO_MESSAGE_IN_QUEUE")

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None


def _pops(call: Call, wish: PopWish) -> list[Pop]:
    queues = popping.queues_of(call.rocketmq, wish)
    return [popping.pop_at(call.rocketmq, wish, queue) for queue in queues]


def kind_of(topic: str) -> str:
    """Return how handles say what a topic is."""
    if not topic.startswith(names.RETRY):
        return NORMAL
    return RETRY_V2 if "+" in topic else RETRY


# Back


def ack(call: Call) -> None:
    """A message is done with; answered when that would outlive us."""
    group, name = _group(call), call.text("topic")
    offset = call.number("offset", at_least=0)
    one = _one(call, group, spot_of(call, name))
    if one.ack(pop_time(call.text("extraInfo")), [offset]):
        raise RocketMqError(ResponseCode.NO_MESSAGE, f"offset {offset} is another's by now")
    _when_safe(call)


def _one(call: Call, group: str, spot: Spot, queue: int | None = None) -> Pop:
    """Return the queue that a request speaks of."""
    if queue is None:
        queue = call.number("queueId", at_most=INT_MAX)
    if not 0 <= queue < spot.partitions:
        raise RocketMqError(
            ResponseCode.MESSAGE_ILLEGAL,
            f"queueId[{queue}] is illegal, topic:[{spot.name}] has {spot.partitions} queues",
        )
    found = call.broker.shares.pops.find(group, spot, queue, who=call.client.who)
    if found is None:
        raise RocketMqError(ResponseCode.NO_MESSAGE, f"group {group} has popped nothing there")
    return found


def pop_time(handle: str) -> int:
    """Return which loan a handle is of."""
    parts = handle.split(" ")
    try:
        if len(parts) < HANDLE_PARTS_MIN:
            raise ValueError
        return int(parts[1])
    except ValueError:
        raise BadRequest(f"no handle of a message: {handle[:64]!r}") from None


def _when_safe(call: Call) -> None:
    def safe(error: Exception | None) -> None:
        if error is not None:
            call.fail(error)
        else:
            call.answer()

    call.later()
    call.broker.when_settled(safe)


class _Ack(msgspec.Struct):
    """As clients write it: mostly in short."""

    c: str = ""
    t: str = ""
    r: str = NORMAL
    so: int = 0
    q: int = 0
    pt: int = 0
    b: str | list[int] = ""


class _Acks(msgspec.Struct):
    acks: list[_Ack]


_SHORT = {
    "consumerGroup": "c",
    "topic": "t",
    "retry": "r",
    "startOffset": "so",
    "queueId": "q",
    "popTime": "pt",
    "bitSet": "b",
}


def ack_batch(call: Call) -> None:
    """Many messages are done with."""
    acks = _read_acks(call.body)
    if not acks:
        raise RocketMqError(ResponseCode.NO_MESSAGE, "nothing to ack")
    others = 0
    for one in acks:
        names.check_group(one.c)
        authorization.group(call, Operation.READ, one.c)
        place = _one(call, one.c, spot_of(call, _real_topic(one)), one.q)
        offsets = [one.so + bit for bit in _bits(one.b)]
        if offsets:
            others += len(place.ack(one.pt, offsets))
    if others:
        raise RocketMqError(ResponseCode.NO_MESSAGE, f"{others} of these are another's by now")
    _when_safe(call)


def _read_acks(body: bytes) -> list[_Ack]:
    try:
        said = msgspec.json.decode(body)
        acks = [
            {_SHORT.get(name, name): value for name, value in one.items() if value is not None}
            for one in said["acks"]
        ]
        return msgspec.convert({"acks": acks}, _Acks, strict=False).acks
    except (msgspec.MsgspecError, RecursionError, UnicodeError, *_NOT_ACKS) as error:
        raise BadRequest(f"acks that cannot be read: {error}") from None


_NOT_ACKS = (KeyError, TypeError, AttributeError)


def _real_topic(one: _Ack) -> str:
    if one.r == RETRY:
        return f"{names.RETRY}{one.c}_{one.t}"
    return f"{names.RETRY}{one.c}+{one.t}" if one.r == RETRY_V2 else one.t


def _bits(said: str | Sequence[int]) -> Iterator[int]:
    """Yield which bits are set: Java's BitSet, its bytes in base 64 or as numbers."""
    try:
        data = base64.b64decode(said) if isinstance(said, str) else bytes(n & 255 for n in said)
    except (binascii.Error, ValueError):
        raise BadRequest("a set of bits that cannot be read") from None
    if len(data) * 8 > ACKS_MAX:
        raise BadRequest(f"more than {ACKS_MAX} acks at once")
    for index, byte in enumerate(data):
        for bit in range(8):
            if byte >> bit & 1:
                yield index * 8 + bit


def change(call: Call) -> None:
    """A message is needed for longer, or wanted again sooner."""
    group, name = _group(call), call.text("topic")
    spot = spot_of(call, name)
    offset = call.number("offset", at_least=0)
    invisible_ms = call.number(
        "invisibleTime", at_least=0, at_most=call.rocketmq.settings.pop_invisible_ms_max
    )
    handle = call.text("extraInfo")
    hold = _one(call, group, spot).change(pop_time(handle), offset, invisible_ms)
    if hold is None:
        raise RocketMqError(ResponseCode.NO_MESSAGE, f"offset {offset} is another's, or done with")
    parts = handle.split(" ")
    revive = parts[3] if len(parts) > 3 else ANY_QUEUE
    call.answer({"popTime": hold.time_ms, "invisibleTime": invisible_ms, "reviveQid": revive})


# Looking


def notification(call: Call) -> None:
    """Say whether there is something to pop; wait until there is."""
    group, topic = _group(call), call.text("topic")
    spot = spot_of(call, topic)
    wish = _look(call, group, spot)
    rocketmq = call.rocketmq
    wait_ms = min(call.number("pollTime", 0), rocketmq.settings.suspend_ms_max)
    if popping.waiting(rocketmq, wish) > 0 or wait_ms <= 0:
        _say(call, popping.waiting(rocketmq, wish) > 0)
    elif not call.client.can_wait():
        call.answer({"hasMsg": False, "pollingFull": True})
    else:
        _notify(call, wish, wait_ms)


def _notify(call: Call, wish: PopWish, wait_ms: int) -> None:
    def more() -> None:
        if popping.waiting(call.rocketmq, wish) > 0:
            waiting.stop()
            _say(call, True)

    def time_is_up() -> None:
        _say(call, False)

    waiting = Waiting(call.rocketmq, _pops(call, wish), wait_ms, more, time_is_up)
    call.later(waiting.stop)


def _say(call: Call, has: bool) -> None:
    call.answer({"hasMsg": has, "pollingFull": False})


def _look(call: Call, group: str, spot: Spot) -> PopWish:
    """Return a wish of one who only looks."""
    return PopWish(
        group=group,
        spot=spot,
        queue=_queue(call, spot),
        most=call.number(
            "maxMsgNums", 1, at_least=1, at_most=call.rocketmq.settings.pop_messages_max
        ),
        invisible_ms=1,
        bytes_max=call.rocketmq.settings.pull_bytes_max,
        from_end=False,
        passes=None,
        in_order=False,
        attempt="",
        who=call.client.who,
    )


def peek(call: Call) -> None:
    """Show what would be popped next; it stays where it is."""
    group, topic = _group(call), call.text("topic")
    wish = _look(call, group, spot_of(call, topic))
    rocketmq = call.rocketmq
    teller = rocketmq.teller(topic, call.client.store_host)
    parts = popping.peek(rocketmq, wish, teller)
    ext = {"restNum": popping.waiting(rocketmq, wish)}
    if parts:
        call.answer(ext, b"".join(parts), remark="FOUND")
    else:
        call.answer(ext, code=ResponseCode.PULL_NOT_FOUND, remark="NO_MESSAGE_IN_QUEUE")


CODES: dict[RequestCode, Callable[[Call], None]] = {
    RequestCode.POP_MESSAGE: pop,
    RequestCode.ACK_MESSAGE: ack,
    RequestCode.BATCH_ACK_MESSAGE: ack_batch,
    RequestCode.CHANGE_MESSAGE_INVISIBLETIME: change,
    RequestCode.NOTIFICATION: notification,
    RequestCode.PEEK_MESSAGE: peek,
}
