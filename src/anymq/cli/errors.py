"""What a command says when it cannot do what it was asked."""


class CommandFailed(Exception):
    """Shown as one line, without a traceback; the command ends with status 1."""
