"""What of new settings can hold at once, and what waits for a restart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from anymq.config.model import Settings, declared


@dataclass(frozen=True, slots=True)
class Reloaded:
    """New settings, as far as they can be taken over while the broker runs."""

    settings: Settings  # what holds now
    changed: Sequence[str]  # keys that hold now and did not before
    waiting: Sequence[str]  # keys that a restart would change


def take_over(running: Settings, wanted: Settings) -> Reloaded:
    """Take over what is live, and the users; leave the rest as it is."""
    changed: list[str] = ["users"] if wanted.users != running.users else []
    waiting: list[str] = []
    live: dict[str, dict[str, Any]] = {}
    for each in declared():
        value = getattr(getattr(wanted, each.section), each.name)
        if value == getattr(getattr(running, each.section), each.name):
            continue
        if each.live:
            changed.append(each.key)
            live.setdefault(each.section, {})[each.name] = value
        else:
            waiting.append(each.key)
    sections = {name: replace(getattr(running, name), **values) for name, values in live.items()}
    return Reloaded(replace(running, users=wanted.users, **sections), changed, waiting)
