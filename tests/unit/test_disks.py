"""What lies on a node's disk."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_runner.catalogue import Catalogue
from lab_runner.errors import DefinitionError
from lab_runner.planning.disks import Entry, pack
from lab_runner.planning.plan import make_plan
from tests.conftest import DATA, NOW


class Lab:
    """A copy of the small lab that a test may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(DATA / "labs/mini", folder / "labs/mini")
        shutil.copytree(DATA / "scenarios/web", folder / "scenarios/web")

    def change(self, node: str, **keys: Any) -> None:
        file = self.folder / "labs/mini/lab.yml"
        data = yaml.safe_load(file.read_text())
        data["nodes"][node].update(keys)
        file.write_text(yaml.safe_dump(data, sort_keys=False))

    def put(self, node: str, path: str, text: str, *, executable: bool = False) -> None:
        file = self.folder / "labs/mini/nodes" / node / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if executable else 0o644)

    def disk(self, node: str) -> dict[str, Entry]:
        catalogue = Catalogue((self.folder / "labs",), (self.folder / "scenarios",))
        plan = make_plan(catalogue, "no-page-opens", 1, now=NOW)
        return {entry.path: entry for entry in plan.nodes[node].files}

    def text(self, node: str, path: str) -> str:
        content = self.disk(node)[path].content
        assert content is not None
        return content.decode()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_what_every_node_has(lab: Lab) -> None:
    assert lab.text("desk", "etc/hostname") == "desk\n"
    assert "127.0.1.1\tdesk.mini.test desk\n" in lab.text("desk", "etc/hosts")
    assert "127.0.1.1\tgw\n" in lab.text("gw", "etc/hosts")
    assert lab.text("desk", "etc/resolv.conf").startswith("search mini.test\nnameserver 10.")
    assert lab.text("gw", "etc/resolv.conf") == ""
    assert len(lab.text("desk", "etc/machine-id").strip()) == 32
    assert lab.disk("desk")["etc/ssh/ssh_host_ed25519_key"].mode == 0o600
    assert "BEGIN CERTIFICATE" in lab.text("desk", "etc/ssl/certs/ca-certificates.crt")


def test_interfaces(lab: Lab) -> None:
    lab.change(
        "web",
        interfaces={
            "eth0": {
                "segment": "dmz",
                "host": 2,
                "gateway": "gw",
                "extra": [5],
                "routes": {"10.99.0.0/16": "{{ nodes.gw.interfaces.eth1.address }}"},
            }
        },
    )
    text = lab.text("web", "etc/network/interfaces")
    network = lab.text("gw", "etc/network/interfaces").split("address 192.168.")[1].split(".")[0]
    assert "auto lo\niface lo inet loopback\n" in text
    assert f"address 192.168.{network}." in text
    assert "    up ip route add 10.99.0.0/16 via 192.168." in text
    assert "/32\n" in text
    assert "    gateway 192.168." in text


def test_units_are_linked_as_systemctl_would(lab: Lab) -> None:
    lab.change("web", units=["ssh", "nginx", "nftables", "ssh.socket", "getty@tty1"])
    disk = lab.disk("web")
    links = {path: entry.link for path, entry in disk.items() if entry.link}
    wants = "etc/systemd/system/{}.target.wants/{}"
    units = "/usr/lib/systemd/system/"
    assert links == {
        wants.format("multi-user", "networking.service"): f"{units}networking.service",
        wants.format("multi-user", "ssh.service"): f"{units}ssh.service",
        "etc/systemd/system/sshd.service": f"{units}ssh.service",
        wants.format("multi-user", "nginx.service"): f"{units}nginx.service",
        wants.format("sysinit", "nftables.service"): f"{units}nftables.service",
        wants.format("sockets", "ssh.socket"): f"{units}ssh.socket",
        **{k: v for k, v in links.items() if "ssh.socket" not in k and "sshd" in k},
        wants.format("multi-user", "getty@tty1.service"): f"{units}getty@.service",
    }


def test_the_folder_wins(lab: Lab) -> None:
    lab.put("desk", "etc/resolv.conf", "nameserver 192.0.2.1\n")
    assert lab.text("desk", "etc/resolv.conf") == "nameserver 192.0.2.1\n"


def test_templates_are_filled_in_and_the_rest_is_not(lab: Lab) -> None:
    lab.put("desk", "root/one.j2", "{{ node.name }} {{ word }}\n")
    lab.put("desk", "root/two", "{{ node.name }}\n")
    assert lab.text("desk", "root/one").startswith("desk ")
    assert lab.text("desk", "root/two") == "{{ node.name }}\n"


def test_modes_and_owners(lab: Lab) -> None:
    lab.put("desk", "usr/local/bin/tool", "#!/bin/sh\n", executable=True)
    lab.put("desk", "home/clerk/.ssh/id", "x")
    lab.change(
        "desk",
        modes={
            "/home/clerk/.ssh/": "0700 clerk",
            "/home/clerk/.ssh/id": "0600 clerk:root",
            "/var/spool/post/": "1777 0:0",
        },
    )
    disk = lab.disk("desk")

    def facts(path: str) -> tuple[int, int, int]:
        return disk[path].mode, disk[path].uid, disk[path].gid

    assert facts("usr/local/bin/tool") == (0o755, 0, 0)
    assert facts("home/clerk/.ssh") == (0o700, 1000, 1000)
    assert facts("home/clerk/.ssh/id") == (0o600, 1000, 0)
    assert facts("var/spool/post") == (0o1777, 0, 0)
    assert list(disk).index("home/clerk/.ssh") < list(disk).index("home/clerk/.ssh/id")


@pytest.mark.parametrize("mode", ["rw-r--r--", "0644 nobody-we-know", "0999", ""])
def test_a_mode_that_is_none(lab: Lab, mode: str) -> None:
    lab.put("desk", "root/x", "x")
    lab.change("desk", modes={"/root/x": mode})
    with pytest.raises(DefinitionError, match="not of the form '0640 user:group'"):
        lab.disk("desk")


def test_accounts(lab: Lab) -> None:
    lab.change("desk", users={"clerk": {"uid": 1000, "authorized_keys": ["ssh-ed25519 A x"]}})
    disk = lab.disk("desk")
    appended = pack(list(disk.values())).appended
    assert appended["etc/passwd"] == "clerk:x:1000:1000:Clerk:/home/clerk:/bin/bash\n"
    assert appended["etc/shadow"].startswith("clerk:!*:")
    assert appended["etc/group"] == "clerk:x:1000:\n"
    keys = disk["home/clerk/.ssh/authorized_keys"]
    assert (keys.content, keys.mode, keys.uid) == (b"ssh-ed25519 A x\n", 0o600, 1000)
    assert disk["home/clerk/.ssh"].mode == 0o700


def test_packing_keeps_everything() -> None:
    entries = [
        Entry("etc", mode=0o755),
        Entry("etc/x", b"hello", mode=0o640, uid=5, gid=6),
        Entry("etc/y", link="/etc/x"),
        Entry("etc/passwd", b"line\n", append=True),
    ]
    packed = pack(entries)
    assert packed.appended == {"etc/passwd": "line\n"}
    with tarfile.open(fileobj=io.BytesIO(packed.archive)) as tar:
        folder, file, link = tar.getmembers()
        assert folder.isdir()
        assert (file.mode, file.uid, file.gid, file.size) == (0o640, 5, 6, 5)
        assert link.issym()
        assert link.linkname == "/etc/x"
