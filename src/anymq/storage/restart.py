"""Restart: what a log tells the checkpoint, and the log made from what it told."""

from anymq.storage.checkpoint import LogEntry, SegmentEntry
from anymq.storage.index import Extent
from anymq.storage.log import Contents, Log, LogConfig, directory_of
from anymq.storage.segment import Segment


def entry_of(log: Log, *, clean: bool = False, empty_state_at: int = -1) -> LogEntry:
    """Describe the log up to its durable end."""
    mark = log.durable
    # At the end also an active segment without a batch, if its file is there: the next life must
    # not go on in the one before it.
    last = log.active.base if clean and log.active.on_disk else mark.base
    return LogEntry(
        min(log.start, mark.end),
        mark.end,
        mark.base,
        mark.position,
        [_entry_of(segment) for segment in log.segments if segment.base <= last],
        clean and mark.end == log.end and log.failed is None,
        empty_state_at,
    )


def _entry_of(segment: Segment) -> SegmentEntry:
    return SegmentEntry(
        segment.base,
        segment.end,
        segment.size,
        segment.newest,
        segment.dense,
        segment.opened_ms,
    )


def as_left(log_id: int, config: LogConfig, entry: LogEntry) -> Contents:
    """Return a log as a clean checkpoint describes it, without looking at the disk."""
    directory = directory_of(log_id)
    segments = [segment_of(directory, item, config) for item in entry.segments]
    if not segments or segments[-1].end < entry.end:
        segments.append(Segment(directory, entry.end, config.index_interval_bytes))
    segments[-1].sealed = False
    return Contents(segments, start=entry.start, end=entry.end, empty_state_at=entry.empty_state_at)


def segment_of(directory: str, entry: SegmentEntry, config: LogConfig) -> Segment:
    """Return a segment as the checkpoint describes it."""
    if not entry.size and entry.end == entry.base:  # there may be no file yet
        return Segment(directory, entry.base, config.index_interval_bytes)
    extent = Extent(entry.size, entry.end, entry.newest, entry.dense)
    segment = Segment.found(directory, entry.base, extent, config.index_interval_bytes)
    segment.opened_ms = entry.opened_ms
    segment.sealed = True
    return segment
