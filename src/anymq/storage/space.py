"""Space: refuse while there is still some, so that the journals and the deletes can go on."""

from collections.abc import Callable

from anymq.storage.files import Files

MIB = 1024 * 1024
DISK_FREE_MIN = 64 * MIB
_CHECK_MIN = MIB  # or a part of what is kept free, if that is less
_CHECK_MAX = 64 * MIB


class Space:
    """How full the disk is. Asked again after a part of what was left has been written."""

    def __init__(self, files: Files, free_min: int = DISK_FREE_MIN) -> None:
        self._files = files
        self.free_min = free_min  # who changes it has it checked
        self._until_check = 0
        self.spare = 0  # beyond what is kept free, when we last looked
        self.full = False
        self.on_change: Callable[[], None] | None = None  # whom to tell at once

    def wrote(self, size: int) -> None:
        """Count what was written; look at the disk from time to time."""
        self._until_check -= size
        if self._until_check <= 0:
            self.check()

    def ran_out(self) -> None:
        """A write found no space, whatever the figures say: refuse until the next check."""
        self._turn(True)

    def check(self) -> None:
        """Look at the disk now."""
        try:
            self.spare = spare = self._files.free_bytes() - self.free_min
        except OSError:  # then the writes will tell
            return
        often = min(_CHECK_MIN, self.free_min // 4)
        self._until_check = min(max(spare // 4, often), _CHECK_MAX)
        self._turn(spare < 0)

    def _turn(self, full: bool) -> None:
        changed, self.full = full != self.full, full
        if changed and self.on_change is not None:
            self.on_change()
