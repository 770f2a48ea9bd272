"""The use cases: what a learner can do with a broken network."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab_runner.attempts import recording, states
from lab_runner.attempts.breaking import break_lab, scenario_of
from lab_runner.attempts.finding import pick
from lab_runner.attempts.folders import folders_of, missing, require_folders
from lab_runner.attempts.history import Record, end, records
from lab_runner.attempts.scoring import ENOUGH, Answer, Score, best
from lab_runner.attempts.store import Kind, Store
from lab_runner.attempts.tasks import Task
from lab_runner.attempts.turns import turn
from lab_runner.catalogue import Catalogue
from lab_runner.checker.handed_over import unchanged
from lab_runner.checker.run import OnResult
from lab_runner.checker.whole import checked
from lab_runner.engine import running
from lab_runner.engine.running import Progress, RunningLab
from lab_runner.errors import UsageError
from lab_runner.models.results import CheckResult, Report, Status
from lab_runner.models.scenario import LEFT_ALONE, Scenario, Solution
from lab_runner.planning.plan import Plan, make_plan

if TYPE_CHECKING:
    from docker import DockerClient

#: Seeds are short enough to be read out over the telephone.
SEEDS = 100_000


@dataclass(frozen=True)
class Started:
    """A lab that was handed out, and the proof that it is broken; is the work on it recorded?"""

    attempt: str
    plan: Plan
    report: Report
    seconds: float
    recorded: bool = True


@dataclass(frozen=True)
class Diagnosed:
    """How near an answer is.

    Attributes:
        touched: Where it says rightly that nothing of ours is broken: the checks that
            say otherwise of what was done meanwhile; empty is good. None elsewhere.
    """

    score: Score
    touched: list[CheckResult] | None = None


@dataclass(frozen=True)
class Hint:
    """One of a scenario's hints; ``fresh`` where it was not shown before."""

    number: int
    of: int
    text: str
    fresh: bool


@dataclass(frozen=True)
class Attempts:
    """What can be done with attempts, on one engine and one record."""

    catalogue: Catalogue
    client: DockerClient
    store: Store

    def start(
        self,
        scenario: str,
        seed: int | None,
        progress: Progress,
        *,
        drill: bool = False,
        task: Task | None = None,
    ) -> Started:
        """Hand out a broken lab; nothing is left of it where that does not work.

        Args:
            scenario: Which one; several joined by ``+`` break one lab together.
            seed: Which variant; by chance if left out.
            progress: Told of each node's state.
            drill: Keep the scenario's name from the learner until the end.
            task: What of a course it is; the scenario's name is kept for good.

        Raises:
            FaultNotObserved: The network does not show the fault as the scenario tells.
        """
        began = time.monotonic()
        number = secrets.randbelow(SEEDS - 1) + 1 if seed is None else seed
        plan = dataclasses.replace(
            make_plan(self.catalogue, scenario, number),
            drill=drill,
            assignment=task.label if task else "",
        )
        attempt = secrets.token_hex(3)
        with contextlib.ExitStack() as undo:
            lab = running.deploy(self.client, plan, attempt, progress)
            undo.callback(end, self.store, attempt, Kind.STOP)  # where its start is told already
            undo.callback(running.take_back, self.client, attempt, progress)
            with lab:
                report = break_lab(lab, progress)
            facts: dict[str, Any] = {"scenario": scenario, "lab": plan.lab_id, "seed": number}
            facts["folders"] = folders_of(self.catalogue, scenario, plan.lab_id)
            facts = recording.at_start(facts | {"drill": drill} | (task.facts() if task else {}))
            self.store.append(attempt, Kind.START, facts)
            undo.pop_all()
        took = time.monotonic() - began
        return Started(attempt, plan, report, took, recorded=facts["recorded"])

    def find(self, wanted: str | None = None) -> running.Deployed:
        """The running attempt that is meant; see :func:`pick`."""
        return pick(running.find(self.client), wanted)

    def plan(self, deployed: running.Deployed) -> Plan:
        """The plan of a lab that runs, from what its labels say.

        Raises:
            UnknownName: Its scenario or its lab is in a folder that was not named.
        """
        self._require_folders(deployed.attempt, deployed.scenario, deployed.lab)
        plan = make_plan(self.catalogue, deployed.scenario, deployed.seed, now=deployed.created)
        # What is built again is to be found again as what it was.
        return dataclasses.replace(plan, drill=deployed.drill, assignment=deployed.assignment)

    @contextlib.contextmanager
    def opened(self, deployed: running.Deployed) -> Iterator[RunningLab]:
        """A lab that runs, with a line to it."""
        with running.attach(self.client, self.plan(deployed), deployed.attempt) as lab:
            yield lab

    @contextlib.contextmanager
    def _changing(self, deployed: running.Deployed) -> Iterator[RunningLab]:
        """The same, to build machines again: by one command at a time."""
        with (
            turn(recording.folder(deployed.attempt), f"attempt {deployed.attempt}"),
            self.opened(deployed) as lab,
        ):
            yield lab

    def check(
        self,
        deployed: running.Deployed,
        *,
        on_result: OnResult | None = None,
        pcap: Path | None = None,
    ) -> Report:
        """Ask everything, and keep the answers.

        Raises:
            NotHandedOut: It is not the lab that somebody was to work on.
            NodeOff: The engine does not run one of its machines.
        """
        with self.opened(deployed) as lab, states.kept(self.store, lab):
            report = checked(lab, on_result=on_result, pcap=pcap)
            told = {**report.to_json(), "lab": deployed.lab}
            self.store.append(deployed.attempt, Kind.CHECK, told)
        return report

    def reboot(
        self, deployed: running.Deployed, nodes: Iterable[str], progress: Progress
    ) -> list[str]:
        """Reboot nodes, all of them where none is named, and wait for them."""
        with self._changing(deployed) as lab:
            names = list(nodes) or list(lab.plan.nodes)
            lab.reboot(names, progress)
        self.store.append(deployed.attempt, Kind.REBOOT, {"nodes": names})
        return names

    def reset(self, deployed: running.Deployed, progress: Progress) -> Report:
        """The lab as it was handed out: fresh disks, the same seed, the same fault.

        Raises:
            FaultNotObserved: The fault does not show; the lab still runs.
        """
        with self._changing(deployed) as lab:
            # Written first: whatever an earlier check saw is of a lab that is about to go.
            self.store.append(deployed.attempt, Kind.RESET)
            lab.reset(progress)
            return break_lab(lab, progress)

    def solve(self, deployed: running.Deployed) -> Solution:
        """Carry out the reference solution."""
        with self._changing(deployed) as lab:
            solution = next(iter(scenario_of(lab.plan).solutions), LEFT_ALONE)
            self.store.append(deployed.attempt, Kind.SOLVE, {"title": solution.title})
            lab.apply(solution.steps)
        return solution

    def hint(self, deployed: running.Deployed) -> Hint:
        """The next hint; once all are given, the last again."""
        hints = scenario_of(self.plan(deployed)).hints
        with self.store.alone():  # whoever asks at the same time gets the one after it
            given = len(self.store.events(deployed.attempt, Kind.HINT))
            number = min(given + 1, len(hints))
            fresh = given < len(hints)
            if fresh:
                self.store.append(deployed.attempt, Kind.HINT, {"number": number})
        return Hint(number, len(hints), hints[number - 1], fresh)

    def diagnose(self, deployed: running.Deployed, answer: Answer) -> Diagnosed:
        """Score an answer and keep it; in a composite it counts for the part it is nearest to.

        The right answer to a control solves it, where nothing was changed on the way.
        """
        parts = self.plan(deployed).parts
        part, result = best(answer, {name: one.diagnosis for name, one in parts.items()})
        right = parts[part].control and result.node and result.points >= ENOUGH
        left_alone = self._left_alone(deployed) if right else None
        solved = left_alone is not None and not left_alone
        told = {
            "answer": vars(answer),
            "right": vars(result),
            "points": result.points,
            "part": part,
            "solved": solved,
        }
        self.store.append(deployed.attempt, Kind.DIAGNOSIS, told)
        return Diagnosed(result, left_alone)

    def _left_alone(self, deployed: running.Deployed) -> list[CheckResult]:
        """What is not repaired, or was changed or broken, apart from what is not ours."""
        with self.opened(deployed) as lab:
            rows = [*checked(lab).checks, unchanged(lab)]
            beyond = lab.plan.beyond
        return [r for r in rows if r.id not in beyond and r.status is not Status.PASSED]

    def debrief(
        self, attempt: str, scenario: str, seed: int, *, spoil: bool, keep: bool = False
    ) -> Scenario:
        """What it was; only for those who are through, or do not mind.

        Args:
            attempt: Which attempt.
            scenario: Its scenario.
            seed: Its variant.
            spoil: They do not mind.
            keep: Write it down though they are through.

        Raises:
            UsageError: The attempt is not solved yet.
        """
        record = self.record(attempt)
        through = record is not None and (record.solved or record.given_up)
        if not (through or spoil):
            raise UsageError(
                "The debrief tells the answer, and this network is not repaired yet.",
                hint="`lab check` says what is still red, `lab hint` helps, `lab solve` repairs "
                "it for you, and `lab debrief --spoil` tells it anyway.",
            )
        if keep or not through:
            self.store.append(attempt, Kind.DEBRIEF, {"spoil": True})
        self._require_folders(attempt, scenario, record.lab if record else "")
        return scenario_of(make_plan(self.catalogue, scenario, seed))

    def _require_folders(self, attempt: str, scenario: str, lab: str) -> None:
        if missing(self.catalogue, scenario, lab):
            record = self.record(attempt)
            told = record.folders if record else {}
            require_folders(self.catalogue, scenario, lab, told)

    def record(self, attempt: str) -> Record | None:
        """What is written about an attempt."""
        return records(self.store.events(attempt)).get(attempt)

    def finished(self, wanted: str | None) -> Record | None:
        """The attempt that is over and is meant, if one is: named, or the last where none runs."""
        running_now = {lab.attempt for lab in running.find(self.client) if not lab.proof}
        over = [r for r in records(self.store.events()).values() if r.attempt not in running_now]
        if wanted is None:
            return over[-1] if over and not running_now else None
        return next((r for r in reversed(over) if r.attempt.startswith(wanted)), None)
