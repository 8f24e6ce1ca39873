"""What the RocketMQ sessions did so far, for the metrics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from anymq.protocols.rocketmq.codes import RequestCode

_NAMES: dict[int, str] = {one.value: one.name for one in RequestCode}


@dataclass(slots=True)
class Counters:
    """Plain numbers: counting costs one addition."""

    requests: "Counter[int]" = field(default_factory=Counter)  # that came, by code
    calls: "Counter[str]" = field(default_factory=Counter)  # by gRPC, by name
    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0  # of bodies
    bytes_out: int = 0
    refused: int = 0  # sends
    malformed: int = 0
    logins_failed: int = 0

    def note(self, code: int) -> None:
        """A request came. Codes that nobody knows are one kind: peers must not make up many."""
        self.requests[code if code in _NAMES else -1] += 1

    def note_call(self, name: str) -> None:
        """A call by gRPC came, that we know."""
        self.calls[name] += 1

    def by_kind(self) -> Mapping[tuple[str, str], int]:
        """Return the requests by protocol and name."""
        return {
            ("rocketmq", _NAMES.get(code, "unknown")): count
            for code, count in self.requests.items()
        } | {("rocketmq", name): count for name, count in self.calls.items()}
