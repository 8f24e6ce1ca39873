"""Brokers as child processes: ours, and the real ones we are measured against."""
