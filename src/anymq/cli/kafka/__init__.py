"""A small blocking Kafka client, for the command-line tools: no library but our own codecs."""
