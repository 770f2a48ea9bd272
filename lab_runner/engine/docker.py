"""A connection to the engine, and its errors in our words."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import requests.exceptions

from lab_runner import errors

#: Is the engine reached through SSH?
_REMOTE = os.environ.get("DOCKER_HOST", "").startswith("ssh://")
# The SDK takes paramiko for that alone, an optional part of it that takes as long to
# import as all the rest. None says "not installed" (importlib, sys.modules).
_LEFT_OUT = "paramiko" not in sys.modules and not _REMOTE
if _LEFT_OUT:
    sys.modules["paramiko"] = None  # type: ignore[assignment]
import docker  # noqa: E402
import docker.errors  # noqa: E402
from docker.context import ContextAPI  # noqa: E402

if _LEFT_OUT:
    del sys.modules["paramiko"]

_OF_THE_WAY: tuple[type[Exception], ...] = ()
if _REMOTE:
    from lab_runner.engine import ssh

    _OF_THE_WAY = ssh.FAILURES

APIError = docker.errors.APIError
NotFound = docker.errors.NotFound

if TYPE_CHECKING:
    from docker import DockerClient

#: Told of what happens: the item, and its new state.
Progress = Callable[[str, str], None]

#: An engine that is well says so within this time, however busy it is.
ANSWERS_WITHIN_S = 10.0
#: Requests to the engine at a time.
WORKERS = 8

START_ENGINE = (
    "Start Docker (Linux: `sudo systemctl start docker`; macOS and Windows: open Docker Desktop) "
    "and try again, or run `lab doctor`."
)
JOIN_GROUP = (
    "Add yourself to the group that owns the socket (`sudo usermod -aG docker $USER`, then log in "
    "again), or run the command as root."
)
#: How the kernel and apt complain of a full disk.
_FULL = ("no space left on device", "don't have enough free space")


@contextlib.contextmanager
def mapped() -> Iterator[None]:
    """Turn what the SDK and the transport raise into our own errors."""
    try:
        yield
    except docker.errors.ImageNotFound as exc:
        raise errors.ImageMissing(
            f"The engine has no image for this: {exc.explanation}",
            hint="Run `lab images build`.",
        ) from exc
    except docker.errors.APIError as exc:
        raise _from_api(exc) from exc
    except (docker.errors.DockerException, docker.errors.StreamParseError) as exc:
        said = _refusal(exc)
        raise (_from_api(said) if said else _from_connection(exc)) from exc
    except (requests.exceptions.RequestException, ConnectionError) as exc:
        raise _from_connection(exc) from exc
    except _OF_THE_WAY as exc:
        raise ssh.explained(exc) from exc


def remote() -> str:
    """The address of an engine that is reached through SSH; empty for any other."""
    return os.environ["DOCKER_HOST"] if _REMOTE else ""


def connect(timeout_s: float = 60.0) -> DockerClient:
    """Connect to the engine that the environment names (``DOCKER_HOST``, else the local one).

    Raises:
        EngineUnavailable: Nothing answers.
        EnginePermission: The socket may not be opened.
    """
    patience = min(timeout_s, ANSWERS_WITHIN_S)
    with mapped():
        client = _through_ssh(patience) if _REMOTE else _direct(patience)
        client.ping()
    client.api.timeout = int(timeout_s)
    return client


def _direct(patience_s: float) -> DockerClient:
    return docker.from_env(timeout=int(patience_s), max_pool_size=32)


def _through_ssh(patience_s: float) -> DockerClient:
    with ssh.patience(patience_s):
        try:
            client = _direct(patience_s)
        except docker.errors.DockerException as exc:
            if _refusal(exc):
                raise
            raise ssh.silent(exc) from exc
        ssh.widen(client, patience_s)
    return client


def need_answer(client: DockerClient) -> None:
    """See that the engine still answers, before something that it would keep waiting for long.

    Raises:
        EngineUnavailable: It does not.
    """
    try:
        with mapped():
            client.api.get(f"{client.api.base_url}/_ping", timeout=ANSWERS_WITHIN_S)
    except errors.EngineUnavailable as exc:
        raise errors.EngineUnavailable(
            f"The engine stopped answering: {exc}",
            hint=f"{exc.hint} `lab status` shows what became of a lab.",
        ) from exc


def _refusal(exc: Exception) -> docker.errors.APIError | None:
    """What an engine answered to the SDK's question for its version, which hides it."""
    return exc.__cause__ if isinstance(exc.__cause__, docker.errors.APIError) else None


def _from_api(exc: docker.errors.APIError) -> errors.EngineError:
    text = str(exc.explanation or exc)
    if says_full(text):
        return disk_full(text)
    return errors.EngineError(f"The engine refused: {text}", hint="Run `lab doctor`.")


def _from_connection(exc: Exception) -> errors.EngineError:
    host = os.environ.get("DOCKER_HOST", "the local Docker socket")
    text = str(exc)
    if _has_errno(exc, errno.EACCES) or "Permission denied" in text:
        return errors.EnginePermission(f"{host} may not be opened by this user.", hint=JOIN_GROUP)
    if "timed out" in text.lower():
        return errors.EngineUnavailable(f"{host} did not answer in time.", hint=START_ENGINE)
    hint = _context() or START_ENGINE
    return errors.EngineUnavailable(f"No Docker engine answers at {host}.", hint=hint)


def _context() -> str:
    """What to do where docker(1) speaks to an engine that is named in none but its own files."""
    with contextlib.suppress(docker.errors.DockerException, OSError, ValueError, LookupError):
        chosen = ContextAPI.get_current_context()
        if "DOCKER_HOST" not in os.environ and chosen.name != "default" and chosen.Host:
            return (
                f"Your `docker` uses the engine of the context {chosen.name!r}, which `lab` has to "
                f"be told: `export DOCKER_HOST={chosen.Host}`."
            )
    return ""


def _has_errno(exc: BaseException | None, number: int) -> bool:
    while exc is not None:
        if isinstance(exc, OSError) and exc.errno == number:
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def says_full(text: str) -> bool:
    """Is it a full disk that a program complains of?"""
    return any(words in text.lower() for words in _FULL)


def disk_full(detail: str) -> errors.DiskFull:
    """The error for a disk of the engine's that is full."""
    return errors.DiskFull(
        f"The engine's disk is full: {detail}",
        hint="Make room (`lab images prune`, `docker system prune`), then try again.",
    )
