"""Services that a reboot starts or stops: systemctl(1), ``show``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab_runner.engine.running import RunningLab

_WITHIN_S = 15.0
_PULLED_BY = ("WantedBy", "RequiredBy", "BoundBy", "TriggeredBy")
_PROPERTIES = (
    *("Id", "Type", "ActiveState", "UnitFileState", "Transient", "Result"),
    *(*_PULLED_BY, "InactiveEnterTimestampMonotonic"),
)


@dataclass(frozen=True)
class Unit:
    """A service, as systemd knows it.

    Attributes:
        active: Does it run?
        enabled: ``enabled``, ``disabled``, ``static``, ``masked``…
        pulled: Does another unit start it?
        stopped: Was it up in this boot, and ended well?
    """

    name: str
    active: bool
    enabled: str
    pulled: bool
    stopped: bool = False


def units(lab: RunningLab, node: str) -> tuple[Unit, ...]:
    """A node's services.

    Raises:
        ExecFailed: The node is off.
    """
    argv = ["systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--all", "*.service"]
    done = lab.execute(node, argv, timeout_s=_WITHIN_S)
    return parsed(done.stdout.decode("utf-8", "replace"))


def leased(lab: RunningLab, node: str) -> frozenset[str]:
    """The interfaces with addresses that somebody else has given for a time.

    Raises:
        ExecFailed: The node is off.
    """
    done = lab.execute(node, ["ip", "-j", "address"], timeout_s=_WITHIN_S)
    try:
        links = json.loads(done.stdout or b"[]")
        return frozenset(
            str(link["ifname"])
            for link in links
            if any(address.get("dynamic") for address in link.get("addr_info", ()))
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return frozenset()  # the node's own ip(8) may say anything


def parsed(text: str) -> tuple[Unit, ...]:
    """The blocks that ``systemctl show`` prints, one a unit."""
    return tuple(_units(text.split("\n\n")))


def _units(blocks: Iterable[str]) -> Iterator[Unit]:
    for block in blocks:
        facts = dict(line.partition("=")[::2] for line in block.splitlines())
        if facts.get("Id"):
            yield _unit(facts)


def _unit(facts: dict[str, str]) -> Unit:
    ended = facts.get("InactiveEnterTimestampMonotonic", "0")
    return Unit(
        name=facts["Id"],
        active=facts.get("ActiveState") == "active",
        # What systemd-run makes is gone with the boot as well.
        enabled="disabled" if facts.get("Transient") == "yes" else facts.get("UnitFileState", ""),
        pulled=any(facts.get(name) for name in _PULLED_BY),
        stopped=(
            facts.get("ActiveState") == "inactive"
            and facts.get("Type") not in {"oneshot", "idle"}
            and facts.get("Result") == "success"
            and ended.isdigit()
            and int(ended) > 0
        ),
    )


def unit_losses(units: Iterable[Unit]) -> Iterator[tuple[str, str]]:
    """What a reboot changes of services, and which."""
    for unit in units:
        if unit.active and unit.enabled == "disabled" and not unit.pulled:
            yield "a service that runs and is not enabled", unit.name
        if unit.stopped and unit.enabled == "enabled":
            yield "a service that was stopped and is still enabled", unit.name
