"""Ended: half messages whose settlement is on its way to the disk; then their fates can go."""

from anymq.core.alarm import Alarm, Clock
from anymq.core.queues.progress import Progress
from anymq.core.transactions.fates import Fates

LOOK_EVERY_MS = 1000


class Ended:
    """The settlement journal is synced now and then; until then a power cut may take it back."""

    def __init__(self, fates: Fates, progress: Progress, clock: Clock) -> None:
        self._fates = fates
        self._progress = progress
        self._clock = clock
        self._new: list[int] = []
        self._marked: list[int] = []
        self._mark = 0
        self._alarm = Alarm(clock, self.look)

    def add(self, position: int) -> None:
        """This one was settled."""
        self._new.append(position)
        self._arm()

    def look(self) -> None:
        """Forget the fates of those whose settlement is safe."""
        if self._marked and self._progress.safe_to >= self._mark:
            self._fates.forget(self._marked)
            self._marked = []
        if self._new and not self._marked:
            self._marked, self._new = self._new, []
            self._mark = self._progress.mark()
        self._arm()

    def _arm(self) -> None:
        if self._new or self._marked:
            self._alarm.by(self._clock.now_ms() + LOOK_EVERY_MS)
