"""Reads every log and compares checksums, for the doctor. Changes nothing, needs no broker."""

from collections.abc import Callable
from dataclasses import dataclass, field

from anymq.storage import scan
from anymq.storage.errors import CorruptBatch
from anymq.storage.files import Files

LOGS = "logs"


@dataclass(slots=True)
class Health:
    """What was found; places are for people."""

    logs: int = 0
    size: int = 0
    damaged: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)


def examine(files: Files, on_progress: Callable[[int, int], None]) -> Health:
    """Read the data directory; `on_progress` is called with (log, of so many)."""
    health = Health()
    names = sorted(name for name in files.list(LOGS) if name.isdigit())
    for health.logs, name in enumerate(names, 1):
        on_progress(health.logs, len(names))
        _examine_log(files, f"{LOGS}/{name}", health)
    return health


def _examine_log(files: Files, path: str, health: Health) -> None:
    names = files.list(path)
    health.set_aside += [f"{path}/{name}" for name in names if name.endswith(".quarantine")]
    segments = sorted(name for name in names if name.endswith(".log"))
    for segment in segments:
        place = _examine_segment(files, f"{path}/{segment}", health)
        if place is not None:
            # What was being written when the power went is at the end of the last one.
            (health.torn if segment == segments[-1] else health.damaged).append(place)


def _examine_segment(files: Files, path: str, health: Health) -> str | None:
    """Return the place from which on it makes no sense."""
    try:
        file = files.open(path)
    except FileNotFoundError:
        return None  # a broker that runs has deleted it
    health.size += (size := file.size())
    base, position = int(path.rpartition("/")[2].removesuffix(".log")), 0
    try:
        # Compaction leaves gaps, so offsets need not be dense.
        for place, header, _ in scan.in_order(file, 0, size, first=base, dense=False):
            position = place + header.size
    except (CorruptBatch, OSError) as error:
        return f"{path} at {position}: {error}"
    finally:
        file.close()
    return None
