"""Files in, marks out: without a lab, from replays as they would come out."""

from __future__ import annotations

import datetime
import gzip
import json
from pathlib import Path

import pytest

from lab_runner.attempts.store import Kind
from lab_runner.catalogue import Catalogue
from lab_runner.errors import EngineError, StoreError, UnknownName, UsageError
from lab_runner.grading.accepting import Oddity
from lab_runner.grading.comparing import Comparison, differences
from lab_runner.grading.course import CourseFolder
from lab_runner.grading.grade import Accepted, Grading, collect
from lab_runner.grading.ledger import Ledger
from lab_runner.grading.marks import FlagKind, Mark, Standing
from lab_runner.grading.overriding import override
from lab_runner.grading.replaying import Outcome
from lab_runner.models.disk_changes import DiskChanges, Entry
from lab_runner.submission.hand_in import write_hand_in
from lab_runner.submission.keys import SigningKey
from tests.unit.hand_ins import (
    BEGAN,
    COURSE,
    GREEN,
    RIGHT,
    case_named,
    chained,
    handed_in,
    key_of,
    make_course,
    report_of,
    work_of,
    written,
)

SYMPTOM = "desk-opens-the-page"
GUARD = "desk-knows-its-own-name"


@pytest.fixture
def course(tmp_path: Path, small: Catalogue) -> CourseFolder:
    return make_course(tmp_path / "course", small)


@pytest.fixture
def grading(course: CourseFolder, small: Catalogue) -> Grading:
    return Grading(course, small)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


def replayed(grading: Grading, one: Accepted, *red: str, errors: tuple[str, ...] = ()) -> Mark:
    plan = grading.job(one).plan
    return grading.judge(one, Outcome(report_of(plan, *red, errors=errors), seconds=4.0))


def graded(grading: Grading, *paths: Path, red: tuple[str, ...] = ()) -> list[Mark]:
    found = grading.sort(paths)
    return [*found.done, *(replayed(grading, one, *red) for one in found.pending)]


def kinds(mark: Mark) -> list[str]:
    return [flag.kind for flag in mark.flags]


def test_honest_work(grading: Grading, course: CourseFolder, inbox: Path) -> None:
    path = handed_in(course, work_of(course, "ada", GREEN, changes=written(RIGHT)), inbox)
    (mark,) = graded(grading, path)
    assert (mark.trainee, mark.assignment, mark.points, mark.claimed) == ("ada", "first", 80, True)
    assert (mark.flags, mark.file, mark.standing) == ([], "ada-first.breakfix", Standing.GRADED)
    assert mark.seed == course.secrets.seed("ada", "first")
    ledger = Ledger(course.path)
    assert ledger.current() == {("ada", "first"): mark}
    work = ledger.work(mark)
    assert work is not None
    assert work.trainee == "ada"


def test_the_replay_alone_counts(grading: Grading, course: CourseFolder, inbox: Path) -> None:
    path = handed_in(course, work_of(course, "ada", GREEN), inbox)
    (mark,) = graded(grading, path, red=(SYMPTOM,))
    assert (mark.points, mark.claimed) == (0, True)
    assert kinds(mark) == [FlagKind.UNCONFIRMED, FlagKind.MEMORY_ONLY]
    assert SYMPTOM in mark.flags[0].text
    states = (Kind.STATE, {"files": {}, "network": {"gw": {"routes": {"added": ["x"]}}}})
    more = written("x", node="desk")
    path = handed_in(course, work_of(course, "bob", GREEN, states, changes=more), inbox)
    (mark,) = graded(grading, path, red=(SYMPTOM,))
    assert mark.flags[1].text.endswith("no change on disk: gw: routes")
    path = handed_in(course, work_of(course, "eve", (Kind.CHECK, {"passed": False})), inbox)
    (mark,) = graded(grading, path, red=(SYMPTOM,))
    assert (kinds(mark), mark.claimed) == ([], False)


def test_what_is_nobodys_is_refused_with_the_reason(
    grading: Grading, course: CourseFolder, inbox: Path
) -> None:
    path = handed_in(course, work_of(course, "ada"), inbox)
    data = path.read_bytes()
    outer = json.loads(gzip.decompress(data))
    outer["body"] = outer["body"].replace('"ada"', '"bob"', 1)
    wrong = {
        "tampered": (gzip.compress(json.dumps(outer).encode()), "changed after it was signed"),
        "cut": (data[:-20], "cut off"),
        "none": (b"hello", "no file of this kit"),
        "empty": (b"", "no file of this kit"),
        "huge": (data + b"\0" * (16 << 20), "larger than 16 MiB"),
        "invitation": ((course.path / "invitations/ada.breakfix").read_bytes(), "an invitation"),
        "forged": (write_hand_in(work_of(course, "bob"), key_of(course, "ada")), "signed by ada"),
        "stranger": (write_hand_in(work_of(course, "bob"), SigningKey.new()), "nobody here has"),
    }
    for name, (content, reason) in wrong.items():
        path = inbox / f"{name}.breakfix"
        path.write_bytes(content)
        (mark,) = graded(grading, path)
        assert (mark.standing, mark.file, mark.points) == (Standing.REFUSED, path.name, None)
        assert reason in mark.problem, name
        assert not (course.path / "hand-ins" / f"{mark.hand_in}.breakfix").exists()
    assert Ledger(course.path).current() == {}
    assert len(Ledger(course.path).all()) == len(wrong)


def test_what_could_not_be_done_is_not_graded_and_is_done_later(
    grading: Grading, course: CourseFolder, inbox: Path
) -> None:
    path = handed_in(course, work_of(course, "ada"), inbox)
    (one,) = grading.sort([path]).pending
    mark = grading.judge(one, None, EngineError("the disk is full"))
    assert (mark.standing, mark.points, mark.problem) == (
        Standing.NOT_GRADED,
        None,
        "the disk is full",
    )
    (one,) = grading.sort([path]).pending
    mark = replayed(grading, one, errors=(GUARD,))
    assert (mark.standing, mark.points) == (Standing.NOT_GRADED, None)
    assert GUARD in mark.problem
    (mark,) = graded(grading, path)
    assert mark.points == 80
    (one,) = grading.sort([path], again=True).pending
    assert grading.judge(one, None, EngineError("gone")) == mark


def test_changes_that_stop_a_machine_are_the_trainees(
    grading: Grading, course: CourseFolder, inbox: Path
) -> None:
    path = handed_in(course, work_of(course, "ada", GREEN), inbox)
    (one,) = grading.sort([path]).pending
    mark = grading.judge(one, Outcome(None, "With the changes gw does not come up."))
    assert (mark.standing, mark.points) == (Standing.GRADED, 0)
    assert mark.credits[0].why == "With the changes gw does not come up."
    assert kinds(mark)[0] == FlagKind.UNCONFIRMED


def test_again_is_the_same_and_a_persons_word_stays(
    grading: Grading, course: CourseFolder, inbox: Path, small: Catalogue
) -> None:
    path = handed_in(course, work_of(course, "ada", (Kind.HINT, {"number": 1})), inbox)
    (first,) = graded(grading, path)
    assert first.points == 75
    assert grading.sort([path, path]).done == [first]
    assert grading.sort(grading.kept()).done == [first]
    _, given = override(course, "ada", "first", 90, " well reasoned ", "Grace")
    assert (given.points, given.replayed) == (90, 75)
    assert [(o.by, o.comment) for o in given.overrides] == [("Grace", "well reasoned")]
    (one,) = grading.sort([path], again=True).pending
    after = replayed(grading, one, SYMPTOM)
    assert (after.points, after.replayed, len(after.overrides)) == (90, 0, 1)
    assert differences(given, after) == [
        "the replay's points 75 → 0, overridden",
        f"{SYMPTOM}: passed → failed",
    ]
    # Another rubric is another mark, and needs no replay.
    (course.path / "course.yml").write_text(COURSE.replace("hint: 5", "hint: 50"))
    again = Grading(CourseFolder.open(course.path, small), small)
    (one,) = grading.sort([path], again=True).pending
    replayed(grading, one)
    found = again.sort([path])
    assert found.pending == []
    assert found.done[0].replayed == 30


def test_an_override_is_of_something_and_says_why(grading: Grading, inbox: Path) -> None:
    course = grading.course
    with pytest.raises(UsageError, match="handed in nothing"):
        override(course, "ada", "first", 90, "x")
    graded(grading, handed_in(course, work_of(course, "ada"), inbox))
    with pytest.raises(UsageError, match="why"):
        override(course, "ada", "first", 90, "  ")
    with pytest.raises(UnknownName, match=r"'adda' is unknown\. Did you mean 'ada'"):
        override(course, "adda", "first", 90, "x")
    with pytest.raises(UnknownName, match="assignment"):
        override(course, "ada", "frist", 90, "x")


def test_the_last_that_was_handed_in_counts(
    grading: Grading, course: CourseFolder, inbox: Path
) -> None:
    late = handed_in(course, work_of(course, "ada", minutes=50), inbox, "2")
    soon = handed_in(course, work_of(course, "ada", minutes=10), inbox, "1")
    for path in (late, soon):
        graded(grading, path)
    ledger = Ledger(course.path)
    assert [mark.file for mark in ledger.all()] == ["1.breakfix", "2.breakfix"]
    assert ledger.current()["ada", "first"].file == "2.breakfix"


def test_guards_of_the_leads_own_are_named(
    grading: Grading, course: CourseFolder, inbox: Path
) -> None:
    rows = [
        {"id": check.id}
        for check in grading.course.plan(
            grading.catalogue, "ada", case_named(course, "first")
        ).checks
    ]
    told = (Kind.CHECK, {"passed": True, "checks": rows[1:]})
    path = handed_in(course, work_of(course, "ada", told), inbox)
    (mark,) = graded(grading, path)
    assert mark.guards == [rows[0]["id"]]


def test_what_is_odd_is_flagged(grading: Grading, course: CourseFolder, inbox: Path) -> None:
    seed = course.secrets.seed("bob", "first")
    left = {"gw": DiskChanges(left_out={"big": "more than 1 MiB"})}
    work = work_of(course, "ada", seed=seed, version="0.0.9", changes=left)
    (mark,) = graded(grading, handed_in(course, work, inbox))
    assert kinds(mark) == [Oddity.ANOTHER_VARIANT, FlagKind.OTHER_KIT, FlagKind.LEFT_OUT]
    assert mark.seed == course.secrets.seed("ada", "first")


def test_a_mark_that_cannot_be_read_is_told(course: CourseFolder) -> None:
    (course.path / "marks").mkdir()
    (course.path / "marks/x.json").write_text("{}")
    with pytest.raises(StoreError, match=r"x\.json cannot be read"):
        Ledger(course.path).all()


def test_which_files_are_meant(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    (folder / "ada").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"ends in \.breakfix"):
        collect([folder])
    one, two = folder / "ada" / "x.breakfix", folder / "y.breakfix"
    one.touch()
    two.touch()
    (folder / "notes.txt").touch()
    (folder / "z.breakfix").symlink_to("/etc/passwd")
    assert collect([folder, one]) == [one, two]
    with pytest.raises(UsageError, match="no file"):
        collect([folder / "none"])


# --- work that is not one's own ------------------------------------------------------


def compared(grading: Grading, inbox: Path, **works: dict[str, DiskChanges]) -> dict[str, Mark]:
    course = grading.course
    for number, (who, changes) in enumerate(works.items()):
        work = work_of(course, who, changes=changes, minutes=20 + number)
        graded(grading, handed_in(course, work, inbox))
    Comparison(course, grading.catalogue, grading.ledger).flag()
    return {trainee: mark for (trainee, _), mark in grading.ledger.current().items()}


NOTE = "# so that packets get through from the desks to the servers again\n"


def test_the_same_repair_is_no_copy(grading: Grading, inbox: Path) -> None:
    terse = "net.ipv4.ip_forward=1\n"
    marks = compared(grading, inbox, ada=written(RIGHT), bob=written(RIGHT), eve=written(terse))
    assert [kinds(mark) for mark in marks.values()] == [[], [], []]


def test_the_same_words_are(grading: Grading, inbox: Path) -> None:
    marks = compared(
        grading,
        inbox,
        ada=written(NOTE + RIGHT),
        bob=written("#so that packets get through from the desks to the servers  again\n" + RIGHT),
        eve=written("# on\n" + RIGHT),
    )
    assert [(flag.kind, flag.whose) for flag in marks["ada"].flags] == [(FlagKind.COPIED, "bob")]
    assert marks["bob"].flags[0].text.startswith("like ada's, who handed in earlier: one line of")
    assert marks["eve"].flags == []
    assert all(mark.points == 80 for mark in marks.values())
    # Once more: nothing is flagged twice, and nothing is written.
    assert Comparison(grading.course, grading.catalogue, grading.ledger).flag() == []


def test_what_everybody_was_told_is_no_copy(grading: Grading, inbox: Path) -> None:
    same = written(NOTE + RIGHT)
    marks = compared(grading, inbox, ada=same, bob=same, eve=same)
    assert [kinds(mark) for mark in marks.values()] == [[], [], []]


def test_the_same_instant_is(grading: Grading, inbox: Path) -> None:
    moment = work_of(grading.course, "ada").submitted.timestamp() - 60
    same = written(RIGHT, mtime=moment + 0.125)
    marks = compared(grading, inbox, ada=same, bob=same)
    assert "same instant" in marks["bob"].flags[0].text
    marks = compared(grading, inbox, ada=written(RIGHT, mtime=7.125), bob=written(RIGHT, mtime=7.5))
    assert [kinds(mark) for mark in marks.values()] == [[], []]


def test_an_instant_in_which_one_was_at_work_and_the_other_not_is(
    grading: Grading, inbox: Path
) -> None:
    """Rights alone: nothing that was written, in a folder that the fault has made."""
    began = BEGAN.timestamp()

    def moved(seconds: float) -> datetime.datetime:
        return BEGAN + datetime.timedelta(seconds=seconds)

    def opened(moment: float) -> dict[str, DiskChanges]:
        return {"gw": DiskChanges((Entry("srv/homes", "folder", 0o755, 0, 0, moment),))}

    def flags(moment: float, copyist_began: float) -> list[str]:
        first = work_of(grading.course, "ada", changes=opened(moment))
        (event,) = chained({"first_began": moved(copyist_began).isoformat()})
        late = work_of(grading.course, "bob", changes=opened(moment), minutes=30, events=[event])
        for work in (first, late):
            graded(grading, handed_in(grading.course, work, inbox))
        Comparison(grading.course, grading.catalogue, grading.ledger).flag()
        mark = grading.ledger.current()["bob", "first"]
        return [flag.whose for flag in mark.flags if flag.kind == FlagKind.COPIED]

    built, worked = began - 1.25, began + 60.25
    assert flags(built, -600) == ["ada"]
    assert flags(built, -1) == []  # both were built in that moment
    assert flags(worked, -1) == []  # … or a timer ran in both


def test_a_line_of_a_file_of_somebody_elses_network_is(grading: Grading, inbox: Path) -> None:
    """What one may not have written, and has in one's hand-in: its rights were changed."""
    plan = grading.course.plan(grading.catalogue, "bob", case_named(grading.course, "first"))
    own = grading.course.plan(grading.catalogue, "ada", case_named(grading.course, "first"))
    files = [file for node in plan.nodes.values() for file in node.files]
    known = {file.content for node in own.nodes.values() for file in node.files}
    (text,) = [f.content.decode() for f in files if f.path == "etc/dnsmasq.d/mini.conf"]
    assert text.encode() not in known
    marks = compared(grading, inbox, ada=written(text, path="srv/moved"), bob={})
    assert [flag.whose for flag in marks["ada"].flags] == ["bob"]


def test_an_address_of_somebody_elses_network_is(grading: Grading, inbox: Path) -> None:
    plan = grading.course.plan(grading.catalogue, "bob", case_named(grading.course, "first"))
    bobs = plan.nodes["web"].view.address
    text = f"{bobs} www.mini.test\n"
    changes = written(text, node="desk", path="etc/hosts")
    marks = compared(grading, inbox, ada=changes, bob=changes)
    assert [(flag.kind, flag.whose) for flag in marks["ada"].flags] == [(FlagKind.COPIED, "bob")]
    assert f"{bobs} in desk:/etc/hosts is of bob's variant" in marks["ada"].flags[0].text
