"""Messages as bytes and back. The oracle is Google's own implementation, where it is installed."""

import importlib.metadata
import importlib.util
from typing import Any

import pytest

from anymq.protocols.rocketmq.grpc.definition import (
    Message,
    MessageQueue,
    Resource,
    RetryPolicy,
    Settings,
    SystemProperties,
    Timestamp,
    duration_of,
)
from anymq.protocols.rocketmq.grpc.manners import consumer_backoff, producer_backoff
from anymq.protocols.rocketmq.grpc.messages import SendMessageRequest, TelemetryCommand
from anymq.protocols.rocketmq.grpc.protobuf import ELEMENTS_MAX, MalformedMessage, varint
from anymq.protocols.rocketmq.kept import GroupSettings

MESSAGE = Message(
    topic=Resource("", "t"),
    user_properties={"a": "b", "x": "ü"},
    system_properties=SystemProperties(
        tag="",
        keys=["k", "l"],
        message_id="01AB",
        born_timestamp=Timestamp(123, 456),
        queue_offset=-5,
        delivery_attempt=0,
    ),
    body=bytes(range(256)),
)
RETRIES = consumer_backoff(GroupSettings())
QUEUE = MessageQueue(Resource("", "t"), -1, 4, None, [1, 2, 3, 300])


@pytest.mark.parametrize("message", [MESSAGE, QUEUE, producer_backoff(), RETRIES])
def test_what_is_written_is_read_again(message: Message) -> None:
    assert type(message).decode(message.encode()) == message


def googles() -> Any:
    """What protoc made of definition.proto, in the client's package, without the client."""
    client = importlib.metadata.distribution("rocketmq-python-client")
    path = str(client.locate_file("rocketmq/grpc_protocol/definition_pb2.py"))
    spec = importlib.util.spec_from_file_location("definition_pb2", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_as_google_writes_it() -> None:
    """Field by field, and the same bytes for what both write in order."""
    theirs = googles()
    read = theirs.Message.FromString(MESSAGE.encode())
    assert read.user_properties == {"a": "b", "x": "ü"}
    assert read.system_properties.HasField("tag")
    assert not read.system_properties.HasField("message_group")
    assert read.system_properties.queue_offset == -5
    assert Message.decode(read.SerializeToString()) == MESSAGE
    queue = theirs.MessageQueue.FromString(QUEUE.encode())
    assert (queue.id, list(queue.accept_message_types)) == (-1, [1, 2, 3, 300])
    assert queue.SerializeToString() == QUEUE.encode()
    policy = theirs.RetryPolicy.FromString(producer_backoff().encode())
    assert policy.exponential_backoff.multiplier == 2.0
    assert RetryPolicy.decode(policy.SerializeToString()) == producer_backoff()


def test_absent_and_empty_differ_where_the_definition_says_so() -> None:
    said = SystemProperties.decode(SystemProperties(tag="").encode())
    assert (said.tag, said.message_group) == ("", None)
    assert Settings.decode(b"").client_type is None


def test_what_is_not_known_is_skipped() -> None:
    unknown = b"\xf8\x07\x05" + b"\xfa\x07\x02hi" + b"\xfd\x07abcd" + b"\xf9\x07abcdefgh"
    assert Resource.decode(unknown + Resource("", "t").encode() + unknown).name == "t"


def test_lists_of_numbers_come_packed_or_not() -> None:
    one_by_one = b"\x28\x01\x28\x02"
    assert MessageQueue.decode(one_by_one).accept_message_types == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        b"\x12\x05abc",  # ends within a string
        b"\x12\xff\xff\xff\xff\x7f",  # says that it is longer than anything
        b"\x12\x02\xff\xfe",  # no UTF-8
        b"\x10\x01",  # a number where a string belongs
        b"\x0b",  # a group
        b"\x02\x00",  # field 0
        b"\x80",  # a tag without an end
        b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        b"\xfa\x07\x05abc",  # an unknown field that ends too early
        b"\xf9\x07abc",
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        Resource.decode(data)


def test_a_field_cannot_reach_out_of_its_message() -> None:
    """The inner length is a lie: what follows belongs to the outer one."""
    with pytest.raises(MalformedMessage):
        SendMessageRequest.decode(b"\x0a\x02\x22\x09" + b"x" * 20)


def test_two_bytes_do_not_become_an_object_without_end() -> None:
    with pytest.raises(MalformedMessage, match="too many"):
        SendMessageRequest.decode(b"\x0a\x00" * (ELEMENTS_MAX + 1))


def test_every_cut_is_no_message_or_a_shorter_one() -> None:
    whole = TelemetryCommand(settings=Settings(client_type=1)).encode() + MESSAGE.encode()
    for end in range(len(whole)):
        try:
            Message.decode(whole[:end])
        except MalformedMessage:
            continue


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**31, 2**63 - 1])
def test_numbers_are_as_short_as_they_can_be(number: int) -> None:
    assert len(varint(number)) == max(1, -(-number.bit_length() // 7))


def test_durations_are_seconds_and_the_rest() -> None:
    assert (duration_of(1500).seconds, duration_of(1500).nanos) == (1, 500_000_000)
    assert duration_of(1500).ms == 1500
