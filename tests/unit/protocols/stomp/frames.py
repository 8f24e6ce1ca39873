"""Frames, in short."""

from anymq.protocols.stomp.codec import Frame


def subscribe(id_="1", destination="/queue/q", **headers):
    """SUBSCRIBE. In names of headers, a hyphen is an underscore."""
    return Frame("SUBSCRIBE", {"id": id_, "destination": destination, **_named(headers)})


def send(body=b"hello", destination="/queue/q", **headers):
    """SEND."""
    return Frame("SEND", {"destination": destination, **_named(headers)}, body)


def said(command, **headers):
    """Any other."""
    return Frame(command, _named(headers))


def _named(headers):
    return {name.rstrip("_").replace("_", "-"): value for name, value in headers.items()}
