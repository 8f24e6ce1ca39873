"""Arguments of queues: refused in RabbitMQ's words, which clients and their tests look at."""

from typing import Any, ClassVar

import pytest

from anymq.core.errors import PreconditionFailed
from anymq.core.queues.arguments import (
    age_ms,
    check_consumer,
    check_declaration,
    check_equivalent,
    check_properties,
    kind_of,
)
from anymq.protocols.amqp.fields import LongBytes

OF = "queue 'q' in vhost '/'"


class Short(int):
    type_name: ClassVar[str] = "short"


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("x-expires", 0, "{value_zero,0}"),
        ("x-expires", -1, "{value_negative,-1}"),
        ("x-expires", "1", '"expected integer, got longstr"'),
        ("x-expires", 315_360_000_001, "{value_too_large,315360000001}"),
        ("x-message-ttl", -1, "{value_negative,-1}"),
        ("x-message-ttl", 1.5, '"expected integer, got double"'),
        ("x-message-ttl", True, '"expected integer, got bool"'),
        ("x-dead-letter-routing-key", "k", "routing_key_but_no_dlx_defined"),
        ("x-dead-letter-routing-key", "k" * 256, "invalid_routing_key"),
        ("x-dead-letter-routing-key", LongBytes(b"\xff"), "invalid_routing_key"),
        ("x-max-length", -5, "{value_negative,-5}"),
        ("x-max-length-bytes", b"x", '"expected integer, got binary"'),
        ("x-max-priority", 256, "{max_value_exceeded,256}"),
        ("x-overflow", "sideways", "invalid_overflow"),
        ("x-overflow", 1, "{unacceptable_type,signedint}"),
        ("x-single-active-consumer", 1, "{unacceptable_type,signedint}"),
        ("x-queue-leader-locator", "far", "invalid_queue_locator_arg"),
        ("x-queue-version", 3, "\"unsupported queue version '3'\""),
    ],
)
def test_what_makes_no_sense_is_refused(key: str, value: Any, error: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        check_declaration(OF, "classic", {key: value})
    assert str(refused.value) == f"invalid arg '{key}' for {OF}: {error}"


def test_a_dead_letter_exchange_that_is_no_text() -> None:
    with pytest.raises(PreconditionFailed) as refused:
        check_declaration(OF, "classic", {"x-dead-letter-exchange": 5})
    assert (
        str(refused.value) == f"invalid type 'signedint' for arg 'x-dead-letter-exchange' in {OF}"
    )


def test_of_two_errors_the_first_of_rabbitmqs_order_is_told() -> None:
    with pytest.raises(PreconditionFailed, match="x-expires"):
        check_declaration(OF, "classic", {"x-overflow": 1, "x-expires": 0})


def test_arguments_of_another_kind_are_refused() -> None:
    with pytest.raises(PreconditionFailed) as refused:
        check_declaration(OF, "classic", {"x-delivery-limit": 5})
    assert (
        str(refused.value)
        == f"invalid arg 'x-delivery-limit' for {OF} of queue type rabbit_classic_queue"
    )
    with pytest.raises(PreconditionFailed, match="of queue type rabbit_quorum_queue"):
        check_declaration(OF, "quorum", {"x-max-priority": 5})
    with pytest.raises(PreconditionFailed, match=r"x-message-ttl.*rabbit_stream_queue"):
        check_declaration(OF, "stream", {"x-message-ttl": 5})


def test_unknown_arguments_are_accepted() -> None:
    check_declaration(OF, "classic", {"x-mine": object(), "other": 5, "x-queue-mode": "lazy"})
    check_declaration(OF, "classic", {"x-message-ttl": Short(0), "x-queue-version": 1})


def test_the_kind() -> None:
    assert kind_of(OF, {}) == "classic"
    assert kind_of(OF, {"x-queue-type": "quorum"}) == "quorum"
    assert kind_of(OF, {"x-queue-type": "undefined"}, "quorum") == "quorum"
    with pytest.raises(PreconditionFailed) as refused:
        kind_of(OF, {"x-queue-type": "odd"})
    assert (
        str(refused.value)
        == f"invalid arg 'x-queue-type' for {OF}: \"unsupported queue type 'odd'\""
    )


@pytest.mark.parametrize(
    ("durable", "exclusive", "auto_delete", "name"),
    [
        (False, False, False, "non-durable"),
        (True, True, False, "exclusive-owner"),
        (False, False, True, "auto-delete"),
    ],
)
def test_a_quorum_queue_is_to_last(
    durable: bool, exclusive: bool, auto_delete: bool, name: str
) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        check_properties(
            OF, "quorum", durable=durable, exclusive=exclusive, auto_delete=auto_delete
        )
    assert str(refused.value) == f"invalid property '{name}' for {OF}"
    check_properties(OF, "classic", durable=durable, exclusive=exclusive, auto_delete=auto_delete)


def test_declared_again_with_other_arguments() -> None:
    with pytest.raises(PreconditionFailed) as refused:
        check_equivalent(OF, "classic", {}, {"x-max-length": 5})
    assert str(refused.value) == (
        f"inequivalent arg 'x-max-length' for {OF}: "
        "received the value '5' of type 'signedint' but current is none"
    )
    check_equivalent(OF, "classic", {"x-max-length": 5}, {"x-max-length": Short(5)})
    check_equivalent(OF, "classic", {"x-mine": 5}, {"x-mine": 6})
    check_equivalent(OF, "classic", {"x-queue-type": "classic"}, {})
    with pytest.raises(PreconditionFailed, match=r"received 'quorum' but current is 'classic'$"):
        check_equivalent(OF, "classic", {}, {"x-queue-type": "quorum"})
    with pytest.raises(PreconditionFailed, match=r"received '6' but current is '5'$"):
        check_equivalent(OF, "classic", {"x-max-length": 5}, {"x-max-length": 6})


def test_arguments_of_consumers() -> None:
    check_consumer(OF, "classic", {"x-priority": -5, "x-mine": "a"})
    with pytest.raises(PreconditionFailed) as refused:
        check_consumer(OF, "classic", {"x-priority": "high"})
    assert (
        str(refused.value)
        == f"invalid arg 'x-priority' for {OF}: \"expected integer, got longstr\""
    )
    with pytest.raises(PreconditionFailed, match=r"x-stream-offset.*rabbit_classic_queue"):
        check_consumer(OF, "classic", {"x-stream-offset": "first"})


def test_ages() -> None:
    assert age_ms("7D") == 7 * 86_400_000
    assert age_ms("1Y") == 365 * 86_400_000
    assert [age_ms(odd) for odd in ("", "D", "0s", "-1s", "5", "5x", "5DD", 5)] == [None] * 8
