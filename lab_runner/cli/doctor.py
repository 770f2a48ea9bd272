"""``lab doctor``."""


def command() -> None:
    """To come."""
