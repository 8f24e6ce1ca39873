"""Search for bytes that the management port cannot bear.

`python tests/fuzz/fuzz_http_session.py -max_total_time=60`: the arguments are libFuzzer's.
"""

import sys
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris (Linux, CPython)")

sys.path.insert(0, str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["anymq", "h11"]):
    from tests.fuzz.http_conversation import talk


def one_input(data: bytes) -> None:
    """Nothing may come out."""
    talk(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
