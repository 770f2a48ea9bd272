"""The Debian 13 under every image: pulled where a registry answers, else bootstrapped."""

from __future__ import annotations

import functools
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab_runner.engine.docker import disk_full, mapped, says_full
from lab_runner.engine.recipe import DEBIAN
from lab_runner.errors import EngineError, ImageBuildFailed

if TYPE_CHECKING:
    from docker import DockerClient

#: Told what is being worked on and what is happening to it.
Progress = Callable[[str, str], None]

ITEM = "debian"
RELEASE = "trixie"
PULLED = ("debian", f"{RELEASE}-slim")

#: How long a registry may take to say its first word, and each further one.
FIRST_WORD_S = 8.0
NEXT_WORD_S = 60.0

_ARCHIVE_SUITE = re.compile(
    r"^(oldstable|stable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)$"
)
_ONE_LINE = re.compile(r"^\s*deb\s+(\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<rest>.*)$")


def provide(client: DockerClient, progress: Progress) -> None:
    """Make sure that the engine has the base under our tag.

    Raises:
        ImageBuildFailed: Neither a registry nor a Debian mirror could help.
        DiskFull: There is no room for it.
    """
    if not pull(client, progress):
        bootstrap(client, progress)


def pull(client: DockerClient, progress: Progress) -> bool:
    """Pull the base and tag it; False if no registry answers in time."""
    progress(ITEM, "asking the registry")
    repository, tag = PULLED
    try:
        for event in _events(client, repository, tag):
            if "error" in event:
                if says_full(str(event["error"])):
                    raise disk_full(str(event["error"]))
                return False
            if event.get("id"):
                progress(ITEM, f"{event['id']}: {event.get('status', '')}")
        with mapped():
            ours, version = DEBIAN.split(":")
            return bool(client.api.tag(f"{repository}:{tag}", ours, version))
    except queue.Empty:
        return False


def _events(client: DockerClient, repository: str, tag: str) -> Iterator[dict[str, Any]]:
    """What the engine reports about a pull, with a limit on its silence.

    The engine gives a registry that cannot be reached far more time than a
    person wants to wait, and the SDK cannot be told otherwise.
    """
    events: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def listen() -> None:
        try:
            with mapped():
                for event in client.api.pull(repository, tag=tag, stream=True, decode=True):
                    events.put(event)
        except EngineError as exc:
            events.put({"error": str(exc)})
        events.put(None)

    threading.Thread(target=listen, name="pull", daemon=True).start()
    patience = FIRST_WORD_S
    while (event := events.get(timeout=patience)) is not None:
        patience = NEXT_WORD_S
        yield event


def bootstrap(client: DockerClient, progress: Progress) -> None:
    """Make the base from a Debian mirror and import it.

    Raises:
        ImageBuildFailed: mmdebstrap is missing or failed.
        DiskFull: There is no room for it, here or at the engine.
    """
    program = _mmdebstrap(progress)
    mirror = find_mirror()
    with tempfile.TemporaryDirectory(prefix="breakfix-") as folder:
        archive = Path(folder, "debian.tar")
        # Packages behind TLS can only be fetched by a system that has the authorities.
        extra = ["--include=ca-certificates"] if (mirror or "").startswith("https:") else []
        command = [program, "--variant=minbase", *extra, RELEASE, str(archive)]
        command += [mirror] if mirror else []  # without one mmdebstrap takes its own default
        progress(ITEM, f"no registry: bootstrapping from {mirror or 'the default mirror'}")
        _run(command, functools.partial(progress, ITEM))
        progress(ITEM, "importing")
        with mapped():
            name, tag = DEBIAN.split(":")
            client.api.import_image_from_file(
                str(archive), repository=name, tag=tag, changes=['CMD ["/bin/bash"]']
            )


def _mmdebstrap(progress: Progress) -> str:
    if program := shutil.which("mmdebstrap"):
        return program
    packages = ["mmdebstrap", "debian-archive-keyring"]
    if shutil.which("apt-get") is None:
        raise ImageBuildFailed(
            "No registry answers, and this machine cannot make a Debian base itself.",
            hint=f"Let the engine reach a registry: `docker pull {':'.join(PULLED)}` must work. Or "
            f"load the image from a file: `docker load`, then `docker tag IMAGE {DEBIAN}`.",
        )
    install = f"apt-get install -y {' '.join(packages)}"
    if os.geteuid() != 0:
        raise ImageBuildFailed(
            "No registry answers, and mmdebstrap, which makes a Debian base, is not installed.",
            hint=f"Type `sudo {install}` and try again.",
        )
    progress(ITEM, install)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-q"], functools.partial(progress, ITEM), quiet)
    _run(
        ["apt-get", "install", "-qy", "--no-install-recommends", *packages],
        functools.partial(progress, ITEM),
        quiet,
    )
    return shutil.which("mmdebstrap") or "mmdebstrap"


def _run(
    command: list[str], tell: Callable[[str], None], env: dict[str, str] | None = None
) -> None:
    last: list[str] = []
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=env,
        ) as process:
            for line in process.stdout or ():
                if text := line.rsplit("\r", maxsplit=1)[-1].strip():
                    last = [*last[-19:], text]
                    tell(text)
    except OSError as exc:
        raise ImageBuildFailed(f"{command[0]} cannot be started: {exc}") from exc
    if process.returncode:
        text = "\n".join(last)
        if says_full(text):
            raise disk_full(text)
        raise ImageBuildFailed(
            f"The images cannot be made: the engine got no {':'.join(PULLED)} from a registry, and "
            f"{Path(command[0]).name}, which would make one here, ended with "
            f"{process.returncode}:\n{text}",
            hint="See that this machine reaches its Debian mirror (`apt-get update`), or let the "
            f"engine reach a registry (`docker pull {':'.join(PULLED)}`). Without any network: "
            "`docker save` the images of a machine that has them, `docker load` them here.",
        )


def find_mirror(etc_apt: Path = Path("/etc/apt")) -> str | None:
    """The Debian mirror that this machine's own packages come from.

    A machine that reaches the world through a mirror of its own reaches only
    that one, so it comes before the public address. None if it names no Debian mirror.
    """
    files = [
        etc_apt / "sources.list",
        *sorted(etc_apt.glob("sources.list.d/*.list")),
        *sorted(etc_apt.glob("sources.list.d/*.sources")),
    ]
    found = [uri for file in files if file.is_file() for uri in _mirrors(file)]
    # Other projects publish under Debian's suite names too, but hardly under Debian's path.
    found.sort(key=lambda uri: not uri.endswith("/debian"))
    return found[0] if found else None


def _mirrors(file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8", errors="replace")
    entries = _deb822(text) if file.suffix == ".sources" else _one_line(text)
    return [
        uri.rstrip("/")
        for uris, suites, components in entries
        for uri in uris
        if uri.startswith(("http://", "https://"))
        and "main" in components
        and any(_ARCHIVE_SUITE.match(suite) for suite in suites)
    ]


_Entry = tuple[list[str], list[str], list[str]]


def _one_line(text: str) -> Iterable[_Entry]:
    for line in text.splitlines():
        if match := _ONE_LINE.match(line):
            components = match["rest"].partition("#")[0].split()
            yield [match["uri"]], [match["suite"]], components


def _deb822(text: str) -> Iterable[_Entry]:
    uncommented = re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)
    for stanza in re.split(r"\n\s*\n", uncommented):
        # A line that begins with a space goes on with the field above.
        fields = {
            name.strip().lower(): value.split()
            for name, colon, value in (
                line.partition(":") for line in re.sub(r"\n[ \t]+", " ", stanza).splitlines()
            )
            if colon
        }
        if "deb" in fields.get("types", []) and fields.get("enabled", ["yes"])[0].lower() != "no":
            yield fields.get("uris", []), fields.get("suites", []), fields.get("components", [])
