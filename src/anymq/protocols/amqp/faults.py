"""Faults: the reply codes of AMQP, and what ends a channel or a connection."""

from enum import IntEnum

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


def fault(code: ReplyCode, text: str, *, method: int | None = None) -> AmqpError:
    """Return the error of this code: it closes the channel or the connection, as AMQP says."""
    kind = ChannelError if code in _SOFT else ConnectionFault
    return kind(code, text, method=method)


def forced(why: str) -> ConnectionFault:
    """Return what ends a connection that did nothing wrong."""
    text = f"broker forced connection closure with reason '{why}'"
    return ConnectionFault(ReplyCode.CONNECTION_FORCED, text, method=0)


def shortened(text: str) -> str:
    """Cut it to what a short string holds, between two characters."""
    data = text.encode(errors="replace")
    if len(data) <= TEXT_BYTES_MAX:
        return text
    return data[: TEXT_BYTES_MAX - 3].decode(errors="ignore") + "..."
