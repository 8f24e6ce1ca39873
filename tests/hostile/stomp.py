"""STOMP clients for hostile tests: what they say is theirs, byte by byte."""

import contextlib
from collections.abc import Iterator
from typing import Self

from typing_extensions import override

from anymq.protocols.stomp.codec import V12, Decoder, Frame, FrameLimits, encode
from tests.hostile.guests import Guest, GuestNeighbour
from tests.hostile.room import MIB, Broker


class StompClient(Guest[Frame]):
    """One connection; frames that came wait in a row."""

    def __init__(self, port: int, *, small: bool = False) -> None:
        decoder = Decoder(FrameLimits(body_bytes_max=64 * MIB))
        decoder.version = V12
        decoder.sized = ("MESSAGE", "ERROR")
        super().__init__(port, decoder, small=small)

    def log_in(self) -> Self:
        """Be let in."""
        self.say("CONNECT", accept_version="1.2", host="/")
        assert self.hear().command == "CONNECTED"
        return self

    def say(self, command: str, body: bytes = b"", **headers: str) -> None:
        """Send a frame: a line in a name is a hyphen."""
        said = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.send(encode(command, said, body, V12))

    def ends(self) -> str:
        """What the broker says before it hangs up; "": nothing, though it did."""
        said = ""
        with contextlib.suppress(ConnectionError, AssertionError):
            while True:
                frame = self.hear()
                if frame.command == "ERROR":
                    said = f"{frame.headers['message']}: {frame.body.decode()}"
        return said


class StompNeighbour(GuestNeighbour[StompClient]):
    """Sends, waits for the receipt, gets it, acknowledges; new connections at times."""

    @override
    def enter(self) -> StompClient:
        client = StompClient(self.port).log_in()
        client.say("SUBSCRIBE", id="1", destination="/queue/neighbour", ack="client")
        return client

    @override
    def round(self, client: StompClient) -> None:
        body = b"message %d" % self.rounds
        client.say("SEND", body, destination="/queue/neighbour", receipt="r", persistent="true")
        heard = {frame.command: frame for frame in (client.hear(), client.hear())}
        assert heard.keys() == {"RECEIPT", "MESSAGE"}, heard
        client.say("ACK", id=heard["MESSAGE"].headers["ack"], receipt="a")
        assert client.hear().command == "RECEIPT"


@contextlib.contextmanager
def unharmed(broker: Broker, port: int) -> Iterator[None]:
    """Somebody who sends and reads meanwhile, and must not notice."""
    with StompNeighbour(broker, port).watching():
        yield
