"""SegmentWriter: writes a segment anew and puts it in the place of an old one.

For compaction and for repair. Make it on the broker's thread, `append` and `publish` in `Work.run`,
then `log.replace_segments([old], [writer.segment])` in `Work.done`.
"""

from contextlib import suppress

from anymq.storage.batch import BatchHeader
from anymq.storage.disk import Disk
from anymq.storage.files import Buffer, File, write_all
from anymq.storage.segment import LOG, Segment

CLEANED = ".cleaned"
_BUFFER_BYTES = 1024 * 1024


class SegmentWriter:
    """Writes `<base>.cleaned`, then renames it to `<base>.log`; readers keep the file they have.

    A crash leaves the old file or the new one, and at worst a `.cleaned` that recovery removes.
    """

    def __init__(self, disk: Disk, old: Segment, *, base: int | None = None) -> None:
        self._files = disk.files
        self._old = old
        self.source = old.pin(disk.handles)  # to read what is there, in `run`
        self.segment = Segment(
            old.directory, old.base if base is None else base, old.index_interval
        )
        self._path = self.segment.path.removesuffix(LOG) + CLEANED
        self._file: File | None = None
        self._buffers: list[Buffer] = []
        self._written = 0
        self.renaming = False  # from here on the name may lead to either file

    def append(self, batch: Buffer, header: BatchHeader) -> None:
        """Add a whole batch, as it shall be on disk. The bytes must stay until `publish`."""
        segment = self.segment
        if header.base_offset != segment.end:
            segment.dense = False
        segment.add(header.base_offset, header.next_offset, len(batch), header.max_timestamp)
        self._buffers.append(batch)
        if segment.size - self._written >= _BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._file is None:
            self._file = self._files.open(self._path, create=True)
            self._file.truncate(0)
        if self._buffers:
            write_all(self._file, self._buffers, self._written)
        self._buffers.clear()
        self._written = self.segment.size

    def publish(self, *, end: int | None = None) -> None:
        """Put it in its place, durably. `end`: where the offsets it stands for end."""
        segment = self.segment
        if end is not None:
            segment.dense = segment.dense and end == segment.end
            segment.end = end
        self._flush()
        assert self._file is not None
        self._file.sync()
        # The old index must never be read for the new file.
        self._files.unlink(segment.index_path)
        self._files.sync_dir(segment.directory)
        self.renaming = True
        self._files.rename(self._path, segment.path)
        self._files.sync_dir(segment.directory)
        assert segment.index is not None
        with suppress(OSError):  # it can be made again
            segment.write_index(self._files, segment.index)
        segment.visible_size = segment.size
        segment.opened_ms = self._old.opened_ms
        segment.on_disk = segment.named = segment.sealed = True

    def abandon(self) -> None:
        """Leave the old one in place. On the broker's thread, after `run`."""
        self._old.pinned = None
        self._files.unlink(self._path)
