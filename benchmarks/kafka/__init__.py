"""The same load on us and on Apache Kafka, in turn, in one run."""
