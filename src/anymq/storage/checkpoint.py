"""The checkpoint: what was surely on disk of every log, so that a restart need not look.

It is written from time to time and at the end. A second file, `clean`, names the checkpoint that
says everything: it is written last and removed first, so after a crash there is none.
"""

import msgspec
from crc32c import crc32c

from anymq.storage.files import Files
from anymq.storage.small_files import Damaged, read_whole, replace_whole

CHECKPOINT = "checkpoint"
CLEAN = "clean"


class SegmentEntry(msgspec.Struct, array_like=True, frozen=True):
    """A segment. Of the one that holds the log's durable end only `base` is as it is now."""

    base: int
    end: int
    size: int
    newest: int
    dense: bool
    opened_ms: int


class LogEntry(msgspec.Struct, array_like=True, frozen=True):
    """One log: its bounds, and the place up to which everything is durable."""

    start: int
    end: int
    base: int  # of the segment that `end` is in
    position: int  # of `end` in it
    segments: list[SegmentEntry]  # up to that one
    clean: bool = False  # there is nothing beyond `end`, if the checkpoint itself is clean
    empty_state_at: int = -1  # the owner's state as of there is nothing, and in no file

    def segment(self, base: int) -> SegmentEntry | None:
        """Return what is known of one segment."""
        return next((entry for entry in self.segments if entry.base == base), None)


Entries = dict[int, LogEntry]
_DECODER = msgspec.json.Decoder(Entries)


def encode(entries: Entries) -> bytes:
    """Return the content of the checkpoint file."""
    return msgspec.json.encode(entries)


def write(files: Files, content: bytes, *, clean: bool = False) -> None:
    """Replace the checkpoint, durably."""
    replace_whole(files, CHECKPOINT, "checkpoint", content)
    if clean:
        replace_whole(files, CLEAN, "clean", _name(content))


def take(files: Files) -> tuple[Entries, bool]:
    """Return the checkpoint and whether it says everything; from now on it does not.

    Damaged when it cannot be read or is missing.
    """
    content = read_whole(files, CHECKPOINT, "checkpoint")
    if content is None:
        raise Damaged(CHECKPOINT)
    clean = _is_clean(files, content)
    if files.exists(CLEAN):
        files.unlink(CLEAN)
        files.sync_dir("")
    try:
        return _DECODER.decode(content), clean
    except msgspec.DecodeError as error:
        raise Damaged(CHECKPOINT) from error


def _is_clean(files: Files, content: bytes) -> bool:
    try:
        return read_whole(files, CLEAN, "clean") == _name(content)
    except Damaged:
        return False


def _name(content: bytes) -> bytes:
    return b"%08x %d" % (crc32c(content), len(content))
