"""One lab, on which states follow each other that must not know of each other."""

from __future__ import annotations

import concurrent.futures
import re
import time
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lab_runner.checker.handed_over import hand_over, unchanged
from lab_runner.checker.run import run_checks
from lab_runner.engine import running
from lab_runner.engine.running import RunningLab
from lab_runner.errors import LabRunnerError
from lab_runner.models.results import Report, Role
from lab_runner.models.scenario import UNCHANGED, Scenario, Step
from lab_runner.planning.plan import Plan
from lab_runner.proving.matrix import Cell, Clause, Row

if TYPE_CHECKING:
    from docker import DockerClient

_NAME_LENGTH = 60


class Stage:
    """A lab that is brought from state to state.

    Only the nodes that an earlier state has changed are built again; the others forget.

    Attributes:
        lab: The lab.
        packets: A folder for what crosses the segments in each state; None: not kept.
    """

    def __init__(self, lab: RunningLab, packets: Path | None = None) -> None:
        self.lab = lab
        self.packets = packets
        self._changed: set[str] = set()
        self._freshly_broken = False
        self._looks = 0

    @property
    def scenario(self) -> Scenario:
        """What breaks the lab."""
        assert self.lab.plan.scenario is not None
        return self.lab.plan.scenario

    def apply(self, steps: Iterable[Step]) -> None:
        """Carry out a repair's steps, and remember where; nobody who types them is as quick."""
        self._change(step.model_copy(update={"run": _unhurried(step.run)}) for step in steps)

    def _change(self, steps: Iterable[Step]) -> None:
        self._freshly_broken = False
        for step in steps:
            self._changed.add(step.place)
            self.lab.apply([step])

    def heal(self) -> None:
        """From any state to the healthy one."""
        if self._changed:
            self.lab.reset(quiet, self._changed)
            self._forget()
            self._changed.clear()
        self._freshly_broken = False

    def break_it(self, *, seen: bool = True) -> None:
        """From any state to the freshly broken one; if it is that already, nothing is done.

        Args:
            seen: Wait until the symptoms show. Not needed where what follows is asked
                until it is red.
        """
        if self._freshly_broken:
            return
        self.heal()
        self._change(self.scenario.fault)
        if seen:
            plan = self.lab.plan
            symptoms = [check for check in plan.checks if plan.role(check.id) is Role.SYMPTOM]
            run_checks(self.lab, checks=symptoms, expect_broken=True)
        self.hand_over()

    def hand_over(self) -> None:
        """It is broken, and nothing else was done: what is to be left alone must stay so."""
        self._freshly_broken = True
        if self.lab.plan.beyond:
            hand_over(self.lab, configuration=True)

    def take(self, lab: RunningLab) -> None:
        """Go on with another plan for the same nodes: no state is what it was."""
        self.lab = lab
        self._freshly_broken = False

    def reboot(self) -> None:
        """As if everything were rebooted: unchanged disks boot as they have before."""
        self.lab.reboot(self._changed, quiet)
        self._forget()

    def reboot_all(self) -> None:
        """Reboot every node."""
        self.lab.reboot(self.lab.plan.nodes, quiet)

    def row(
        self,
        clause: Clause,
        state: str,
        judged: Callable[[Report], tuple[Cell, ...]],
        names: Iterable[str] | None = None,
        *,
        expect_red: Container[str] = (),
    ) -> Row:
        """Look at all checks, or some, and judge them."""
        started = time.monotonic()
        cells = judged(self._look(clause, state, names, expect_red))
        return Row(clause=clause, state=state, cells=cells, seconds=since(started))

    def _look(
        self, clause: Clause, state: str, names: Iterable[str] | None, expect_red: Container[str]
    ) -> Report:
        """Checks; where something is to be left alone, whether it was as well."""
        plan = self.lab.plan
        wanted = {check.id for check in plan.checks} if names is None else set(names)
        checks = [check for check in plan.checks if check.id in wanted]
        packets = self._folder(clause, state)
        report = run_checks(self.lab, checks=checks, pcap=packets, expect_red=expect_red)
        everything = names is None and clause is not Clause.BROKEN
        if plan.beyond and (everything or UNCHANGED in wanted):
            report.checks.append(unchanged(self.lab))
        return report

    def _folder(self, clause: Clause, state: str) -> Path | None:
        if self.packets is None:
            return None
        self._looks += 1
        words = re.sub(r"[^a-z0-9]+", "-", state.lower())[:_NAME_LENGTH].strip("-")
        return self.packets / f"{self._looks:02d}-{clause}-{words}"

    def _forget(self) -> None:
        nodes = self.lab.plan.lab.nodes
        scripts = {n: s.forget for n, s in nodes.items() if s.forget and n not in self._changed}
        steps = [Step(node=name, run=_unhurried(script)) for name, script in scripts.items()]
        with concurrent.futures.ThreadPoolExecutor(max(len(steps), 1)) as pool:
            list(pool.map(lambda step: self.lab.apply([step]), steps))


def staged(client: DockerClient, plan: Plan, attempt: str, before: Stage | None) -> Stage:
    """A stage for a plan: the one there is, if its lab has the same nodes, else a new lab's."""
    if before is not None:
        there = before.lab.plan
        before.lab.close()
        if there.lab_id == plan.lab_id and there.nodes.keys() == plan.nodes.keys():
            before.take(running.attach(client, plan, attempt))
            return before
        running.remove(client, attempt, quiet)
    return Stage(running.deploy(client, plan, attempt, quiet))


def played(
    rows: Iterable[Row], on_row: Callable[[Row], None], stop: Callable[[], bool] = lambda: False
) -> list[Row]:
    """All states as they are seen; where the lab itself fails, that is the last.

    Args:
        rows: The states; each is brought about when it is asked for.
        on_row: Told of each as it is done.
        stop: Asked after each whether it is to be the last.
    """
    seen: list[Row] = []
    for row in _until_it_gives_up(rows):
        seen.append(row)
        on_row(row)
        if stop():
            break
    return seen


def _until_it_gives_up(rows: Iterable[Row]) -> Iterator[Row]:
    try:
        yield from rows
    except LabRunnerError as exc:
        yield Row(clause=Clause.STEADY, state="the lab itself", problem=str(exc))


def _unhurried(script: str | None) -> str | None:
    """A script as if some time had passed.

    systemd refuses to start what was started five times in ten seconds (systemd.unit(5)).
    """
    return script and f"systemctl reset-failed\n{script}"


def since(started: float) -> float:
    """Seconds, to hundredths."""
    return round(time.monotonic() - started, 2)


def quiet(_item: str, _state: str) -> None:
    """Proofs report states, not machines."""
