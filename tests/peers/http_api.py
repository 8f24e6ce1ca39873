"""An HTTP API like RabbitMQ's, asked by guest."""

import base64
import json
import urllib.error
import urllib.request
from typing import Any

SECONDS = 30
GUEST = "guest:guest"


def ask(
    port: int, method: str, path: str, body: object = None, login: str = GUEST
) -> tuple[int, Any]:
    """Return the status and what it says."""
    data = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{port}/api/{path}"
    basic = "Basic " + base64.b64encode(login.encode()).decode()
    headers = {"Authorization": basic, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        content = answer.read()
    return answer.status, json.loads(content) if content else None
