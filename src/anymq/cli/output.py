"""How tools show things: tables for people, JSON for programs."""

import select
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns; what is None is a dash, numbers stand to the right."""
    body = [["-" if cell is None else cell for cell in row] for row in rows]
    columns = list(zip(*[head, *body], strict=True))
    widths = [max(len(str(cell)) for cell in column) for column in columns]
    right = [any(isinstance(cell, int) for cell in column) for column in columns]
    for row in [head, *body]:
        cells = [
            str(cell).rjust(width) if to_right else str(cell).ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        print("  ".join(cells).rstrip())


def print_json(value: object) -> None:
    """Print one JSON document."""
    import msgspec  # not everybody wants JSON

    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(text.decode() + "\n")


def tell(text: str) -> None:
    """Say something on the way, where it does not mix with the output."""
    print(text, file=sys.stderr, flush=True)


def check_reader() -> None:
    """Raise BrokenPipeError when nobody reads our output any more, though we write nothing."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    if poll.poll(0):
        raise BrokenPipeError


def size_text(size: float) -> str:
    """Write so many bytes with two or three figures that count."""
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.{0 if size >= 100 or units[0] == 'B' else 1}f} {units[0]}"


def time_text(milliseconds: int) -> str:
    """Write a timestamp as ISO 8601, in UTC; one that is no date stays a number."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
