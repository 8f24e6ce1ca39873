"""Wire: the way to one client. Answers go out in the order of what they answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from anymq.core.taps import Origin
from anymq.protocols.session import Outbox
from anymq.protocols.stomp import codec
from anymq.protocols.stomp.counters import Counters
from anymq.protocols.stomp.errors import StompError, headers_of


@dataclass(slots=True)
class Owed:
    """An answer, or none, once all that it is about is safe."""

    receipt: str | None = None
    waits_for: int = 0
    data: bytes = b""  # instead of a receipt
    is_last: bool = False
    begun: bool = False  # no more will be waited for


class Wire:
    """Encodes for a client, in its version; keeps the answers that are due in their order."""

    __slots__ = (
        "_on_last",
        "counters",
        "ended",
        "ending",
        "outbox",
        "owed",
        "sent",
        "version",
        "who",
    )

    def __init__(self, outbox: Outbox, counters: Counters, on_last: Callable[[], None]) -> None:
        self.outbox = outbox
        self.counters = counters
        self.version = codec.V10
        self.ending = False  # nothing more is acted on
        self.ended = False  # nothing more is written
        self.who = Origin("stomp")
        self.owed: list[Owed] = []
        self.sent = 0  # frames: heart-beats are for who hears nothing else
        self._on_last = on_last

    def write(self, data: bytes) -> None:
        """Send whole frames."""
        if not self.ended:
            self.sent += 1
            self.outbox.write(data)

    def send(self, command: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> None:
        """Send a frame, now."""
        self.write(codec.encode(command, headers, body, self.version))

    # In order

    def owe(self, owed: Owed) -> None:
        """Answer this after all that came before it."""
        self.owed.append(owed)
        self.ending = self.ending or owed.is_last

    def begun(self, owed: Owed) -> None:
        """All that this answer waits for is begun; it may be due."""
        owed.begun = True
        self._answer()

    def done(self, owed: Owed) -> None:
        """One thing that this answer waits for is safe."""
        owed.waits_for -= 1
        self._answer()

    def error(self, error: StompError) -> None:
        """Say what went wrong, behind all that went well; the end, if it is fatal."""
        data = codec.encode("ERROR", headers_of(error), error.text.encode(), self.version)
        self.owe(Owed(data=data, is_last=error.fatal, begun=True))
        self._answer()

    def _answer(self) -> None:
        owed = self.owed
        while owed and owed[0].begun and owed[0].waits_for <= 0 and not self.ended:
            one = owed.pop(0)  # there are few: a deque would take 760 bytes of each idle client
            if one.data:
                self.write(one.data)
            elif one.receipt is not None:
                self.write(codec.receipt(one.receipt, self.version))
            if one.is_last:
                self.ended = True
                owed.clear()
                self._on_last()
