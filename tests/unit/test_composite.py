"""Several faults in one network: merged, told under one ticket, refused where they clash."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lab_runner.attempts.scoring import Answer, best
from lab_runner.authoring.validating import validate
from lab_runner.catalogue import Catalogue
from lab_runner.checker.verifying import not_as_told
from lab_runner.errors import DefinitionError, UnknownName, UsageError
from lab_runner.models.results import CheckResult, Report, Role, Status
from lab_runner.planning.composite import is_exam, merged
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.proving import matrix

NAT, SSH = "internet-gone-since-the-renumbering", "nightly-upload-cannot-log-in"
EXAM = """
title: Nothing works since Saturday
lab: branch
topics: [exams]
level: 5
minutes: 60
ticket: Since Saturday nothing works, {{ people[0] }} says.
parts: [PARTS]
debrief: Two things at once.
"""


@pytest.fixture
def pair(shipped: Catalogue) -> Plan:
    return make_plan(shipped, f"{NAT}+{SSH}", 3)


def with_exam(shipped: Catalogue, folder: Path, parts: str) -> Catalogue:
    place = folder / "exams/saturday"
    place.mkdir(parents=True)
    (place / "scenario.yml").write_text(EXAM.replace("PARTS", parts))
    return Catalogue(shipped.lab_folders, (*shipped.scenario_folders, folder))


def test_a_pair_has_the_optional_nodes_of_both(shipped: Catalogue) -> None:
    scenarios = [make_plan(shipped, name, 3).scenario for name in (NAT, SSH)]
    named = (["backup"], ["backup", "printer"])
    parts = {
        str(number): scenario.model_copy(update={"including": nodes})
        for number, (scenario, nodes) in enumerate(zip(scenarios, named, strict=True))
        if scenario
    }
    assert merged(parts).including == ["backup", "printer"]


def report(plan: Plan, red: set[str], skipped: set[str] = frozenset()) -> Report:  # type: ignore[assignment]
    def status(name: str) -> Status:
        if name in skipped:
            return Status.SKIPPED
        return Status.FAILED if name in red else Status.PASSED

    rows = [
        CheckResult(id=c.id, title=c.title, role=plan.role(c.id), status=status(c.id), rationale="")
        for c in plan.checks
    ]
    return Report(attempt="aaaaaa", scenario=str(plan.scenario_id), seed=plan.seed, checks=rows)


def test_a_pair_has_what_both_have(shipped: Catalogue, pair: Plan) -> None:
    one, other = (make_plan(shipped, name, 3).scenario for name in (NAT, SSH))
    assert one is not None
    assert other is not None
    assert pair.scenario is not None
    assert pair.composite
    assert list(pair.parts) == [NAT, SSH]
    assert pair.scenario.fault == [*one.fault, *other.fault]
    assert set(pair.scenario.symptoms) == {*one.symptoms, *other.symptoms}
    assert {check.id for check in pair.checks} >= {c.id for c in (*one.checks, *other.checks)}
    for text in (one.ticket, other.ticket):
        assert text.strip() in pair.scenario.ticket
    assert pair.scenario.minutes == one.minutes + other.minutes


def test_an_ordinary_scenario_is_its_only_part(shipped: Catalogue) -> None:
    plan = make_plan(shipped, NAT, 3)
    assert not plan.composite
    assert plan.parts == {NAT: plan.scenario}


def test_to_repair_one_part_only_is_caught_by_the_others_symptoms(pair: Plan) -> None:
    assert pair.scenario is not None
    for fix, part, other in zip(
        pair.scenario.wrong_fixes,
        pair.parts.values(),
        reversed(pair.parts.values()),
        strict=True,
    ):
        assert fix.steps == part.solutions[0].steps
        assert set(fix.caught_by) == set(other.symptoms)


def test_both_orders_of_repair_are_proven(pair: Plan) -> None:
    assert pair.scenario is not None
    first, second = pair.scenario.solutions
    one, other = (part.solutions[0].steps for part in pair.parts.values())
    assert first.steps == [*one, *other]
    assert second.steps == [*other, *one]


def test_every_pair_of_shipped_scenarios_merges_or_says_why_not(shipped: Catalogue) -> None:
    ordinary = [source.id for source in shipped.scenarios() if not is_exam(source)]
    plans = {name: make_plan(shipped, name, 1) for name in ordinary}
    for one, other in itertools.combinations(plans, 2):
        if plans[one].lab_id != plans[other].lab_id:
            continue
        try:
            pair = merged({name: plans[name].parts[name] for name in (one, other)})
        except UsageError as exc:
            assert re.search("cannot be combined|nothing in them can be repaired", str(exc))  # noqa: PT017 - most pairs raise nothing
        else:
            ids = [check.id for check in pair.checks]
            assert len(ids) == len(set(ids))
            assert set(pair.symptoms).isdisjoint(pair.silenced)


def test_one_scenario_twice_is_refused(shipped: Catalogue) -> None:
    with pytest.raises(UsageError, match="twice"):
        make_plan(shipped, f"{NAT}+{NAT}", 1)


def test_an_unknown_part_is_named_with_the_nearest(shipped: Catalogue) -> None:
    with pytest.raises(UnknownName, match=f"Did you mean {SSH!r}"):
        make_plan(shipped, f"{NAT}+{SSH}s", 1)


def test_parts_on_different_labs_are_refused(shipped: Catalogue, small: Catalogue) -> None:
    both = Catalogue(
        (*shipped.lab_folders, *small.lab_folders),
        (*shipped.scenario_folders, *small.scenario_folders),
    )
    with pytest.raises(UsageError, match="Different labs"):
        make_plan(both, f"{NAT}+no-page-opens", 1)


def test_a_clash_that_is_known_is_refused_with_its_reason(
    shipped: Catalogue, tmp_path: Path
) -> None:
    labs = tmp_path / "labs"
    labs.mkdir()
    (labs / "branch").mkdir()
    for file in shipped.lab("branch").folder.iterdir():
        (labs / "branch" / file.name).symlink_to(file)
    clashes = f"clashes:\n- pair: [{SSH}, {NAT}]\n  because: the one hides the other\n"
    (labs / "branch/clashes.yml").unlink(missing_ok=True)
    (labs / "branch/clashes.yml").write_text(clashes)
    with pytest.raises(UsageError, match="cannot be combined: the one hides the other"):
        make_plan(Catalogue((labs,), shipped.scenario_folders), f"{NAT}+{SSH}", 1)


def test_an_exam_has_its_own_ticket_and_its_parts_faults(
    shipped: Catalogue, tmp_path: Path
) -> None:
    known = with_exam(shipped, tmp_path, f"{NAT}, {SSH}")
    plan, pair = (make_plan(known, name, 3) for name in ("saturday", f"{NAT}+{SSH}"))
    assert plan.scenario is not None
    assert pair.scenario is not None
    assert plan.scenario.ticket.startswith("Since Saturday nothing works, ")
    assert "{{" not in plan.scenario.ticket
    assert plan.scenario.title == "Nothing works since Saturday"
    assert (plan.scenario.level, plan.scenario.minutes) == (5, 60)
    assert plan.scenario.fault == pair.scenario.fault
    assert plan.scenario.hints == pair.scenario.hints


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (NAT, "at least two ids"),
        (f"{NAT}, {SSH}x", "unknown"),
        (f"{NAT}, saturday", "is a composite itself"),
    ],
)
def test_an_exam_whose_parts_are_wrong(
    shipped: Catalogue, tmp_path: Path, parts: str, message: str
) -> None:
    known = with_exam(shipped, tmp_path, parts)
    with pytest.raises((DefinitionError, UnknownName, UsageError), match=message):
        make_plan(known, "saturday", 1)


def test_one_part_may_mask_the_other_as_long_as_both_show(pair: Plan) -> None:
    assert pair.scenario is not None
    symptoms = set(pair.scenario.symptoms)
    masked = {*pair.parts[SSH].symptoms} - {pair.parts[SSH].symptoms[0]}
    assert not not_as_told(pair, report(pair, symptoms - masked, masked))
    hidden = set(pair.parts[SSH].symptoms)
    assert not_as_told(pair, report(pair, symptoms - hidden, hidden))
    assert not_as_told(pair, report(pair, symptoms - hidden))


def test_a_part_may_hide_some_of_the_other_unless_an_author_chose_them(pair: Plan) -> None:
    assert pair.scenario is not None
    first = pair.parts[SSH].symptoms[0]
    seen = report(pair, set(pair.scenario.symptoms) - {first})
    assert not not_as_told(pair, seen)
    assert not [cell for cell in matrix.broken(pair, seen) if cell.wrong]
    exam = replace(pair, scenario_id="saturday")
    assert [row.id for row in not_as_told(exam, seen)] == [first]
    assert [cell.check for cell in matrix.broken(exam, seen) if cell.wrong] == [first]
    nothing = report(pair, set(pair.parts[NAT].symptoms) - set(pair.parts[SSH].symptoms))
    hidden = set(pair.parts[SSH].symptoms) - set(pair.parts[NAT].symptoms)
    assert hidden <= {cell.check for cell in matrix.broken(pair, nothing) if cell.wrong}


def test_the_matrix_of_a_composite_takes_what_is_masked_for_red(pair: Plan) -> None:
    assert pair.scenario is not None
    masked = {pair.parts[SSH].symptoms[0]}
    cells = matrix.broken(pair, report(pair, set(pair.scenario.symptoms), masked))
    assert not [cell for cell in cells if cell.wrong]
    cells = matrix.caught(pair, report(pair, set(), set()), list(masked))
    assert [cell.check for cell in cells if cell.wrong] == list(masked)


def test_roles(pair: Plan) -> None:
    for part in pair.parts.values():
        assert {pair.role(name) for name in part.symptoms} == {Role.SYMPTOM}


def test_an_answer_counts_for_the_part_that_it_is_nearest_to(pair: Plan) -> None:
    truths = {name: part.diagnosis for name, part in pair.parts.items()}
    for name, truth in truths.items():
        answer = Answer(truth.node, truth.layer, truth.component, truth.cause)
        part, score = best(answer, truths)
        assert part == name
        assert score.node
        assert score.component


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (f"{NAT}, {SSH}", ""),
        (NAT, "List should have at least 2 items"),
        (f"{NAT}, {SSH}x", f"scenario '{SSH}x' is unknown"),
        (f"{NAT}, {NAT}", f"{NAT} is named twice"),
        (f"{NAT}, saturday", "saturday is a composite itself"),
    ],
)
def test_validate_reads_exams(shipped: Catalogue, tmp_path: Path, parts: str, message: str) -> None:
    known = with_exam(shipped, tmp_path, parts)
    found = validate(known, ["saturday"], seeds=2).findings
    assert all(Path(one.path) == tmp_path / "exams/saturday/scenario.yml" for one in found)
    assert [one.line for one in found] == ([8] if message else [])
    assert all(message in one.message for one in found)
