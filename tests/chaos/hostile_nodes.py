"""What root on a node tries: scripts, with what a node has (bash, perl, socat, coreutils)."""

from __future__ import annotations

from collections.abc import Iterable

#: packet(7): struct sockaddr_ll of an Ethernet card.
_SEND = r"""
socket(my $link, 17, 3, 0x0300) or die "socket: $!";
my ($card, $times) = (shift, shift);
open(my $file, "<", "/sys/class/net/$card/ifindex") or die; chomp(my $index = <$file>);
my $to = pack("S n i S C C a8", 17, 0, $index, 0, 0, 6, "");
my $sent = 0;
for (1 .. $times) {
    for my $frame (@ARGV) { $sent += defined send($link, pack("H*", $frame), 0, $to) }
}
print "$sent\n";
"""


def frames(card: str, them: Iterable[bytes], times: int = 1) -> str:
    """A command that sends raw frames; it prints how many the card took."""
    return f"perl -e '{_SEND}' {card} {times} " + " ".join(frame.hex() for frame in them)


def syscall(number: str, *arguments: str) -> str:
    """A command that makes a system call, and ends well if that does.

    Args:
        number: Its number, or one for each machine's word: ``x86_64=>175,aarch64=>105``.
        arguments: Perl's expressions.
    """
    pick = f"{{{number}}}->{{(POSIX::uname())[4]}}" if "=>" in number else number
    called = ", ".join([pick, *arguments])
    return f"perl -MPOSIX -e 'my $r = syscall({called}); print \"$!\\n\"; exit($r < 0 ? 1 : 0)'"


def writes(path: str, value: str) -> str:
    """A command that ends well if a file of the kernel's takes a value."""
    return f"echo '{value}' > {path}"


def mac(text: str) -> bytes:
    """``01:80:c2:00:00:00`` as bytes."""
    return bytes.fromhex(text.replace(":", ""))


_CLONE_NEWUSER, _CLONE_NEWNS = 0x10000000, 0x00020000
_INIT_MODULE = "x86_64=>175,aarch64=>105"
_BPF = "x86_64=>321,aarch64=>280"
_OPEN_BY_HANDLE = "x86_64=>304,aarch64=>265"
_KEXEC = "x86_64=>246,aarch64=>104"
_UNSHARE = "x86_64=>272,aarch64=>97"
_SETNS = "x86_64=>308,aarch64=>268"
_PTRACE = "x86_64=>101,aarch64=>117"
_SWAPON = "x86_64=>167,aarch64=>224"
_KEYCTL = "x86_64=>250,aarch64=>219"
_PERF = "x86_64=>298,aarch64=>241"

#: What must not succeed, by what is tried.
REFUSED: dict[str, dict[str, str]] = {
    "mounts": {
        "bind": "mount --bind /etc /mnt",
        "a disk": "mknod /root/vda b 254 0; mount /root/vda /mnt",
        "proc again": "mount -t proc proc /mnt",
        "cgroup again": "mount -t cgroup2 none /mnt",
        "the masks": "umount /proc/kcore || umount -l /proc/sys || umount /proc/keys",
        "read-write": "mount -o remount,rw /sys",
        "fsopen(2)": syscall("430", '"tmpfs"', "0"),
        "open_tree(2)": syscall("428", "-100", '"/etc"', "1"),
        "pivot_root": "pivot_root / /mnt 2>/dev/null || umount -l /",
    },
    "kernel modules": {
        "init_module(2)": syscall(_INIT_MODULE, '"x" x 64', "64", '""'),
        "the loader's path": writes("/proc/sys/kernel/modprobe", "/root/mine"),
        "kexec_load(2)": syscall(_KEXEC, "0", "0", "0", "0"),
        "bpf(2)": syscall(_BPF, "0", '"\\0" x 128', "72"),
    },
    "host-wide settings": {
        "core_pattern": writes("/proc/sys/kernel/core_pattern", "|/root/mine"),
        "panic": writes("/proc/sys/kernel/panic", "1"),
        "swappiness": writes("/proc/sys/vm/swappiness", "60"),
        "drop_caches": writes("/proc/sys/vm/drop_caches", "1"),
        "file-max": writes("/proc/sys/fs/file-max", "1000"),
        "inotify": writes("/proc/sys/fs/inotify/max_user_instances", "1"),
        "ptrace_scope": writes("/proc/sys/kernel/yama/ptrace_scope", "0"),
        "by sysctl": "sysctl -w kernel.pid_max=400000",
        "sysfs": writes("/sys/kernel/mm/transparent_hugepage/enabled", "never"),
        "uevent helper": writes("/sys/kernel/uevent_helper", "/root/mine"),
        "irq": writes("/proc/irq/default_smp_affinity", "1"),
        "oom": writes("/proc/1/oom_score_adj", "-1000"),
        "clock": "date -s @0",
        "swap": syscall(_SWAPON, '"/root/swap"', "0"),
    },
    "other processes": {
        "ptrace(2) of a stranger": syscall(_PTRACE, "16", "999999", "0", "0"),
        "setns(2) by a file": f"exec 3< /proc/1/ns/mnt; {syscall(_SETNS, '3', '0')}",
        "more than its own": '[ "$(ls -d /proc/[0-9]* | wc -l)" -gt 400 ]',
        "a shim of the engine's": "grep -alz [c]ontainerd /proc/[0-9]*/cmdline",
        "the root of another": "ls /proc/[0-9]*/root/var/lib/docker",
        "kernel's keys": syscall(_KEYCTL, "0", "-3", "1"),
        "perf_event_open(2)": syscall(_PERF, '"\\0" x 128', "-1", "0", "-1", "0"),
    },
    "device files": {
        **{
            name: f"rm -f /root/d; mknod /root/d {numbers} && head -c 1 /root/d"
            for name, numbers in {
                "disk sda": "b 8 0",
                "disk vda": "b 254 0",
                "loop": "b 7 0",
                "mem": "c 1 1",
                "port": "c 1 4",
                "kmsg": "c 1 11",
                "tun": "c 10 200",
                "fuse": "c 10 229",
                "kvm": "c 10 232",
                "console": "c 4 0",
            }.items()
        },
        "the disk of this root": (
            "n=$(stat -c %Hd:%Ld /etc/hosts); rm -f /root/d;"
            " mknod /root/d b ${n%:*} ${n#*:} && head -c 1 /root/d"
        ),
        "by its handle": syscall(
            _OPEN_BY_HANDLE, "0", '"\\10\\0\\0\\0\\1\\0\\0\\0\\2" . "\\0" x 16', "0"
        ),
    },
    "user namespaces": {
        "unshare": "unshare --user true",
        "unshare as root": "unshare --user --map-root-user --mount true",
        "unshare(2)": syscall(_UNSHARE, str(_CLONE_NEWUSER | _CLONE_NEWNS)),
        "clone3(2)": syscall("435", f'pack("Q<11", {_CLONE_NEWUSER}, 0, 0, 0, 17)', "88"),
        "as somebody else": "setpriv --reuid 1000 --clear-groups unshare --user true",
    },
    "its own limits": {
        "cgroups": writes("/sys/fs/cgroup/cgroup.max.descendants", "max"),
        "processes": "[ -e /sys/fs/cgroup/pids.max ] && echo max > /sys/fs/cgroup/pids.max",
        "memory": "[ -e /sys/fs/cgroup/memory.max ] && echo max > /sys/fs/cgroup/memory.max",
        "above its root": "ls /sys/fs/cgroup/../cgroup.procs || mkdir /sys/fs/cgroup/../mine",
        "a cgroup too many": (
            'perl -e \'1 while $n < 1100 && mkdir("/sys/fs/cgroup/mine." . $n++);'
            ' rmdir($_) for glob("/sys/fs/cgroup/mine.*"); exit($n < 1000 && $n > 800)\''
        ),
        "size of a file": "ulimit -f unlimited",
        "a file too large": "truncate -s 2G /root/large",
    },
}
