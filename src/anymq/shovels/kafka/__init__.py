"""The ends of shovels at clusters of Kafka: a client's session, a source and a destination."""
