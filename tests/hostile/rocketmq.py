"""RocketMQ clients for hostile tests: what they say is theirs, byte by byte."""

import contextlib
from collections.abc import Iterator, Mapping

from typing_extensions import override

from anymq.protocols.rocketmq.codec import Decoder, Frame, Limits, encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import read_messages
from anymq.testing.rocketmq import pull_fields, send_fields
from tests.hostile.guests import Guest, GuestNeighbour
from tests.hostile.room import KIB, MIB, Broker


class RocketMqClient(Guest[Frame]):
    """One connection; answers that came wait in a row."""

    def __init__(self, port: int, *, small: bool = False) -> None:
        super().__init__(port, Decoder(Limits(frame_bytes_max=64 * MIB)), small=small)
        self._opaque = 0

    def ask(self, code: int, ext: Mapping[str, object], body: bytes = b"") -> Frame:
        """Ask, and hear the answer."""
        self._opaque += 1
        self.send(encode(code, self._opaque, 0, ext, body))
        while (frame := self.hear()).opaque != self._opaque:
            pass
        return frame

    def put(self, topic: str, body: bytes) -> Frame:
        """Send a message."""
        return self.ask(RequestCode.SEND_MESSAGE_V2, send_fields(topic, 0, {}), body)

    def pull(self, topic: str, offset: int = 0) -> Frame:
        """Pull what is there."""
        return self.ask(RequestCode.PULL_MESSAGE, pull_fields(topic, offset, 0, "G"))

    def ends(self) -> None:
        """Read until it hangs up."""
        with contextlib.suppress(ConnectionError):
            while self.sock.recv(64 * KIB):
                pass


class RocketMqNeighbour(GuestNeighbour[RocketMqClient]):
    """Sends, hears that it is safe, pulls it; new connections at times."""

    @override
    def enter(self) -> RocketMqClient:
        client = RocketMqClient(self.port)
        client.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "TBW102"})
        return client

    @override
    def round(self, client: RocketMqClient) -> None:
        body = b"message %d" % self.rounds
        sent = client.put("neighbour", body)
        assert sent.code == ResponseCode.SUCCESS, sent
        pulled = client.pull("neighbour", int(sent.ext["queueOffset"]))
        [message] = read_messages(pulled.body)
        assert message.body == body


@contextlib.contextmanager
def unharmed(broker: Broker, port: int) -> Iterator[None]:
    """Somebody who sends and pulls meanwhile, and must not notice."""
    with RocketMqNeighbour(broker, port).watching():
        yield
