"""Doubt: a sync failed, and what is read here may not be on the disk.

The kernel takes the pages of a sync that failed for clean: they are read as they were written, no
later sync writes them, and a power cut takes them, with all that a later life has put behind them.
So who had an error leaves a note for the next start, which writes what it finds once more. The note
itself needs no sync: what is in doubt does not outlive a power cut, either.
"""

from contextlib import suppress

from anymq.storage.files import File, Files, write_all

NOTE = "sync-failed"
_CHUNK_BYTES = 1024 * 1024


def note(files: Files) -> None:
    """Let the next start know. Any thread."""
    with suppress(OSError):  # where nothing can be made, nothing is built upon it either
        files.open(NOTE, create=not files.exists(NOTE)).close()


def is_noted(files: Files) -> bool:
    """Did a sync of an earlier life fail?"""
    return files.exists(NOTE)


def forget(files: Files) -> None:
    """Everything that was found is on the disk by now."""
    with suppress(OSError):
        files.unlink(NOTE)


def write_again(file: File, start: int, end: int) -> None:
    """Have this part of a file be on the disk, whatever became of earlier syncs. OSError.

    The first sync may still tell of what an earlier life has lost: then it is done once more.
    """
    try:
        _write_again(file, start, end)
    except OSError:
        _write_again(file, start, end)


def _write_again(file: File, start: int, end: int) -> None:
    for position in range(start, end, _CHUNK_BYTES):
        data = file.pread(min(_CHUNK_BYTES, end - position), position)
        write_all(file, [data], position)
    if file.size() == end:
        file.truncate(end)  # it may have been longer, and a cut be what was lost
    file.sync()
