"""Builds, lists and removes the kit's images."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab_runner.engine import debian
from lab_runner.engine.debian import Progress
from lab_runner.engine.docker import disk_full, mapped, says_full
from lab_runner.engine.recipe import DEBIAN, Cookbook, Sources, Target
from lab_runner.errors import ImageBuildFailed

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = [
    "DEBIAN",
    "ImageRow",
    "Progress",
    "Sources",
    "Target",
    "ensure",
    "list_images",
    "missing",
    "prune",
    "tags",
]

#: A build waits for a mirror, then for a disk: two at a time use both.
BUILDS_AT_A_TIME = 2

#: How much of a failed build's output is shown.
LAST_LINES = 20

#: A large package over a slow line: this long a build may say nothing.
SILENCE_S = 600

#: A percentage, the builder's ids: neither news nor a reason for a failure.
_NOISE = re.compile(r"^(\d+%|\(Reading database.*|--->.*|Removing intermediate container.*)$")

#: Podman's name of the registry that there is none; it takes names without it as well.
_PODMAN = "localhost/"

_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")


@dataclass(frozen=True)
class ImageRow:
    """One of the kit's images as the engine has it.

    Attributes:
        tag: The full tag.
        target: What it is for; ``debian`` for the base.
        size: Bytes, of which targets share those of the base.
        current: Whether the kit as it is now would use it.
        in_use: Whether a container, running or not, was made from it.
    """

    tag: str
    target: str
    size: int
    current: bool
    in_use: bool


def tags(targets: Iterable[Target], sources: Sources | None = None) -> dict[Target, str]:
    """The tag of each target as the kit's files are now."""
    cookbook = Cookbook(sources)
    return {target: cookbook.tag(target) for target in targets}


def missing(
    client: DockerClient, targets: Iterable[Target], sources: Sources | None = None
) -> list[Target]:
    """Those of the targets whose current image the engine does not have."""
    cookbook = Cookbook(sources)
    present = _present(client, cookbook)
    return [target for target in dict.fromkeys(targets) if cookbook.tag(target) not in present]


def ensure(
    client: DockerClient,
    targets: Iterable[Target],
    progress: Progress,
    sources: Sources | None = None,
) -> dict[Target, str]:
    """Build what is missing of these targets, and of those they start from.

    Args:
        client: The engine.
        targets: What is needed.
        progress: Called with a target's name and one line of what happens to
            it, from one thread at a time. Not called if nothing is to be done.
        sources: Where image sources lie; the kit's own by default.

    Returns:
        The tag of each of the targets.

    Raises:
        ImageBuildFailed: With the last lines of the build.
        DiskFull: The engine has no space left.
    """
    cookbook = Cookbook(sources)
    wanted = list(dict.fromkeys(targets))
    present = _present(client, cookbook)
    to_do = _in_order(cookbook, wanted, present)
    if to_do:
        _Builder(client, cookbook, progress).run(to_do, debian_missing=DEBIAN not in present)
    return {target: cookbook.tag(target) for target in wanted}


def list_images(client: DockerClient, sources: Sources | None = None) -> list[ImageRow]:
    """The kit's images on the engine: current ones first, then by name."""
    cookbook = Cookbook(sources)
    current = {DEBIAN, *map(cookbook.tag, Target)}
    known = {"debian", *Target}
    with mapped():
        used = {container["ImageID"] for container in client.api.containers(all=True)}
    rows = [
        ImageRow(
            tag=tag,
            target=target,
            size=int(image["Size"]),
            current=tag in current,
            in_use=image["Id"] in used,
        )
        for tag, image in _present(client, cookbook).items()
        if (target := tag.partition("/")[2].partition(":")[0]) in known
    ]
    return sorted(rows, key=lambda row: (not row.current, row.target, row.tag))


def prune(client: DockerClient, sources: Sources | None = None) -> list[str]:
    """Remove the kit's images that are neither current nor in use.

    Returns:
        The tags that are gone.
    """
    old = [row.tag for row in list_images(client, sources) if not (row.current or row.in_use)]
    with mapped():
        for tag in old:
            client.api.remove_image(tag)
    return old


def _present(client: DockerClient, cookbook: Cookbook) -> dict[str, dict[str, Any]]:
    """The engine's images of ours by tag, in one request."""
    ours = [f"{cookbook.sources.repository}/*", DEBIAN]
    with mapped():
        images = client.api.images(filters={"reference": [*ours, *(_PODMAN + tag for tag in ours)]})
    found = ((tag, image) for image in images for tag in image.get("RepoTags") or [])
    return {tag.removeprefix(_PODMAN): image for tag, image in found}


def _in_order(cookbook: Cookbook, wanted: Iterable[Target], present: Iterable[str]) -> list[Target]:
    """What is missing, and what that starts from, in an order that never waits.

    Those that start from Debian come first, so that the pool's threads have
    work while the others wait. A target that is there needs nothing below it.
    """
    have = set(present)
    order: list[Target] = []

    def visit(target: Target) -> None:
        if target in order or cookbook.tag(target) in have:
            return
        if (parent := cookbook.parent(target)) is not None:
            visit(parent)
        order.append(target)

    for target in wanted:
        visit(target)
    return sorted(order, key=cookbook.depth)


class _Builder:
    """Builds several targets, side by side where they do not need each other."""

    def __init__(self, client: DockerClient, cookbook: Cookbook, progress: Progress) -> None:
        self._client = client
        self._cookbook = cookbook
        self._progress = progress
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._arguments = _build_arguments()

    def run(self, targets: list[Target], *, debian_missing: bool) -> None:
        if debian_missing:
            debian.provide(self._client, self._tell)
        builds: dict[Target, Future[None]] = {}
        with ThreadPoolExecutor(BUILDS_AT_A_TIME, thread_name_prefix="build") as pool:
            try:
                for target in targets:
                    parent = self._cookbook.parent(target)
                    below = builds.get(parent) if parent else None
                    builds[target] = pool.submit(self._after, below, target)
                for build in builds.values():
                    build.result()
            finally:
                # After a failure or Ctrl-C the other builds end at their next line.
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)

    def _after(self, parent: Future[None] | None, target: Target) -> None:
        if parent is not None:
            parent.result()
        self._build(target)

    def _build(self, target: Target) -> None:
        self._tell(target, "building")
        last: list[str] = []
        full: list[str] = []
        with mapped():
            for event in self._client.api.build(
                fileobj=io.BytesIO(self._cookbook.context(target)),
                custom_context=True,
                dockerfile="Dockerfile",
                tag=self._cookbook.tag(target),
                target=target,
                buildargs=self._arguments,
                # Docker's own networks may be off or unable to resolve names.
                network_mode="host",
                timeout=SILENCE_S,
                rm=True,
                forcerm=True,
                decode=True,
            ):
                if "error" in event:
                    raise _failure(target, str(event["error"]), full + last)
                if self._stop.is_set():
                    return
                for line in str(event.get("stream", "")).splitlines():
                    if (text := line.strip()) and not _NOISE.match(text):
                        last = [*last[1 - LAST_LINES :], text]
                        # dpkg goes on for many a line after the disk was full.
                        full = full or [text] * says_full(text)
                        self._tell(target, text)
        self._tell(target, "ready")

    def _tell(self, item: str, state: str) -> None:
        with self._turn:
            self._progress(item, state)


def _failure(target: Target, error: str, last: list[str]) -> Exception:
    for line in (error, *last):
        if says_full(line):
            return disk_full(line)
    log = "\n".join(last)
    return ImageBuildFailed(
        f"The image {target} could not be built: {error}\n{log}",
        hint="The lines above are the build's last. If a download failed, see that the engine's "
        "host reaches its Debian mirror, then `lab images build` goes on where it stopped.",
    )


def _build_arguments() -> dict[str, str]:
    """The proxies of the environment, or else the one that apt is set up with."""
    found = {
        name: value
        for name in _PROXIES
        if (value := os.environ.get(name) or os.environ.get(name.upper()))
    }
    if "http_proxy" not in found and (proxy := _apt_proxy()):
        found["http_proxy"] = proxy
    return found


def _apt_proxy() -> str:
    if shutil.which("apt-config") is None:
        return ""
    answer = subprocess.run(
        ["apt-config", "dump", "--format", "%v", "Acquire::http::Proxy"],
        capture_output=True,
        text=True,
        check=False,
    )
    value = answer.stdout.strip()
    return value if value.startswith("http") else ""
