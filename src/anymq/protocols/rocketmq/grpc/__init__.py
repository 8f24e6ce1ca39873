"""gRPC as the 5.x clients of RocketMQ speak it: HTTP/2 by h2, protobuf by tables of our own."""
