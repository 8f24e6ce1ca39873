"""What is acknowledged survives whatever ends the process."""
