"""What the operating system says about this process."""

import os
import resource
from pathlib import Path

from anymq.observability import catalogue
from anymq.observability.metrics import Registry

PROC = Path("/proc/self")


def watch_process(registry: Registry) -> None:
    """Have the registry read the numbers of this process; those that the system keeps."""
    registry.read_number(catalogue.PROCESS_CPU, cpu_seconds)
    registry.read_number(catalogue.PROCESS_FILES_MAX, open_files_limit)
    if PROC.exists():
        registry.read_number(catalogue.PROCESS_RSS, resident_bytes)
        registry.read_number(catalogue.PROCESS_FILES, open_files)


def cpu_seconds() -> float:
    """Return how long the processor has worked for us."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_bytes() -> int:
    """Return how much memory is in use."""
    pages = int((PROC / "statm").read_text().split()[1])
    return pages * resource.getpagesize()


def open_files() -> int:
    """Return how many files and sockets are open."""
    return len(os.listdir(PROC / "fd"))


def open_files_limit() -> int:
    """Return how many files and sockets may be open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
