"""What an image is made of, its tag, and where its Debian comes from. No engine."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from lab_runner.engine import debian, images
from lab_runner.engine.recipe import DEBIAN, Cookbook, Sources, Target
from lab_runner.errors import DiskFull, ImageBuildFailed, ImageMissing

DOCKERFILE = """\
# A comment
ARG DEBIAN=breakfix/debian:13
FROM ${DEBIAN} AS base
COPY labs/images/base/motd labs/images/base/hosts /etc/
FROM base AS workstation
RUN true
FROM base AS router
COPY --chown=root labs/images/router /etc/router
FROM base AS server
FROM ${DEBIAN} AS libraries
RUN libraries
FROM libraries AS switchboard
COPY lab_runner/switchboard /usr/lib/switchboard
"""


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    files = {
        "labs/images/Dockerfile": DOCKERFILE,
        "labs/images/base/motd": "welcome\n",
        "labs/images/base/hosts": "127.0.0.1 localhost\n",
        "labs/images/router/one": "1\n",
        "labs/images/router/sub/two": "2\n",
        "package/switchboard/__init__.py": "",
        "package/switchboard/__pycache__/x.pyc": "compiled",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Sources(data=tmp_path, package=tmp_path / "package")


def all_tags(sources: Sources) -> dict[Target, str]:
    return images.tags(Target, sources)


def changed(before: dict[Target, str], after: dict[Target, str]) -> set[Target]:
    return {target for target in before if before[target] != after[target]}


def test_a_tag_names_the_target_and_twelve_digits_of_its_hash(sources: Sources) -> None:
    repository, _, digest = all_tags(sources)[Target.ROUTER].partition(":")
    assert repository == "breakfix/router"
    assert len(digest) == 12
    assert int(digest, 16) >= 0


def test_tags_are_the_same_from_one_reading_to_the_next(sources: Sources) -> None:
    assert all_tags(sources) == all_tags(sources)


def test_tags_do_not_depend_on_modes_or_times(sources: Sources) -> None:
    before = all_tags(sources)
    motd = sources.locate("labs/images/base/motd")
    motd.chmod(0o600)
    os.utime(motd, (0, 0))
    assert all_tags(sources) == before


def test_a_file_of_one_target_changes_that_target_alone(sources: Sources) -> None:
    before = all_tags(sources)
    sources.locate("labs/images/router/sub/two").write_text("3\n")
    assert changed(before, all_tags(sources)) == {Target.ROUTER}


def test_a_new_file_in_a_copied_folder_counts(sources: Sources) -> None:
    before = all_tags(sources)
    sources.locate("lab_runner/switchboard/server.py").write_text("")
    assert changed(before, all_tags(sources)) == {Target.SWITCHBOARD}


def test_a_change_to_the_base_changes_everything_above_it(sources: Sources) -> None:
    before = all_tags(sources)
    sources.locate("labs/images/base/motd").write_text("hello\n")
    assert changed(before, all_tags(sources)) == set(Target) - {Target.SWITCHBOARD}


def test_instructions_count_for_their_own_target_and_comments_for_none(sources: Sources) -> None:
    before = all_tags(sources)
    dockerfile = sources.locate("labs/images/Dockerfile")
    dockerfile.write_text(DOCKERFILE.replace("# A comment", "# Another comment"))
    assert changed(before, all_tags(sources)) == set()
    dockerfile.write_text(DOCKERFILE.replace("RUN true", "RUN false"))
    assert changed(before, all_tags(sources)) == {Target.WORKSTATION}


def test_compiled_python_is_left_out(sources: Sources) -> None:
    assert list(Cookbook(sources).files(Target.SWITCHBOARD)) == [
        "lab_runner/switchboard/__init__.py"
    ]


def test_a_target_starts_from_the_tag_of_the_one_below(sources: Sources) -> None:
    cookbook = Cookbook(sources)
    assert cookbook.dockerfile(Target.WORKSTATION) == (
        f"ARG DEBIAN={DEBIAN}\nFROM {cookbook.tag(Target.BASE)} AS workstation\nRUN true\n"
    )
    assert "FROM libraries AS switchboard" in cookbook.dockerfile(Target.SWITCHBOARD)


def test_the_context_holds_the_dockerfile_and_the_copied_files(sources: Sources) -> None:
    with tarfile.open(fileobj=io.BytesIO(Cookbook(sources).context(Target.ROUTER))) as archive:
        assert archive.getnames() == [
            "Dockerfile",
            "labs/images/router/one",
            "labs/images/router/sub/two",
        ]
        assert {member.mode for member in archive} == {0o644}


def test_a_missing_source_is_named(sources: Sources) -> None:
    sources.locate("labs/images/base/hosts").unlink()
    with pytest.raises(ImageMissing, match="hosts is missing") as caught:
        all_tags(sources)
    assert "git status" in caught.value.hint


def test_a_missing_target_is_named_with_those_there_are(sources: Sources) -> None:
    sources.locate("labs/images/Dockerfile").write_text("FROM x AS base\n")
    with pytest.raises(ImageMissing, match="no target router; it has base"):
        Cookbook(sources).tag(Target.ROUTER)


def test_the_kits_own_dockerfile_has_every_target() -> None:
    cookbook = Cookbook()
    assert [cookbook.parent(target) for target in Target] == [None, *[Target.BASE] * 3, None]
    assert all(cookbook.files(target) is not None for target in Target)


def test_every_node_image_has_its_own_file_list_read_from_the_checkout() -> None:
    assert "labs/images/base/lab-init" in Cookbook().files(Target.BASE)
    assert "lab_runner/errors.py" in Cookbook().files(Target.SWITCHBOARD)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("sources.list", "", None),
        ("sources.list", "deb http://a.test/debian bookworm main", "http://a.test/debian"),
        ("sources.list", "deb http://a.test/debian/ bookworm main # x", "http://a.test/debian"),
        ("sources.list", "# deb http://a.test/debian bookworm main", None),
        ("sources.list", "deb-src http://a.test/debian bookworm main", None),
        ("sources.list", "deb cdrom:[x]/ bookworm main", None),
        (
            "sources.list",
            "deb [arch=amd64 signed-by=/k.gpg] https://a.test/debian trixie contrib main",
            "https://a.test/debian",
        ),
        (
            "sources.list",
            (
                "deb http://s.test/debian-security bookworm-security main\n"
                "deb http://pg.test/apt bookworm-pgdg main\n"
                "deb http://d.test/linux/debian bookworm stable\n"
                "deb http://a.test/debian bookworm main\n"
            ),
            "http://a.test/debian",
        ),
        (
            "sources.list",
            "deb http://other.test/repo bookworm main\ndeb http://a.test/debian bookworm main\n",
            "http://a.test/debian",
        ),
        ("sources.list", "deb http://u.test/ubuntu noble main", None),
        (
            "sources.list.d/debian.sources",
            (
                "Types: deb\n# snapshot\nURIs: http://a.test/debian\n"
                "Suites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n\n"
                "Types: deb\nURIs: http://s.test/debian-security\nSuites: bookworm-security\n"
                "Components: main\n"
            ),
            "http://a.test/debian",
        ),
        (
            "sources.list.d/debian.sources",
            "Enabled: no\nTypes: deb\nURIs: http://a.test/debian\nSuites: sid\nComponents: main\n",
            None,
        ),
        (
            "sources.list.d/debian.sources",
            (
                "types: deb deb-src\nuris:\n http://a.test/x\n http://b.test/debian/\n"
                "suites: trixie\ncomponents: main\n"
            ),
            "http://b.test/debian",
        ),
        (
            "sources.list.d/debian.sources",
            "Types: deb-src\nURIs: http://a.test/debian\nSuites: sid\nComponents: main\n",
            None,
        ),
    ],
)
def test_the_machines_own_debian_mirror_is_found(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert debian.find_mirror(tmp_path) == expected


def test_without_apt_no_mirror_is_named(tmp_path: Path) -> None:
    assert debian.find_mirror(tmp_path / "nothing") is None


def test_a_failed_program_shows_its_last_words() -> None:
    told: list[str] = []
    with pytest.raises(ImageBuildFailed, match=r"(?s)ended with 4.*last words") as caught:
        debian._run(["sh", "-c", "echo first; echo last words >&2; exit 4"], told.append)
    assert told == ["first", "last words"]
    assert "apt-get update" in caught.value.hint


def test_a_full_disk_is_told_from_other_failures() -> None:
    with pytest.raises(DiskFull):
        debian._run(["sh", "-c", "echo write: No space left on device; exit 1"], lambda _: None)
    assert isinstance(images._failure(Target.BASE, "no space left on device", []), DiskFull)
    assert isinstance(
        images._failure(Target.BASE, "exit 1", ["E: No space left on device"]), DiskFull
    )
    apt = "E: You don't have enough free space in /var/cache/apt/archives/."
    with pytest.raises(DiskFull, match="enough free space"):
        raise images._failure(Target.BASE, "exit 100", ["first", apt, "last"])
    other = images._failure(Target.BASE, "exit 1", ["E: Unable to fetch"])
    assert isinstance(other, ImageBuildFailed)
    assert "E: Unable to fetch" in str(other)


def test_a_program_that_is_not_there_is_no_traceback() -> None:
    with pytest.raises(ImageBuildFailed, match="cannot be started"):
        debian._run(["/nonexistent/program"], lambda _: None)


def test_proxies_of_the_environment_reach_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in images._PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(images, "_apt_proxy", lambda: "")
    assert images._build_arguments() == {}
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "localhost")
    assert images._build_arguments() == {
        "https_proxy": "http://proxy.test:3128",
        "no_proxy": "localhost",
    }
    monkeypatch.setattr(images, "_apt_proxy", lambda: "http://apt.test:3142")
    assert images._build_arguments()["http_proxy"] == "http://apt.test:3142"
