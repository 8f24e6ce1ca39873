"""House: what a queue is given by who made it, so that it knows neither vhosts nor the disk."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anymq.core.queues.deadletters import Republish
from anymq.core.queues.line import Line
from anymq.core.queues.totals import Totals
from anymq.core.queues.turn import Turn
from anymq.core.queues.unwritten import Then
from anymq.core.steady import Steady
from anymq.core.taps import Taps

if TYPE_CHECKING:
    from anymq.core.queues.queue import Queue


@dataclass(frozen=True, slots=True)
class House:
    """What all queues of a vhost share."""

    turn: Turn
    steady: Steady
    republish: Republish
    new_line: "Callable[[Queue, int], Line]"  # for a level (a priority) that had no message yet
    keep_levels: "Callable[[Queue, Then], None]"  # have the definition name all levels there are
    discard: "Callable[[Queue], None]"  # its time is over (auto-delete, x-expires): delete it
    totals: Totals = field(default_factory=Totals)  # of all vhosts
    taps: Taps = field(default_factory=Taps)  # who listens to what happens
