"""What work is worth, from what a replay saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lab_runner.attempts.store import Kind
from lab_runner.catalogue import Catalogue
from lab_runner.grading.course import CourseFolder
from lab_runner.grading.crediting import Judged, credits_of
from lab_runner.grading.rubric import Criterion, Rubric
from lab_runner.models.results import Report
from lab_runner.planning.plan import make_plan
from tests.unit.hand_ins import Told, answer, case_named, command, make_course, report_of, work_of

TRUTH = ("gw", "network", "sysctl", "it does not forward")
LOOKS = [command("desk", "ping 10.0.0.1"), command("gw", "ip r"), command("gw", "sysctl -a")]


@pytest.fixture
def course(tmp_path: Path, small: Catalogue) -> CourseFolder:
    return make_course(tmp_path / "course", small)


def lines(
    course: CourseFolder,
    catalogue: Catalogue,
    *told: Told,
    red: tuple[str, ...] = (),
    problem: str = "",
    rubric: Rubric | None = None,
    **more: Any,
) -> dict[str, float]:
    case = case_named(course, "first")
    plan = course.plan(catalogue, "ada", case)
    report: Report | None = None if problem else report_of(plan, *red)
    late = more.pop("late", False)
    judged = Judged(work_of(course, "ada", *told, **more), case, plan, report, problem, late=late)
    return {one.criterion: one.points for one in credits_of(judged, rubric or Rubric())}


def test_all_that_can_be_had(course: CourseFolder, small: Catalogue) -> None:
    found = lines(course, small, *LOOKS, answer(*TRUTH))
    assert found == {
        "repair": 35,
        "collateral": 25,
        "reboot": 20,
        "diagnosis": 15,
        "evidence": 5,
    }


def test_nothing_done_is_worth_nothing(course: CourseFolder, small: Catalogue) -> None:
    red = tuple(course.plan(small, "ada", case_named(course, "first")).scenario.symptoms)  # type: ignore[union-attr]
    assert sum(lines(course, small, red=red).values()) == 0


@pytest.mark.parametrize("red", ["desk-knows-its-own-name", "page-is-served-by-nginx"])
def test_a_wrong_fix_does_not_pass_however_well_it_was_told(
    course: CourseFolder, small: Catalogue, red: str
) -> None:
    found = lines(course, small, *LOOKS, answer(*TRUTH), red=(red,))
    assert (found["repair"], found["collateral"], found["reboot"]) == (35, 0, 0)
    assert sum(found.values()) < course.course.passing


def test_changes_that_stop_a_machine(course: CourseFolder, small: Catalogue) -> None:
    found = lines(course, small, *LOOKS, problem="gw does not come up")
    assert found["repair"] == found["collateral"] == found["reboot"] == 0
    assert found["evidence"] == 5


def test_the_first_answer_counts(course: CourseFolder, small: Catalogue) -> None:
    wrong = answer("desk", "host", "browser", "no idea")
    assert lines(course, small, wrong, answer(*TRUTH))["diagnosis"] == 0
    half = answer("gw", "network", "firewall", "no idea")
    assert lines(course, small, half)["diagnosis"] == 7.5
    huge = answer("gw", "network", "sysctl", "x" * 500_000 + "forward")
    assert lines(course, small, huge)["diagnosis"] == pytest.approx(11.25)


def test_evidence_is_what_was_looked_at_before_anything_was_changed(
    course: CourseFolder, small: Catalogue
) -> None:
    changed = command("gw", "sysctl -w net.ipv4.ip_forward=1")
    assert lines(course, small, changed, *LOOKS)["evidence"] == 0
    assert lines(course, small, LOOKS[0], changed)["evidence"] == 0
    assert lines(course, small, LOOKS[1], changed)["evidence"] == 2.5
    assert lines(course, small, *[LOOKS[0]] * 3, changed)["evidence"] == 2.5


def test_what_takes_points_off(course: CourseFolder, small: Catalogue) -> None:
    hint: Told = (Kind.HINT, {"number": 1})
    assert lines(course, small, hint, hint)["hint"] == -10
    assert lines(course, small, (Kind.SOLVE, {}))["answer"] == -100
    late = lines(course, small, late=True, rubric=Rubric(late=30))
    assert late["late"] == -30
    assert "late" not in lines(course, small, late=True)


@pytest.mark.parametrize(("minutes", "points"), [(5, 10), (10, 10), (15, 5), (20, 0), (90, 0)])
def test_time(course: CourseFolder, small: Catalogue, minutes: int, points: float) -> None:
    # The scenario says 5 minutes, and four times that is given.
    rubric = Rubric(repair=90, collateral=0, reboot=0, diagnosis=0, evidence=0, time=10)
    assert lines(course, small, rubric=rubric, minutes=minutes)["time"] == pytest.approx(points)


def test_parts_of_a_composite_have_their_share(tmp_path: Path, shipped: Catalogue) -> None:
    exam = next(n for n in shipped.scenario_ids() if "parts" in shipped.scenario(n).document.data)
    text = f"title: T\nassignments: [{{id: first, scenario: {exam}}}]\n"
    course = make_course(tmp_path / "course", shipped, text)
    case = case_named(course, "first")
    plan = make_plan(shipped, exam, course.secrets.seed("ada", "first"))
    mended = next(name for name, part in plan.parts.items() if not part.control)
    others = [part for name, part in plan.parts.items() if name != mended]
    red = {s for part in others for s in part.symptoms} - set(plan.parts[mended].symptoms)
    judged = Judged(work_of(course, "ada"), case, plan, report_of(plan, *red))
    found = {one.criterion: one for one in credits_of(judged, Rubric())}
    share = 1 / len(plan.parts)
    assert found[Criterion.REPAIR].points == pytest.approx(35 * share, abs=0.01)
    assert found[Criterion.COLLATERAL].points == pytest.approx(25 * share, abs=0.01)
    assert found[Criterion.REPAIR].why == f"1 of {len(plan.parts)} parts are repaired"
    assert not judged.solved


def test_a_control_is_solved_by_saying_so(tmp_path: Path, shipped: Catalogue) -> None:
    name = next(
        n for n in shipped.scenario_ids() if shipped.scenario(n).document.data.get("control")
    )
    text = f"title: T\nassignments: [{{id: first, scenario: {name}}}]\n"
    course = make_course(tmp_path / "course", shipped, text)
    case = case_named(course, "first")
    plan = course.plan(shipped, "ada", case)
    truth = plan.parts[name].diagnosis
    words = " ".join(word.strip("\\b") for word in truth.cause_words)
    told = answer(truth.node, truth.layer, truth.component, words)
    report = report_of(plan, *plan.beyond)
    for more, solved in (((told,), True), ((), False)):
        judged = Judged(work_of(course, "ada", *more), case, plan, report)
        assert judged.solved is solved
        assert credits_of(judged, Rubric())[0].points == (35 if solved else 0)


def test_weights_are_proportions() -> None:
    worth = Rubric(repair=1, collateral=1, reboot=0, diagnosis=0, evidence=0).worth()
    assert worth == {Criterion.REPAIR: 50, Criterion.COLLATERAL: 50}
    assert sum(Rubric().worth().values()) == pytest.approx(100)
    for wrong in ({"repair": 0}, {"repair": -1}, {"hint": 101}, {"repiar": 1}):
        with pytest.raises(ValidationError):
            Rubric.model_validate(wrong)
