"""Pulling: messages of one queue from an offset on; waits for some when there are none."""

from functools import partial

from anymq.config.units import KIB
from anymq.core.rights.operations import Operation
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.core.timers import Timer
from anymq.protocols.rocketmq import authorization
from anymq.protocols.rocketmq.api.offsets import partition_of
from anymq.protocols.rocketmq.call import INT_MAX, Call
from anymq.protocols.rocketmq.codec import Answers
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.convert import Passes, Pulled
from anymq.protocols.rocketmq.errors import Denied, RocketMqError
from anymq.protocols.rocketmq.filters import ALL, TAG
from anymq.protocols.rocketmq.runs import take_run
from anymq.protocols.rocketmq.subscriptions import passes_of
from anymq.protocols.rocketmq.telling import delivered

COMMIT, SUSPEND, SUBSCRIPTION, CLASS_FILTER, LITE = 1, 2, 4, 8, 16  # sysFlag
SCANNED_BYTES_MAX = 512 * KIB  # by one pull whose filter lets little through: others have turns
MASTER = 0
_SAME = {"suggestWhichBrokerId": str(MASTER), "topicSysFlag": "0", "groupSysFlag": "0"}
_FOUND = Answers(
    ("nextBeginOffset", "minOffset", "maxOffset"), _SAME, code=ResponseCode.SUCCESS, remark="FOUND"
)


def handle(call: Call) -> None:
    """Answer now if there is something, else when there is, or when the time is up."""
    group = call.text("consumerGroup")
    authorization.group(call, Operation.READ, group)
    partition = partition_of(call, Operation.READ)
    check_consuming(call, group, partition.topic_name)
    flags = call.number("sysFlag", 0)
    passes = _passes(call, group, partition.topic_name, flags)
    if flags & COMMIT and (offset := call.number("commitOffset", -1)) >= 0:
        call.rocketmq.progress.note(group, partition.topic_name, partition.index, offset)
    _Pull(call, partition, passes, suspends=bool(flags & SUSPEND)).start()


def check_consuming(call: Call, group: str, topic: str) -> None:
    """Refuse what an administrator has switched off."""
    if not call.rocketmq.group_settings.of(group).consume_enable:
        raise Denied(f"subscription group no permission, {group}")
    if not call.rocketmq.topic_settings.of(topic).is_readable:
        raise Denied(f"the topic[{topic}] pulling message is forbidden")


def _passes(call: Call, group: str, topic: str, flags: int) -> Passes | None:
    """Return what the group wants to see, as it says here or said in a heartbeat."""
    if flags & SUBSCRIPTION:
        said = call.text("subscription", ALL)
        return passes_of(said, call.text("expressionType", TAG))
    found = call.rocketmq.clients.interest(group, topic)
    if found is None:
        raise RocketMqError(
            ResponseCode.SUBSCRIPTION_NOT_EXIST, "the consumer's subscription not exist"
        )
    if found.version < call.number("subVersion", 0):
        raise RocketMqError(
            ResponseCode.SUBSCRIPTION_NOT_LATEST, "the consumer's subscription not latest"
        )
    return passes_of(found.expression, found.kind)


class _Pull:
    """One pull on its way to its answer."""

    __slots__ = ("_call", "_count", "_offset", "_partition", "_passes", "_suspends", "_timer")

    def __init__(
        self, call: Call, partition: Partition, passes: Passes | None, *, suspends: bool
    ) -> None:
        settings = call.rocketmq.settings
        self._call = call
        self._partition = partition
        self._passes = passes
        self._suspends = suspends
        self._offset = call.number("queueOffset")
        self._count = call.number("maxMsgNums", 32, at_most=INT_MAX)
        self._count = max(1, min(self._count, settings.pull_messages_max))
        self._timer: Timer | None = None

    def start(self) -> None:
        """Read; wait when there is nothing yet."""
        partition = self._partition
        start, end = partition.start, partition.visible_end
        if not start <= self._offset <= end:
            self._moved(start if self._offset < start else end)
        elif not self._reads() and self._may_wait():
            self._wait()

    def _moved(self, offset: int) -> None:
        """It asks for what is not there any more, or never was: it is told where there is some."""
        never = self._partition.visible_end == 0
        self._offset = offset
        remark = "NO_MESSAGE_IN_QUEUE" if never else "OFFSET_OVERFLOW_BADLY"
        if offset == self._partition.start and not never:
            remark = "OFFSET_TOO_SMALL"
        self._answer(ResponseCode.PULL_OFFSET_MOVED, remark)

    def _reads(self) -> bool:
        """Answer with what there is; say whether that was an answer."""
        call, partition = self._call, self._partition
        rocketmq = call.rocketmq
        began = self._offset
        reader = Reader(partition, began, rocketmq.unpacked)
        teller = rocketmq.teller(partition.topic_name, call.client.store_host)
        pulled = Pulled(teller, partition.index, partition.log.id, self._passes)
        bytes_max = rocketmq.settings.pull_bytes_max
        if self._passes is not None:  # what does not pass is looked at, too
            bytes_max = min(bytes_max, SCANNED_BYTES_MAX)
        count = reader.read(self._count, bytes_max, pulled.take, partial(take_run, pulled))
        self._offset = reader.offset
        if count:
            self._found(began, count, pulled)
            return True
        if not reader.at_end:
            self._answer(ResponseCode.PULL_RETRY_IMMEDIATELY, "NO_MATCHED_MESSAGE")
            return True
        return False

    def _found(self, began: int, count: int, pulled: Pulled) -> None:
        call = self._call
        counters = call.rocketmq.counters
        counters.messages_out += count
        counters.bytes_out += pulled.size
        partition = self._partition
        values = b"%d" % self._offset, b"%d" % partition.start, b"%d" % partition.visible_end
        call.answer_with(_FOUND, values, b"".join(pulled.parts))
        topic = call.broker.topics.get(self._partition.topic_name)
        if topic is not None and topic.taps.tap is not None:
            told = delivered(call, self._partition, began, count, self._passes)
            topic.taps.tap.delivered(topic.name, told, call.client.who, no_ack=False)

    def _answer(self, code: ResponseCode, remark: str, body: bytes = b"") -> None:
        partition = self._partition
        self._call.answer(
            {
                "nextBeginOffset": self._offset,
                "minOffset": partition.start,
                "maxOffset": partition.visible_end,
                **_SAME,
            },
            body,
            code=code,
            remark=remark,
        )

    # Waiting

    def _may_wait(self) -> bool:
        """Wait; or say at once that there is nothing, to who does not want to wait."""
        wait_ms = self._call.number("suspendTimeoutMillis", 0)
        if self._suspends and wait_ms > 0 and self._call.client.can_wait():
            return True
        if self._offset > self._call.number("queueOffset"):
            self._answer(ResponseCode.PULL_RETRY_IMMEDIATELY, "NO_MATCHED_MESSAGE")
        else:
            self._answer(ResponseCode.PULL_NOT_FOUND, "OFFSET_OVERFLOW_ONE")
        return False

    def _wait(self) -> None:
        call = self._call
        wait_ms = min(call.number("suspendTimeoutMillis", 0), call.rocketmq.settings.suspend_ms_max)
        due = call.broker.clock.monotonic() + wait_ms / 1000
        self._timer = call.broker.timers.at(due, self._time_is_up)
        call.later(self._stop_waiting)
        self._partition.watch(self._more)

    def _more(self) -> None:
        if self._timer is None:
            return
        partition = self._partition
        if call_is_gone(self._call, partition):
            self._stop_waiting()
            self._answer(ResponseCode.PULL_RETRY_IMMEDIATELY, "NO_MATCHED_LOGIC_QUEUE")
        elif self._offset >= partition.visible_end:
            return
        elif not self._call.client.may_take:  # it is to take first what it is owed, and ask again
            self._time_is_up()
        elif self._reads():
            self._stop_waiting()

    def _time_is_up(self) -> None:
        self._stop_waiting()
        self._answer(ResponseCode.PULL_NOT_FOUND, "OFFSET_OVERFLOW_ONE")

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._partition.unwatch(self._more)


def call_is_gone(call: Call, partition: Partition) -> bool:
    """Was the topic deleted, or made anew under its name?"""
    topic = call.broker.topics.get(partition.topic_name)
    if topic is None or partition.index >= len(topic.partitions):
        return True
    return topic.partitions[partition.index] is not partition


CODES = {RequestCode.PULL_MESSAGE: handle, RequestCode.LITE_PULL_MESSAGE: handle}
