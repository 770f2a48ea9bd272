"""Repairs that nobody wrote, tried on a lab: which verdicts explain themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from docker import DockerClient

from lab_runner.catalogue import Catalogue
from lab_runner.models.mutants import Explanation, Mutant, Verdict
from lab_runner.models.scenario import UNCHANGED, Step
from lab_runner.pool.local import LocalPool
from lab_runner.proving.contract import carried_out
from lab_runner.proving.matrix import Row
from lab_runner.proving.mutation import IDLE, SAME, mutations
from tests.conftest import DATA

SCENARIO = "far-side-unreachable"
CONTROL = "red-hop-in-the-consultants-report"
WRITTEN = "sed -i 's/= 0/= 1/' /etc/sysctl.d/50-router.conf"
REPAIR = Step(node="gw", run=f"{WRITTEN}\nsysctl -qw net.ipv4.ip_forward=1")
#: It needs none of the solution's words, ends in another configuration, and is sound.
SOUND = Step(node="gw", run=f"{REPAIR.run}\ntouch /etc/motd.bak")


def explained(mutant: str, verdict: Verdict) -> Explanation:
    return Explanation(mutant=mutant, change="by hand", verdict=verdict, because="It is sound.")


def by_hand(name: str, *steps: Step, **more: object) -> Mutant:
    facts = {"id": name, "title": "By hand", "change": "by hand", "steps": list(steps)}
    return Mutant.model_validate({**facts, **more})


@pytest.fixture(scope="module")
def rows(engine: DockerClient) -> dict[str, Row]:
    (job,) = mutations(Catalogue((DATA / "labs",), (DATA / "scenarios",)), [SCENARIO], 1)
    ours = [one for one in job.tried if one.id in {"s1-twice", "s1-without-1", "s1-swapped-1"}]
    assert len(ours) == 3
    theirs = [
        by_hand("the-same-again", REPAIR, base=1),
        by_hand("sound", SOUND, base=1),
        by_hand("sound-and-explained", SOUND),
        by_hand("idle-and-explained", expected=Verdict.GREEN),
        by_hand("must-be-green", expected=Verdict.GREEN, certain=True),
        by_hand("red-and-explained", Step(node="gw", run="exit 7")),
    ]
    explanations = (
        explained("sound-and-explained", Verdict.GREEN),
        explained("idle-and-explained", Verdict.RED),
        explained("must-be-green", Verdict.RED),
        explained("red-and-explained", Verdict.GREEN),
        explained("gone", Verdict.GREEN),
    )
    job = replace(job, tried=(*ours, *theirs), explanations=explanations)
    (proof,) = carried_out(LocalPool(engine, 1), [job])
    assert not proof.holds
    return {row.state.split(":")[0]: row for row in proof.rows}


def test_none_is_left_out(rows: dict[str, Row]) -> None:
    assert len(rows) == 3 + 6 + len(["mutants.yml", "nothing left"])
    assert rows["nothing left"].problem is None
    assert rows["mutants.yml"].problem == "explained, but there is no such mutant any more: gone"


def test_what_was_to_be_expected_explains_itself(rows: dict[str, Row]) -> None:
    twice, lost = rows["s1-twice"], rows["s1-without-1"]
    assert (twice.verdict, twice.wrong) == (Verdict.GREEN, False)
    assert (lost.verdict, lost.wrong, lost.note) == (Verdict.RED, False, "alice-reaches-carol")
    assert lost.state.endswith(", rebooted"), "it is green until the router forgets it"


def test_the_same_configuration_explains_itself(rows: dict[str, Row]) -> None:
    for name in ("s1-swapped-1", "the-same-again"):
        row = rows[name]
        assert (row.verdict, row.wrong, row.note) == (Verdict.GREEN, False, SAME)


def test_what_surprises_is_explained_or_wrong(rows: dict[str, Row]) -> None:
    assert rows["sound"].verdict is Verdict.GREEN
    assert rows["sound"].problem == "is green, and nobody has said why: by hand"
    assert not rows["sound-and-explained"].wrong
    assert rows["sound-and-explained"].note == "It is sound."
    assert not rows["idle-and-explained"].wrong


def test_what_is_certain_cannot_be_explained_away(rows: dict[str, Row]) -> None:
    assert rows["must-be-green"].problem == "is red, must be green"
    assert [cell.check for cell in rows["must-be-green"].cells if cell.wrong]


def test_an_explanation_of_what_needs_none_is_wrong(rows: dict[str, Row]) -> None:
    row = rows["red-and-explained"]
    assert row.verdict is Verdict.RED
    assert "needs no explanation" in str(row.problem)
    assert "status 7" in str(row.note)


def test_whoever_changes_a_control_has_not_solved_it(
    engine: DockerClient, shipped: Catalogue
) -> None:
    (job,) = mutations(shipped, [CONTROL], 1)
    (nothing,) = [one for one in job.tried if one.id == "nothing"]
    harmless = by_hand("harmless", Step(node="gw", run="echo >> /etc/motd"))
    idle = by_hand("idle", Step(node="pc1", run="sed -i s/nowhere/x/ /etc/motd"))
    job = replace(job, tried=(nothing, harmless, idle), explanations=())
    (proof,) = carried_out(LocalPool(engine, 1), [job])
    assert proof.holds
    rows = {row.state.split(":")[0]: row for row in proof.rows}
    assert rows["nothing"].verdict is Verdict.GREEN
    assert (rows["harmless"].verdict, rows["harmless"].note) == (Verdict.RED, UNCHANGED)
    assert (rows["idle"].verdict, rows["idle"].note) == (Verdict.GREEN, IDLE)
