"""Our refusals in MQTT's words: reason codes of MQTT 5, return codes of CONNACK before it."""

from collections.abc import Mapping
from enum import IntEnum

from anymq.core.errors import (
    Conflict,
    Invalid,
    Locked,
    NotAllowed,
    NotFound,
    PreconditionFailed,
    Refused,
    Rejected,
    TooLarge,
    Unavailable,
)
from anymq.protocols.mqtt.codec import TooLong, UnknownVersion
from anymq.protocols.mqtt.properties import ProtocolError
from anymq.protocols.mqtt.reader import MalformedPacket
from anymq.storage.errors import StorageError


class Reason(IntEnum):
    """Those we say."""

    SUCCESS = 0x00
    DISCONNECT_WITH_WILL = 0x04
    NO_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION = 0x11
    CONTINUE = 0x18
    AUTHENTICATE_AGAIN = 0x19
    UNSPECIFIED = 0x80
    MALFORMED = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION = 0x83
    UNSUPPORTED_VERSION = 0x84
    BAD_CLIENT_ID = 0x85
    BAD_LOGIN = 0x86
    NOT_AUTHORIZED = 0x87
    UNAVAILABLE = 0x88
    BUSY = 0x89
    SHUTTING_DOWN = 0x8B
    BAD_AUTH_METHOD = 0x8C
    KEEP_ALIVE = 0x8D
    TAKEN_OVER = 0x8E
    BAD_FILTER = 0x8F
    BAD_TOPIC = 0x90
    ID_IN_USE = 0x91
    ID_NOT_FOUND = 0x92
    TOO_MANY_AT_ONCE = 0x93
    BAD_ALIAS = 0x94
    PACKET_TOO_LARGE = 0x95
    QUOTA = 0x97
    ADMINISTRATIVE = 0x98


class MqttFault(Exception):
    """The end of a connection, and why."""

    def __init__(self, code: Reason, text: str) -> None:
        super().__init__(text)
        self.code = code


# What CONNACK says before MQTT 5; everything else is "server unavailable".
RETURN_CODES: Mapping[int, int] = {
    Reason.SUCCESS: 0,
    Reason.UNSUPPORTED_VERSION: 1,
    Reason.BAD_CLIENT_ID: 2,
    Reason.BAD_LOGIN: 4,
    Reason.NOT_AUTHORIZED: 5,
    Reason.BAD_AUTH_METHOD: 5,
}
SERVER_UNAVAILABLE = 3

_REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (NotAllowed, Reason.NOT_AUTHORIZED),
    (Locked, Reason.NOT_AUTHORIZED),
    (NotFound, Reason.BAD_TOPIC),
    (Invalid, Reason.BAD_TOPIC),
    (TooLarge, Reason.PACKET_TOO_LARGE),
    (Conflict, Reason.IMPLEMENTATION),
    (Rejected, Reason.QUOTA),
    (PreconditionFailed, Reason.QUOTA),  # of queues or bindings there are too many
    (Unavailable, Reason.QUOTA),
    (Refused, Reason.IMPLEMENTATION),
)
_MALFORMED: tuple[tuple[type[Exception], Reason], ...] = (
    (UnknownVersion, Reason.UNSUPPORTED_VERSION),
    (TooLong, Reason.PACKET_TOO_LARGE),
    (ProtocolError, Reason.PROTOCOL_ERROR),
    (MalformedPacket, Reason.MALFORMED),
)
REFUSALS = (Refused, StorageError)


def reason_of(error: Exception) -> Reason:
    """Return the reason code of a refusal."""
    for kind, reason in (*_REASONS, *_MALFORMED):
        if isinstance(error, kind):
            return reason
    return Reason.UNSPECIFIED


def return_code(reason: int) -> int:
    """Return what CONNACK says before MQTT 5."""
    return RETURN_CODES.get(reason, SERVER_UNAVAILABLE)
