from typing import Any

from anymq.core.message import Envelope, Message
from anymq.core.portable.record_form import RECORD_FORM
from anymq.core.taps import ACKNOWLEDGED, BROKER
from anymq.core.tracing import trace as traces
from anymq.core.tracing.events import DEAD_LETTERED, DELIVERED, PUBLISHED, Event, fingerprint
from anymq.core.tracing.following import Question, find
from anymq.core.tracing.trace import Trace, Wanted

ONE, OTHER, LETTER = b"1", b"2", b"3"


def event(what: str, of: bytes = b"", queue: str = "q", position: int = 0, **more: Any) -> Event:
    return Event(
        time_ms=0,
        event=what,
        who=BROKER,
        fingerprint=of,
        queues=(queue,),
        position=position,
        **more,
    )


def test_a_place_is_somebody_elses_later() -> None:
    """Two messages were at one place, one after the other: each has its own end."""
    events = [
        event(DELIVERED, ONE, message_id="1"),
        event(ACKNOWLEDGED),
        event(DELIVERED, OTHER),
        event(ACKNOWLEDGED),
    ]
    assert find(events, Question(message_id="1"), 10) == events[:2]
    assert find(events, Question(fingerprint=OTHER), 10) == events[2:]


def test_a_dead_letter_is_followed_both_ways() -> None:
    events = [
        event(PUBLISHED, ONE),
        event(PUBLISHED, OTHER),
        event(DEAD_LETTERED, ONE, becomes=LETTER),
        event(PUBLISHED, LETTER, queue="dead"),
    ]
    for name in (ONE, LETTER):
        found = find(events, Question(fingerprint=name), 10)
        assert found == [events[0], events[2], events[3]]


def test_letters_that_go_round_end() -> None:
    events = [
        event(DEAD_LETTERED, ONE, becomes=LETTER),
        event(DEAD_LETTERED, LETTER, becomes=ONE),
    ]
    assert find(events, Question(fingerprint=ONE), 10) == events


def test_a_question_without_a_message_is_not_followed() -> None:
    events = [event(DELIVERED, ONE), event(ACKNOWLEDGED), event(DELIVERED, OTHER, queue="other")]
    assert find(events, Question(queue="q", event=DELIVERED), 10) == events[:1]
    assert find(events, Question(queue="q"), 1) == events[1:2], "the last ones"


def test_a_trace_holds_so_many_and_so_much(monkeypatch: Any) -> None:
    trace = Trace("t", Wanted(events=3))
    for position in range(5):
        trace.add(event(DELIVERED, ONE, position=position))
    assert [one.position for one in trace] == [2, 3, 4]
    assert trace.seen == 5

    monkeypatch.setattr(traces, "MEMORY_BYTES_MAX", 2 * traces.EVENT_BYTES)
    trace.add(event(DELIVERED, ONE, position=5))
    assert [one.position for one in trace] == [4, 5]
    assert trace.bytes == 2 * traces.EVENT_BYTES


def test_fingerprints() -> None:
    message = Message(Envelope("x", "key", RECORD_FORM), b"properties", b"body", 1)
    same = message._replace(envelope=Envelope("x", "key", RECORD_FORM))
    assert fingerprint(message) == fingerprint(same)
    others = [
        message._replace(envelope=Envelope("xk", "ey", RECORD_FORM)),
        message._replace(properties=b"properties2"),
        message._replace(body=b"bod"),
        message._replace(timestamp_ms=2),
    ]
    assert len({fingerprint(one) for one in (message, *others)}) == 5


def test_whose() -> None:
    trace = Trace("t", Wanted(pattern="publish.#", user="ann"))
    ann = user_named("ann")
    assert trace.wants(("publish.x",), ann)
    assert not trace.wants(("deliver.q",), ann)
    assert not trace.wants(("publish.x",), user_named("ben"))
    assert trace.wants(("publish.x",), BROKER), "what follows from what she did"


def user_named(name: str) -> Any:
    return BROKER._replace(user=name)
