"""Recovery: what a log is after a restart."""

from anymq.storage import scan
from anymq.storage.disk import Disk
from anymq.storage.errors import CorruptBatch
from anymq.storage.log import Contents, LogConfig, directory_of
from anymq.storage.segment import LOG, Segment


def recover(disk: Disk, log_id: int, config: LogConfig) -> Contents:
    """Find out what there is."""
    directory = directory_of(log_id)
    names = [name for name in disk.files.list(directory) if name.endswith(LOG)]
    segments = [
        _scan(disk, Segment(directory, int(name.removesuffix(LOG)), config.index_interval_bytes))
        for name in names
    ]
    if not segments:
        return Contents([])
    return Contents(segments, start=segments[0].base, end=segments[-1].end)


def _scan(disk: Disk, segment: Segment) -> Segment:
    file = segment.file(disk.handles)
    try:
        for _, header, view in scan.checked(file, 0, file.size()):
            segment.add(header.base_offset, header.next_offset, len(view), header.max_timestamp)
    except CorruptBatch:
        file.truncate(segment.size)
    segment.visible_size = segment.size
    segment.on_disk = segment.named = True
    return segment
