"""What a broker is told to have when it starts: definitions from a file, as RabbitMQ takes them."""

import json
from pathlib import Path
from typing import Any

from anymq.core.broker import Broker
from anymq.core.catalog import Then
from anymq.core.errors import Refused
from anymq.management.api.faults import Fault
from anymq.management.api.importing import Import
from anymq.observability.log import Log

FILE_BYTES_MAX = 256 * 1024 * 1024

log = Log(__name__)


class DefinitionsRefused(OSError):
    """A file of definitions cannot be used: a broker without them is not what was asked for."""


def load_definitions(broker: Broker, path: Path) -> None:
    """Import a file, or all files `*.json` of a directory in the order of their names."""
    for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
        _load(broker, file)


def _load(broker: Broker, file: Path) -> None:
    coming = None
    try:
        coming = Import(broker, _document(file))
        for _ in coming.pieces(_noted):
            pass
    except (Refused, Fault, ValueError) as error:
        reason = error.reason if isinstance(error, Fault) else error
        raise DefinitionsRefused(f"{file}: {reason}") from error
    broker.turn.run()
    left_out = ", ".join(f"{count} {kind}" for kind, count in coming.left_out.items())
    log.info("definitions were imported", file=file, left_out=left_out or "nothing")


def _document(file: Path) -> dict[str, Any]:
    if file.stat().st_size > FILE_BYTES_MAX:
        raise ValueError(f"more than {FILE_BYTES_MAX} bytes")
    document = json.loads(file.read_text(encoding="utf-8-sig"))
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


def _noted() -> Then:
    return _note


def _note(error: Exception | None) -> None:
    if error is not None:
        log.error("a definition could not be kept", reason=error)
