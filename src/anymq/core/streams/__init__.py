"""Topics, partitions, groups: logs that any number of readers share."""
