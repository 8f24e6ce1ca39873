"""Small files that are read and written whole: a first line with a checksum, then the content."""

from crc32c import crc32c

from anymq.storage.files import Files, write_all

_KEY = b"anymq"


class Damaged(Exception):
    """The file is not as we wrote it."""


def read_whole(files: Files, path: str, kind: str) -> bytes | None:
    """Return the content; None when there is no such file. Damaged when it is not whole."""
    try:
        file = files.open(path)
    except FileNotFoundError:
        return None
    data = file.pread(file.size(), 0)
    line, newline, content = data.partition(b"\n")
    if not newline or line != _first_line(kind, content):
        raise Damaged(path)
    return content


def replace_whole(files: Files, path: str, kind: str, content: bytes, *, sync: bool = True) -> None:
    """Write the file beside itself and rename it: after a crash there is the old or the new.

    Without `sync` there may be neither: for what can be made again.
    """
    temporary = path + ".tmp"
    if files.exists(temporary):
        # What a failed attempt has left must not come back, whole, under the other name.
        files.unlink(temporary)
    file = files.open(temporary, create=True)
    write_all(file, [_first_line(kind, content), b"\n", content], 0)
    if sync:
        file.sync()
    files.rename(temporary, path)
    if sync:
        files.sync_dir(path.rpartition("/")[0])


def _first_line(kind: str, content: bytes) -> bytes:
    return b"%s %s 1 %08x" % (_KEY, kind.encode(), crc32c(content))
