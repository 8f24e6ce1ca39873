"""Reserve: a file that is given up when there is no space left to say that other files may go."""

import errno
from contextlib import suppress
from typing import Final

from typing_extensions import override

from anymq.storage.files import Files, write_all
from anymq.storage.work import Work

NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)
RESERVE: Final = "reserve"
RESERVE_BYTES: Final = 256 * 1024
_SPARE_FACTOR: Final = 16  # it is made while so many times as much is to spare


class Reserve:
    """The file. `give_up` in the thread of slow work, the rest on the broker's."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._there: bool | None = None  # None: not looked yet

    def missing(self, spare: int) -> bool:
        """Is it to be made, now that so much of the disk is to spare?"""
        if self._there is None:
            self._there = self._files.exists(RESERVE)
        return not self._there and spare >= _SPARE_FACTOR * RESERVE_BYTES

    def make(self) -> Work:
        """Return the work of making it."""
        self._there = True
        return _Make(self)

    def give_up(self) -> bool:
        """Delete it; False when it is not there."""
        there = self._files.exists(RESERVE)
        self._files.unlink(RESERVE)
        self._there = False
        return there


class _Make(Work):
    def __init__(self, reserve: Reserve) -> None:
        self._reserve = reserve

    @override
    def run(self) -> None:
        files = self._reserve._files
        try:
            write_all(files.open(RESERVE, create=True), [bytes(RESERVE_BYTES)], 0)
        except OSError:
            with suppress(OSError):
                self._reserve.give_up()  # what there is of it is no help

    @override
    def done(self) -> None:
        """Whoever needs it will see."""
