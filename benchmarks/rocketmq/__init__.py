"""RocketMQ: ours and the real one."""
