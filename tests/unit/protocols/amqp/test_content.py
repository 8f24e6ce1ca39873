"""Deliveries as frames, read back by another implementation of AMQP."""

from collections.abc import Sequence

import pytest
from pamqp import body, commands, frame, header

from anymq.core.message import Envelope, Message, Properties, Traits
from anymq.core.queues.deadletters import died
from anymq.core.queues.delivery import Delivery
from anymq.protocols.amqp.content import COPIED_BYTES_MAX, DeliveryFrames, send_content
from anymq.protocols.amqp.methods import BasicGetOk
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.storage.files import Buffer

PERSISTENT = b"\x10\x00\x02"
FRAME_MAX = 131072


class Sent:
    """The part of a wire that content needs."""

    frame_max = FRAME_MAX

    def __init__(self) -> None:
        self.writes: list[Buffer] = []

    def write(self, data: Buffer) -> None:
        self.writes.append(data)

    def frames(self) -> list[object]:
        data = b"".join(self.writes)
        frames: list[object] = []
        while data:
            size, channel, value = frame.unmarshal(data)
            assert channel == 3
            frames.append(value)
            data = data[size:]
        return frames


def message(text: bytes, key: str = "key", properties: bytes = PERSISTENT) -> Message:
    return Message(Envelope("logs", key, AMQP_FORM), properties, text, 0)


def delivered(deliveries: Sequence[Delivery], frame_max: int = FRAME_MAX) -> Sent:
    sent = Sent()
    sent.frame_max = frame_max
    DeliveryFrames(3, "me", frame_max).send(sent, 9, deliveries)  # type: ignore[arg-type]
    return sent


def contents(sent: Sent) -> list[tuple[commands.Basic.Deliver, bytes]]:
    """Put method, header and bodies together."""
    found: list[tuple[commands.Basic.Deliver, bytes]] = []
    sizes = []
    for one in sent.frames():
        if isinstance(one, commands.Basic.Deliver):
            found.append((one, b""))
        elif isinstance(one, header.ContentHeader):
            sizes.append(one.body_size)
        else:
            assert isinstance(one, body.ContentBody)
            found[-1] = found[-1][0], found[-1][1] + one.value
    assert sizes == [len(text) for _, text in found]
    return found


def test_each_delivery_has_its_tag_and_body() -> None:
    first = message(b"one")
    second = first._replace(body=b"other")
    third = message(b"another", key="other key")
    again = contents(
        delivered(
            [
                Delivery(0, first, 0, False),
                Delivery(1, second, 1, True),
                Delivery(2, third, 0, False),
            ]
        )
    )
    assert [
        (one.delivery_tag, one.redelivered, one.exchange, one.routing_key, text)
        for one, text in again
    ] == [
        (9, False, "logs", "key", b"one"),
        (10, True, "logs", "key", b"other"),
        (11, False, "logs", "other key", b"another"),
    ]
    assert {one.consumer_tag for one, _ in again} == {"me"}


def test_properties_are_those_that_came() -> None:
    properties = b"\x90\x00\x04text\x02"
    it = [
        Delivery(0, message(b"x"), 0, False),
        Delivery(1, message(b"y", properties=properties), 0, False),
    ]
    headers = [one for one in delivered(it).frames() if isinstance(one, header.ContentHeader)]
    assert [(one.properties.content_type, one.properties.delivery_mode) for one in headers] == [
        (None, 2),
        ("text", 2),
    ]


@pytest.mark.parametrize(
    "size", [0, 1, 4088, 4089, 4088 * 3, COPIED_BYTES_MAX, COPIED_BYTES_MAX + 1, 200_000]
)
@pytest.mark.parametrize("frame_max", [4096, 131072])
def test_a_body_is_cut_where_frames_end(size: int, frame_max: int) -> None:
    texts = [b"first", bytes(range(256)) * (size // 256 + 1), b"", b"last"]
    texts[1] = texts[1][:size]
    sent = delivered([Delivery(0, message(text), 0, False) for text in texts], frame_max)
    assert [text for _, text in contents(sent)] == texts
    data = b"".join(sent.writes)
    while data:
        used, _, _ = frame.unmarshal(data)
        assert used <= frame_max
        data = data[used:]


def test_a_large_body_is_not_copied() -> None:
    large = bytes(100_000)
    sent = delivered([Delivery(0, message(large), 0, False)])
    assert any(piece is large for piece in sent.writes)


class Shouting:
    """Another protocol's form."""

    number = 99

    def traits(self, properties: bytes) -> Traits:
        return Traits()

    def read(self, properties: bytes) -> Properties:
        return Properties(content_type=properties.decode().lower())

    def write(self, properties: Properties) -> bytes:
        raise NotImplementedError


def test_another_protocols_message_is_told_in_amqp() -> None:
    foreign = Envelope("x" * 300, "k", Shouting())
    it = [
        Delivery(0, Message(foreign, b"TEXT", b"1", 0), 0, False),
        Delivery(1, Message(Envelope("", "k", died(AMQP_FORM)), PERSISTENT, b"2", 0), 0, False),
    ]
    sent = delivered(it)
    heads = [one for one in sent.frames() if isinstance(one, header.ContentHeader)]
    assert [one.properties.content_type for one in heads] == ["text", None]
    assert heads[1].properties.delivery_mode == 2
    assert [(one.exchange, text) for one, text in contents(sent)] == [
        ("x" * 255, b"1"),
        ("", b"2"),
    ]


def test_a_message_behind_another_method() -> None:
    sent = Sent()
    send_content(sent, 3, BasicGetOk(1, True, "x", "k", 7), message(b"text"))  # type: ignore[arg-type]
    method, head, text = sent.frames()
    assert isinstance(method, commands.Basic.GetOk)
    assert isinstance(head, header.ContentHeader)
    assert isinstance(text, body.ContentBody)
    assert (method.message_count, head.body_size, text.value) == (7, 4, b"text")
