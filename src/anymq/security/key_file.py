"""A key in a file beside the data, made when there is none."""

import os
import secrets
from pathlib import Path

from anymq.security.sealing import KEY_BYTES, Seal

NAME = "signing.key"


def seal_in(directory: Path) -> Seal:
    """Return what seals secrets by the key in a directory. ValueError: the file has none."""
    path = directory / NAME
    try:
        said = path.read_text()
    except FileNotFoundError:
        said = _make(path)
    try:
        return Seal(bytes.fromhex(said.strip()))
    except ValueError as error:
        raise ValueError(f"{path} is no key: {error}") from None


def _make(path: Path) -> str:
    """Write a new key where only we may read it; it is there before anything is sealed with it."""
    said = secrets.token_hex(KEY_BYTES)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{said}\n")
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return said
