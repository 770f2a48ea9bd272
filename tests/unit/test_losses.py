"""What of a trainee's work would be gone after a reboot."""

from __future__ import annotations

import pytest

from lab_runner.checker.kernels import Kernel
from lab_runner.models.disk_changes import DiskChanges, Entry
from lab_runner.submission.losses import Loss, Seen, losses, shown_lines
from lab_runner.submission.units import Unit, parsed

ROUTE = "198.18.0.0/15 via 10.0.0.1 dev eth0"


def disk(**files: str) -> DiskChanges:
    entries = (
        Entry(path.replace("__", "/"), "file", 0o644, 0, 0, 1.0, text.encode())
        for path, text in files.items()
    )
    return DiskChanges(tuple(entries))


def found(
    kind: str, added: list[str], removed: list[str] | None = None, **more: object
) -> list[Loss]:
    kernel = Kernel({}, {kind: {"added": added, "removed": removed or []}})
    facts = {"disk": DiskChanges(), **more}
    return losses({"gw": Seen(kernel, **facts)})  # type: ignore[arg-type]


def test_what_no_file_could_bring_back_is_certain() -> None:
    (loss,) = found("routes", [ROUTE])
    assert loss == Loss("gw", "a route", (f"+ {ROUTE}",), certain=True)


def test_traces_of_a_shell_are_no_files_of_a_repair() -> None:
    (loss,) = found("routes", [ROUTE], disk=disk(root__notes="", root__=""))
    assert not loss.certain
    (loss,) = found("routes", [ROUTE], disk=DiskChanges((Entry("root", "folder", 0, 0, 0, 1.0),)))
    assert loss.certain


def test_what_a_changed_file_speaks_of_may_come_back() -> None:
    file = "auto eth0\n  up ip route add 198.18.0.0/15 via 10.0.0.1\n"
    assert found("routes", [ROUTE], disk=disk(etc__network__interfaces=file)) == []
    (loss,) = found("routes", [ROUTE], disk=disk(etc__hosts="192.0.2.1 x"))
    assert not loss.certain


@pytest.mark.parametrize(
    ("kind", "line", "file"),
    [
        ("settings", "net.ipv4.ip_forward = 1", "net.ipv4.ip_forward=1"),
        ("settings", "net.ipv4.ip_forward = 1", "net/ipv4/ip_forward = 1"),
        ("firewall", "tcp dport 80 accept", "table inet filter { }"),
        ("addresses", "eth0 mtu 1500 UP 10.0.0.2/24", "address 10.0.0.2"),
        ("rules", "32765: from 192.0.2.1 lookup 7", "ip rule add from 192.0.2.1 table 7"),
        ("sockets", "tcp 0.0.0.0 port 8080", "listen 8080;"),
    ],
)
def test_each_kind_is_looked_for_in_files(kind: str, line: str, file: str) -> None:
    assert found(kind, [line], disk=disk(etc__some=file)) == []
    (loss,) = found(kind, [line], disk=disk(etc__other="nothing"))
    assert not loss.certain
    (loss,) = found(kind, [line])
    assert loss.certain


def test_a_service_that_was_set_up_explains_its_socket() -> None:
    unit = disk(etc__systemd__system__x="[Service]")
    assert found("sockets", ["tcp :: port 9"], disk=unit) == []


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("routes", "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2"),
        ("routes", "local 10.0.0.2 dev eth0 table local proto kernel scope host src 10.0.0.2"),
        ("routes", "default via 10.0.0.1 dev eth0 proto dhcp"),
        ("routes", "default via 10.0.0.1 dev eth7"),
        ("addresses", "eth7 mtu 1500 UP 10.0.0.9/24"),
        ("sockets", "udp 0.0.0.0 port 43210"),
    ],
)
def test_what_comes_by_itself_is_nobodys_work(kind: str, line: str) -> None:
    assert found(kind, [line], leased=frozenset({"eth7"})) == []


def test_a_socket_that_is_gone_is_the_services_matter() -> None:
    assert found("sockets", [], ["tcp 0.0.0.0 port 53"]) == []


def test_who_listens_changes_nothing() -> None:
    before, now = "eth0 mtu 1500 UP 10.0.0.2/24", "eth0 mtu 1500 PROMISC UP 10.0.0.2/24"
    assert found("addresses", [now], [before]) == []


def test_what_was_taken_out_is_told() -> None:
    (loss,) = found("routes", [], [ROUTE])
    assert loss.lines == (f"- {ROUTE}",)


def test_settings_that_others_bring_about_are_left_out() -> None:
    lines = [
        "net.ipv4.ip_forward = 1",
        "net.ipv4.conf.all.accept_redirects = 0",
        "net.ipv4.conf.eth0.forwarding = 1",
    ]
    (loss,) = found("settings", lines, ["net.ipv4.ip_forward = 0"])
    assert loss.lines == ("+ net.ipv4.ip_forward = 1",)
    (loss,) = found("settings", ["net.ipv6.conf.all.x = 1", "net.ipv6.conf.eth0.x = 1"])
    assert loss.lines == ("+ net.ipv6.conf.all.x = 1",)


def test_many_lines_are_counted() -> None:
    loss = Loss("gw", "the firewall", tuple("abcde"), certain=True)
    assert shown_lines(loss) == ["a", "b", "c", "… and 2 more"]


SHOWN = """\
Type=notify
Result=success
Id=ssh.service
WantedBy=
RequiredBy=
BoundBy=
TriggeredBy=
ActiveState=active
UnitFileState=disabled
InactiveEnterTimestampMonotonic=0
Transient=no

Type=forking
Result=success
Id=dnsmasq.service
WantedBy=multi-user.target
ActiveState=inactive
UnitFileState=enabled
InactiveEnterTimestampMonotonic=1438295674

Type=oneshot
Result=success
Id=once.service
WantedBy=multi-user.target
ActiveState=inactive
UnitFileState=enabled
InactiveEnterTimestampMonotonic=5

Type=simple
Result=success
Id=run-u1.service
ActiveState=active
UnitFileState=transient
Transient=yes

Type=simple
Result=exit-code
Id=failed.service
ActiveState=failed
UnitFileState=enabled
WantedBy=multi-user.target
InactiveEnterTimestampMonotonic=5

nonsense
"""


def test_services_as_systemctl_shows_them() -> None:
    units = parsed(SHOWN)
    assert [unit.name for unit in units][:2] == ["ssh.service", "dnsmasq.service"]
    assert units[1] == Unit("dnsmasq.service", False, "enabled", pulled=True, stopped=True)
    told = losses({"gw": Seen(Kernel(), DiskChanges(), units)})
    assert [(loss.what, loss.lines) for loss in told] == [
        ("a service that runs and is not enabled", ("ssh.service",)),
        ("a service that was stopped and is still enabled", ("dnsmasq.service",)),
        ("a service that runs and is not enabled", ("run-u1.service",)),
    ]
