"""Which repairs that nobody wrote are tried, and what is expected of them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from lab_runner.authoring.validating import validate
from lab_runner.catalogue import Catalogue
from lab_runner.errors import DefinitionError, UsageError
from lab_runner.models.mutants import Explanation, Mutant, Verdict
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.proving.mutants import AT_MOST, mutants
from lab_runner.proving.mutation import mutations
from tests.conftest import DATA, NOW

NAT, SSH, CONTROL = (
    "internet-gone-since-the-renumbering",
    "nightly-upload-cannot-log-in",
    "partner-is-gone-and-it-must-be-us",
)
SMALL = "far-side-unreachable"


def plan_of(catalogue: Catalogue, name: str) -> Plan:
    return make_plan(catalogue, name, 1, now=NOW)


def every(catalogue: Catalogue, name: str) -> dict[str, Mutant]:
    other = plan_of(catalogue, SSH if name == NAT else NAT).scenario
    assert other is not None
    return {one.id: one for one in mutants(plan_of(catalogue, name), {"another": other}, 10_000)}


@pytest.fixture(scope="module")
def of_nat(shipped: Catalogue) -> dict[str, Mutant]:
    return every(shipped, NAT)


@pytest.fixture(scope="module")
def of_ssh(shipped: Catalogue) -> dict[str, Mutant]:
    return every(shipped, SSH)


def script(mutant: Mutant) -> str:
    return "\n".join(step.run or "" for step in mutant.steps)


def test_what_is_certain(of_ssh: dict[str, Mutant]) -> None:
    certain = {one.id: one.expected.value for one in of_ssh.values() if one.certain}
    assert certain == {
        "nothing": "red",
        "s1-twice": "green",
        "s2-twice": "green",
        "s1-amid-noise": "green",
        "s1-elsewhere": "red",
    }


def test_each_idea_is_there(of_nat: dict[str, Mutant], of_ssh: dict[str, Mutant]) -> None:
    def ideas(found: dict[str, Mutant]) -> set[str]:
        return {name.lstrip("s0123456789").strip("-0123456789") for name in found}

    assert ideas(of_nat) >= {
        *("nothing", "twice", "amid-noise", "then-the-fault-again", "without", "first-part"),
        *("on-disk-only", "in-memory-only", "swapped", "widened", "for-anybody", "then"),
        *("accept-everything", "then-accept-everything", "as-for-another"),
    }
    assert "elsewhere" in ideas(of_ssh)


def test_nothing_is_what_it_says(of_nat: dict[str, Mutant]) -> None:
    assert of_nat["nothing"].steps == []


def test_in_memory_and_on_disk(of_nat: dict[str, Mutant]) -> None:
    on_disk, in_memory = script(of_nat["s4-on-disk-only"]), script(of_nat["s4-in-memory-only"])
    assert "cat /tmp/rules > /etc/nftables.conf" in on_disk
    assert "nft insert" not in on_disk
    assert "nft insert" in in_memory
    assert "/etc/nftables.conf" not in in_memory


def test_a_prefix_becomes_everything(of_nat: dict[str, Mutant], shipped: Catalogue) -> None:
    solutions = plan_of(shipped, NAT).scenario
    assert solutions is not None
    before = solutions.solutions[2].steps[0].run or ""
    widened = script(of_nat["s3-widened-3"])
    assert "10.0.0.0/8" in before
    assert widened == before.replace("10.0.0.0/8", "0.0.0.0/0")


def test_a_rule_for_some_becomes_one_for_all(of_nat: dict[str, Mutant]) -> None:
    assert "ip saddr 0.0.0.0/0 oifname $wan_if" in script(of_nat["s3-for-anybody"])


def test_the_fault_comes_back(of_nat: dict[str, Mutant], shipped: Catalogue) -> None:
    scenario = plan_of(shipped, NAT).scenario
    assert scenario is not None
    steps = of_nat["s1-then-the-fault-again"].steps
    assert steps == [*scenario.solutions[0].steps, *scenario.fault]


def test_elsewhere_is_another_machine_of_the_kind(
    of_ssh: dict[str, Mutant], shipped: Catalogue
) -> None:
    plan = plan_of(shipped, SSH)
    (place,) = {step.place for step in of_ssh["s1-elsewhere"].steps}
    assert place != "srv"
    assert plan.nodes[place].kind is plan.nodes["srv"].kind


def test_none_is_what_somebody_wrote(shipped: Catalogue) -> None:
    for name in (NAT, SSH):
        scenario = plan_of(shipped, name).scenario
        assert scenario is not None
        written = [one.steps for one in (*scenario.solutions, *scenario.wrong_fixes)]
        tried = [one.steps for one in every(shipped, name).values()]
        assert not [steps for steps in tried if steps in written]
        assert not [steps for number, steps in enumerate(tried) if steps in tried[:number]]


def test_a_control_is_tried_with_others_repairs(shipped: Catalogue) -> None:
    found = every(shipped, CONTROL)
    assert found["nothing"].expected is Verdict.GREEN
    assert found["as-for-another"].expected is Verdict.RED
    assert "s1-twice" not in found


def test_they_are_bounded_varied_and_always_the_same(shipped: Catalogue) -> None:
    first = mutations(shipped, [NAT, SSH], 1)
    again = mutations(shipped, [NAT, SSH], 1)
    assert [job.tried for job in first] == [job.tried for job in again]
    for job in first:
        assert len(job.tried) == AT_MOST
        assert len({one.id for one in job.tried}) == AT_MOST
        assert [one.base for one in job.tried] == sorted(one.base for one in job.tried)
        assert {one.base for one in job.tried} == {0, *range(1, max(o.base for o in job.tried) + 1)}


def test_they_travel_to_other_machines(shipped: Catalogue) -> None:
    (job,) = mutations(shipped, [SSH], 1)
    assert pickle.loads(pickle.dumps(job)) == job


def test_an_exam_has_none_of_its_own(shipped: Catalogue) -> None:
    with pytest.raises(UsageError, match="is a composite itself"):
        mutations(shipped, ["two-things-on-one-morning"], 1)
    assert len(mutations(Catalogue((DATA / "labs",), (DATA / "scenarios",)), [], 1)) == 2


def test_an_explanation_is_about_the_mutant_that_it_quotes(of_nat: dict[str, Mutant]) -> None:
    mutant = of_nat["s2-without-2"]

    def explained(name: str, change: str) -> Explanation:
        return Explanation(mutant=name, change=change, verdict=Verdict.GREEN, because="x")

    assert explained(mutant.id, mutant.change.replace(" ", "\n ")).is_about(mutant)
    assert not explained(mutant.id, "rm -r /").is_about(mutant)
    assert not explained("s2-without-3", mutant.change).is_about(mutant)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mutants:\n- {mutant: s1-twice, because: y, verdict: green}\n", "'change' is missing"),
        ("mutants:\n- {mutant: s, change: c, because: y, verdict: blue}\n", "'red' or 'green'"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    catalogue = copy(tmp_path, text)
    with pytest.raises(DefinitionError, match=told) as caught:
        mutations(catalogue, [SMALL], 1)
    assert caught.value.line == 2
    assert [one.message for one in validate(catalogue, [SMALL]).findings if told in one.message]


def test_a_mutant_is_explained_once(tmp_path: Path) -> None:
    line = "- {mutant: s1-twice, change: twice, verdict: green, because: y}\n"
    found = validate(copy(tmp_path, f"mutants:\n{line}{line}"), [SMALL]).findings
    assert [one.message for one in found] == ["s1-twice is explained twice for seed 1"]
    other_seed = line.replace("because: y", "because: y, seeds: [2, 3]")
    assert not validate(copy(tmp_path, f"mutants:\n{line}{other_seed}"), [SMALL]).findings


def copy(folder: Path, text: str) -> Catalogue:
    place = folder / "basics" / SMALL
    place.mkdir(parents=True, exist_ok=True)
    source = DATA / "scenarios/basics" / SMALL / "scenario.yml"
    (place / "scenario.yml").write_text(source.read_text())
    (place / "mutants.yml").write_text(text)
    return Catalogue((DATA / "labs",), (folder,))


def test_what_is_explained_of_shipped_scenarios_is_still_tried() -> None:
    shipped, told = Catalogue(), 0
    for name in shipped.scenario_ids():
        seeds = {seed for one in shipped.scenario(name).explanations() for seed in one.seeds}
        for seed in sorted(seeds):
            (job,) = mutations(shipped, [name], seed)
            for one in job.explanations:
                assert any(one.is_about(mutant) for mutant in job.tried), (name, seed, one.mutant)
                told += 1
    assert told > 50
