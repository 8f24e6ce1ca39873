"""Bytes as a conversation with the management port, and what must hold whatever they are."""

from http import HTTPStatus

from anymq.management.http import Pages, text
from anymq.management.session import HttpSession
from anymq.protocols.session import Outbox, Peer

PEER = Peer("192.0.2.7", 50_000, "127.0.0.1", 15672)
PAGES: Pages = {"/": lambda _: text("hello\n"), "/health": lambda _: text("", HTTPStatus(503))}
INPUT_BYTES_MAX = 64 * 1024


def talk(data: bytes) -> bytes:
    """Send it, cut in two where the first byte says; return the answers."""
    if not data or len(data) > INPUT_BYTES_MAX:
        return b""
    outbox = Outbox(lambda: None)
    session = HttpSession(PAGES, outbox, PEER)
    rest = data[1:]
    cut = len(rest) * data[0] // 255
    for part in (rest[:cut], rest[cut:]):
        if part and not session.closed:
            session.receive(memoryview(part))
        while session.more:
            session.go_on()
    session.tick(1.0)
    answers = b"".join(bytes(piece) for piece in outbox.take() if not hasattr(piece, "file"))
    assert not answers or answers.startswith(b"HTTP/1.1 "), answers[:50]
    session.peer_gone()
    return answers
