"""One module for each request, or each family of them: `CODES` says which handler answers which."""
