"""No bytes make the management port raise. `./dev fuzz` searches for longer."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.http_conversation import talk

WORDS = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"/",
    b"/health",
    b"?a=b",
    b"/\xff",
    b" HTTP/1.1",
    b" HTTP/1.0",
    b"\r\n",
    b"\n",
    b"Host: localhost\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: -5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n",
    b"Expect: 100-continue\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"\0",
]


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.binary(max_size=500), st.lists(st.sampled_from(WORDS)).map(b"".join)))
def test_anything(data: bytes) -> None:
    talk(b"\x80" + data)
