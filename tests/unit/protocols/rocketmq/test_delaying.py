"""Delays as RocketMQ's producers ask for them, and messages that they take back."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from anymq.core.errors import NotFound
from anymq.core.queues.delays import LOG_ID
from anymq.protocols.rocketmq.codec import Frame, encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import Stored, read_properties
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, send_fields

LEVELS = [1, 5, 10, 30, *range(60, 660, 60), 1200, 1800, 3600, 7200]  # RocketMQ's, in seconds
T, Q = "orders", 1


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic(T, 2)
    return room


@pytest.fixture
def client(room: RocketMqRoom) -> RocketMqDialog:
    return room.client()


def there(client: RocketMqDialog, queue: int = Q) -> list[Stored]:
    """Return the messages that consumers can pull."""
    if client.room.broker.topic(T).partitions[queue].visible_end == 0:
        return []
    return client.room.client().pulled(T, 0, queue)  # the first one may have left meanwhile


def bodies(client: RocketMqDialog) -> list[bytes]:
    return [one.body for one in there(client)]


@pytest.mark.parametrize(("level", "seconds"), [*enumerate(LEVELS, 1), (19, 7200), (99, 7200)])
def test_a_level_is_a_pause(
    room: RocketMqRoom, client: RocketMqDialog, level: int, seconds: int
) -> None:
    """Higher levels than there are mean the last one."""
    client.send(T, b"later", Q, DELAY=str(level))
    room.let_pass(seconds - 1)
    assert bodies(client) == []
    room.let_pass(2)
    assert bodies(client) == [b"later"]


@pytest.mark.parametrize(
    "word", [{"TIMER_DELAY_SEC": "90"}, {"TIMER_DELAY_MS": "90000"}, {"TIMER_DELIVER_MS": "+90000"}]
)
def test_a_timer_is_any_time(
    room: RocketMqRoom, client: RocketMqDialog, word: dict[str, str]
) -> None:
    said = {
        name: str(room.broker.now_ms() + int(value)) if value.startswith("+") else value
        for name, value in word.items()
    }
    client.send(T, b"later", Q, **said)
    room.let_pass(89)
    assert bodies(client) == []
    room.let_pass(2)
    assert bodies(client) == [b"later"]


@pytest.mark.parametrize("said", [{"DELAY": "0"}, {"DELAY": "-3"}, {"TIMER_DELIVER_MS": "12345"}])
def test_what_is_due_comes_at_once(client: RocketMqDialog, said: dict[str, str]) -> None:
    answer = client.send(T, b"now", Q, **said)
    assert "recallHandle" not in answer.ext
    assert bodies(client) == [b"now"]


def test_a_level_counts_before_a_timer(room: RocketMqRoom, client: RocketMqDialog) -> None:
    client.send(T, b"later", Q, DELAY="1", TIMER_DELAY_SEC="3600")
    room.let_pass(2)
    assert bodies(client) == [b"later"]


@pytest.mark.parametrize(
    "said",
    [{"TIMER_DELAY_SEC": "259201"}, {"TIMER_DELAY_MS": "soon"}, {"TIMER_DELIVER_MS": "9" * 30}],
)
def test_what_is_no_time_or_too_late_is_refused(
    client: RocketMqDialog, said: dict[str, str]
) -> None:
    answer = client.send(T, b"never", Q, **said)
    assert answer.code == ResponseCode.MESSAGE_ILLEGAL
    assert answer.remark.startswith("timer message illegal")


def test_it_comes_as_it_was_sent_and_says_where_it_went(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    fields = send_fields(T, Q, {"KEYS": "k", "TAGS": "tag", "UNIQ_KEY": "U1", "DELAY": "1"})
    answer = client.ask(RequestCode.SEND_MESSAGE_V2, {**fields, "h": 7}, b"body")
    assert (answer.code, answer.ext["queueId"]) == (ResponseCode.SUCCESS, str(Q))
    assert answer.ext["transactionId"] == "U1"
    room.let_pass(2)
    (message,) = there(client)
    assert (message.topic, message.queue, message.flag, message.body) == (T, Q, 7, b"body")
    assert message.born_ms == 1_700_000_000_000
    assert message.stored_ms >= room.broker.now_ms() - 2000
    assert read_properties(message.properties) == {
        "KEYS": "k",
        "TAGS": "tag",
        "UNIQ_KEY": "U1",
        "DELAY": "1",
        "REAL_TOPIC": T,
        "REAL_QID": str(Q),
    }


def test_those_due_together_come_in_the_order_in_which_they_were_sent(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    for n in range(25):
        client.send(T, b"%d" % n, Q, TIMER_DELIVER_MS=str(room.broker.now_ms() // 1 + 5000))
    room.let_pass(6)
    assert bodies(client) == [b"%d" % n for n in range(25)]


def test_a_topic_is_made_for_it(room: RocketMqRoom, client: RocketMqDialog) -> None:
    assert client.send("new", b"later", DELAY="1").code == ResponseCode.SUCCESS
    room.let_pass(2)
    assert [one.body for one in client.pulled("new")] == [b"later"]


def test_a_queue_that_there_is_not_is_refused_now(client: RocketMqDialog) -> None:
    assert client.send(T, b"x", 9, DELAY="1").code == ResponseCode.INVALID_PARAMETER


def test_the_answer_waits_for_the_disk(room: RocketMqRoom, client: RocketMqDialog) -> None:
    room.disk_waits = True
    asked = client.say(RequestCode.SEND_MESSAGE_V2, send_fields(T, Q, {"DELAY": "1"}), b"later")
    assert client.answer(asked) is None
    room.disk_waits = False
    room.settle()
    answer = client.answer(asked)
    assert answer is not None
    assert answer.code == ResponseCode.SUCCESS


# Recalling


def recall(client: RocketMqDialog, handle: str, topic: str = T, **more: Any) -> Frame:
    fields = {"producerGroup": "PG", "topic": topic, "recallHandle": handle, **more}
    return client.ask(RequestCode.RECALL_MESSAGE, fields)


def test_a_message_that_waits_is_taken_back(room: RocketMqRoom, client: RocketMqDialog) -> None:
    handle = client.send(T, b"no", Q, TIMER_DELAY_SEC="60", UNIQ_KEY="U1").ext["recallHandle"]
    client.send(T, b"yes", Q, TIMER_DELAY_SEC="60", UNIQ_KEY="U2")
    assert urlsafe_b64decode(handle).decode().split(" ")[:3] == ["v1", T, "anymq"]
    answer = recall(client, handle)
    assert (answer.code, answer.ext["msgId"]) == (ResponseCode.SUCCESS, "U1")
    room.let_pass(61)
    assert bodies(client) == [b"yes"]


def test_what_has_come_or_was_taken_back_already_is_not(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    first, second = (
        client.send(T, b"x", Q, TIMER_DELAY_SEC="60", UNIQ_KEY=f"U{n}").ext["recallHandle"]
        for n in range(2)
    )
    recall(client, first)
    assert recall(client, first).code == ResponseCode.ILLEGAL_OPERATION
    room.let_pass(61)
    assert recall(client, second).code == ResponseCode.ILLEGAL_OPERATION
    assert len(there(client)) == 1


@pytest.mark.parametrize(
    ("handle", "remark"),
    [
        ("", "recall handle is invalid"),
        ("äöü", "recall handle is invalid"),
        (urlsafe_b64encode(b"v2 orders anymq 1-1 U1").decode(), "recall handle is invalid"),
        (urlsafe_b64encode(b"v1 orders anymq").decode(), "recall handle is invalid"),
        (urlsafe_b64encode(b"v1 bills anymq 1-1 U1").decode(), "topic not match"),
        (urlsafe_b64encode(b"v1 orders other 1-1 U1").decode(), "service not available"),
        (urlsafe_b64encode(b"v1 orders anymq x U1").decode(), "timestamp invalid"),
        (urlsafe_b64encode(b"v1 orders anymq 1-1 U1").decode(), "does not wait any more"),
    ],
)
def test_handles_that_are_none_are_refused(
    client: RocketMqDialog, handle: str, remark: str
) -> None:
    answer = recall(client, handle)
    assert answer.code == ResponseCode.ILLEGAL_OPERATION
    assert remark in answer.remark


def test_a_guessed_handle_takes_nothing_back(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """One knows when a message is due and its number; not the id that its producer gave it."""
    handle = client.send(T, b"x", Q, TIMER_DELAY_SEC="60", UNIQ_KEY="U1").ext["recallHandle"]
    guessed = urlsafe_b64decode(handle).decode().replace("U1", "U2")
    answer = recall(client, urlsafe_b64encode(guessed.encode()).decode())
    assert answer.code == ResponseCode.ILLEGAL_OPERATION
    room.let_pass(61)
    assert bodies(client) == [b"x"]


def test_no_topic_nothing_to_take_back(client: RocketMqDialog) -> None:
    assert recall(client, "x", "nowhere").code == ResponseCode.TOPIC_NOT_EXIST


def test_who_may_not_write_to_the_topic_takes_nothing_back(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    handle = client.send(T, b"x", Q, TIMER_DELAY_SEC="60", UNIQ_KEY="U1").ext["recallHandle"]
    room.broker.users.put("ANONYMOUS")
    for write, code in (("^bills$", ResponseCode.NO_PERMISSION), ("^orders$", 0)):
        room.broker.users.set_permissions("ANONYMOUS", "/", "^$", write, "^$")
        room.settle()
        assert recall(client, handle).code == code


def test_recalling_can_be_switched_off() -> None:
    room = RocketMqRoom(RocketMqSettings(recall=False))
    room.make_topic(T)
    assert recall(room.client(), "x").code == ResponseCode.NO_PERMISSION


def test_those_of_one_turn_are_kept_together_and_each_can_be_taken_back(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    """Every answer says where its own message waits."""
    senders = [room.client() for _ in range(4)]
    for number, sender in enumerate(senders):
        said = {"UNIQ_KEY": f"U{number}", "TIMER_DELAY_SEC": str(9 - number)}
        fields = send_fields(T, Q, said)
        request = encode(RequestCode.SEND_MESSAGE_V2, 1, 0, fields, b"%d" % number)
        sender.session.receive(memoryview(request))
    room.settle(*senders)
    (log,) = [log for log in room.store.logs.values() if log.id == LOG_ID]
    assert [one.record_count for one in log.headers(0)] == [4]
    answers = [sender.answer(1) for sender in senders]
    assert all(answer is not None and answer.code == 0 for answer in answers)
    assert [one and one.ext["transactionId"] for one in answers] == ["U0", "U1", "U2", "U3"]
    assert [one and one.ext["queueOffset"] for one in answers] == ["0", "1", "2", "3"]
    handles = [answer.ext["recallHandle"] for answer in answers if answer is not None]
    assert recall(client, handles[2]).ext["msgId"] == "U2"
    room.let_pass(10)
    assert bodies(client) == [b"3", b"1", b"0"]


def test_operators_see_and_cancel_them(room: RocketMqRoom, client: RocketMqDialog) -> None:
    client.send(T, b"later", Q, DELAY="1", TAGS="tag")
    (one,) = room.broker.delays.page(10)
    assert (one.topic, one.partition, one.message.body) == (T, Q, b"later")
    assert one.message.read().type == "tag"
    room.broker.delays.cancel(one.id)
    room.let_pass(2)
    assert bodies(client) == []


def test_what_is_due_for_a_topic_that_is_gone_is_gone(
    room: RocketMqRoom, client: RocketMqDialog
) -> None:
    client.send(T, b"later", Q, DELAY="1")
    room.broker.delete_topic(T)
    room.let_pass(2)
    with pytest.raises(NotFound):
        room.broker.topic(T)
    assert room.broker.delayed_count == 0


def test_a_queue_gets_it_later_too(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """Workers of other protocols need not know that somebody can delay."""
    room.broker.vhost("/").declare_queue("jobs", durable=True)
    room.settle()
    assert client.send("jobs", b"later", DELAY="1").code == ResponseCode.SUCCESS
    queue = room.broker.vhost("/").queue("jobs")
    assert queue.ready == 0
    room.let_pass(2)
    assert queue.ready == 1
