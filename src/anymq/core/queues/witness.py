"""Witness: where a message goes while it is published, so that a restart can see how far it came.

Who must not publish a message twice writes the places down before the message is there (see
`LogConfig.leads`). After a crash each place says whether it has it; the places that have it are
left out when the message comes again.
"""

from collections.abc import Callable, Collection, Iterable

Places = list[tuple[int, int]]  # logs, and the positions in them


class Witness:
    """One for all that messages are pushed to. Hot: they ask `watches` for every run."""

    __slots__ = ("_has_it", "_places", "watches")

    def __init__(self) -> None:
        self.watches = False
        self._places: Places = []
        self._has_it: Collection[int] = ()

    def watch(self, publish: Callable[[], None], has_it: Collection[int] = ()) -> Places:
        """Publish one message; return where it went. These logs have it, and do not get it."""
        self._places, self._has_it, self.watches = [], has_it, True
        try:
            publish()
        finally:
            self.watches = False
        return self._places

    def knows(self, log_ids: Iterable[int]) -> bool:
        """Is it in one of these already?"""
        return any(log_id in self._has_it for log_id in log_ids)

    def sends(self, log_id: int, position: int) -> bool:
        """The message is to get this position; False: that log has it."""
        if log_id in self._has_it:
            return False
        self._places.append((log_id, position))
        return True
