"""Give memory back to the system, which the C library keeps after a flood has passed."""

import ctypes
from collections.abc import Callable
from functools import cache


def trim() -> None:
    """Give back what is free. Takes some milliseconds after a flood, else microseconds."""
    _malloc_trim()(0)


@cache
def _malloc_trim() -> Callable[[int], object]:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # not glibc: others give back by themselves
        return lambda _: None
