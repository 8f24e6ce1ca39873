"""Retention: whole segments go, oldest first: by time, by size, or as all of it is done with.

Before they go, the file `start` says so: what is missing without having been named there is lost.
"""

from collections.abc import Sequence

from typing_extensions import override

from anymq.storage import state
from anymq.storage.disk import Disk
from anymq.storage.files import Files
from anymq.storage.log import Log
from anymq.storage.reserve import NO_SPACE
from anymq.storage.segment import Segment
from anymq.storage.small_files import Damaged, read_whole, replace_whole
from anymq.storage.thinning import is_settled
from anymq.storage.work import Work

START = "start"


class Remove(Work):
    """Removes the files of segments that the log has let go of."""

    def __init__(
        self,
        disk: Disk,
        log: Log,
        segments: Sequence[Segment],
        last_state: tuple[int, bytes] | None,
    ) -> None:
        self._disk = disk
        self._log = log
        self._last_state = last_state
        self._segments = segments
        # Something must go on saying where the log ends, whatever becomes of the records that are
        # not written yet: the first segment that stays begins there, if it has no file.
        self._first = log.segments[0]
        self._make_first = not self._first.on_disk
        self._start = log.start
        self._error: OSError | None = None
        for segment in segments:
            disk.handles.drop(segment.path)

    def _again(self) -> Work:
        """Return the work, to be done once more after it failed."""
        self._start = self._log.start
        self._error = None
        return self

    @override
    def run(self) -> None:
        try:
            self._run_on_a_full_disk()
        except OSError as error:
            self._error = error

    def _run_on_a_full_disk(self) -> None:
        """What makes room needs some first."""
        try:
            self._run()
        except OSError as error:
            if error.errno not in NO_SPACE or not self._disk.reserve.give_up():
                raise
            self._run()

    def _run(self) -> None:
        files, directory = self._disk.files, self._log.directory
        if self._make_first:
            files.open(self._first.path, create=True)
            files.sync_dir(directory)
        if self._last_state is not None:
            state.write(files, directory, *self._last_state)
        replace_whole(files, f"{directory}/{START}", START, b"%d" % self._start)
        for segment in self._segments:
            files.unlink(segment.index_path)
            files.unlink(segment.path)
            files.sync_dir(directory)  # the next one must not be gone before this one

    @override
    def done(self) -> None:
        if self._error is not None:
            self._disk.report(f"{self._log.directory}: not removed yet: {self._error}")
            self._log.unremoved = self._again
        else:
            self._first.on_disk = True


def read_start(files: Files, directory: str) -> int:
    """Return what the file says. Damaged when it cannot be read."""
    content = read_whole(files, f"{directory}/{START}", START)
    if content is None or not content.isdigit():
        raise Damaged(START)
    return int(content)


def roll_by_age(log: Log, now_ms: int) -> None:
    """Begin a new segment when the first batch of the active one is old.

    What is in the active one is not compacted, so it ends in time for the maximum lag as well.
    """
    active, config = log.active, log.config
    age_max = config.segment_ms
    if config.compact:
        age_max = min(age_max, config.max_compaction_lag_ms)
    if active.size and not 0 < active.opened_ms <= now_ms:
        active.opened_ms = now_ms  # not known since a crash, or the clock was set back
    elif active.size and now_ms - active.opened_ms >= age_max:
        log.roll()


def expire(log: Log, disk: Disk, now_ms: int) -> Sequence[Work]:
    """Let go of the segments that are past what the log's setting keeps."""
    if log.unremoved is not None:  # one after the other: there must be no gap
        again, log.unremoved = log.unremoved, None
        return [again()]
    count = _expired(log, now_ms if _is_due(log, disk, now_ms) else None)
    if not count:
        return []
    if count == len(log.segments):
        log.roll()
    gone = log.segments[:count]
    states = [
        (one.end, content) for one, content in log.rolled if one in gone and content is not None
    ]
    return [Remove(disk, log, log.drop_oldest(count), states[-1] if states else None)]


def _is_due(log: Log, disk: Disk, now_ms: int) -> bool:
    """Is it time to look for what is too old or too much?

    Not at once after a start, nor after the first message: who writes records with old timestamps
    has some time to read them, as with Kafka.
    """
    latest = now_ms + disk.retention_check_ms
    if log.retention_due is None or log.retention_due > latest:  # or the clock was set back
        log.retention_due = latest
    if now_ms < log.retention_due:
        return False
    log.retention_due = latest
    return True


def _expired(log: Log, now_ms: int | None) -> int:
    """Return how many segments go, counted from the oldest; without a time, only deleted ones."""
    size, count = log.size_bytes(), 0
    for segment in log.segments:
        if not _complete(log, segment) or not _is_expired(log, segment, size, now_ms):
            break
        size -= segment.size
        count += 1
    return count


def _complete(log: Log, segment: Segment) -> bool:
    """Is all of it visible, and is nobody at work on it?

    Thinning leaves an empty file at the front, if there is something to say where the log begins.
    """
    emptied = log.config.thinned and segment is not log.active
    return (
        (segment.size > 0 or emptied)
        and segment.size == segment.visible_size
        and segment.end <= log.visible_end
        and segment.pinned is None
    )


def _is_expired(log: Log, segment: Segment, size: int, now_ms: int | None) -> bool:
    config = log.config
    if config.thinned and segment is log.active:  # in a busy queue that would be at every tick
        return False
    if segment.end <= log.start or is_settled(log, segment):
        return True
    if now_ms is None or not config.delete:
        return False
    by_size = config.retention_bytes >= 0 and segment is not log.active
    if by_size and size - segment.size >= config.retention_bytes:
        return True
    return config.retention_ms >= 0 and _age_ms(segment, now_ms) > config.retention_ms


def _age_ms(segment: Segment, now_ms: int) -> int:
    newest = segment.newest if segment.newest >= 0 else segment.opened_ms
    return now_ms - newest if newest else 0
