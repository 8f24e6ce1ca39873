"""Search for bytes that a RocketMQ session cannot bear.

`python tests/fuzz/fuzz_rocketmq_session.py -max_total_time=60`: the arguments are libFuzzer's.
What an input means is in rocketmq_conversation.py.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.fuzz.search import search

if __name__ == "__main__":
    search("rocketmq_conversation")
