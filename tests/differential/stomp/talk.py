"""Has a dialogue with a broker, and notes every frame that comes back."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anymq.protocols.stomp.codec import Frame, encode
from tests.differential.stomp.dialogues import Dialogue, Said

Heard = list[dict[str, Any]]  # per step: client, command, headers, body
# A broker's side of one client: say bytes, return the frames that came, and whether it hung up.
Speak = Callable[[str, bytes, str], tuple[Sequence[Frame], bool]]

# What differs by its nature, from run to run or from product to product.
SESSION = re.compile(r"session-[A-Za-z0-9_-]+")
MADE = re.compile(r"(stomp\.gen|stomp-subscription)-[A-Za-z0-9_-]+")
IGNORED = {"server"}


def have(dialogue: Dialogue, speak: Speak) -> list[Any]:
    """Return what came, step by step."""
    ids: list[str] = []
    versions: dict[str, str] = {}
    answers: list[Any] = []
    for said in dialogue:
        version = versions.get(said.client, "1.2")
        frames, hung_up = speak(said.client, _bytes_of(said, ids, version), version)
        for frame in frames:
            if frame.command == "CONNECTED":
                versions[said.client] = frame.headers["version"]
            if frame.command == "MESSAGE":
                ids.append(frame.headers.get("ack", frame.headers["message-id"]))
        answers.append([*map(_told, frames), *(["hung up"] if hung_up else [])])
    return answers


def _bytes_of(said: Said, ids: Sequence[str], version: str) -> bytes:
    headers = {
        name: ids[int(value[1:]) - 1] if value.startswith("@") else value
        for name, value in said.headers.items()
    }
    if said.command == "CONNECT":
        version = "1.0"
    return encode(said.command, headers.items(), said.body, version)


def _told(frame: Frame) -> dict[str, Any]:
    headers = {
        name: _plain(value)
        for name, value in sorted(frame.headers.items())
        if name not in IGNORED and (name, value) != ("content-length", "0")
    }
    return {"command": frame.command, "headers": headers, "body": _plain(frame.body.decode())}


def _plain(text: str) -> str:
    return MADE.sub(r"\1-NAME", SESSION.sub("session-NAME", text))


def differences(ours: Sequence[Any], theirs: Sequence[Any]) -> list[str]:
    """Return how the steps of a dialogue differ, field by field."""
    found = []
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True), 1):
        if len(mine) != len(other):
            told = (", ".join(map(_kind, some)) or "nothing" for some in (mine, other))
            found.append(f"step {number}: {' instead of '.join(told)}")
            continue
        # A receipt waits for the disk, and what comes meanwhile may come before or behind it.
        for one, two in zip(sorted(mine, key=_kind), sorted(other, key=_kind), strict=True):
            found += [f"step {number}: {text}" for text in _frames_differ(one, two)]
    return found


def _kind(told: Any) -> str:
    return told if isinstance(told, str) else str(told["command"])


def _frames_differ(one: Any, two: Any) -> list[str]:
    if isinstance(one, str) or isinstance(two, str):
        return [] if one == two else [f"{one}, not {two}"]
    found = [
        f"{part} {one[part]!r}, not {two[part]!r}"
        for part in ("command", "body")
        if one[part] != two[part]
    ]
    return found + _headers_differ(one["headers"], two["headers"])


def _headers_differ(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: {mine.get(name)!r}, not {theirs.get(name)!r}"
        for name in sorted({*mine, *theirs})
        if mine.get(name) != theirs.get(name)
    ]
