"""Flow: what the broker is short of. Who publishes waits as long as it is short of anything."""

from collections.abc import Callable

Listener = Callable[[], None]

MEMORY = "memory"
DISK = "disk"


class Flow:
    """The alarms that are on. Each protocol says it in its own way; all ask here."""

    def __init__(self) -> None:
        self.alarms: tuple[str, ...] = ()
        self._listeners: dict[Listener, None] = {}

    @property
    def short(self) -> bool:
        """Should publishers wait?"""
        return bool(self.alarms)

    def set(self, alarm: str, on: bool) -> None:
        """This alarm is on, or is over; listeners hear of a change."""
        if on == (alarm in self.alarms):
            return
        others = [one for one in self.alarms if one != alarm]
        self.alarms = tuple(sorted([*others, alarm] if on else others))
        for listener in list(self._listeners):
            listener()

    def listen(self, listener: Listener) -> None:
        """Call `listener` whenever an alarm goes on or off."""
        self._listeners[listener] = None

    def forget(self, listener: Listener) -> None:
        """Call it no more."""
        self._listeners.pop(listener, None)
