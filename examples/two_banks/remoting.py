"""As much of RocketMQ's remoting protocol as two banks need: no library, so that it runs anywhere.

In Java this is TransactionMQProducer and DefaultLitePullConsumer.
"""

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

SEND, PULL, QUERY_OFFSET, UPDATE_OFFSET, HEARTBEAT, END, CHECK = 310, 11, 14, 15, 34, 37, 39
SUCCESS = 0
PREPARED, COMMIT, ROLLBACK = 4, 8, 12
ANSWER, ONEWAY = 1, 2
SECONDS = 20  # for an answer; pulls wait for up to 15
Frame = tuple[dict[str, Any], bytes]
# The id of a transaction; whether to commit it.
Check = Callable[[str], bool]


class Broken(Exception):
    """The connection is: whether the last request was heard, nobody knows."""


class Connection:
    """One connection to a broker; `check` answers when that asks about half messages."""

    def __init__(self, address: str, group: str, check: Check | None = None) -> None:
        host, _, port = address.rpartition(":")
        self._group, self._check = group, check
        self._socket = socket.create_connection((host, int(port)), SECONDS)
        self._answers: dict[int, Frame] = {}
        self._arrived = threading.Condition()
        self._writing = threading.Lock()
        self._opaque, self._broken = 0, False
        threading.Thread(target=self._read, daemon=True).start()
        if check is not None:
            self.show()

    def show(self) -> None:
        """Say that there is a producer, who may be asked."""
        producers = [{"groupName": self._group}]
        said = {"clientID": f"{self._group}@{os.getpid()}", "producerDataSet": producers}
        self.ask(HEARTBEAT, {}, json.dumps({**said, "consumerDataSet": []}).encode())

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def ask(self, code: int, ext: dict[str, Any], body: bytes = b"") -> Frame:
        """Return the answer. Broken: there is none, and there may have been a deed."""
        opaque = self.say(code, ext, body, flag=0)
        with self._arrived:
            self._arrived.wait_for(lambda: self._broken or opaque in self._answers, SECONDS)
            if opaque not in self._answers:
                raise Broken
            return self._answers.pop(opaque)

    def say(self, code: int, ext: dict[str, Any], body: bytes = b"", *, flag: int = ONEWAY) -> int:
        """Send a request, and do not wait."""
        with self._writing:
            self._opaque += 1
            head = {"code": code, "language": "PYTHON", "version": 400, "opaque": self._opaque}
            text = json.dumps({**head, "flag": flag, "extFields": ext}).encode()
            size = 4 + len(text) + len(body)
            try:
                self._socket.sendall(struct.pack(">ii", size, len(text)) + text + body)
            except OSError:
                raise Broken from None
            return self._opaque

    def _read(self) -> None:
        try:
            with self._socket.makefile("rb") as file:
                while len(sizes := file.read(8)) == 8:
                    size, head_size = struct.unpack(">ii", sizes)
                    data = file.read(size - 4)
                    head = json.loads(data[:head_size])
                    self._on_frame(head, data[head_size:])
        except (OSError, ValueError, Broken):
            pass
        with self._arrived:
            self._broken = True
            self._arrived.notify_all()

    def _on_frame(self, head: dict[str, Any], body: bytes) -> None:
        if head["flag"] & ANSWER:
            with self._arrived:
                self._answers[head["opaque"]] = head, body
                self._arrived.notify_all()
        elif head["code"] == CHECK and self._check is not None:
            said = head["extFields"]
            commits = self._check(said["transactionId"])
            self.end(said["commitLogOffset"], said["tranStateTableOffset"], commits, asked=True)

    # What banks do

    def send_half(self, topic: str, transaction_id: str, body: bytes) -> tuple[int, int]:
        """Send a message that nobody sees yet; return where it is. Broken, or it was refused."""
        said = {"TRAN_MSG": "true", "PGROUP": self._group, "UNIQ_KEY": transaction_id}
        properties = "".join(f"{name}\1{value}\2" for name, value in said.items())
        now_ms = int(time.time() * 1000)
        fields = (self._group, topic, "TBW102", 1, 0, PREPARED, now_ms, 0, properties)
        head, _ = self.ask(SEND, dict(zip("abcdefghi", fields, strict=True)), body)
        if head["code"] != SUCCESS:
            raise Broken(head.get("remark"))
        place = int(head["extFields"]["msgId"][-16:], 16)
        return place, int(head["extFields"]["queueOffset"])

    def end(self, place: int, offset: int, commits: bool, *, asked: bool = False) -> None:
        """Say what becomes of it. Should that get lost, the broker asks."""
        said = {"producerGroup": self._group, "commitLogOffset": place}
        outcome = COMMIT if commits else ROLLBACK
        said |= {"tranStateTableOffset": offset, "commitOrRollback": outcome}
        self.say(END, {**said, "fromTransactionCheck": asked})

    def offset(self, topic: str) -> int:
        """Return how far this group has read."""
        place = {"consumerGroup": self._group, "topic": topic, "queueId": 0}
        head, _ = self.ask(QUERY_OFFSET, place)
        return int(head["extFields"]["offset"]) if head["code"] == SUCCESS else 0

    def keep_offset(self, topic: str, offset: int) -> None:
        """This group has read so far."""
        place = {"consumerGroup": self._group, "topic": topic, "queueId": 0}
        self.ask(UPDATE_OFFSET, {**place, "commitOffset": offset})

    def pull(self, topic: str, offset: int) -> tuple[list[bytes], int]:
        """Return the bodies of messages from there on, and where to go on; wait for some."""
        said = {"consumerGroup": self._group, "topic": topic, "queueId": 0, "queueOffset": offset}
        said |= {"maxMsgNums": 32, "sysFlag": 2 | 4, "subscription": "*", "subVersion": 0}
        said |= {"commitOffset": 0, "suspendTimeoutMillis": 2000}
        head, body = self.ask(PULL, said)
        following = head.get("extFields", {}).get("nextBeginOffset", offset)
        return bodies(body), int(following)


def bodies(data: bytes) -> list[bytes]:
    """Take the bodies out of messages, one after another as brokers store them."""
    found, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        (flags,) = struct.unpack_from(">i", data, at + 36)
        # Before the body: 48 bytes, born host, stored time, store host, 12 bytes, its length.
        body_at = at + 48 + (20 if flags & 16 else 8) + 8 + (20 if flags & 32 else 8) + 12
        (length,) = struct.unpack_from(">i", data, body_at)
        found.append(data[body_at + 4 : body_at + 4 + length])
        at += size
    return found
