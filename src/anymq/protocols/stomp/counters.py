"""What the STOMP sessions did so far, for the metrics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

KNOWN = frozenset(
    (
        *("CONNECT", "STOMP", "SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK"),
        *("BEGIN", "COMMIT", "ABORT", "DISCONNECT"),
    )
)


@dataclass(slots=True)
class Counters:
    """Plain numbers: counting costs one addition."""

    frames: "Counter[str]" = field(default_factory=Counter)  # that came, by command
    delivered: int = 0
    dropped: int = 0  # that went nowhere
    malformed: int = 0
    logins_failed: int = 0

    def note(self, command: str) -> None:
        """A frame came. What is no command is one kind: peers must not make up many."""
        self.frames[command if command in KNOWN else "unknown"] += 1

    def by_kind(self) -> Mapping[tuple[str, str], int]:
        """Return the frames by protocol and command."""
        return {("stomp", command): count for command, count in self.frames.items()}
