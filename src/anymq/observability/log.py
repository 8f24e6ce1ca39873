"""What the broker says about itself: an event in words that never change, and its facts as fields.

    log = Log(__name__)
    log.warning("frame refused", peer="10.0.0.7:5123", size=2147483647)

Human lines on a terminal, JSON otherwise. An event that repeats is counted instead of written, so
that no client can fill the disk with our lines.
"""

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec
from typing_extensions import override

REPEATS_MAX = 10  # lines of one event in one period; the rest are counted
REPEAT_PERIOD_S = 10.0
EVENTS_TRACKED_MAX = 1000

ROOT = "anymq"
Level = Literal["debug", "info", "warning", "error"]
LEVELS: dict[Level, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
COLOURS = {10: "\x1b[2m", 20: "\x1b[32m", 30: "\x1b[33m", 40: "\x1b[31m"}
DIM, RESET = "\x1b[2m", "\x1b[0m"


class Log:
    """Where one module writes its events."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, /, **fields: object) -> None:
        """For whoever looks for a bug."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """Something an operator may want to know."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Something an operator should look at; we go on."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """Something does not work any more."""
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: object) -> None:
        """A bug of ours: written with the traceback of the exception being handled."""
        self._write(logging.ERROR, event, fields, with_traceback=True)

    def _write(
        self, level: int, event: str, fields: dict[str, object], *, with_traceback: bool = False
    ) -> None:
        if self._logger.isEnabledFor(level):
            # No arguments: "%" in an event is only a character.
            self._logger.log(level, event, extra={"fields": fields}, exc_info=with_traceback)


def configure(
    level: Level = "info",
    format: Literal["auto", "human", "json"] = "auto",
    stream: TextIO | None = None,
) -> None:
    """Send everything that is logged to `stream` (standard error). May be called again."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    terminal = stream.isatty()
    human = format == "human" or (format == "auto" and terminal)
    colours = terminal and not os.environ.get("NO_COLOR")
    handler.setFormatter(HumanFormatter(colours=colours) if human else JsonFormatter())
    handler.addFilter(RepeatFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # the libraries'
    for part in parts_with_levels():
        set_level(None, part)
    set_level(level)


def level_of(part: str = "") -> Level:
    """Return the least important lines that a part of the broker writes: "" is all of it."""
    number = _logger_of(part).getEffectiveLevel()
    return next((name for name, least in LEVELS.items() if number <= least), "error")


def parts_with_levels() -> dict[str, str]:
    """Return the parts of the broker that have a level of their own."""
    return {
        name.removeprefix(ROOT + "."): level_of(name.removeprefix(ROOT + "."))
        for name, logger in sorted(logging.root.manager.loggerDict.items())
        if name.startswith(ROOT + ".") and isinstance(logger, logging.Logger) and logger.level
    }


def parts() -> set[str]:
    """Return all parts that write lines, and what they are parts of."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith(ROOT + ".")]
    return {name.removeprefix(ROOT + ".") for name in names}


def set_level(level: Level | None, part: str = "") -> None:
    """Write these lines from now on; None gives a part the level of the whole again."""
    _logger_of(part).setLevel(LEVELS[level] if level else logging.NOTSET)


def _logger_of(part: str) -> logging.Logger:
    return logging.getLogger(f"{ROOT}.{part}" if part else ROOT)


class HumanFormatter(logging.Formatter):
    """`12:00:01.250 warning frame refused peer=10.0.0.7:5123 (protocols.kafka.session)`."""

    def __init__(self, *, colours: bool) -> None:
        super().__init__()
        self._colours = colours

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Write one event as one line, and its traceback below."""
        time = datetime.fromtimestamp(record.created).astimezone()
        clock = f"{time:%H:%M:%S}.{time.microsecond // 1000:03}"
        level = record.levelname.lower()
        facts = "".join(f" {name}={_plain(value)}" for name, value in fields_of(record).items())
        line = f"{level:7} {_escaped(record.getMessage())}{facts}"
        where = f"({record.name.removeprefix(ROOT + '.')})"
        if self._colours:
            colour = COLOURS.get(record.levelno, "")
            clock, where = f"{DIM}{clock}{RESET}", f"{DIM}{where}{RESET}"
            line = f"{colour}{level:7}{RESET}{line[7:]}"
        traceback = "\n" + self.formatException(record.exc_info) if record.exc_info else ""
        return f"{clock} {line} {where}{traceback}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, event, logger, then the fields."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Write one event as one line."""
        time = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        # Our own names come first, and win over a field that is called the same.
        return msgspec.json.encode(line | fields_of(record) | line, enc_hook=str).decode()


class RepeatFilter(logging.Filter):
    """Lets an event through a few times in a period, then counts; the next line says how many."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}  # event -> period's start, count

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether to write it."""
        key = (record.name, str(record.msg))
        start, count = self._seen.get(key, (record.created, 0))
        if record.created - start >= REPEAT_PERIOD_S:
            if count > REPEATS_MAX:
                record.fields = fields_of(record) | {"not_written": count - REPEATS_MAX}
            start, count = record.created, 0
        if len(self._seen) >= EVENTS_TRACKED_MAX:
            self._seen.clear()
        self._seen[key] = (start, count + 1)
        return count < REPEATS_MAX


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return an event's fields; a library's line has none."""
    fields: dict[str, object] = getattr(record, "fields", {})
    return fields


def _plain(value: object) -> str:
    text = _escaped(str(value))
    return f'"{text}"' if " " in text or not text else text


def _escaped(text: str) -> str:
    """A client that puts line ends or escape codes into a name cannot forge a line with them."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
