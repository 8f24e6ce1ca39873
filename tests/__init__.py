"""Everything that shows whether it works."""
