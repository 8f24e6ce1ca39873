"""State files: what the owner of a log derived from its records, as of some offset.

After a restart the owner takes the newest and reads only the records since. They can be made again
from the log, so a lost or damaged one costs time, not data.
"""

from anymq.storage.files import Files
from anymq.storage.small_files import Damaged, read_whole, replace_whole

STATE = ".state"
KEPT = 2  # the newest may turn out to be damaged


def write(files: Files, directory: str, offset: int, content: bytes) -> None:
    """Keep the state as of `offset`; of the older ones, keep the newest."""
    replace_whole(files, _path(directory, offset), "state", content, sync=False)
    for old in _offsets(files, directory)[:-KEPT]:
        files.unlink(_path(directory, old))


def newest(files: Files, directory: str, end: int) -> tuple[int, bytes] | None:
    """Return the newest whole state not above `end`, with its offset."""
    for offset in reversed(_offsets(files, directory)):
        content = _read(files, directory, offset) if offset <= end else None
        if content is not None:
            return offset, content
    return None


def forget_above(files: Files, directory: str, end: int) -> None:
    """Delete states of records that are no more; other records will get these offsets."""
    above = [offset for offset in _offsets(files, directory) if offset > end]
    for offset in above:
        files.unlink(_path(directory, offset))
    if above:
        files.sync_dir(directory)


def _read(files: Files, directory: str, offset: int) -> bytes | None:
    try:
        return read_whole(files, _path(directory, offset), "state")
    except (Damaged, OSError):
        return None


def _offsets(files: Files, directory: str) -> list[int]:
    names = (name.removesuffix(STATE) for name in files.list(directory) if name.endswith(STATE))
    return sorted(int(name) for name in names if name.isdecimal())


def _path(directory: str, offset: int) -> str:
    return f"{directory}/{offset:020d}{STATE}"
