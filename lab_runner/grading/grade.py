"""Grading: files in, marks out. What was graded stays graded, unless it is asked for again."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lab_runner import __version__
from lab_runner.catalogue import Catalogue
from lab_runner.errors import HandInError, LabRunnerError, UsageError
from lab_runner.grading.accepting import Oddity, case_of, remarks
from lab_runner.grading.course import SUFFIX, Case, CourseFolder
from lab_runner.grading.crediting import Judged, credits_of
from lab_runner.grading.flagging import flags_of
from lab_runner.grading.ledger import HAND_INS, Ledger, digest_of
from lab_runner.grading.marks import Flag, Mark, Standing
from lab_runner.grading.record import checks_asked, claimed
from lab_runner.grading.replaying import Outcome, ReplayJob
from lab_runner.submission.hand_in import HandIn, read_hand_in
from lab_runner.submission.sealed import FILE_LIMIT

_NAMED = 3


@dataclass(frozen=True)
class Accepted:
    """A hand-in that is somebody's of this course.

    Attributes:
        digest: Of the file.
        file: The name that it came under.
        work: What is in it.
        case: The assignment.
    """

    digest: str
    file: str
    work: HandIn
    case: Case

    @property
    def name(self) -> str:
        """What progress calls it."""
        return f"{self.work.trainee} {self.case.id}"


@dataclass(frozen=True)
class Sorted:
    """What came, by what is to be done with it.

    Attributes:
        done: Marks that need no replay: refused files, and those that were graded before.
        pending: To be replayed.
    """

    done: list[Mark] = field(default_factory=list)
    pending: list[Accepted] = field(default_factory=list)


def collect(paths: Iterable[Path]) -> list[Path]:
    """The files that are meant: those that are named, and every hand-in in a folder that is.

    Raises:
        UsageError: There is nothing of that name, or no hand-in in a folder.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += _inside(path)
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError(f"There is no file {path}.")
    return list(dict.fromkeys(found))


def _inside(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob(f"*{SUFFIX}") if not path.is_symlink())
    found = sorted(path for path in files if path.is_file())
    if not found:
        raise UsageError(
            f"No file in {folder} ends in {SUFFIX}.",
            hint="`lab submit` names hand-ins so; name a file that is called otherwise itself.",
        )
    return found


@dataclass(frozen=True)
class Grading:
    """A course's hand-ins, on their way to marks."""

    course: CourseFolder
    catalogue: Catalogue

    @property
    def ledger(self) -> Ledger:
        """Where all of it is kept."""
        return Ledger(self.course.path)

    def kept(self) -> list[Path]:
        """Every hand-in that was accepted before."""
        return sorted((self.course.path / HAND_INS).glob(f"*{SUFFIX}"))

    def sort(self, files: Iterable[Path], *, again: bool = False) -> Sorted:
        """See what came: whose it is, and whether it has to be replayed.

        Args:
            files: The files.
            again: Replay also what was graded before.

        Raises:
            UsageError: A file cannot be read, or nothing can be kept.
            StoreError: An earlier mark cannot be read.
        """
        found = Sorted()
        seen: set[str] = set()
        for path in files:
            data = _read(path)
            digest = digest_of(data)
            if digest not in seen:
                seen.add(digest)
                self._sort_one(path.name, digest, data, found, again=again)
        return found

    def job(self, accepted: Accepted) -> ReplayJob:
        """Its replay, from the lead's own scenario with the seed that the trainee was given."""
        plan = self.course.plan(self.catalogue, accepted.work.trainee, accepted.case)
        return ReplayJob(accepted.name, plan, accepted.work.changes)

    def judge(
        self, accepted: Accepted, outcome: Outcome | None, problem: LabRunnerError | None = None
    ) -> Mark:
        """The mark of what was replayed; it is kept.

        Args:
            accepted: The hand-in.
            outcome: What its replay came to; None if it could not be done. A mark that it
                has from an earlier replay stays then.
            problem: Why not.
        """
        before = self.ledger.get(accepted.digest)
        why = _not_judged(outcome, problem)
        if not why:
            assert outcome is not None
            return self._put(before, self._graded(accepted, outcome))
        if before is not None and before.standing is Standing.GRADED:
            return before
        return self._put(before, self._not_graded(accepted, why))

    def _sort_one(self, file: str, digest: str, data: bytes, found: Sorted, *, again: bool) -> None:
        before = self.ledger.get(digest)
        try:
            work, key = read_hand_in(data)
            accepted = Accepted(digest, file, work, case_of(work, key, self.course))
        except HandInError as exc:
            found.done.append(self._put(before, _refused(file, digest, exc)))
            return
        self.ledger.keep(data)
        if before is None or again or not self._is_replayed(before, accepted.case):
            found.pending.append(accepted)
        else:
            found.done.append(self._put(before, self._credited_anew(accepted, before)))

    def _is_replayed(self, mark: Mark, case: Case) -> bool:
        """Was it, and is that still the assignment?"""
        return mark.standing is Standing.GRADED and mark.scenario == case.scenario

    def _credited_anew(self, accepted: Accepted, before: Mark) -> Mark:
        """By the rubric as it is now, from the replay that was done then."""
        if before.rubric == self._rubric(accepted.case):
            return before
        outcome = Outcome(before.report, before.problem, before.seconds)
        mark = self._graded(accepted, outcome)
        kept = {"graded": before.graded, "version": before.version, "file": before.file}
        return mark.model_copy(update=kept)

    def _graded(self, accepted: Accepted, outcome: Outcome) -> Mark:
        work, case = accepted.work, accepted.case
        flags = self._odd(accepted)
        late = any(flag.kind == Oddity.OUT_OF_TIME for flag in flags)
        plan = self.course.plan(self.catalogue, work.trainee, case)
        judged = Judged(work, case, plan, outcome.report, outcome.problem, late=late)
        asked = checks_asked(work)
        rows = outcome.report.checks if outcome.report else []
        return self._begun(accepted).model_copy(
            update={
                "standing": Standing.GRADED,
                "problem": outcome.problem,
                "credits": credits_of(judged, self.course.course.rubric),
                "flags": [*flags, *flags_of(judged)],
                "report": outcome.report,
                "guards": [row.id for row in rows if asked and row.id not in asked],
                "rubric": self._rubric(case),
                "seconds": outcome.seconds,
            }
        )

    def _not_graded(self, accepted: Accepted, problem: str) -> Mark:
        told = {"problem": problem, "flags": self._odd(accepted)}
        return self._begun(accepted).model_copy(update=told)

    def _odd(self, accepted: Accepted) -> list[Flag]:
        came = self._came(accepted)
        found = remarks(accepted.work, accepted.case, self.course, came)
        return [Flag(kind=one.oddity, text=one.text) for one in found]

    def _came(self, accepted: Accepted) -> datetime.datetime:
        """When it was first seen here, however often it is graded."""
        before = self.ledger.get(accepted.digest)
        return (before.received if before else None) or _now()

    def _begun(self, accepted: Accepted) -> Mark:
        work, case = accepted.work, accepted.case
        return Mark(
            hand_in=accepted.digest,
            file=accepted.file,
            trainee=work.trainee,
            assignment=case.id,
            scenario=case.scenario,
            seed=self.course.secrets.seed(work.trainee, case.id),
            submitted=work.submitted,
            received=self._came(accepted),
            graded=_now(),
            standing=Standing.NOT_GRADED,
            claimed=claimed(work),
            version=__version__,
        )

    def _rubric(self, case: Case) -> str:
        """What points depend on beside hand-in and replay."""
        course = self.course.course
        told = (course.rubric, case, course.opens, course.closes)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]

    def _put(self, before: Mark | None, after: Mark) -> Mark:
        """A person's word stays, whatever a replay says; so does the name that it came under."""
        if before is not None:
            kept = {"overrides": before.overrides, "file": before.file, "received": before.received}
            after = after.model_copy(update=kept)
            if Standing.REFUSED is before.standing is after.standing:
                return before
        if before != after:
            self.ledger.put(after)
        return after


def _not_judged(outcome: Outcome | None, problem: LabRunnerError | None) -> str:
    """Why a replay says nothing of anybody's work; empty if it does."""
    if outcome is None:
        return str(problem)
    errors = outcome.report.errors if outcome.report else []
    told = "; ".join(f"{row.id}: {row.rationale}" for row in errors[:_NAMED])
    return f"the replay could not be judged: {told}" if told else ""


def _refused(file: str, digest: str, exc: HandInError) -> Mark:
    return Mark(
        hand_in=digest,
        file=file,
        trainee="",
        assignment="",
        submitted=None,
        received=_now(),
        graded=_now(),
        standing=Standing.REFUSED,
        problem=f"{exc} {exc.hint}".strip(),
        version=__version__,
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_LIMIT + 1)  # one more than may be: it is refused as too large
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}.") from exc


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
