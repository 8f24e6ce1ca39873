"""Alarms: is the broker short of something? Then those who publish have to wait."""

import os
from functools import cache

from anymq.core.flow import DISK, MEMORY, Flow
from anymq.management.metrics import resident_bytes
from anymq.observability.log import Log
from anymq.storage.store import LogStore

SHARE_OF_MACHINE = 0.6

log = Log("anymq")


def look(flow: Flow, store: LogStore, memory_alarm_bytes: int) -> None:
    """Turn alarms on and off. `memory_alarm_bytes` 0 is a share of the machine's memory."""
    limit = memory_limit(memory_alarm_bytes)
    used = resident_bytes()
    look_at_disk(flow, store)
    _turn(flow, MEMORY, used > limit)


def memory_limit(memory_alarm_bytes: int) -> int:
    """Return how much we may use before publishers have to wait."""
    return memory_alarm_bytes or int(machine_bytes() * SHARE_OF_MACHINE)


def look_at_disk(flow: Flow, store: LogStore) -> None:
    """Turn the alarm of the disk on or off: at once, who publishes is refused until it is on."""
    _turn(flow, DISK, store.full)


def _turn(flow: Flow, alarm: str, on: bool) -> None:
    if on != (alarm in flow.alarms):
        log.warning("publishers wait" if on else "publishers go on", alarm=alarm)
        flow.set(alarm, on)


@cache
def machine_bytes() -> int:
    """Return how much memory the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
