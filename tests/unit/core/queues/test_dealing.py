"""Sharing out messages: in turns, as long as there is credit."""

from hypothesis import given
from hypothesis import strategies as st

from anymq.core.message import Envelope, Message
from anymq.core.queues.dealing import share
from anymq.core.queues.delivery import Delivery


def deliveries(count: int) -> list[Delivery]:
    envelope = Envelope("", "q", None)  # type: ignore[arg-type]
    return [Delivery(i, Message(envelope, b"", b"", 0), 0, False) for i in range(count)]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.data())
def test_as_if_message_by_message(credits: list[int], data: st.DataObject) -> None:
    given = deliveries(data.draw(st.integers(0, sum(credits))))
    model: list[list[Delivery]] = [[] for _ in credits]
    at = 0
    for delivery in given:
        while len(model[at]) == credits[at]:
            at = (at + 1) % len(credits)
        model[at].append(delivery)
        at = (at + 1) % len(credits)
    parts, following = share(given, credits)
    assert parts == model
    assert following == at or not given
