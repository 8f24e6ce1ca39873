"""Rates: how many messages came and went in a second, since that was asked last."""

from dataclasses import dataclass

MILLIS_MIN = 1000  # between two looks: a rate over less says little


@dataclass(slots=True)
class Rates:
    """What was seen last."""

    since_ms: int
    sent: int = 0
    pulled: int = 0
    last: tuple[float, float] = (0.0, 0.0)

    def between(self, now_ms: int, sent: int, pulled: int) -> tuple[float, float]:
        """Return the rates since the last look; those of then, if that is too short ago."""
        passed = now_ms - self.since_ms
        if passed >= MILLIS_MIN:
            seconds = passed / 1000
            self.last = (sent - self.sent) / seconds, (pulled - self.pulled) / seconds
            self.since_ms, self.sent, self.pulled = now_ms, sent, pulled
        return self.last
