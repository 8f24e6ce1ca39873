"""The ends of shovels at brokers of AMQP 0-9-1: a client's session, a source and a destination."""
