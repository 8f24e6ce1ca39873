"""Delaying: messages that ask to come later, and those that are taken back before they do.

A producer names a level, a delay or a time. The message waits among the broker's delayed ones as
the record that its queue will get; where it goes is decided when it is sent. Those of one turn of
the loop are kept as one batch.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from anymq.config.units import KIB
from anymq.core.broker import Broker
from anymq.core.queues.delays import LOG_ID, id_of
from anymq.core.queues.late import LateRecord
from anymq.protocols.rocketmq import layout
from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.protocols.rocketmq.convert import record_of
from anymq.protocols.rocketmq.errors import REFUSALS, RocketMqError
from anymq.protocols.rocketmq.form import Said
from anymq.protocols.rocketmq.layout import UNIQ_KEY
from anymq.protocols.rocketmq.send_request import Send
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.protocols.rocketmq.topics import queue_of
from anymq.storage.errors import StorageError

DELAY = "DELAY"
TIMER_SECONDS, TIMER_DELAY, TIMER_TIME = "TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS"
# One that is due is read with its batch, whenever the others are due.
BATCH_BYTES_MAX = 32 * KIB
_LEVEL, _UNIQ_KEY = DELAY.encode(), UNIQ_KEY.encode()
_DELAY, _TIMER = b"DELAY\1", b"TIMER_DE"
_MARKS, _TIME_MARK = b"REAL_TOPIC\1%b\2REAL_QID\1%d\2", b"TIMER_OUT_MS\1%d\2"
_MARK_NAMES = b"REAL_TOPIC\1", b"REAL_QID\1", b"TIMER_OUT_MS\1"
_HANDLE_VERSION = "v1"
_NUMBER_DIGITS_MAX = 18

Then = Callable[[Exception | None], None]
# Told where a message waits; or why it does not.
Kept = Callable[["Waits", Exception | None], None]


class Due(NamedTuple):
    """When a message is to come, and by which words its sender said so."""

    due_ms: int
    by_level: bool


class Waits(NamedTuple):
    """A message that waits: where among the others, and the handle by which it is taken back."""

    position: int
    handle: str


class _Gathered(NamedTuple):
    """A message on its way to those that wait, and the id that its producer gave it."""

    record: LateRecord
    name: str
    then: Kept


class Delaying:
    """One for all connections."""

    def __init__(self, broker: Broker, settings: Callable[[], RocketMqSettings]) -> None:
        self.scheduled = False
        self._broker = broker
        self._settings = settings
        self._gathered: list[_Gathered] = []

    def due(self, properties: bytes) -> Due | None:
        """Return when a message is due; None: now. Refuses times that are none, or too late."""
        if _DELAY not in properties and _TIMER not in properties:  # nearly always
            return None
        if (level := self.level_of(properties)) > 0:
            return Due(self._broker.now_ms() + self.pause_ms(level), True)
        now_ms = self._broker.now_ms()
        due_ms = _time_of(properties, now_ms)
        if due_ms is None or due_ms <= now_ms:
            return None
        longest = self._settings().delay_max_ms
        if due_ms - now_ms > longest:
            raise _illegal(longest)
        return Due(due_ms, False)

    def level_of(self, properties: bytes) -> int:
        """Return the level that a message asks for; 0: none."""
        said = layout.property_of(properties, _LEVEL)
        level = _number(said)
        return 0 if level is None else max(0, level)

    def pause_ms(self, level: int) -> int:
        """Return how long messages of a level wait."""
        levels = self._settings().delay_levels_ms
        return levels[min(level, len(levels)) - 1]

    def keep(
        self, topic: str, queue: int, message: tuple[Said, bytes], due: Due, then: Then
    ) -> int:
        """Keep a message for this queue until it is due; return where it waits among the others.

        `then`: it is safe. StorageError.
        """
        record, _ = self._late(topic, queue, message, due)
        return self._broker.delays.add_records([record], then)

    def gather(
        self, topic: str, queue: int, message: tuple[Said, bytes], due: Due, then: Kept
    ) -> None:
        """Keep a message at the end of the turn, with the others that came in it.

        `then`: it is safe, or cannot be.
        """
        self._gathered.append(_Gathered(*self._late(topic, queue, message, due), then))
        self._broker.turn.add(self)

    def pump(self) -> bool:
        """Keep everything that was gathered."""
        gathered, self._gathered = self._gathered, []
        size, part = 0, list[_Gathered]()
        for one in gathered:
            size += one.record.size
            if part and size > BATCH_BYTES_MAX:
                self._keep(part)
                size, part = one.record.size, []
            part.append(one)
        if part:
            self._keep(part)
        return False

    def flush(self) -> None:
        """Logs are written by the commit that follows every turn."""

    def _keep(self, gathered: list[_Gathered]) -> None:
        """Keep these as one batch."""
        first = 0

        def done(error: Exception | None) -> None:
            broker_name = self._settings().broker_name
            for position, (record, name, then) in enumerate(gathered, first):
                waiting_id = id_of(record.due_ms, position)
                handle = _handle_of((record.topic, broker_name, waiting_id, name))
                then(Waits(position, handle), error)

        try:
            first = self._broker.delays.add_records([one.record for one in gathered], done)
        except StorageError as error:
            done(error)

    def _late(
        self, topic: str, queue: int, message: tuple[Said, bytes], due: Due
    ) -> tuple[LateRecord, str]:
        """Return a message as it will come, and its id."""
        said, body = message
        name = layout.property_of(said.properties, _UNIQ_KEY) or b"-"
        key, headers = record_of(Said(_marked(said.properties, topic, queue, due), *said[1:]))
        now_ms = self._broker.now_ms()
        record = LateRecord(topic, queue, key, body, headers, now_ms, due.due_ms)
        return record, name.decode(errors="replace")

    def recall(
        self, topic: str, handle: str, then: Callable[[str, Exception | None], None]
    ) -> None:
        """Take a message back; `then` gets its id when it never comes, whatever happens."""
        settings = self._settings()
        if not settings.recall:
            raise RocketMqError(ResponseCode.NO_PERMISSION, "recall failed, operation is forbidden")
        said_topic, broker, waiting_id, name = _read_handle(handle)
        if said_topic != topic:
            raise _no_recall("recall failed, topic not match")
        if broker != settings.broker_name:
            raise _no_recall("recall failed, broker service not available")
        delays = self._broker.delays
        try:
            found = delays.find_record(waiting_id)
        except ValueError:
            raise _no_recall("recall failed, timestamp invalid") from None
        # Handles can be guessed, but for the id that the producer gave its message.
        if found is None or found.topic != topic or name.encode() not in found.headers:
            raise _no_recall("recall failed, the message does not wait any more")
        if not delays.cancel(waiting_id):
            raise _no_recall("recall failed, the message is on its way")
        self._broker.when_settled(lambda error: then(name, error))


def detour(send: Send) -> bool:
    """Keep what is sent until it is due; say no if it is due now."""
    (said, _), *others = send.messages
    delaying = send.call.rocketmq.delaying
    if others or send.is_batch:
        return False
    try:
        due = delaying.due(said.properties)
        if due is None:
            return False
        _keep(send, due)
    except REFUSALS as error:  # the topic may have been made for it: nobody else catches it then
        send.call.rocketmq.counters.refused += 1
        send.call.fail(error)
    return True


def _keep(send: Send, due: Due) -> None:
    call, rocketmq = send.call, send.call.rocketmq
    topic = call.broker.topic(send.topic)
    queue = send.queue if send.queue >= 0 else rocketmq.next_queue(len(topic.partitions))
    queue_of(topic, queue)
    call.later()
    done = partial(_done, send, queue)
    rocketmq.delaying.gather(send.topic, queue, send.messages[0], due, done)
    rocketmq.counters.messages_in += 1
    rocketmq.counters.bytes_in += len(call.body)


def _done(send: Send, queue: int, waits: Waits, error: Exception | None) -> None:
    call = send.call
    if error is not None:
        call.rocketmq.counters.refused += 1
        call.fail(error)
    else:
        call.answer(_answer(send, queue, waits))


def _answer(send: Send, queue: int, waits: Waits) -> dict[str, object]:
    """Return where the message is now: in a log of ours, as RocketMQ's are in another topic."""
    host = send.call.client.store_host
    answer: dict[str, object] = {
        "msgId": layout.message_id(host, layout.physical_offset(LOG_ID, waits.position)),
        "queueId": queue,
        "queueOffset": waits.position,
        "MSG_REGION": "DefaultRegion",
        "TRACE_ON": "true",
        "recallHandle": waits.handle,
    }
    key = layout.property_of(send.messages[0][0].properties, _UNIQ_KEY)
    if key is not None:
        answer["transactionId"] = key.decode(errors="replace")
    return answer


def _marked(properties: bytes, topic: str, queue: int, due: Due) -> bytes:
    """Say where the message went, as RocketMQ does to its consumers."""
    marks = _MARKS % (topic.encode(), queue)
    if not due.by_level:
        marks += _TIME_MARK % due.due_ms
    topic_name, queue_name, time_name = _MARK_NAMES
    if topic_name in properties or queue_name in properties or time_name in properties:
        # It was delayed before.
        return layout.with_properties(properties, **layout.read_properties(marks))
    if properties and not properties.endswith(layout.PAIR_END):
        properties += layout.PAIR_END
    return properties + marks


def _time_of(properties: bytes, now_ms: int) -> int | None:
    """Return the time that a message asks for, by the first of these words that it has."""
    for name, factor, base in (
        (TIMER_SECONDS, 1000, now_ms),
        (TIMER_DELAY, 1, now_ms),
        (TIMER_TIME, 1, 0),
    ):
        said = layout.property_of(properties, name.encode())
        if said is not None:
            number = _number(said)
            if number is None:
                raise RocketMqError(
                    ResponseCode.MESSAGE_ILLEGAL, f"timer message illegal, {name} is no number"
                )
            return base + number * factor
    return None


def _number(said: bytes | None) -> int | None:
    if said is None or len(said) > _NUMBER_DIGITS_MAX:
        return None
    digits = said.removeprefix(b"-")
    return int(said) if digits.isdigit() else None


def _illegal(longest: int) -> RocketMqError:
    return RocketMqError(
        ResponseCode.MESSAGE_ILLEGAL,
        "timer message illegal, the delay time should not be bigger than the max delay"
        f" {longest}ms; or if set del msg, the delay time should be bigger than the current time",
    )


def _no_recall(why: str) -> RocketMqError:
    return RocketMqError(ResponseCode.ILLEGAL_OPERATION, why)


def _handle_of(parts: tuple[str, str, str, str]) -> str:
    return urlsafe_b64encode(" ".join((_HANDLE_VERSION, *parts)).encode()).decode()


def _read_handle(handle: str) -> tuple[str, str, str, str]:
    """Return topic, broker, id among the waiting, and id of the message."""
    try:
        version, *parts = urlsafe_b64decode(handle.encode()).decode().split(" ")
    except ValueError:
        raise _no_recall("recall handle is invalid") from None
    if version != _HANDLE_VERSION or len(parts) != 4:
        raise _no_recall("recall handle is invalid")
    topic, broker, waiting_id, name = parts
    return topic, broker, waiting_id, name
