"""The data directory: who may work in it, and which version wrote it.

LOCK  VERSION  checkpoint
logs/<id>/  <base>.log  <base>.index  <offset>.state  epochs  *.quarantine
"""

from anymq.storage.errors import UnknownVersion
from anymq.storage.files import File, Files
from anymq.storage.small_files import Damaged, read_whole, replace_whole

VERSION = "1"
LOGS = "logs"


def take(files: Files) -> File:
    """Lock the directory and make it ours. DirectoryInUse, UnknownVersion."""
    lock = files.lock("LOCK")
    try:
        _check_version(files)
    except BaseException:
        lock.close()
        raise
    return lock


def _check_version(files: Files) -> None:
    try:
        content = read_whole(files, "VERSION", "version")
    except Damaged as error:
        raise UnknownVersion("the file VERSION is damaged") from error
    if content is None:
        _begin(files)
    elif content.decode().strip() != VERSION:
        raise UnknownVersion(f"the data is of version {content!r}, this program knows {VERSION}")


def _begin(files: Files) -> None:
    """Make an empty data directory."""
    if files.list(LOGS):
        raise UnknownVersion("there are logs, but no file VERSION says how they are written")
    files.make_dir(LOGS)
    replace_whole(files, "VERSION", "version", f"{VERSION}\n".encode())
