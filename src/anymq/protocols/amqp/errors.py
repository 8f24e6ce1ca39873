"""What goes wrong in AMQP's words: the reply codes, and the one table from our refusals to them."""

from enum import IntEnum

from anymq.core import errors as core
from anymq.protocols.amqp.fields import MalformedFields
from anymq.protocols.amqp.properties import InvalidExpiration
from anymq.storage.errors import StorageError

TEXT_BYTES_MAX = 255  # a short string


class ReplyCode(IntEnum):
    """AMQP 0-9-1, 1.2; the names are what a reply text begins with."""

    SUCCESS = 200
    CONTENT_TOO_LARGE = 311
    NO_ROUTE = 312
    NO_CONSUMERS = 313
    CONNECTION_FORCED = 320
    INVALID_PATH = 402
    ACCESS_REFUSED = 403
    NOT_FOUND = 404
    RESOURCE_LOCKED = 405
    PRECONDITION_FAILED = 406
    FRAME_ERROR = 501
    SYNTAX_ERROR = 502
    COMMAND_INVALID = 503
    CHANNEL_ERROR = 504
    UNEXPECTED_FRAME = 505
    RESOURCE_ERROR = 506
    NOT_ALLOWED = 530
    NOT_IMPLEMENTED = 540
    INTERNAL_ERROR = 541


class AmqpError(Exception):
    """It ends a channel or the connection. `text` comes without the code's name.

    `method` is the key of the method at fault, 0 if there is none; None: the session says it.
    """

    def __init__(self, code: ReplyCode, text: str, *, method: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.method = method

    @property
    def reply_text(self) -> str:
        """As the client reads it: `NOT_FOUND - no queue 'q' in vhost '/'`."""
        return shortened(f"{self.code.name} - {self.text}" if self.text else self.code.name)


class ChannelError(AmqpError):
    """The channel is closed; the connection goes on. AMQP calls it a soft error."""


class ConnectionFault(AmqpError):
    """The whole connection is closed. AMQP calls it a hard error."""


_SOFT = frozenset(
    {
        ReplyCode.CONTENT_TOO_LARGE,
        ReplyCode.NO_ROUTE,
        ReplyCode.NO_CONSUMERS,
        ReplyCode.ACCESS_REFUSED,
        ReplyCode.NOT_FOUND,
        ReplyCode.RESOURCE_LOCKED,
        ReplyCode.PRECONDITION_FAILED,
    }
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


def fault(code: ReplyCode, text: str, *, method: int | None = None) -> AmqpError:
    """Return the error of this code: it closes the channel or the connection, as AMQP says."""
    kind = ChannelError if code in _SOFT else ConnectionFault
    return kind(code, text, method=method)


def shortened(text: str) -> str:
    """Cut it to what a short string holds, between two characters."""
    data = text.encode(errors="replace")
    if len(data) <= TEXT_BYTES_MAX:
        return text
    return data[: TEXT_BYTES_MAX - 3].decode(errors="ignore") + "..."
