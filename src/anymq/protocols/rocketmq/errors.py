"""Our refusals in RocketMQ's words: one table from what the core says to codes of answers."""

from anymq.core import errors as core
from anymq.core.streams import errors as streams
from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.storage import errors as storage

REFUSALS = (core.Refused, storage.StorageError)


class RocketMqError(core.Refused):
    """What an answer says: its code, and a remark for people."""

    def __init__(self, code: ResponseCode, remark: str) -> None:
        super().__init__(remark)
        self.code = code


class BadRequest(RocketMqError):
    """A field is missing, or is not what it should be."""

    def __init__(self, remark: str) -> None:
        super().__init__(ResponseCode.INVALID_PARAMETER, remark)


class Denied(RocketMqError):
    """The client may not do this."""

    def __init__(self, remark: str) -> None:
        super().__init__(ResponseCode.NO_PERMISSION, remark)


class NoTopic(RocketMqError):
    """There is no such topic, and nobody may make it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            ResponseCode.TOPIC_NOT_EXIST, f"topic[{name}] not exist, apply first please!"
        )


# The first that fits, most special first. A producer tries again, with another broker if there is
# one, on SYSTEM_BUSY, SERVICE_NOT_AVAILABLE, TOPIC_NOT_EXIST, NO_PERMISSION and SYSTEM_ERROR.
CODES: dict[type[Exception], ResponseCode] = {
    core.NotFound: ResponseCode.TOPIC_NOT_EXIST,
    core.NotAllowed: ResponseCode.NO_PERMISSION,
    core.TooLarge: ResponseCode.MESSAGE_ILLEGAL,
    core.Unavailable: ResponseCode.SERVICE_NOT_AVAILABLE,
    core.Rejected: ResponseCode.SYSTEM_BUSY,
    core.Unsupported: ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
    core.Locked: ResponseCode.NO_PERMISSION,
    streams.InvalidRecord: ResponseCode.MESSAGE_ILLEGAL,
    streams.InvalidTimestamp: ResponseCode.MESSAGE_ILLEGAL,
    streams.PolicyViolation: ResponseCode.NO_PERMISSION,
    core.Invalid: ResponseCode.INVALID_PARAMETER,
    core.Refused: ResponseCode.SYSTEM_ERROR,
    storage.StorageError: ResponseCode.SERVICE_NOT_AVAILABLE,
}


def code_of(error: Exception) -> ResponseCode:
    """Say in RocketMQ's numbers what was refused."""
    if isinstance(error, RocketMqError):
        return error.code
    for kind in type(error).__mro__:
        if (code := CODES.get(kind)) is not None:
            return code
    return ResponseCode.SYSTEM_ERROR
