"""The machine: memory, the kernel's limits, certificates."""

import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

from anymq.cli.doctoring.finding import Finding, Findings, Verdict
from anymq.cli.output import size_text
from anymq.config.model import Settings
from anymq.security.certificate_dates import end_of

MEMORY_WANTED = 512 * 1024 * 1024
BACKLOG_WANTED = 1024
SOON_DAYS = 30
GROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
BACKLOG = "/proc/sys/net/core/somaxconn"


def check_memory(settings: Settings) -> Findings:
    """Is there enough, also where a container says how much?"""
    size = memory_bytes()
    if size is None:
        return
    seen = f"{size_text(size)} of memory are for us"
    if size >= MEMORY_WANTED:
        yield Finding(Verdict.FINE, seen)
    else:
        advice = f"give the machine or container {size_text(MEMORY_WANTED)}, or have few clients"
        yield Finding(Verdict.DOUBTFUL, seen, advice)


def memory_bytes() -> int | None:
    """Return what the machine has, or what its container may."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
    for limit in GROUP_LIMITS:
        if (value := _number_in(limit)) is not None:
            found = min(found, value)
    return found


def check_backlog(settings: Settings) -> Findings:
    """Can many clients come at the same moment, as after a restart?"""
    value = _number_in(BACKLOG)
    if value is None:
        return
    seen = f"{value} connections may wait to be accepted"
    if value >= BACKLOG_WANTED:
        yield Finding(Verdict.FINE, seen)
    else:
        advice = f"where many clients come at once: sysctl net.core.somaxconn={BACKLOG_WANTED}"
        yield Finding(Verdict.DOUBTFUL, seen, advice)


def _number_in(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):  # not on this system, or "max"
        return None


def check_certificates(settings: Settings) -> Findings:
    """Can they be read, do they fit their key, and do they hold for a while?"""
    tls, whole = settings.tls, True
    for name in (tls.certificate, tls.key, tls.client_ca):
        if name and not os.access(name, os.R_OK):
            whole = False
            yield Finding(Verdict.BROKEN, f"{name} cannot be read", "see [tls]")
    if not tls.certificate or not whole:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key or None)
    except (OSError, ssl.SSLError) as error:
        advice = "it has to be PEM, with the key that belongs to it: see [tls]"
        yield Finding(Verdict.BROKEN, f"{tls.certificate} is of no use: {error}", advice)
        return
    yield from _check_dates(tls.certificate)


def _check_dates(name: str) -> Findings:
    try:
        end = end_of(Path(name).read_text())
    except (OSError, ValueError, IndexError) as error:
        yield Finding(Verdict.DOUBTFUL, f"when {name} ends cannot be read: {error}")
        return
    days = (end - datetime.now(UTC)).days
    advice = "get a new one; it is taken without a restart"
    if days < 0:
        yield Finding(Verdict.BROKEN, f"{name} ended {-days} days ago", advice)
    elif days < SOON_DAYS:
        yield Finding(Verdict.DOUBTFUL, f"{name} ends in {days} days", advice)
    else:
        yield Finding(Verdict.FINE, f"{name} holds for {days} days")
