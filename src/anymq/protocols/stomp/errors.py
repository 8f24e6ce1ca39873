"""Our refusals in STOMP's words: what an ERROR frame says, and whether it is the end.

The titles are RabbitMQ's. As there, what a client got wrong in one frame does not end the
connection, and what it may not do, or relies on and is not so, does.
"""

from anymq.core import errors as core
from anymq.protocols.stomp.codec import VERSIONS
from anymq.protocols.stomp.destinations import BadDestination
from anymq.storage.errors import StorageError

REFUSALS = (core.Refused, StorageError)
SUPPORTED = ",".join(VERSIONS)

_TITLES: dict[type[Exception], str] = {
    core.NotFound: "not_found",
    core.NotAllowed: "access_refused",
    core.Locked: "resource_locked",
    core.Unsupported: "not_implemented",
    core.Refused: "precondition_failed",
    StorageError: "internal_error",
}


class StompError(Exception):
    """What an ERROR frame says. `fatal`: the connection ends with it."""

    def __init__(
        self,
        title: str,
        text: str,
        *,
        fatal: bool = False,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(text)
        self.title = title
        self.text = text
        self.fatal = fatal
        self.headers = headers


def to_stomp(error: Exception) -> StompError:
    """Say in STOMP's words what was refused."""
    if isinstance(error, StompError):
        return error
    if isinstance(error, BadDestination):
        return StompError(error.title, str(error))
    for kind in type(error).__mro__:
        if (title := _TITLES.get(kind)) is not None:
            return StompError(title, f"{title.upper()} - {error}", fatal=True)
    return StompError("internal_error", "", fatal=True)


def headers_of(error: StompError) -> list[tuple[str, str]]:
    """Return the headers of the ERROR frame."""
    return [
        ("message", error.title),
        ("content-type", "text/plain"),
        ("version", SUPPORTED),
        *error.headers,
    ]
