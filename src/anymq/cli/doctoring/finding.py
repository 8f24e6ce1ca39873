"""What was seen, how bad it is, what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How bad it is."""

    FINE = "ok"
    DOUBTFUL = "warning"
    BROKEN = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen, and what to do about it."""

    verdict: Verdict
    seen: str
    advice: str = ""


Findings = Iterator[Finding]
