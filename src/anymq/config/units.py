"""Units, so that numbers read as people say them: 64 * MIB here, "64MiB" in a file."""

import re

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB
SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

BYTES = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": TIB}
MILLISECONDS = {"ms": 1, "s": SECOND_MS, "min": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}

# What people also write. "MB" is read as they mean it nearly always: what a computer calls a MiB.
_BYTES_ALSO = {"K": KIB, "M": MIB, "G": GIB, "T": TIB, "KB": KIB, "MB": MIB, "GB": GIB, "TB": TIB}
_MILLISECONDS_ALSO = {"m": MINUTE_MS, "sec": SECOND_MS, "day": DAY_MS, "days": DAY_MS}

_NUMBER_WITH_UNIT = re.compile(r"(-?\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def parse_bytes(text: str) -> int:
    """Read "64MiB"; a bare number is bytes. ValueError says what would be right."""
    return _parse(text, BYTES, _BYTES_ALSO)


def parse_ms(text: str) -> int:
    """Read "7d" or "1.5s"; a bare number is milliseconds. ValueError says what would be right."""
    return _parse(text, MILLISECONDS, _MILLISECONDS_ALSO)


def format_bytes(size: int) -> str:
    """Say a size in the biggest unit that needs no fraction."""
    return _format(size, BYTES)


def format_ms(duration: int) -> str:
    """Say a duration in the biggest unit that needs no fraction."""
    return _format(duration, MILLISECONDS)


def _parse(text: str, units: dict[str, int], also: dict[str, int]) -> int:
    match = _NUMBER_WITH_UNIT.fullmatch(text.strip())
    known = {name.lower(): factor for name, factor in (units | also).items()} | {"": 1}
    if match is None or match[2].lower() not in known:
        raise ValueError(f"{text!r} is not a number with one of the units {', '.join(units)}")
    value = float(match[1]) * known[match[2].lower()]
    if value != int(value):
        raise ValueError(f"{text!r} is not a whole number of {next(iter(units))}")
    return int(value)


def _format(value: int, units: dict[str, int]) -> str:
    if value <= 0:
        return str(value)
    name, factor = max((u for u in units.items() if value % u[1] == 0), key=lambda u: u[1])
    return f"{value // factor}{name}"
