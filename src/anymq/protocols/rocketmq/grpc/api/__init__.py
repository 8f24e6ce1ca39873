"""One module for each family of calls: `METHODS` says what can be called, and who answers it."""
