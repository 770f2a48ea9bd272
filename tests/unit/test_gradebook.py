"""The gradebook's numbers: totals, what was hard, time lines, the spreadsheet, what a check saw."""

from __future__ import annotations

import csv
import datetime
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab_runner.attempts.store import Kind
from lab_runner.catalogue import Catalogue
from lab_runner.errors import UsageError
from lab_runner.gradebook import page, spreadsheet
from lab_runner.gradebook.book import Gradebook, made_of
from lab_runner.gradebook.difficulty import point_biserial, upper_lower
from lab_runner.gradebook.evidence import Block, blocks, decisive
from lab_runner.gradebook.moments import MOMENTS_LIMIT, Moment, time_line
from lab_runner.grading.course import Course
from lab_runner.grading.marks import Credit, Mark, Override, Standing
from lab_runner.grading.roster import Person
from lab_runner.models.results import CheckResult, Report, Role, Status
from lab_runner.submission.hand_in import HandIn
from tests.classroom import ATTACK, ATTACKS, HOSTILE, Classroom, Diary, classroom

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
COURSE = Course.model_validate(
    {
        "title": "Course",
        "assignments": [
            {"id": "one", "scenario": "first", "weight": 1},
            {"id": "two", "scenario": "second", "weight": 3, "title": "The second"},
        ],
    }
)


@pytest.fixture(scope="module")
def room(shipped: Catalogue) -> Classroom:
    return classroom(shipped)


@pytest.fixture(scope="module")
def html(room: Classroom) -> str:
    return "".join(page.as_html(room.book()))


def check(name: str, status: Status, role: Role = Role.SYMPTOM, **more: Any) -> CheckResult:
    fields = {"id": name, "title": f"{name} is well", "rationale": "", "status": status}
    return CheckResult.model_validate(fields | {"role": role} | more)


def report(*rows: CheckResult) -> Report:
    return Report(attempt="x", scenario="first", seed=1, checks=list(rows))


def mark(trainee: str, case: str, points: float, **changes: Any) -> Mark:
    status = Status.PASSED if points >= 50 else Status.FAILED
    fields: dict[str, Any] = {
        "hand_in": f"{abs(hash((trainee, case))):064x}"[-64:],
        "file": "x",
        "trainee": trainee,
        "assignment": case,
        "submitted": NOW,
        "graded": NOW,
        "standing": Standing.GRADED,
        "credits": [Credit(criterion="repair", points=points, of=100, why="")],
        "report": report(check("web", status)),
        "version": "0.1.0",
    }
    return Mark.model_validate(fields | changes)


def book(*marks: Mark, people: tuple[str, ...] = ("ada", "bo"), **works: HandIn) -> Gradebook:
    roster = [Person(name, name.title(), {"id": name, "team": "=1+1"}) for name in people]
    return made_of(COURSE, roster, marks, lambda one: works.get(one.trainee), Catalogue((), ()))


def test_a_total_is_weighted_and_what_is_missing_counts_as_zero() -> None:
    rows = book(mark("ada", "one", 100), mark("ada", "two", 60), mark("bo", "one", 80)).rows
    assert [row.total for row in rows] == [70.0, 20.0]


def test_what_could_not_be_graded_counts_neither_way() -> None:
    lost = mark("ada", "two", 0, standing=Standing.NOT_GRADED, credits=[], report=None)
    row = book(mark("ada", "one", 90), lost).rows[0]
    assert (row.total, row.waiting, row.entries[1].points) == (90.0, 1, None)
    alone = book(lost, mark("ada", "one", 0, standing=Standing.NOT_GRADED)).rows[0]
    assert (alone.total, alone.passed) == (None, None)


def test_the_word_of_a_person_counts_and_changes_no_replay() -> None:
    given_points = Override(points=95, comment="oral", by="rk", at=NOW)
    row = book(mark("ada", "one", 10, overrides=[given_points])).rows[0]
    assert (row.entries[0].points, row.entries[0].solved) == (95, False)


def test_the_last_hand_in_counts_and_all_are_kept() -> None:
    first = mark("ada", "one", 100, hand_in="a" * 64)
    later = mark("ada", "one", 30, submitted=NOW + datetime.timedelta(minutes=1))
    entry = book(first, later).rows[0].entries[0]
    assert entry.points == 30
    assert len(entry.history) == 2


def test_what_was_refused_is_nobodys() -> None:
    refused = mark("ada", "one", 0, standing=Standing.REFUSED, problem="cut off")
    found = book(refused)
    assert found.rows[0].entries[0].mark is None
    assert found.refused == (refused,)


def test_what_was_hard_is_counted() -> None:
    marks = [mark("ada", "one", 100), mark("bo", "one", 20), mark("ada", "two", 90)]
    one, two = book(*marks).difficulty
    assert (one.handed_in, one.graded, one.solved, one.rate) == (2, 2, 1, 0.5)
    assert [(row.id, row.count) for row in one.red] == [("web", 1)]
    assert (two.title, two.handed_in, two.mean) == ("The second", 1, 90)
    assert one.correlation is None  # two people say nothing


def test_strong_and_weak_are_told_apart() -> None:
    strong = [(True, 90.0), (True, 80.0), (True, 70.0)]
    weak = [(False, 30.0), (False, 20.0), (False, 10.0)]
    correlation = point_biserial(strong + weak)
    assert correlation == pytest.approx(0.9649, abs=1e-3)
    assert upper_lower(strong + weak) == 1.0
    turned = [(not solved, points) for solved, points in strong + weak]
    assert point_biserial(turned) == pytest.approx(-0.9649, abs=1e-3)
    assert upper_lower(turned) == -1.0


@pytest.mark.parametrize(
    "people", [[], [(True, 1.0)] * 5, [(True, float(n)) for n in range(9)], [(True, 5.0)] * 9]
)
def test_nothing_is_said_where_there_is_nothing_to_say(people: list[tuple[bool, float]]) -> None:
    assert point_biserial(people) is None


def test_wrong_fixes_of_the_scenarios_are_recognised(room: Classroom, shipped: Catalogue) -> None:
    found = room.book(shipped).difficulty[2]
    titles = [one.title for one in found.wrong_fixes]
    assert titles
    assert all(one.trainees for one in found.wrong_fixes)
    ours = room.book(Catalogue((), ())).difficulty[2]
    assert ours.wrong_fixes == ()  # without the scenario nothing is known of its wrong fixes


# The time line


def told(*events: tuple[Kind, Any]) -> list[Moment]:
    """The time line of events, one each ten seconds."""
    diary = Diary("a1b2c3", NOW)
    for kind, facts in events:
        diary.note(kind, facts)
        diary.wait(10)
    fields = {"course": "0" * 16, "trainee": "ada", "assignment": "one", "scenario": "first"}
    rest = {"seed": 1, "attempt": "a1b2c3", "submitted": diary.now, "version": "0.1.0"}
    made = {"events": diary.rows, "changes": {}, "states": {}, "terminals": {}}
    return time_line(HandIn.model_validate(fields | rest | made))


def checked(**statuses: str) -> dict[str, Any]:
    rows = [{"id": name, "title": name, "status": one} for name, one in statuses.items()]
    return {"checks": rows}


def test_checks_tell_what_turned() -> None:
    rows = told(
        (Kind.START, {}),
        (Kind.CHECK, checked(a="failed", b="passed")),
        (Kind.CHECK, checked(a="passed", b="failed")),
        (Kind.CHECK, checked(a="passed", b="passed")),
    )
    assert [row.text for row in rows[1:]] == [
        "Check: 1 of 2 red",
        "Check: 1 of 2 red",
        "Check: all 2 green",
    ]
    turned = [[(one.sign, one.text) for one in row.details] for row in rows[1:]]
    assert turned == [[("✗", "a")], [("✓", "a"), ("✗", "b")], [("✓", "b")]]
    assert [row.after for row in rows] == [0, 10, 20, 30]


def test_states_tell_what_is_new_and_what_is_undone() -> None:
    files = {"files": {"gw": [["added", "etc/x"]]}, "network": {}}
    more = files | {"network": {"gw": {"routes": {"added": ["default via 192.0.2.1"]}}}}
    events = [(Kind.STATE, one) for one in (files, files, more, {"files": {}, "network": {}})]
    rows = told((Kind.START, {}), *events)[1:]
    details = [[f"{one.sign} {one.text}" for one in row.details] for row in rows]
    assert details == [
        ["+ gw: /etc/x"],
        ["+ gw: routes: default via 192.0.2.1"],
        [
            "↺ gw: /etc/x is as it was again",
            "↺ gw: routes: default via 192.0.2.1 is as it was again",
        ],
    ]


def test_a_command_stands_where_it_began() -> None:
    began = (NOW + datetime.timedelta(seconds=4)).isoformat()
    command = {"node": "gw", "terminal": "1-gw.cast", "line": "ip route", "began": began}
    session = {"node": "gw", "terminal": "1-gw.cast", "began": NOW.isoformat(), "seconds": 60}
    rows = told(
        (Kind.START, {}),
        (Kind.HINT, {"number": 1}),
        (Kind.COMMAND, command | {"seconds": 30.5, "status": 0}),
        (Kind.TERMINAL, session),
    )
    assert [row.kind for row in rows] == ["start", "command", "hint", "terminal"]
    assert (rows[1].offset, rows[1].status, rows[1].seconds) == (4.0, 0, 30.5)


def test_a_long_time_line_keeps_its_ends() -> None:
    rows = told((Kind.START, {}), *[(Kind.HINT, {"number": n}) for n in range(900)])
    assert len(rows) == MOMENTS_LIMIT + 1
    assert [rows[0].text, rows[-1].text] == ["Started", "Hint 899"]
    assert [row.text for row in rows if row.kind == "gap"] == [
        f"{901 - MOMENTS_LIMIT} further rows are left out here; the hand-in has them"
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "checks",
                        "id",
                        "status",
                        "title",
                        "files",
                        "network",
                        "gw",
                        "answer",
                        "right",
                    ),
                    *("line", "began", "seconds", "terminal", "node", "nodes", "points", "passed"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(st.tuples(st.sampled_from(Kind), JSON), max_size=6))
@example([(Kind.SUBMIT, {"passed": []})])
def test_any_record_can_be_told(events: list[tuple[Kind, Any]]) -> None:
    rows = told(*events)
    assert len(rows) <= len(events)
    assert all(isinstance(row.text, str) for row in rows)


# The spreadsheet


def test_the_rosters_columns_come_first_and_nothing_is_carried_out() -> None:
    problem = '=HYPERLINK("http://example.com")'
    lost = mark("ada", "one", 0, standing=Standing.NOT_GRADED, problem=problem, credits=[])
    rows = list(csv.DictReader(io.StringIO(spreadsheet.as_csv(book(lost)))))
    assert list(rows[0])[:5] == ["id", "team", "course total", "passed", "not graded"]
    assert rows[0]["team"] == "'=1+1"
    assert rows[0]["one problem"] == f"'{problem}"
    assert (rows[0]["one standing"], rows[0]["two standing"]) == ("not graded", "not handed in")
    assert rows[0]["course total"] == "0"


FORMULAS = ["=1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "  =1", "|x", "%0a", "\uff1d1"]


def field(text: str) -> str:
    """A column of the roster, as the spreadsheet has it."""
    person = Person("ada", text, {"id": "ada", "team": text})
    found = made_of(COURSE, [person], [], lambda _: None, Catalogue((), ()))
    return next(csv.DictReader(io.StringIO(spreadsheet.as_csv(found))))["team"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_become_texts(text: str) -> None:
    assert field(text) == f"'{text}"


@pytest.mark.parametrize("text", ["12", "-3.5", "+4", "Ada", "a=b"])
def test_what_is_no_formula_stays(text: str) -> None:
    assert field(text) == text


def test_files_are_written_or_a_reason_is_given(tmp_path: Path) -> None:
    found = book(mark("ada", "one", 100))
    spreadsheet.write(found, tmp_path / "book.csv")
    assert (tmp_path / "book.csv").read_bytes().startswith(b"\xef\xbb\xbfid,")
    page.write(found, tmp_path / "book.html")
    assert (tmp_path / "book.html").read_text().startswith("<!doctype html>")
    nowhere = tmp_path / "nowhere" / "book"
    with pytest.raises(UsageError, match="cannot be written"):
        spreadsheet.write(found, nowhere)
    with pytest.raises(UsageError, match="cannot be written"):
        page.write(found, nowhere)
    assert {one.name for one in tmp_path.iterdir()} == {"book.csv", "book.html"}


# What a check saw


def test_the_check_that_decided() -> None:
    green = check("a", Status.PASSED, evidence={"x": 1})
    guard = check("b", Status.FAILED, Role.GUARD)
    symptom = check("c", Status.FAILED)
    assert decisive(report(green, guard, symptom)) == symptom
    assert decisive(report(green, guard)) == guard
    assert decisive(report(check("z", Status.PASSED), green)) == green
    assert decisive(report(green, check("e", Status.ERROR))) == check("e", Status.ERROR)
    assert decisive(None) is None


def test_evidence_becomes_tables() -> None:
    seen = {
        "probe": "capture",
        "version": 1,
        "on": "gw:eth1",
        "frames": 2,
        "problem": None,
        "summaries": ["one", "two"],
        "during": {"from": "pc", "evidence": {"exchanges": [{"server": "a", "rcode": None}]}},
    }
    assert blocks(seen) == [
        Block("", (), (("on", "gw:eth1"), ("frames", "2"))),
        Block("packets", ("",), (("one",), ("two",))),
        Block("asked meanwhile", (), (("from", "pc"),)),
        Block("asked meanwhile: exchanges", ("server",), (("a",),)),
    ]
    assert blocks(None) == []


@given(st.dictionaries(st.text(max_size=9), JSON, max_size=5))
def test_any_evidence_can_be_shown(evidence: dict[str, Any]) -> None:
    for block in blocks(evidence):
        assert all(isinstance(cell, str) for row in block.rows for cell in row)


# The page


def test_what_is_hostile_is_text(html: str) -> None:
    for attack in ATTACKS:
        if "<" in attack:
            assert attack not in html
    assert "&lt;script&gt;window.broken=1&lt;/script&gt;" in html
    assert "{{ 7*7 }}" in html
    # The player comes last, and has escapes of its own.
    shown = html.split("<body>")[1].split("<script>", maxsplit=1)[0]
    assert not any(letter in shown for letter in "\x1b\x07\u202e\u2066")
    assert "⟨U+202E⟩" in html


def test_the_page_needs_nothing_else(html: str) -> None:
    policy = html.split('Content-Security-Policy" content="')[1].split('">', 1)[0]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-eval'" not in policy.replace("wasm-unsafe-eval", "")
    assert html.count("<script>") == 2
    for word in ('src="http', 'href="http', "@import", "url(http", "<link"):
        assert word not in html
    links = [part.split('"')[0] for part in html.split('href="')[1:]]
    places = {part.split('"')[0] for part in html.split(' id="')[1:]}
    assert {link[1:] for link in links} <= places


def test_everybody_has_a_section(html: str, room: Classroom) -> None:
    for number in range(1, len(room.people) + 1):
        assert f'<section class="page" id="t{number}">' in html
    assert f"id <b>{HOSTILE}</b>" in html
    assert ATTACK not in html


def test_sentences_on_strong_and_weak(room: Classroom) -> None:
    said = {page.told_apart(one) for one in room.book().difficulty}
    assert all(text.endswith(".") for text in said)
    few = book(mark("ada", "one", 100)).difficulty[0]
    assert "fewer than" in page.told_apart(few)


def test_a_forged_time_breaks_no_page() -> None:
    end = datetime.datetime.max.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-14)))
    found = book(mark("ada", "one", 100, submitted=end))
    assert "at no time" in "".join(page.as_html(found))


def test_a_hand_in_that_is_gone_leaves_its_mark() -> None:
    text = "".join(page.as_html(book(mark("ada", "one", 77))))
    assert "77" in text
    assert "Time line" not in text
