"""RocketMQ's remoting protocol: what its clients of versions 4 and 5 ask name servers and brokers.

codec (frames), session (one connection), call (one request), errors, `api/` (the requests, found by
their CODES), layout and convert (messages), rocketmq (what all sessions share).
"""
