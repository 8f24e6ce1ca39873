"""RocketMQ: the remoting protocol of its name server and brokers."""
