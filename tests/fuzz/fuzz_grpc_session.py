"""Search for bytes that a session by gRPC cannot bear.

`python tests/fuzz/fuzz_grpc_session.py -max_total_time=60`: the arguments are libFuzzer's.
What an input means is in grpc_conversation.py.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.fuzz.search import search

if __name__ == "__main__":
    search("grpc_conversation")
