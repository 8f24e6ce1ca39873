"""What can be changed while the broker runs, until it is started again or reads its settings anew:
how much it logs, and when it is short of memory or disk.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from anymq.config.model import Settings, declared
from anymq.config.units import parse_bytes
from anymq.management import alarms
from anymq.management.api import routes
from anymq.management.api.call import Call, done
from anymq.management.api.faults import bad_request
from anymq.management.api.site import Site
from anymq.management.http import Answer, json
from anymq.observability import log

ROUTES = routes.Routes()

HIDDEN = "***"
ALL = ""  # parts of the broker, together
SIZE_MAX = 1 << 62

# RabbitMQ has more levels: the nearest of ours, so that nothing is missing that was asked for.
LEVELS: Mapping[str, log.Level] = {
    **{name: name for name in log.LEVELS},
    "notice": "info",
    **dict.fromkeys(("critical", "alert", "emergency"), "error"),
}


@ROUTES.get("/log-level", routes.MONITORING)
def log_level(call: Call) -> Answer:
    """The least important lines that are logged, and by which parts of the broker others are."""
    return json({"level": log.level_of(ALL), "parts": log.parts_with_levels()})


@ROUTES.put("/log-level", routes.ADMINISTRATOR)
def set_log_level(call: Call) -> Answer:
    """Log more or less from now on: all of the broker, or one `part`, as lines name it."""
    call.need("level")
    said, part = call.text("level"), call.text("part")
    if part and part not in log.parts():
        known = ", ".join(sorted({name.partition(".")[0] for name in log.parts()}))
        raise bad_request(f"no part of the broker is called {part!r}: {known}")
    if said not in LEVELS and not (part and said == "default"):
        raise bad_request(f"{said!r} is no level: {', '.join(LEVELS)}")
    level = LEVELS.get(said)
    log.set_level(level, part)
    if level is not None and not part:
        settings = call.site.settings()
        call.site.use(replace(settings, log=replace(settings.log, level=level)))
    return done()


@ROUTES.get("/watermarks", routes.MONITORING)
def watermarks(call: Call) -> Answer:
    """From where on there is an alarm, and publishers wait: of memory, of free disk."""
    return json(_watermarks(call.site))


@ROUTES.put("/watermarks", routes.ADMINISTRATOR)
def set_watermarks(call: Call) -> Answer:
    """Set one or both: a share of the machine's memory, or a size. It holds at once."""
    settings = call.site.settings()
    if (size := _size(call, "memory_high_watermark", "relative")) is not None:
        # 0 would be the default. At 1, publishers wait at once: that is what who says 0 wants.
        limits = replace(settings.limits, memory_alarm_bytes=max(size, 1))
        settings = replace(settings, limits=limits)
    if (size := _size(call, "disk_free_limit", "mem_relative")) is not None:
        storage = replace(settings.storage, disk_free_bytes_min=size)
        settings = replace(settings, storage=storage)
    call.site.use(settings)
    return done()


def _watermarks(site: Site) -> dict[str, Any]:
    machine, memory = site.machine(), alarms.machine_bytes()
    settings = site.settings()
    limit = alarms.memory_limit(settings.limits.memory_alarm_bytes)
    return {
        "memory_high_watermark": {
            "absolute": limit,
            "relative": round(limit / memory, 4),
            "used": machine.memory_bytes,
            "total": memory,
        },
        "disk_free_limit": {
            "absolute": settings.storage.disk_free_bytes_min,
            "mem_relative": round(settings.storage.disk_free_bytes_min / memory, 4),
            "free": machine.disk_free_bytes,
        },
    }


def _size(call: Call, key: str, share: str) -> int | None:
    """Return how much is meant, in bytes; None: nothing is said of it."""
    said = call.table(key)
    if not said:
        return None
    if len(said) > 1:
        raise bad_request(f"{key} is either absolute or {share}")
    kinds: Mapping[str, Callable[[Any], float]] = {"absolute": _absolute, share: _share}
    ((kind, value),) = said.items()
    if kind not in kinds:
        raise bad_request(f"{key} is absolute or {share}, not {kind}")
    size = kinds[kind](value)
    if not 0 <= size <= SIZE_MAX:
        raise bad_request(f"{key} makes no sense: {value!r}")
    return int(size)


def _absolute(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return parse_bytes(str(value))
    except (ValueError, OverflowError) as error:
        raise bad_request(str(error)) from None


def _share(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise bad_request(f"{value!r} is no share of the machine's memory: 0.6 is one")
    return float(value) * alarms.machine_bytes()


@ROUTES.get("/config/effective", routes.ADMINISTRATOR)
def effective(call: Call) -> Answer:
    """The settings that hold now. Passwords are not shown, nor users: see /users."""
    return json(shown(call.site.settings()))


def shown(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the settings by section, without what is secret."""
    said: dict[str, dict[str, Any]] = {}
    for each in declared():
        value = getattr(getattr(settings, each.section), each.name)
        hidden = each.secret and value
        said.setdefault(each.section, {})[each.name] = HIDDEN if hidden else value
    return said
