"""What is tried out in a container of the kind of a switchboard, on the engine's own machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab_runner.engine import images, inotify
from lab_runner.engine.docker import mapped

if TYPE_CHECKING:
    from docker import DockerClient

_MARK = "%%"


@dataclass(frozen=True)
class Trial:
    """A thing that a throw-away container tries; the script's failure is the finding."""

    id: str
    title: str
    script: str
    essential: bool
    hint: str


_MODULE = (
    "Load the module on the engine's host: `sudo modprobe {}` (a slim cloud kernel may lack it)."
)
TRIALS = (
    Trial(
        "cgroup",
        "cgroup v2 in containers",
        '[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || { stat -fc %T /sys/fs/cgroup; false; }'
        # As a machine's systemd will: a rootless engine may not hand on what is not its own.
        " && cd /sys/fs/cgroup && mount -o remount,rw . && mkdir lab && rmdir lab",
        essential=True,
        hint="Boot the engine's host with `systemd.unified_cgroup_hierarchy=1`, or start the "
        "engine in a cgroup v2 view (`scripts/engine` does). A rootless engine needs a cgroup that "
        "is delegated to it with all controllers, or use one that runs as root.",
    ),
    Trial(
        "veth",
        "virtual cables (veth)",
        "ip link add name cable0 type veth peer name cable1",
        essential=True,
        hint=_MODULE.format("veth"),
    ),
    Trial(
        "bridge",
        "segments (bridge)",
        "ip link add name seg0 type bridge && ip link set seg0 up",
        essential=True,
        hint=_MODULE.format("bridge"),
    ),
    Trial(
        "sysctl",
        "writable net sysctls (AppArmor, SELinux)",
        "mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net"
        " && echo 1 > /proc/sys/net/ipv4/ip_forward",
        essential=True,
        hint="A security module of the engine's host denies it: `sudo dmesg | tail` says which.",
    ),
    Trial(
        "nft-nat",
        "address translation (nft nat)",
        "nft 'table ip t { chain c { type nat hook postrouting priority 100; masquerade; }; }'",
        essential=False,
        hint=_MODULE.format("nft_masq nft_chain_nat"),
    ),
    Trial(
        "nft-bridge",
        "loss on a cable (nft bridge, numgen)",
        "nft 'table bridge t { chain c { type filter hook forward priority 0;"
        " numgen random mod 100 < 5 drop; }; }'",
        essential=False,
        hint=_MODULE.format("nft_numgen nf_tables_bridge"),
    ),
    Trial(
        "tbf",
        "slow cables (tc tbf)",
        "tc qdisc add dev lo root tbf rate 1mbit burst 4k latency 50ms",
        essential=False,
        hint=_MODULE.format("sch_tbf"),
    ),
)
#: What the engine's kernel says of itself: it may be another machine's than ours.
READINGS = {
    "inotify": f"cat /proc/sys/{inotify.KEY.replace('.', '/')}",
    #: KiB (proc_meminfo(5)).
    "memory": "sed -n 's/^MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo",
    #: Free blocks and their size in bytes, of the file system that holds containers.
    "disk": "stat -fc '%a %S' /",
}


def ask(client: DockerClient) -> dict[str, str]:
    """What each trial complained about, empty where it worked; and the :data:`READINGS`."""
    lines = [
        f"out=$( ( {t.script} ) 2>&1 ) && echo '{_MARK}{t.id} ' || echo \"{_MARK}{t.id} "
        f'${{out:-refused}}" | head -n 1'
        for t in TRIALS
    ]
    lines += [f'echo "{_MARK}{name} $({script})"' for name, script in READINGS.items()]
    said = in_container(client, "\n".join(lines))
    marked = (line[len(_MARK) :] for line in said.splitlines() if line.startswith(_MARK))
    return {name: rest.strip() for name, _, rest in (line.partition(" ") for line in marked)}


def in_container(client: DockerClient, script: str) -> str:
    """Run a script in a throw-away container without a network; what it printed."""
    target = images.Target.SWITCHBOARD
    tag = images.tags([target])[target]
    with mapped():
        host = client.api.create_host_config(
            network_mode="none",
            cap_add=["NET_ADMIN", "SYS_ADMIN"],
            security_opt=["apparmor=unconfined", "label=disable"],
        )
        made = client.api.create_container(
            tag, ["sh", "-c", script], host_config=host, labels={"breakfix.doctor": "1"}
        )
        with _removed(client, str(made["Id"])) as container:
            client.api.start(container)
            client.api.wait(container, timeout=30)
            return bytes(client.api.logs(container)).decode("utf-8", "replace")


@contextlib.contextmanager
def _removed(client: DockerClient, container: str) -> Iterator[str]:
    try:
        yield container
    finally:
        client.api.remove_container(container, force=True, v=True)
