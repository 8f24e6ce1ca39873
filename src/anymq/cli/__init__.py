"""Command-line tools: what a person types."""
