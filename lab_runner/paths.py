"""Where the kit's own files lie, in a checkout and when installed from a wheel."""

from pathlib import Path


def package_root() -> Path:
    """The folder of the ``lab_runner`` package."""
    return Path(__file__).resolve().parent


def data_root() -> Path:
    """The folder that holds ``labs/`` and ``scenarios/``.

    A wheel carries both inside the package; a checkout has them beside it.
    """
    installed = package_root() / "data"
    return installed if (installed / "labs").is_dir() else package_root().parent
