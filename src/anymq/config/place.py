"""Where something listens."""

from dataclasses import dataclass
from typing import Final

OFF: Final = -1  # as a port: do not listen; as a limit of age or size: none
PORT_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class Place:
    """An address, and its ports."""

    host: str
    port: int
    tls_port: int
