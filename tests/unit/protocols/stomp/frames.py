"""Frames, in short."""

from typing import Any

from anymq.protocols.stomp.codec import Frame


def subscribe(id_: str = "1", destination: str = "/queue/q", **headers: Any) -> Frame:
    """SUBSCRIBE. In names of headers, a hyphen is an underscore."""
    return Frame("SUBSCRIBE", {"id": id_, "destination": destination, **_named(headers)})


def send(body: bytes = b"hello", destination: str = "/queue/q", **headers: Any) -> Frame:
    """SEND."""
    return Frame("SEND", {"destination": destination, **_named(headers)}, body)


def said(command: Any, **headers: Any) -> Frame:
    """Any other."""
    return Frame(command, _named(headers))


def _named(headers: dict[str, Any]) -> dict[str, str]:
    return {name.rstrip("_").replace("_", "-"): value for name, value in headers.items()}
