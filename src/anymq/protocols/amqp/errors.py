"""What goes wrong, in AMQP's words: the one table from our refusals to its codes."""

from anymq.core import errors as core
from anymq.protocols.amqp.faults import (
    AmqpError,
    ChannelError,
    ConnectionFault,
    ReplyCode,
    fault,
    forced,
    shortened,
)
from anymq.protocols.amqp.fields import MalformedFields
from anymq.protocols.amqp.properties import InvalidExpiration
from anymq.storage.errors import StorageError

__all__ = (
    "REFUSALS",
    "AmqpError",
    "ChannelError",
    "ConnectionFault",
    "ReplyCode",
    "fault",
    "forced",
    "shortened",
    "to_amqp",
)

# What a handler may raise; anything else is a bug.
REFUSALS = (AmqpError, core.Refused, StorageError, MalformedFields, InvalidExpiration)

# What the core refuses, by the code that RabbitMQ uses for it.
_CODES: dict[type[Exception], ReplyCode] = {
    core.NotFound: ReplyCode.NOT_FOUND,
    core.NotAllowed: ReplyCode.ACCESS_REFUSED,
    core.Conflict: ReplyCode.PRECONDITION_FAILED,
    core.TooLarge: ReplyCode.PRECONDITION_FAILED,
    core.Invalid: ReplyCode.PRECONDITION_FAILED,
    core.Unavailable: ReplyCode.PRECONDITION_FAILED,
    core.Locked: ReplyCode.RESOURCE_LOCKED,
    core.PreconditionFailed: ReplyCode.PRECONDITION_FAILED,
    core.Rejected: ReplyCode.PRECONDITION_FAILED,
    core.Unsupported: ReplyCode.NOT_IMPLEMENTED,
    core.Refused: ReplyCode.PRECONDITION_FAILED,
    StorageError: ReplyCode.PRECONDITION_FAILED,
    InvalidExpiration: ReplyCode.PRECONDITION_FAILED,
}


def to_amqp(error: Exception) -> AmqpError:
    """Say in AMQP's words what was refused: by its own code, or by what it is a kind of."""
    if isinstance(error, AmqpError):
        return error
    if isinstance(error, MalformedFields):
        # Properties that are none: RabbitMQ trips over them, and says so.
        return ConnectionFault(ReplyCode.INTERNAL_ERROR, "", method=0)
    for kind in type(error).__mro__:
        if (code := _CODES.get(kind)) is not None:
            return fault(code, str(error))
    return ConnectionFault(ReplyCode.INTERNAL_ERROR, "", method=0)
