"""The way to an engine behind ``ssh://``, and what can go wrong on it.

Imported for such an engine alone: paramiko takes as long to import as all the rest.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import docker
import paramiko
import requests.adapters
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.transport.sshconn import SSHConnectionPool
from paramiko.ssh_exception import NoValidConnectionsError

from lab_runner.errors import EngineError, EnginePermission, EngineUnavailable

if TYPE_CHECKING:
    from docker import DockerClient

#: What paramiko raises and the SDK lets through.
FAILURES = (paramiko.SSHException, NoValidConnectionsError, socket.gaierror, EOFError)
#: Connections to the engine that are kept for the next request.
_KEPT = 32
#: What the SDK starts at the far end for each connection (docker(1)).
_FAR_END = "docker system dial-stdio"
_NOT_FOUND = 127
# What it logs is raised as well, or meant to happen; Python would print it beside our words.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class _Ways:
    """SSH connections to one host: a further one where the server allows no more sessions.

    OpenSSH allows ten on each (``MaxSessions``, sshd_config(5)); a lab of a dozen machines
    needs more.
    """

    def __init__(self, first: paramiko.SSHClient, parameters: dict[str, Any]) -> None:
        self._clients, self._parameters = [first], parameters
        self._lock = threading.Lock()

    def get_transport(self) -> _Ways:
        """What sessions are opened with."""
        return self

    def open_session(self) -> paramiko.Channel:
        """A session, on the first connection that has room for one."""
        with self._lock:
            for client in self._clients:
                with contextlib.suppress(paramiko.ChannelException):
                    return _transport(client).open_session()
            self._clients.append(self._another())
            return _transport(self._clients[-1]).open_session()

    def _another(self) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        client.load_system_host_keys()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        parameters = dict(self._parameters)
        if proxy := parameters.get("sock"):  # ProxyCommand, ssh_config(5)
            parameters["sock"] = paramiko.ProxyCommand(shlex.join(proxy.cmd))
        client.connect(**parameters)
        return client

    def close(self) -> None:
        """End all of them."""
        for client in self._clients:
            client.close()


def _transport(client: paramiko.SSHClient) -> paramiko.Transport:
    transport = client.get_transport()
    if transport is None:
        raise paramiko.SSHException("The connection is closed.")
    return transport


class _Pool(SSHConnectionPool):
    """The connections to the engine, those left out that ended while nobody used them."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        channel: Any = vars(connection).get("sock")
        if channel is not None and (channel.closed or channel.eof_received):
            connection.close()  # the next request opens it again
        return connection


class _Adapter(requests.adapters.HTTPAdapter):
    """One pool for all requests; the SDK's own has one for each URL, and so reuses nothing."""

    def __init__(self, ways: Any, timeout_s: float) -> None:
        self._ways = ways
        self._pool = _Pool(ssh_client=ways, timeout=int(timeout_s), maxsize=_KEPT)
        super().__init__()

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        return self._pool

    def close(self) -> None:
        super().close()
        self._pool.close()
        self._ways.close()


def widen(client: DockerClient, timeout_s: float) -> None:
    """Let a client have as many sessions as it needs, and reuse them.

    Args:
        client: The SDK's, with its one SSH connection.
        timeout_s: How long the engine may take to say its first word.
    """
    old: Any = client.api.get_adapter(client.api.base_url)
    old.pools.clear()
    ways = _Ways(old.ssh_client, old.ssh_params)
    client.api.mount(client.api.base_url, _Adapter(ways, timeout_s))


@contextlib.contextmanager
def patience(seconds: float) -> Iterator[None]:
    """A limit for connections that are made meanwhile; the SDK sets none.

    Raises:
        EngineUnavailable: The host cannot be reached.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    except (*FAILURES, requests.RequestException):
        raise
    except OSError as exc:
        raise EngineUnavailable(
            f"{_host()} cannot be reached: {exc.strerror or exc}.", hint=_try_yourself()
        ) from exc
    finally:
        socket.setdefaulttimeout(before)


def explained(exc: Exception) -> EngineError:
    """A failure of the way, in our words."""
    text = str(exc)
    if isinstance(exc, paramiko.BadHostKeyException) or "known_hosts" in text:
        return _stranger(exc)
    if isinstance(exc, paramiko.AuthenticationException) or "authentication methods" in text:
        return EnginePermission(f"{_host()} lets you in with none of your keys.", hint=_keys())
    if isinstance(exc, paramiko.ChannelException):
        return EngineError(
            f"The SSH server of {_host()} allows no session.",
            hint="See MaxSessions in its sshd_config(5), and its log.",
        )
    if isinstance(exc, socket.gaierror):
        return EngineUnavailable(f"{_host()}: no such host.", hint="See DOCKER_HOST.")
    if isinstance(exc, NoValidConnectionsError):
        return EngineUnavailable(f"No SSH server answers at {_host()}.", hint=_try_yourself())
    return EngineUnavailable(f"The SSH connection to {_host()} broke: {text}", hint=_try_yourself())


def _stranger(exc: Exception) -> EngineError:
    """The host's key is not known here, or another one is."""
    if isinstance(exc, paramiko.BadHostKeyException):
        return EngineUnavailable(
            f"{_host()} shows another host key than the one in ~/.ssh/known_hosts.",
            hint="Either the machine was set up anew, or somebody else answers. Ask whoever runs "
            f"it; then `ssh-keygen -R '{_known_as()}'`, and {_compare()}.",
        )
    return EngineUnavailable(
        f"{_host()} is not in ~/.ssh/known_hosts, so nobody knows whether it is the one meant.",
        hint=f"To find out, {_compare()}.",
    )


def silent(exc: Exception) -> EngineError:
    """Why nothing answers although the SSH connection is there: the far end's own words."""
    said, status = _far_end()
    if status == _NOT_FOUND:
        return EngineUnavailable(
            f"There is no Docker at {_host()}: {said}",
            hint="Install it there, or see that `docker` is on the PATH of a session without a "
            f"terminal: `{_ssh()} docker version`.",
        )
    if "permission denied" in said.lower():
        return EnginePermission(
            f"The engine at {_host()} may not be used: {said}",
            hint="Add that user to the group of the socket there: `sudo usermod -aG docker USER`.",
        )
    return EngineUnavailable(
        f"No Docker engine answers at {_host()}: {said or exc}",
        hint=f"Start it there; `{_ssh()} docker version` must name client and server.",
    )


def _far_end() -> tuple[str, int]:
    """What the SDK's program at the far end complains of, in one line, and its exit status."""
    # With a version it asks the engine nothing.
    api = docker.APIClient(os.environ["DOCKER_HOST"], version=DEFAULT_DOCKER_API_VERSION)
    try:
        adapter: Any = api.get_adapter(api.base_url)
        channel = _transport(adapter.ssh_client).open_session(timeout=10)
        channel.settimeout(10)
        channel.exec_command(_FAR_END)
        channel.shutdown_write()
        said = channel.makefile_stderr("rb").read().decode("utf-8", "replace")
        return " ".join(said.split()), channel.recv_exit_status()
    finally:
        api.close()


def _host() -> str:
    return os.environ.get("DOCKER_HOST", "")


def _ssh() -> str:
    """The command that goes the same way."""
    url = urlparse(_host())
    port = f" -p {url.port}" if url.port else ""
    user = f"{url.username}@" if url.username else ""
    return f"ssh{port} {user}{url.hostname}"


def _known_as() -> str:
    """The host as known_hosts names it (sshd(8))."""
    url = urlparse(_host())
    return f"[{url.hostname}]:{url.port}" if url.port not in {None, 22} else str(url.hostname)


def _compare() -> str:
    return f"log in once with `{_ssh()}`, and compare the fingerprint that it shows"


def _keys() -> str:
    return (
        f"`{_ssh()}` must work without a password: `ssh-copy-id` puts your key there, `ssh-add` "
        "opens one that has a passphrase."
    )


def _try_yourself() -> str:
    return f"See that `{_ssh()}` works."
