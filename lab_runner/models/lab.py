"""A lab: the healthy network, as its file describes it once the templates are filled in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field

from lab_runner.models.checks import IDENTIFIER, Check
from lab_runner.models.parameters import Parameter, Strict

NAME = r"^[a-z][a-z0-9-]{0,14}$"


class Kind(StrEnum):
    """What a node is; decides its image and its symbol on the map."""

    WORKSTATION = "workstation"
    ROUTER = "router"
    SERVER = "server"
    #: Somebody else's machine out on the Internet.
    INTERNET = "internet"


class Segment(Strict):
    """One layer-2 broadcast domain and the subnet that is used on it.

    Attributes:
        subnet: Its addresses: ``192.0.2.0/24``, or a parameter.
        title: What people call it: "Office".
    """

    subnet: ipaddress.IPv4Network
    title: str = ""


class Interface(Strict):
    """One end of a cable.

    Attributes:
        segment: Where the cable goes.
        host: The host's number within the segment's subnet.
        gateway: The node that is the default gateway, on this segment.
        extra: Numbers of further addresses on this interface.
        routes: Static routes, network to next hop's address.
    """

    segment: str
    host: int | None = Field(default=None, ge=1)
    gateway: str | None = None
    extra: list[int] = Field(default_factory=list)
    routes: dict[ipaddress.IPv4Network, ipaddress.IPv4Address] = Field(default_factory=dict)


class User(Strict):
    """An ordinary account; its home directory is created, its password is locked.

    Attributes:
        uid: Its number, and that of its group.
        authorized_keys: Written to ~/.ssh/authorized_keys.
    """

    uid: int = Field(ge=1000, le=59999)
    authorized_keys: list[str] = Field(default_factory=list)


class Node(Strict):
    """One machine.

    Attributes:
        kind: What it is.
        title: Who would say it is theirs: "Anna's desk".
        access: May the learner log in?
        optional: Is it only there in scenarios that name it in their ``with``?
        interfaces: Its network cards by name.
        nameservers: Written to /etc/resolv.conf, with ``search``.
        search: Domains that a short name is looked for in.
        units: systemd units that are enabled.
        users: Ordinary accounts by name.
        modes: Permissions of files that lie in the node's folder, where 0644 root:root
            (0755 for executable ones) is not right: path to ``"0640 user:group"``
            with numeric or declared user names.
        forget: A shell script after which it has forgotten what others told it (a
            resolver's cache, a secondary's zones, a router's connections). A proof runs
            it between two states on nodes that it need not build again; what their
            kernels have learnt is emptied anyway.
    """

    kind: Kind
    title: str = ""
    access: bool = False
    optional: bool = False
    interfaces: dict[str, Interface]
    nameservers: list[str] = Field(default_factory=list)
    search: list[str] = Field(default_factory=list)
    units: list[str] = Field(default_factory=list)
    users: dict[str, User] = Field(default_factory=dict)
    modes: dict[str, str] = Field(default_factory=dict)
    forget: str | None = None


class Certificate(Strict):
    """An X.509 certificate for a server of the lab, issued by the lab's own authority.

    Attributes:
        names: The host names that it is for; an asterisk may stand for the first label.
        days: How long it is valid from the start of the lab.
    """

    names: list[str] = Field(min_length=1)
    days: int = 365


class Lab(Strict):
    """A healthy network.

    Attributes:
        summary: One sentence.
        parameters: What a seed draws, by name.
        segments: The networks by name.
        nodes: The machines by name.
        certificates: Certificates by name, for templates.
        health: Checks that all pass on the healthy lab.
    """

    summary: str
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    segments: dict[str, Segment]
    nodes: dict[str, Node]
    certificates: dict[str, Certificate] = Field(default_factory=dict)
    health: list[Check] = Field(min_length=1)

    def only_with(self, named: Iterable[str]) -> Lab:
        """This lab with no other of its optional nodes than those that are named.

        Segments that only the others are on, and health checks that need one of them, are left
        out too.
        """
        named = set(named)
        left = {name for name, node in self.nodes.items() if node.optional and name not in named}
        nodes = {name: node for name, node in self.nodes.items() if name not in left}
        used = {card.segment for node in nodes.values() for card in node.interfaces.values()}
        cards = (card for name in left for card in self.nodes[name].interfaces.values())
        unused = {card.segment for card in cards} - used
        return self.model_copy(
            update={
                "nodes": nodes,
                "segments": {n: one for n, one in self.segments.items() if n not in unused},
                "health": [check for check in self.health if left.isdisjoint(check.needs)],
            }
        )


__all__ = [
    "IDENTIFIER",
    "NAME",
    "Certificate",
    "Interface",
    "Kind",
    "Lab",
    "Node",
    "Segment",
    "User",
]
