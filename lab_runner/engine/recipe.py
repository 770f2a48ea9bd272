"""What an image is made of, and the tag that follows from it.

``labs/images/Dockerfile`` holds all targets. For a build each target gets a
Dockerfile of its own, with just the stages it needs, and starts from the target
below it by tag. The tag is a hash of that text and of the files it copies, so it
also covers everything below, and a change to one target rebuilds no other.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from lab_runner import paths
from lab_runner.errors import ImageMissing

#: The Debian 13 that everything starts from; it is pulled or bootstrapped.
DEBIAN = "breakfix/debian:13"

_FROM = re.compile(r"^FROM\s+(?P<parent>\S+)\s+AS\s+(?P<name>\S+)\s*$", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*#.*\n?", re.MULTILINE)
_COPY = re.compile(r"^COPY\s+(?P<words>.+)$", re.MULTILINE)


class Target(StrEnum):
    """An image of the kit, named as its stage in the Dockerfile."""

    #: Debian with systemd and the tools every node has.
    BASE = "base"
    #: A user's machine: client programs.
    WORKSTATION = "workstation"
    #: Forwards, filters, hands out addresses.
    ROUTER = "router"
    #: Name servers and web server.
    SERVER = "server"
    #: Holds the cables and asks the questions; no node.
    SWITCHBOARD = "switchboard"


@dataclass(frozen=True)
class Sources:
    """Where images come from and what they are called.

    Attributes:
        data: The folder that holds ``labs/``.
        package: The folder of the ``lab_runner`` package.
        repository: The first part of every tag.
    """

    data: Path
    package: Path
    repository: str = "breakfix"

    @classmethod
    def installed(cls) -> Sources:
        """The kit's own: a checkout or what a wheel has installed."""
        return cls(data=paths.data_root(), package=paths.package_root())

    def locate(self, name: str) -> Path:
        """Where the path ``name`` of the build context lies on this machine."""
        root, _, rest = name.partition("/")
        if root == "lab_runner":
            return self.package / rest
        return self.data / name


@dataclass(frozen=True)
class Stage:
    """One ``FROM … AS name`` with what follows it."""

    name: str
    parent: str
    body: str

    @property
    def copied(self) -> Iterator[str]:
        """The paths of the build context that this stage copies."""
        for match in _COPY.finditer(self.body):
            words = [word for word in match["words"].split() if not word.startswith("--")]
            yield from words[:-1]


class Cookbook:
    """The Dockerfile, cut into what each target needs."""

    def __init__(self, sources: Sources | None = None) -> None:
        self.sources = sources or Sources.installed()
        self._tags: dict[Target, str] = {}
        self._files: dict[Target, dict[str, bytes]] = {}

    def tag(self, target: Target) -> str:
        """The full tag of a target, for example ``breakfix/router:1f0c99e2ab34``."""
        if target not in self._tags:
            digest = hashlib.sha256(self.dockerfile(target).encode())
            for name, content in sorted(self.files(target).items()):
                digest.update(f"\0{name}\0{len(content)}\0".encode())
                digest.update(content)
            self._tags[target] = f"{self.sources.repository}/{target}:{digest.hexdigest()[:12]}"
        return self._tags[target]

    def parent(self, target: Target) -> Target | None:
        """The target that this one starts from; None if that is Debian itself."""
        below = self._chain(target)[0].parent
        return Target(below) if below in set(Target) else None

    def depth(self, target: Target) -> int:
        """How many targets lie below this one."""
        parent = self.parent(target)
        return 0 if parent is None else 1 + self.depth(parent)

    def dockerfile(self, target: Target) -> str:
        """The text that builds one target and nothing else."""
        parent = self.parent(target)
        text = []
        for stage in self._chain(target):
            start = self.tag(parent) if parent and stage.parent == parent else stage.parent
            text.append(f"FROM {start} AS {stage.name}\n{stage.body}")
        return self._preamble + "".join(text)

    def files(self, target: Target) -> dict[str, bytes]:
        """The content of every file that the target's stages copy, by path.

        Raises:
            ImageMissing: The kit is incomplete: a file is not where it should be.
        """
        if target not in self._files:
            names = [name for stage in self._chain(target) for name in stage.copied]
            self._files[target] = {
                name: content for source in names for name, content in self._read(source)
            }
        return self._files[target]

    def context(self, target: Target) -> bytes:
        """A build context: the target's Dockerfile and its files, as a tar archive.

        Modes and times are the same on every machine, so the engine's cache
        does not depend on a checkout's umask.
        """
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            content = {"Dockerfile": self.dockerfile(target).encode(), **self.files(target)}
            for name, data in content.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), 0o644
                archive.addfile(member, io.BytesIO(data))
        return buffer.getvalue()

    @cached_property
    def _text(self) -> str:
        path = self.sources.locate("labs/images/Dockerfile")
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as exc:
            raise _incomplete(path) from exc
        # A comment is no reason to build everything anew.
        return _COMMENT.sub("", text)

    @cached_property
    def _preamble(self) -> str:
        first = _FROM.search(self._text)
        return self._text[: first.start()] if first else self._text

    @cached_property
    def _stages(self) -> dict[str, Stage]:
        found = list(_FROM.finditer(self._text))
        ends = [match.start() for match in found[1:]] + [len(self._text)]
        return {
            match["name"]: Stage(match["name"], match["parent"], self._text[match.end() + 1 : end])
            for match, end in zip(found, ends, strict=True)
        }

    def _chain(self, target: Target) -> list[Stage]:
        """The stages from the next target below (exclusive) up to this one."""
        stages = self._stages
        if target not in stages:
            raise ImageMissing(
                f"labs/images/Dockerfile has no target {target}; it has {', '.join(stages)}."
            )
        chain = [stages[target]]
        while chain[0].parent in stages and chain[0].parent not in set(Target):
            chain.insert(0, stages[chain[0].parent])
        return chain

    def _read(self, source: str) -> Iterator[tuple[str, bytes]]:
        path = self.sources.locate(source)
        if path.is_file():
            yield source, path.read_bytes()
        elif path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    yield f"{source}/{file.relative_to(path).as_posix()}", file.read_bytes()
        else:
            raise _incomplete(path)


def _incomplete(path: Path) -> ImageMissing:
    return ImageMissing(
        f"An image cannot be built, its source {path} is missing.",
        hint="Install the kit again; in a checkout: git status shows what was removed.",
    )
