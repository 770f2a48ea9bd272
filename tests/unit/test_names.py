"""What resolv.conf and hosts say, as glibc reads them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab_runner.errors import ProbeError
from lab_runner.switchboard.names import StubConfig, candidates, hosts_address, stub_config
from lab_runner.switchboard.vantage import NodeFiles


@pytest.fixture
def files(tmp_path: Path) -> NodeFiles:
    (tmp_path / "etc").mkdir()
    return NodeFiles(os.open(tmp_path, os.O_PATH | os.O_DIRECTORY))


def config(files: NodeFiles, tmp_path: Path, text: str) -> StubConfig:
    (tmp_path / "etc/resolv.conf").write_text(text)
    return stub_config(files)


def test_without_a_file_the_node_asks_itself(files: NodeFiles) -> None:
    assert stub_config(files) == StubConfig()
    assert stub_config(files).nameservers == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 10.0.0.53\n", {"nameservers": ["10.0.0.53"]}),
        ("nameserver fe80::1%eth0\n", {"nameservers": ["fe80::1%eth0"]}),
        (
            "".join(f"nameserver 10.0.0.{n}\n" for n in range(1, 5)),
            {"nameservers": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]},
        ),
        (" nameserver 10.0.0.53\n", {}),  # the keyword must be at the start of the line
        ("nameserver ns.lab.test\nnameserver\n#nameserver 1.1.1.1\n;x\n\n", {}),
        ("search a.test b.test\n", {"search": ["a.test", "b.test"]}),
        ("search a.test\ndomain b.test c.test\n", {"search": ["b.test"]}),
        ("domain b.test\nsearch a.test\n", {"search": ["a.test"]}),
        ("options timeout:1 attempts:3 ndots:2", {"timeout_s": 1, "attempts": 3, "ndots": 2}),
        ("options timeout:99 attempts:99 ndots:99", {"timeout_s": 30, "attempts": 5, "ndots": 15}),
        ("options timeout:0 attempts:0", {"timeout_s": 1, "attempts": 1}),
        ("options timeout:x ndots rotate", {}),
        ("options use-vc", {"use_tcp": True}),
    ],
)
def test_each_line(
    files: NodeFiles, tmp_path: Path, text: str, expected: dict[str, object]
) -> None:
    assert config(files, tmp_path, text) == StubConfig(**expected)


def test_the_nodes_own_domain_is_searched_where_no_other_is(
    files: NodeFiles, tmp_path: Path
) -> None:
    (tmp_path / "etc/hostname").write_text("desk.lab.test\n")
    assert config(files, tmp_path, "").search == ["lab.test"]
    assert config(files, tmp_path, "search other.test\n").search == ["other.test"]


@pytest.mark.parametrize(
    ("name", "ndots", "expected"),
    [
        ("web", 1, ["web.a.test.", "web.b.test.", "web."]),
        ("web.x", 1, ["web.x.", "web.x.a.test.", "web.x.b.test."]),
        ("web.x", 2, ["web.x.a.test.", "web.x.b.test.", "web.x."]),
        ("web.", 1, ["web."]),
    ],
)
def test_the_names_that_are_tried(name: str, ndots: int, expected: list[str]) -> None:
    tried = candidates(name, StubConfig(search=["a.test", "b.test"], ndots=ndots))
    assert [str(candidate) for candidate in tried] == expected


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".".join(["y" * 60] * 5)])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ProbeError):
        candidates(name, StubConfig())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web", "10.0.0.80"),
        ("WWW.lab.test.", "10.0.0.80"),
        ("six", "fd00::6"),
        ("both", "10.0.0.2"),
        ("commented", None),
        ("broken", None),
        ("alone", None),
    ],
)
def test_hosts(files: NodeFiles, tmp_path: Path, name: str, expected: str | None) -> None:
    (tmp_path / "etc/hosts").write_text(
        "10.0.0.80 web www.lab.test\nfd00::6 six\nfd00::2 both\n10.0.0.2 both\n"
        "# 10.0.0.9 commented\n10.0.0.300 broken\nalone\n"
    )
    assert hosts_address(name, files) == expected
