"""``lab demo``."""


def command() -> None:
    """To come."""
