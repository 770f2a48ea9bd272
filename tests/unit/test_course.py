"""A course on a lead's disk: its file, its roster, its secrets, everybody's invitation."""

from __future__ import annotations

import datetime
import errno
import json
import stat
from pathlib import Path

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.errors import DefinitionError, HandInError, NoRoom, UsageError
from lab_runner.grading.course import CourseFolder, new_course
from lab_runner.grading.inviting import State, invite
from lab_runner.grading.roster import read_roster
from lab_runner.submission.invitation import read_invitation, write_invitation
from lab_runner.submission.keys import SigningKey
from lab_runner.submission.sealed import Kind, seal, unseal

COURSE = """\
title: Ramp-up, November
opens: 2026-11-23T09:00+01:00
closes: 2026-11-27T18:00+01:00
assignments:
  - {id: first, scenario: no-page-opens, minutes: 30}
  - {id: second, scenario: far-side-unreachable, title: The other side, weight: 2, hints: false}
"""
ROSTER = "id,name,team\nada,Ada Lovelace,A\nbob,Bob,B\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_course(tmp_path / "course", COURSE, ROSTER)
    return tmp_path / "course"


def opened(folder: Path, small: Catalogue) -> CourseFolder:
    return CourseFolder.open(folder, small)


def test_secrets_are_the_leads_alone(folder: Path) -> None:
    assert stat.S_IMODE((folder / "keys").stat().st_mode) == 0o700
    for file in (folder / "keys").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_of_a_course_that_cannot_be_written_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "course/roster.csv").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"roster\.csv cannot be written"):
        new_course(tmp_path / "course", COURSE, ROSTER)
    (tmp_path / "course/roster.csv").rmdir()
    assert list((tmp_path / "course").iterdir()) == []
    new_course(tmp_path / "course", COURSE, ROSTER)


def test_a_folder_that_was_made_for_a_course_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SigningKey, "save", full)
    with pytest.raises(NoRoom, match="No space left"):
        new_course(tmp_path / "course", COURSE, ROSTER)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"[]", b'{"ada": 7}', b'{"ada": "x"}', b"\xff{"])
def test_damaged_public_keys_are_made_again(folder: Path, small: Catalogue, content: bytes) -> None:
    course = opened(folder, small)
    invite(course, [])
    before = course.public_keys()
    file = folder / "keys/trainees.json"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"trainees\.json cannot be read") as caught:
        course.public_keys()
    assert "lab course invite" in caught.value.hint
    file.unlink()
    assert {one.state for one in invite(course, [])} == {State.UNCHANGED}
    assert course.public_keys() == before


def test_a_damaged_invitation_is_named(folder: Path, small: Catalogue) -> None:
    course = opened(folder, small)
    (ada, _) = invite(course, [])
    whole = ada.path.read_bytes()
    ada.path.write_bytes(whole[:100])
    with pytest.raises(HandInError, match=r"ada\.breakfix cannot be used: It is cut off") as caught:
        invite(course, [])
    assert "copy" in caught.value.hint
    ada.path.unlink()
    ada.path.mkdir()
    with pytest.raises(HandInError, match=r"ada\.breakfix cannot be used"):
        invite(course, [])


def test_everybody_is_invited_with_a_variant_of_their_own(folder: Path, small: Catalogue) -> None:
    course = opened(folder, small)
    paths = [course.invite(person) for person in course.people()]
    assert [path.name for path in paths] == ["ada.breakfix", "bob.breakfix"]
    read = [read_invitation(path.read_bytes()) for path in paths]
    assert {signer for _, signer in read} == {course.secrets.lead.public}
    ada, bob = (invitation for invitation, _ in read)
    assert (ada.trainee, ada.name, ada.title) == ("ada", "Ada Lovelace", "Ramp-up, November")
    assert [(a.id, a.title, a.minutes, a.hints) for a in ada.assignments] == [
        ("first", "Case 1", 30, True),
        ("second", "The other side", None, False),
    ]
    seeds = [one.seed for invitation in (ada, bob) for one in invitation.assignments]
    assert len(set(seeds)) == 4
    assert course.public_keys() == {
        one.trainee: SigningKey.from_pem(one.key).public for one in (ada, bob)
    }


def test_an_invitation_says_nothing_of_the_leads_secrets(folder: Path, small: Catalogue) -> None:
    course = opened(folder, small)
    body = unseal(course.invite(course.people()[0]).read_bytes(), Kind.INVITATION).body
    text = json.dumps(body)
    assert course.secrets.seeds.hex() not in text
    assert course.secrets.lead.pem().splitlines()[1] not in text


def test_whoever_is_invited_again_keeps_the_key(folder: Path, small: Catalogue) -> None:
    course = opened(folder, small)
    ada = course.people()[0]
    first = read_invitation(course.invite(ada).read_bytes())[0]
    (folder / "course.yml").write_text(COURSE.replace("minutes: 30", "minutes: 45"))
    second = read_invitation(opened(folder, small).invite(ada).read_bytes())[0]
    assert second.assignments[0].minutes == 45
    assert second.key == first.key
    assert [a.seed for a in second.assignments] == [a.seed for a in first.assignments]


def test_two_courses_have_nothing_in_common(tmp_path: Path, small: Catalogue) -> None:
    seeds = set()
    for name in ("one", "two"):
        new_course(tmp_path / name, COURSE, ROSTER)
        seeds.add(opened(tmp_path / name, small).secrets.seed("ada", "first"))
    assert len(seeds) == 2


def test_when_a_course_is_open(folder: Path, small: Catalogue) -> None:
    course = opened(folder, small)
    invitation = read_invitation(course.invite(course.people()[0]).read_bytes())[0]
    zone = datetime.timezone(datetime.timedelta(hours=1))
    at = {day: datetime.datetime(2026, 11, day, 12, tzinfo=zone) for day in (22, 23, 27, 28)}
    assert [invitation.is_open(at[day]) for day in at] == [False, True, True, False]


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            "no-page-opens",
            "no-page-open",
            "5:17: scenario 'no-page-open' is unknown. Did you mean 'no-page-opens'",
        ),
        ("id: second", "id: first", "6:6: assignment 'first' is there twice"),
        ("id: second", "id: Second", "6:6"),
        ("weight: 2", "weight: 0", "6:"),
        ("weight: 2", "wieght: 2", "wieght"),
        ("2026-11-27", "2026-11-20", "it closes before it opens"),
        ("T09:00+01:00", "", "opens"),
        ("title: Ramp-up, November\n", "", "title"),
        ("no-page-opens", "no-page-opens+no-page-opens", "5:17"),
        ("no-page-opens", "no-page-opens+far-side-unreachable", "5:17"),
    ],
)
def test_a_faulty_course_is_told_with_its_line(
    folder: Path, small: Catalogue, right: str, wrong: str, message: str
) -> None:
    (folder / "course.yml").write_text(COURSE.replace(right, wrong))
    with pytest.raises(DefinitionError) as caught:
        opened(folder, small)
    assert message in str(caught.value)


def test_where_there_is_no_course(tmp_path: Path, folder: Path, small: Catalogue) -> None:
    with pytest.raises(UsageError, match="There is no course in"):
        opened(tmp_path, small)
    with pytest.raises(UsageError, match="already"):
        new_course(folder, COURSE, ROSTER)
    (folder / "keys/seeds").unlink()
    with pytest.raises(UsageError, match="secrets"):
        opened(folder, small)


def test_what_is_no_invitation_is_refused(folder: Path, small: Catalogue) -> None:
    course = opened(folder, small)
    invitation = read_invitation(course.invite(course.people()[0]).read_bytes())[0]
    body = invitation.model_dump(mode="json")
    for change in (
        {"trainee": "../../etc"},
        {"key": "none"},
        {"assignments": []},
        {"assignments": [body["assignments"][0]] * 2},
        {"more": 1},
        {"course": "<b>"},
    ):
        data = seal(Kind.INVITATION, body | change, course.secrets.lead)
        with pytest.raises(HandInError, match="no invitation of this kit"):
            read_invitation(data)
    assert read_invitation(write_invitation(invitation, course.secrets.lead))[0] == invitation


# --- rosters -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"id,name\nada,Ada\n",
        b"\xef\xbb\xbfID;Name\r\nada;Ada\r\n",
        b"name\tid\nAda\tada\n\n",
        b'id , Name\n"ada","Ada"\n',
    ],
)
def test_a_roster_as_people_write_them(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(data)
    (person,) = read_roster(path)
    assert (person.id, person.name) == ("ada", "Ada")


def test_windows_characters_and_all_columns_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes("id;name;Abteilung\nkj;Käthe;Süd\n".encode("cp1252"))
    (person,) = read_roster(path)
    assert (person.name, dict(person.columns)["Abteilung"]) == ("Käthe", "Süd")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("name\nAda\n", "roster.csv:1: no column is called 'id'; there are: name"),
        ("id,name\n", "nobody is in it"),
        ("", "nobody is in it"),
        ("id,name\nada,Ada\nADA,Ada\n", "roster.csv:3: 'ADA' is there twice"),
        ("id,name\n../x,Ada\n", "roster.csv:2: '../x' is no id"),
        ("id,name\n,Ada\n", "'' is no id"),
        ("id,name\nada,Ada,more\n", "roster.csv:2: more fields than the first line has"),
        ('id,name\nada,"Ada\n', "not CSV"),
    ],
)
def test_a_faulty_roster_is_told_with_its_line(tmp_path: Path, data: str, message: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(data)
    with pytest.raises(DefinitionError) as caught:
        read_roster(path)
    assert message in str(caught.value)


def test_a_roster_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="cannot be read"):
        read_roster(tmp_path / "none.csv")
