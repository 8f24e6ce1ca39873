"""Values: AMQP's arguments and headers as JSON, and back."""

from collections.abc import Mapping
from typing import Any

from anymq.management.api.faults import bad_request
from anymq.protocols.amqp.fields import Decimal, Int64

LONG = range(-(1 << 63), 1 << 63)


def to_json(value: Any) -> Any:
    """Return what JSON can say of a value."""
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, Decimal):
        return value.value / 10**value.scale
    if isinstance(value, list):
        return [to_json(each) for each in value]
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    return value


def from_json(value: Any) -> Any:
    """Return what AMQP has for a value. Numbers are long, as RabbitMQ takes them."""
    if isinstance(value, dict):
        return {key: from_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [from_json(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool):
        if value not in LONG:
            raise bad_request("a number does not fit into 64 bits")
        return Int64(value)
    return value
