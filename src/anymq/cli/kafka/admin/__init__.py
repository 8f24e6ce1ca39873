"""What an administrator asks and changes, one module per kind of thing."""
