"""A made-up class: twenty people, four assignments, one of whom tries to break the report."""

from __future__ import annotations

import datetime
import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab_runner.attempts.chain import BEGINNING, link
from lab_runner.attempts.store import Kind
from lab_runner.catalogue import Catalogue
from lab_runner.gradebook.book import Gradebook, made_of
from lab_runner.grading.course import Course
from lab_runner.grading.marks import Credit, Flag, FlagKind, Mark, Oddity, Override, Standing
from lab_runner.grading.roster import Person
from lab_runner.models.disk_changes import DiskChanges, Entry
from lab_runner.models.results import CheckResult, PartResult, Report, Role, Status
from lab_runner.planning.plan import Plan, make_plan
from lab_runner.submission.hand_in import HandIn, Recorded

OPENS = datetime.datetime(2026, 11, 23, 9, tzinfo=datetime.UTC)
HOSTILE = "mal"
#: What must come out inert wherever a trainee can put it.
ATTACKS = (
    "<script>window.broken=1</script>",
    "<img src=x onerror=window.broken=1>",
    "</script><script>window.broken=1</script>",
    "{{ 7*7 }}${window.broken=1}",
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m\x1b]52;c;b3duZWQ=\x07",
    "abc\u202egnp.exe\u202c\u2066",
    '=HYPERLINK("http://example.com";"click")',
    '"><svg onload=window.broken=1>',
)
ATTACK = " ".join(ATTACKS)
_NAMES = [
    "Ada Brandt",
    "Bruno Okafor",
    "Chiara Weiss",
    "Dmitri Sol",
    "Elif Demir",
    "Farah Haddad",
    "Greta Lund",
    "Hugo Marchetti",
    "Ines Carvalho",
    "Jonas Petrov",
    "Kenji Mori",
    "Lena Fischer",
    "Mal Lory",
    "Noor Rahimi",
    "Olu Adeyemi",
    "Paula Nowak",
    "Quentin Roux",
    "Rosa Jiménez",
    "Søren Dahl",
    "Tara Singh",
]
_CASES = (
    ("names", "no-site-opens-by-name", 1.0, 40),
    ("visitors", "visitors-get-no-address", 1.0, 30),
    ("jobs", "jobs-distrust-the-file-server", 1.5, 45),
    ("exam", "two-things-on-one-morning", 2.0, 90),
)
_LOOKS = (
    ("ip -br address", 0),
    ("ip route", 0),
    ("ping -c 3 {gw}", 0),
    ("dig intranet.example", 9),
    ("tcpdump -ni eth0 port 53 -c 6", 0),
    ("ss -lntup", 0),
    ("journalctl -u dnsmasq -n 40 --no-pager", 0),
    ("systemctl status dnsmasq", 3),
    ("curl -sv http://shop.example/", 28),
    ("nft list ruleset", 0),
)
_FIXES = (
    ("vim /etc/dnsmasq.d/names.conf", 0),
    ("systemctl restart dnsmasq", 0),
    ("nano /etc/network/interfaces", 0),
    ("sed -i 's/198.51.100.9/198.51.100.5/' /etc/resolv.conf", 0),
    ("nft add rule inet filter forward accept", 0),
)


@dataclass
class Classroom:
    """The class, its marks, and what was handed in."""

    course: Course
    people: list[Person]
    marks: list[Mark] = field(default_factory=list)
    works: dict[str, HandIn] = field(default_factory=dict)

    def work(self, mark: Mark) -> HandIn | None:
        return self.works.get(mark.hand_in)

    def book(self, catalogue: Catalogue | None = None) -> Gradebook:
        return made_of(
            self.course, self.people, self.marks, self.work, catalogue or Catalogue((), ())
        )


def classroom(catalogue: Catalogue, people: int = 20, seed: int = 1) -> Classroom:
    """The same class each time."""
    chance = random.Random(seed)
    course = Course.model_validate(
        {
            "title": "Networks that break, autumn 2026",
            "opens": OPENS.isoformat(),
            "closes": (OPENS + datetime.timedelta(days=5)).isoformat(),
            "assignments": [
                {"id": name, "scenario": scenario, "weight": weight, "minutes": minutes}
                for name, scenario, weight, minutes in _CASES
            ],
        }
    )
    room = Classroom(course, [_person(name, n) for n, name in enumerate(_NAMES[:people])])
    plans = {case.id: make_plan(catalogue, case.scenario, 1000) for case in course.assignments}
    for person in room.people:
        skill = chance.gauss(0.6, 1.1)
        for number, (case, plan) in enumerate(plans.items()):
            _hand_in(room, person, case, plan, chance, skill - 0.6 * number + 0.5)
    room.marks.append(_refused())
    return room


def _person(name: str, number: int) -> Person:
    first = name.split(maxsplit=1)[0].lower()
    columns = {
        "id": first,
        "name": name,
        "group": "AB"[number % 2],
        "mail": f"{first}@school.example",
    }
    if first == HOSTILE:
        columns |= {"name": f"Mal {ATTACK}", "group": "=1+1"}
    return Person(first, columns["name"], columns)


def _hand_in(
    room: Classroom, person: Person, case: str, plan: Plan, chance: random.Random, skill: float
) -> None:
    fate = chance.random()
    if fate < 0.05 and person.id != HOSTILE:
        return
    solved = chance.random() < 1 / (1 + 2.718 ** (-2.2 * skill))
    claimed = solved or chance.random() < 0.3
    hostile, pace = person.id == HOSTILE, chance.uniform(1, 9) * 1.4**-skill
    work = work_of(person.id, case, plan, chance, solved=claimed, hostile=hostile, pace=pace)
    digest = hashlib.sha256(f"{person.id}{case}".encode()).hexdigest()
    report = report_of(plan, chance, solved=solved, hostile=person.id == HOSTILE)
    mark = _mark(work, digest, report, chance, claimed=claimed)
    if 0.05 <= fate < 0.09:
        mark = mark.model_copy(
            update={
                "standing": Standing.NOT_GRADED,
                "problem": "The replay's lab did not start: node gw was not ready in 60 s.",
                "credits": [],
                "report": None,
            }
        )
    if fate > 0.8:
        earlier = hashlib.sha256(f"{person.id}{case}1".encode()).hexdigest()
        before = work.submitted - datetime.timedelta(minutes=9)
        room.marks.append(mark.model_copy(update={"hand_in": earlier, "submitted": before}))
    room.marks.append(mark)
    room.works[digest] = work


def report_of(plan: Plan, chance: random.Random, *, solved: bool, hostile: bool = False) -> Report:
    fixes = plan.scenario.wrong_fixes if plan.scenario else []
    red = set() if solved else set(chance.choice(fixes).caught_by)
    rows = [
        CheckResult(
            id=check.id,
            title=check.title,
            role=plan.role(check.id),
            status=Status.FAILED if check.id in red else Status.PASSED,
            rationale=_rationale(check.id in red, hostile=hostile),
            evidence=evidence(hostile=hostile),
            duration_ms=chance.uniform(3, 900),
        )
        for check in plan.checks
    ]
    parts = [
        PartResult(scenario=name, title=part.title, passed=not red & set(part.symptoms))
        for name, part in (plan.parts.items() if plan.composite else ())
    ]
    return Report(
        attempt="replay", scenario=str(plan.scenario_id), seed=plan.seed, checks=rows, parts=parts
    )


def _rationale(red: bool, *, hostile: bool) -> str:
    text = "no answer from 10.20.0.53 within 2 s; NOERROR was expected" if red else "as expected"
    return f"{text} {ATTACK}" if hostile else text


def evidence(*, hostile: bool = False) -> dict[str, Any]:
    """As a capture brings it."""
    return {
        "probe": "capture",
        "version": 1,
        "on": "gw:eth1",
        "filter": "udp port 53",
        "frames": 4,
        "summaries": [
            "0.000 IP 10.20.0.101.41873 > 10.20.0.53.53: 41231+ A? intranet.example. (34)",
            "0.002 IP 10.20.0.53.53 > 10.20.0.101.41873: 41231 ServFail 0/0/0 (34)",
            "1.004 IP 10.20.0.101.41873 > 10.20.0.53.53: 41231+ A? intranet.example. (34)",
            f"1.006 IP 10.20.0.53.53 > 10.20.0.101.41873: ServFail {ATTACK if hostile else ''}",
        ],
        "frames_seen": 61,
        "during": {
            "probe": "dns",
            "from": "desk-1",
            "evidence": {
                "probe": "dns",
                "version": 1,
                "exchanges": [
                    {
                        "server": "10.20.0.53",
                        "qname": "intranet.example.",
                        "transport": "udp",
                        "rcode": "SERVFAIL",
                        "flags": ["QR", "RD", "RA"],
                        "answer": [],
                        "cname": [],
                        "problem": None,
                        "duration_ms": 2.41,
                    }
                ],
                "final": [0],
                "question_ms": [2.41],
            },
        },
    }


def _mark(
    work: HandIn, digest: str, report: Report, chance: random.Random, *, claimed: bool
) -> Mark:
    hostile = work.trainee == HOSTILE
    flags = []
    if claimed and not report.passed:
        text = "their last check was green, the replay's is not"
        flags.append(Flag(kind=FlagKind.UNCONFIRMED, text=text))
    if chance.random() < 0.06:
        text = "the files that were written equal those of another trainee"
        flags.append(Flag(kind=FlagKind.COPIED, text=text, whose="ada"))
    if hostile:
        flags.append(Flag(kind=Oddity.TAMPERED, text=ATTACK))
    overrides = []
    if chance.random() < 0.06:
        comment = "The printer's rule was not asked for in class. " + (ATTACK if hostile else "")
        at = work.submitted + datetime.timedelta(hours=3)
        overrides = [Override(points=chance.randrange(60, 100), comment=comment, by="rk", at=at)]
    return Mark(
        hand_in=digest,
        file=f"{work.trainee}-{work.assignment}.breakfix" if not hostile else ATTACK,
        trainee=work.trainee,
        assignment=work.assignment,
        scenario=work.scenario,
        seed=work.seed,
        submitted=work.submitted,
        graded=work.submitted + datetime.timedelta(hours=2),
        standing=Standing.GRADED,
        credits=credits_of(report, chance),
        flags=flags,
        claimed=claimed,
        report=report,
        seconds=chance.uniform(12, 40),
        overrides=overrides,
        version="0.1.0",
    )


def credits_of(report: Report, chance: random.Random) -> list[Credit]:
    symptoms = [row for row in report.checks if row.role is Role.SYMPTOM]
    guards = [row for row in report.checks if row.role is Role.GUARD]
    mended = all(row.status is Status.PASSED for row in symptoms)
    whole = all(row.status is Status.PASSED for row in guards)
    diagnosis = chance.choice((5, 10, 15, 20)) if mended else chance.choice((0, 5, 10))
    hints = chance.choice((0, 0, 1, 2))
    rows = [
        Credit(
            criterion="repair",
            points=40 if mended else 0,
            of=40,
            why="every symptom is gone" if mended else "the complaint is still true",
        ),
        Credit(
            criterion="collateral",
            points=15 if mended and whole else 0,
            of=15,
            why="nothing else was broken" if whole else "something else was broken",
        ),
        Credit(
            criterion="reboot",
            points=10 if mended else 0,
            of=10,
            why="it holds after a reboot" if mended else "nothing to hold",
        ),
        Credit(criterion="diagnosis", points=diagnosis, of=20, why="node and layer are right"),
        Credit(criterion="evidence", points=15 if mended else 5, of=15, why="a capture came first"),
    ]
    if hints:
        text = f"{hints} hints at 5 points"
        rows.append(Credit(criterion="hints", points=-5 * hints, of=0, why=text))
    return rows


def _refused() -> Mark:
    return Mark(
        hand_in="f" * 64,
        file=f"eve.breakfix {ATTACK}",
        trainee="",
        assignment="",
        submitted=None,
        graded=OPENS + datetime.timedelta(hours=9),
        standing=Standing.REFUSED,
        problem=f"It was changed after it was signed. {ATTACK}",
        version="0.1.0",
    )


class Diary:
    """Events of an attempt, chained."""

    def __init__(self, attempt: str, start: datetime.datetime) -> None:
        self.attempt, self.now = attempt, start
        self.rows: list[Recorded] = []

    def wait(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)

    def note(self, kind: Kind, told: Mapping[str, Any]) -> None:
        before = self.rows[-1].link if self.rows else BEGINNING
        text, written = json.dumps(told), self.now.isoformat(timespec="milliseconds")
        place = link(before, self.attempt, written, kind.value, text)
        self.rows.append(
            Recorded(attempt=self.attempt, written=written, kind=kind, text=text, link=place)
        )


def work_of(
    trainee: str,
    case: str,
    plan: Plan,
    chance: random.Random,
    *,
    solved: bool,
    hostile: bool = False,
    pace: float = 1.0,
) -> HandIn:
    """A whole attempt: looks, a check, more looks, changes, a check, a diagnosis, the hand-in."""
    begin = OPENS + datetime.timedelta(hours=chance.uniform(0, 60))
    diary = Diary("a1b2c3", begin)
    told = {"scenario": plan.scenario_id, "lab": plan.lab_id, "seed": plan.seed}
    diary.note(Kind.START, told | {"course": "00" * 8, "assignment": case, "recorded": True})
    nodes = [name for name, node in plan.nodes.items() if node.access]
    terminals: dict[str, str] = {}
    # Before anything is done everything of the ticket is red.
    red = {check.id for check in plan.checks if plan.role(check.id) is Role.SYMPTOM}
    diary.wait(chance.uniform(20, 90))
    diary.note(Kind.CHECK, _check(plan, red))
    for session in range(2):
        node = nodes[(session + len(trainee)) % len(nodes)]
        name = f"{session + 1}-{node}.cast"
        lines = chance.sample(_LOOKS, 5) + (chance.sample(_FIXES, 3) if session else [])
        if hostile:
            lines.append((ATTACK, 0))
        terminals[name] = _session(diary, node, name, lines, chance, hostile=hostile)
        if chance.random() < 0.4:
            diary.wait(60 * pace)
            diary.note(Kind.HINT, {"number": session + 1})
    diary.wait(140 * pace)
    diary.note(Kind.COMMAND, _command("gw", "", "nft list ruleset", diary.now, 0.2, 0))
    diary.note(Kind.CHECK, _check(plan, set() if solved else set(sorted(red)[:1])))
    diary.note(Kind.STATE, state(nodes[0], hostile=hostile))
    if chance.random() < 0.5:
        diary.wait(20)
        diary.note(Kind.REBOOT, {"nodes": [nodes[0]]})
    diary.wait(60)
    answer = {
        "node": nodes[0],
        "layer": "application",
        "component": "dnsmasq",
        "cause": f"forwards to a server that is gone {ATTACK if hostile else ''}",
    }
    right = {"node": True, "layer": solved, "component": True, "cause": 0.5 if solved else 0.0}
    points = 87 if solved else 50
    diary.note(Kind.DIAGNOSIS, {"answer": answer, "right": right, "points": points})
    diary.wait(30)
    diary.note(Kind.SUBMIT, {"assignment": case, "sha256": "0" * 64, "passed": solved})
    content = b"no-resolv\nserver=198.51.100.5\ncache-size=1000\n" + ATTACK.encode() * hostile
    entry = Entry("etc/dnsmasq.d/names.conf", "file", 0o644, 0, 0, 1.5, content)
    changes = DiskChanges((entry,), {"etc/dnsmasq.d": ("names.conf",)}, {})
    return HandIn.model_validate(
        {
            "course": "00" * 8,
            "trainee": trainee,
            "assignment": case,
            "scenario": str(plan.scenario_id),
            "seed": plan.seed,
            "attempt": "a1b2c3",
            "submitted": diary.now,
            "version": "0.1.0",
            "events": diary.rows,
            "changes": {nodes[0]: changes.to_json()},
            "states": {nodes[0]: {"routes": ["default via 192.0.2.1"]}},
            "terminals": terminals,
        }
    )


def state(node: str, *, hostile: bool = False) -> dict[str, Any]:
    paths = [["changed", "etc/dnsmasq.d/names.conf"], ["added", "etc/cron.d/again"]]
    if hostile:
        paths.append(["added", ATTACK])
    routes = {"added": ["10.9.0.0/16 via 10.20.0.1"], "removed": []}
    return {"files": {node: paths}, "network": {node: {"routes": routes}}}


def _check(plan: Plan, red: set[str]) -> dict[str, Any]:
    rows = [
        {
            "id": check.id,
            "title": check.title,
            "role": plan.role(check.id).value,
            "status": "failed" if check.id in red else "passed",
            "rationale": "",
        }
        for check in plan.checks
    ]
    return {"scenario": plan.scenario_id, "passed": not red, "checks": rows, "lab": plan.lab_id}


def _command(
    node: str, terminal: str, line: str, began: datetime.datetime, seconds: float, status: int
) -> dict[str, Any]:
    return {
        "node": node,
        "terminal": terminal,
        "line": line,
        "began": began.isoformat(),
        "seconds": seconds,
        "status": status,
    }


def _session(
    diary: Diary,
    node: str,
    name: str,
    lines: list[tuple[str, int]],
    chance: random.Random,
    *,
    hostile: bool,
) -> str:
    opened = diary.now
    header = {"version": 2, "width": 100, "height": 24, "timestamp": int(opened.timestamp())}
    rows: list[Any] = [header]

    def show(text: str) -> None:
        rows.append([round((diary.now - opened).total_seconds(), 3), "o", text])

    prompt = f"\x1b[1;36mroot@{node}\x1b[0m:\x1b[1;34m~\x1b[0m# "
    for line, status in lines:
        show(prompt)
        diary.wait(chance.uniform(0.5, 9))
        for letter in line:
            diary.wait(0.06)
            show(letter)
        show("\r\n")
        began = diary.now
        diary.wait(chance.uniform(0.1, 4))
        show(_output(line, node, status))
        if hostile:
            show(ATTACK)
        seconds = (diary.now - began).total_seconds()
        diary.note(Kind.COMMAND, _command(node, name, line, began, seconds, status))
    length = (diary.now - opened).total_seconds()
    facts = {"node": node, "terminal": name, "began": opened.isoformat(), "seconds": length}
    diary.note(Kind.TERMINAL, facts | {"bytes": 100, "sha256": "0" * 64})
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def _output(line: str, node: str, status: int) -> str:
    if line.startswith("ip -br"):
        return (
            "lo               \x1b[32mUNKNOWN\x1b[0m        127.0.0.1/8 ::1/128 \r\n"
            "eth0             \x1b[32mUP\x1b[0m             10.20.0.101/24 \r\n"
        )
    if line.startswith("tcpdump"):
        return "".join(f"{row}\r\n" for row in evidence()["summaries"])
    if status:
        return f"\x1b[31m{line.split(maxsplit=1)[0]}: failed on {node}\x1b[0m\r\n"
    return f"\x1b[2m{line.split(maxsplit=1)[0]}: done\x1b[0m\r\n"
