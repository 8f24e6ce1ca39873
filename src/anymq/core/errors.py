"""Everything the broker may refuse, and why.

A session turns each of these into its own protocol's words in its `errors.py`.
Anything else that escapes is a bug: it closes the one connection and is logged with a traceback.
"""


class Refused(Exception):
    """The request is understood and will not be done."""


class NotFound(Refused):
    """No such queue, topic, exchange or group."""


class NotAllowed(Refused):
    """This user may not do this here."""


class Conflict(Refused):
    """It exists already, with other properties."""


class TooLarge(Refused):
    """Bigger than the limit."""


class Invalid(Refused):
    """It makes no sense: a bad name, a number out of range, an unknown setting."""


class Unavailable(Refused):
    """Not now: the disk is full or failed, or the broker is stopping."""


class Locked(Refused):
    """It belongs to somebody else: an exclusive queue."""


class PreconditionFailed(Refused):
    """It is not as the request takes for granted: another type, other arguments, still in use."""


class Rejected(Refused):
    """A message that its queue does not take: full, and told to refuse."""


class Unsupported(Refused):
    """It makes sense, and this kind of thing does not do it."""


class PartlyRejected(Rejected):
    """Of a run, these messages were refused (their places in it); the others are safe."""

    def __init__(self, indexes: frozenset[int]) -> None:
        super().__init__(f"{len(indexes)} messages were refused")
        self.indexes = indexes
