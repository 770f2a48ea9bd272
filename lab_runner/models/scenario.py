"""A scenario: one way in which a lab breaks, and everything that is known about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from lab_runner.models.checks import IDENTIFIER, Check
from lab_runner.models.parameters import Parameter, Strict


def _without_empty(names: Any) -> Any:
    return [name for name in names if name != ""] if isinstance(names, list) else names


#: Ids of checks. A template that comes to nothing is no entry, so that a variant can
#: have symptoms of its own: ``"{{ 'guest-browses-the-web' if guests else '' }}"``.
CheckIds = Annotated[list[str], BeforeValidator(_without_empty)]


#: The check that every control has: not in a lab's report, or it would give the case away.
UNCHANGED = "nothing-was-changed"


class Step(Strict):
    """One change to the running lab.

    Exactly one of ``run`` (a shell script on ``node``, as root), ``write`` (a
    path on ``node`` that gets ``content``) and ``link`` (``node:interface``,
    changed on the switchboard's side).

    Attributes:
        node: Where it is done.
        run: A shell script, run by ``bash -euo pipefail`` as root.
        write: The path of a file that gets ``content``.
        content: What is written.
        mode: The written file's permissions, in octal.
        owner: The written file's user and group.
        link: A cable, ``node:interface``.
        down: Is the cable cut?
        mtu: The largest packet that the cable takes.
        loss: Share of packets that the cable loses, 0 to 1.
        rate: How much the cable carries, as tc(8) writes it: ``2mbit``.
    """

    node: str | None = None
    run: str | None = None
    write: str | None = None
    content: str | None = None
    mode: str = "0644"
    owner: str = "root:root"
    link: str | None = None
    down: bool | None = None
    mtu: int | None = None
    loss: float | None = Field(default=None, ge=0, le=1)
    rate: str | None = None

    @property
    def place(self) -> str:
        """The node that it changes, or whose cable."""
        return self.node or (self.link or "").partition(":")[0]

    @model_validator(mode="after")
    def _one_kind(self) -> Step:
        given = [word for word in ("run", "write", "link") if getattr(self, word) is not None]
        if len(given) != 1:
            raise ValueError("a step has exactly one of: run, write, link")
        if self.link is None and self.node is None:
            raise ValueError(f"a step with {given[0]} names its node")
        if self.write is not None and self.content is None:
            raise ValueError("a step that writes has content")
        return self


class Solution(Strict):
    """A sound repair.

    Attributes:
        title: What is done, in the imperative.
        steps: How.
    """

    title: str
    steps: list[Step] = Field(min_length=1)


#: How a control is "repaired".
LEFT_ALONE = Solution.model_construct(
    title="Leave everything as it is, and say whose trouble it is", steps=[]
)


class WrongFix(Strict):
    """What people are tempted to do instead, and the checks that see it.

    Attributes:
        title: What is done, in the imperative.
        steps: How.
        caught_by: Checks that it leaves red, or makes red.
        after_reboot: Is it caught only after a reboot (a repair that lives in memory)?
    """

    title: str
    steps: list[Step] = Field(min_length=1)
    caught_by: CheckIds = Field(min_length=1)
    after_reboot: bool = False


class Diagnosis(Strict):
    """The truth that a learner's diagnosis is scored against.

    Attributes:
        node: The machine that is wrong.
        layer: Where in the stack it is wrong.
        component: The program, file or setting that is wrong.
        cause: One sentence; shown by ``lab debrief``.
        cause_words: Words (regular expressions) that a right answer's cause contains; each counts.
        component_also: Other answers for the component that are as right.
        node_also: Other machines that are as right.
        layer_also: Other layers that are as right.
    """

    node: str
    layer: Literal["link", "network", "transport", "application", "host"]
    component: str
    cause: str
    cause_words: list[str] = Field(min_length=1)
    component_also: list[str] = Field(default_factory=list)
    node_also: list[str] = Field(default_factory=list)
    layer_also: list[str] = Field(default_factory=list)


class Case(Strict):
    """What every case has that is handed to a learner: its place, its weight, its ticket.

    Attributes:
        title: The complaint in a few words.
        lab: Where it plays.
        ref: A number of the author's own, given once.
        topics: What it is about, for ``lab list``.
        level: How hard it is, 1 to 5.
        minutes: How long it takes somebody who knows the tools.
        ticket: The complaint as a customer would put it; never the cause.
        parameters: What a seed draws, by name: which variant it is.
    """

    title: str
    lab: str
    ref: str = ""
    topics: list[str] = Field(min_length=1)
    level: int = Field(ge=1, le=5)
    minutes: int = Field(ge=1, le=180)
    ticket: str
    parameters: dict[str, Parameter] = Field(default_factory=dict)


class Scenario(Case):
    """One way in which a network breaks.

    Attributes:
        including: Those of the lab's optional nodes that are there (``with`` in the file).
        fault: Steps that break the healthy lab.
        diagnosis: What is wrong in truth.
        hints: Three; each says more, and none can be pasted.
        solutions: The reference first, then every other sound repair.
        wrong_fixes: What people are tempted to do, at least three.
        debrief: What it was, how to see it, why the tempting fix is wrong; Markdown.
        symptoms: Checks that are red when the lab is handed over.
        guards: Further checks that stay green throughout; every health check of
            the lab that is no symptom is one already.
        checks: Checks of the scenario's own; each is a symptom or a guard.
        introduced: Own checks about something that only the fault's steps bring (a proxy,
            IPv6, signatures); the healthy lab has no such thing, so they are not asked there.
        silenced: Health checks that can say nothing while the fault is in (neither
            red nor green for sure). While a symptom lasts they count as skipped in
            place of failed; once it is repaired they must pass.
        control: A healthy control: nothing of ours is broken, and nobody can repair
            what is. It is solved by saying so, with everything left as it was; its
            wrong fixes may be caught by ``nothing-was-changed``.
    """

    including: list[str] = Field(default_factory=list, alias="with")
    fault: list[Step] = Field(min_length=1)
    checks: list[Check] = Field(default_factory=list)
    symptoms: CheckIds = Field(min_length=1)
    guards: CheckIds = Field(default_factory=list)
    introduced: CheckIds = Field(default_factory=list)
    silenced: CheckIds = Field(default_factory=list)
    diagnosis: Diagnosis
    hints: list[str] = Field(min_length=3, max_length=3)
    control: bool = False
    solutions: list[Solution] = Field(default_factory=list)
    wrong_fixes: list[WrongFix] = Field(min_length=3)
    debrief: str

    @model_validator(mode="after")
    def _repairable(self) -> Scenario:
        if self.control and self.solutions:
            raise ValueError("a control has no solutions: nothing of ours is broken")
        if not self.control and not self.solutions:
            raise ValueError("'solutions' is missing: at least one sound repair")
        return self


class Exam(Case):
    """Several scenarios under one ticket; the parts bring everything else.

    Attributes:
        parts: Ids of scenarios on the same lab, in the order in which they break it.
        hints: In place of those of the parts, if given.
        debrief: What it was together, and what the trap is; Markdown.
    """

    parts: list[str] = Field(min_length=2)
    hints: list[str] | None = Field(default=None, min_length=3, max_length=3)
    debrief: str


__all__ = [
    "IDENTIFIER",
    "LEFT_ALONE",
    "UNCHANGED",
    "Diagnosis",
    "Exam",
    "Scenario",
    "Solution",
    "Step",
    "WrongFix",
]
