"""A broker with its API, and what tests of browsing and of jobs do again and again."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from anymq.protocols.amqp import methods
from anymq.testing.http import HttpRoom

BODY = 3  # the type of frames


class BrowserRoom(HttpRoom):
    """Queues to fill, messages to look at, jobs to run to their ends."""

    def queue(self, name: str, **arguments: Any) -> None:
        """Declare a queue that lasts."""
        body = {"durable": True, "arguments": arguments}
        assert self.put(f"/api/queues/%2F/{name}", body).status in (201, 204)

    def stream(self, name: str) -> None:
        """Declare a stream."""
        self.queue(name, **{"x-queue-type": "stream"})

    def send(
        self,
        key: str,
        payload: str,
        *,
        exchange: str = "amq.default",
        headers: Mapping[str, Any] | None = None,
        **properties: Any,
    ) -> None:
        """Publish a message that lasts."""
        said = self.post(
            f"/api/exchanges/%2F/{exchange}/publish",
            {
                "properties": {"delivery_mode": 2, "headers": headers or {}, **properties},
                "routing_key": key,
                "payload": payload,
                "payload_encoding": "string",
            },
        )
        assert said.status == 200, said.body

    def taken(self, name: str, count: int = 1, *, no_ack: bool = False) -> list[str]:
        """Have a client get messages, and keep them; return their bodies."""
        client = self.dialog().log_in().open(1)
        for _ in range(count):
            client >> (1, methods.BasicGet(name, no_ack=no_ack))
        return [body.decode() for kind, _, body in client.frames() if kind == BODY]

    def browse(self, name: str, **query: Any) -> Any:
        """Return an answer: messages, and where to go on."""
        said = self.get(f"/api/queues/%2F/{name}/messages?{urlencode(query)}")
        assert said.status == 200, said.body
        return said.json

    def payloads(self, name: str, **query: Any) -> list[str]:
        """Return what is in a queue."""
        return [one["payload"] for one in self.browse(name, count=1000, **query)["messages"]]

    def begin(self, action: str, queue: str, **more: Any) -> str:
        """Begin a job; return its id."""
        source = {"vhost": "/", "queue": queue}
        said = self.post("/api/jobs", {"action": action, "source": source, **more})
        assert said.status == 201, said.body
        job_id: str = said.json["id"]
        return job_id

    def run(self, action: str, queue: str, **more: Any) -> Any:
        """Have a job done; return how it ended."""
        return self.end_of(self.begin(action, queue, **more))

    def end_of(self, job_id: str) -> Any:
        """Let it come to its end."""
        for _ in range(1000):
            self.timers.run(self.clock.seconds)
            self.write_to_disk()
            job = self.get(f"/api/jobs/{job_id}").json
            if job["state"] != "running":
                return job
        raise AssertionError("it does not end")
