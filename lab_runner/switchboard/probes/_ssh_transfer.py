"""A file that is put on an SSH server and fetched again (draft-ietf-secsh-filexfer-02)."""

from __future__ import annotations

import secrets

import paramiko

from lab_runner.switchboard.probes._clock import Deadline


def there_and_back(transport: paramiko.Transport, folder: str, deadline: Deadline) -> None:
    """Put a small file into the folder, read it back, and remove it.

    Raises:
        OSError, EOFError, paramiko.SSHException: The server does not let us, or the time is over.
    """
    path = f"{folder.rstrip('/')}/{secrets.token_hex(4)}.tmp"
    content = secrets.token_bytes(64)
    channel = transport.open_session(timeout=deadline.need())
    channel.settimeout(deadline.need())
    channel.invoke_subsystem("sftp")
    try:
        with paramiko.SFTPClient(channel) as client:
            same = _same(client, path, content)
    except paramiko.SFTPError as exc:
        raise paramiko.SSHException(f"no SFTP: {exc}") from exc
    if not same:
        raise paramiko.SSHException("another file came back")


def _same(client: paramiko.SFTPClient, path: str, content: bytes) -> bool:
    with client.open(path, "wb") as file:
        file.write(content)
    try:
        with client.open(path, "rb") as file:
            return bool(file.read() == content)
    finally:
        client.remove(path)
