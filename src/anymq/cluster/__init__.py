"""What several nodes share; on one node, the embedded metadata store."""
