"""Which commands look at a network, and which may change it: what evidence is counted by.

A rule of thumb on command lines, and no more. Whoever looks in another way has looked; a
lead sees all commands in the gradebook and can say so.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from lab_runner.attempts.store import Kind
from lab_runner.grading.record import of_kind
from lab_runner.submission.hand_in import HandIn

_LOOKING = """
    arp arping cat curl delv dig drill ethtool fping getent grep head host hostname journalctl less
    ls lsof more mtr nc ncat netstat nmap nslookup openssl ping ping6 ps ss stat tail tcpdump telnet
    traceroute tracepath tshark wget whois
"""
#: These look, unless one of the words of :data:`_CHANGING` is among their arguments.
_EITHER = """
    bridge conntrack dnsmasq ip iptables ip6tables named-checkconf networkctl nft nginx resolvectl
    service sshd sysctl systemctl tc vtysh wg
"""
_CHANGING = """
    -A -D -F -I -X -p -w add append change configure daemon-reload del delete disable down edit
    enable flush insert mask reload replace restart revert set start stop unmask up
"""
_EDITING = """
    apt apt-get chmod chown cp crontab dd dpkg ed emacs ifdown ifup install kill killall ln mkdir mv
    nano passwd pkill reboot rm rsync tee touch truncate useradd vi vim
"""
#: They edit only where they are told to do so in place.
_IN_PLACE = frozenset({"sed", "perl"})
#: What is done to a lab and on no machine.
_CAPTURE = ["lab", "capture"]
_BEFORE = frozenset({"sudo", "time", "nice", "command", "exec"})
_LOOKS, _BOTH = frozenset(_LOOKING.split()), frozenset(_EITHER.split())
_CHANGES, _EDITS = frozenset(_CHANGING.split()), frozenset(_EDITING.split())
#: Output that goes nowhere, or to where it would go anyway, changes no file.
_NOWHERE = re.compile(r"(?:\d|&)?>>?\s*(?:/dev/null|&\d)")


@dataclass(frozen=True)
class Look:
    """A command that somebody gave, and that only looks.

    Attributes:
        node: Where.
        line: What was typed.
    """

    node: str
    line: str


def looks_before_changes(work: HandIn) -> list[Look]:
    """The commands that look, up to the first that may have changed something."""
    found = []
    for told in of_kind(work, Kind.COMMAND):
        node, line = str(told.get("node", "")), str(told.get("line", ""))
        if changes_something(line):
            break
        if looks(line):
            found.append(Look(node or _captured(line), line))
    return found


def _is_capture(line: str) -> bool:
    return next(_commands(line), [])[:2] == _CAPTURE


def _captured(line: str) -> str:
    """Where `lab capture` listened: a machine's card, or a cable between machines."""
    words = next(_commands(line), [])
    return next((word.partition(":")[0] for word in words[2:] if not word.startswith("-")), "")


def looks(line: str) -> bool:
    """Does it show something of a machine or a network?"""
    known = _LOOKS | _BOTH | _IN_PLACE
    return _is_capture(line) or any(words[0] in known for words in _commands(line))


def changes_something(line: str) -> bool:
    """May it change something? An editor does, and whatever is written to a file."""
    if _is_capture(line):
        return False
    line = _NOWHERE.sub(" ", line)
    return ">" in line or any(map(_changes, _commands(line)))


def _changes(words: list[str]) -> bool:
    program, arguments = words[0], words[1:]
    if program in _IN_PLACE:
        return any(word.startswith(("-i", "--in-place")) for word in arguments)
    if program in _BOTH:
        assigns = program == "sysctl" and any("=" in word for word in arguments)
        return assigns or bool(_CHANGES.intersection(arguments))
    return program in _EDITS


def _commands(line: str) -> Iterator[list[str]]:
    """The programs of a line with their arguments: of a pipe, of a list, behind ``sudo``."""
    command: list[str] = []
    for word in [*_words(line), ";"]:
        if word and set(word) <= set("|&;()"):
            if command:
                yield command
            command = []
        elif command:
            command.append(word)
        elif word not in _BEFORE and not re.match(r"\w+=", word):
            command = [word.rsplit("/", 1)[-1]]


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # a quotation mark without its other half
        return line.split()
