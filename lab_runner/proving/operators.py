"""What is done to a scenario's repairs so that they become others, one function for each idea."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain

from lab_runner.models.mutants import Mutant, Verdict
from lab_runner.models.scenario import LEFT_ALONE, Scenario, Solution, Step
from lab_runner.planning.plan import Plan
from lab_runner.proving import scripts

_RULES = "etc/nftables.conf"
_ACCEPT = (
    f"sed -i -E 's/policy drop/policy accept/; s/\\b(drop|reject)$/accept/' /{_RULES}\n"
    "systemctl reload nftables\n"
)
_NOISE = "touch /var/tmp/notes\nsystemctl daemon-reload\nlogger -t admin 'looked around'\n"
#: So many of the solutions are carried out twice.
_TWICE_AT_MOST = 2
#: Commands that change what runs, and not what lies on the disk.
_LOADS = re.compile(
    r"\s*(systemctl (-\S+ )*(re|try-re)?(start|load)\b|systemctl stop\b|rndc |nft |sysctl -|ip |"
    r"conntrack |kill |squid -k rec|ifup |ifdown )"
)
_REFUSES = re.compile(r"\b(drop|reject)\b")
_PREFIX = re.compile(r"(?<![\w.:])(?:\d+(?:\.\d+){3}|[0-9a-f:]*::[0-9a-f:]*)/\d+\b")
_NARROW = re.compile(
    r"\b[sd]addr (?!!)(?:\{[^}]*\}|@?[\w.$:/]+)"
    r"|\b(?:match-clients|allow-\w+) (?P<bind>\{[^{}]*\})"
)


def nothing(scenario: Scenario) -> Mutant:
    """Everything stays as it is."""
    return Mutant(
        id="nothing",
        title=LEFT_ALONE.title,
        change="nothing is done",
        steps=[],
        expected=Verdict.GREEN if scenario.control else Verdict.RED,
        certain=True,
    )


def twice(_plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """The repair, and once more."""
    if number <= _TWICE_AT_MOST:
        steps = [*solution.steps, *solution.steps]
        yield _of(number, solution, "twice", steps, sure=Verdict.GREEN)


def amid_noise(_plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """The repair, and before and after it what helps nobody and harms nobody."""
    if number == 1:
        noise = [
            Step(node=name, run=_NOISE) for name in sorted({step.place for step in solution.steps})
        ]
        steps = [*noise, *solution.steps, *noise]
        yield _of(number, solution, "amid-noise", steps, sure=Verdict.GREEN)


def elsewhere(plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """What should be done where it is broken is done on another machine of the same kind."""
    broken = {step.place for step in scenario_of(plan).fault}
    wrong = {name: other for name in broken if (other := _another(plan, name, broken))}
    steps = [_moved(step, wrong) for step in solution.steps]
    where = ", ".join(f"on {other} in place of {name}" for name, other in sorted(wrong.items()))
    if steps != solution.steps and not broken.intersection(step.place for step in steps):
        sure = Verdict.RED if number == 1 else None
        yield _of(number, solution, "elsewhere", steps, where, sure=sure)


def _another(plan: Plan, name: str, broken: set[str]) -> str | None:
    kind = plan.nodes[name].kind
    return next((n for n, one in plan.nodes.items() if one.kind is kind and n not in broken), None)


def _moved(step: Step, wrong: Mapping[str, str]) -> Step:
    return step.model_copy(update={"node": wrong.get(step.node or "", step.node)})


def fault_again(plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """The repair, and then what broke it, once more; edits may no longer find their place."""
    if number == 1:
        steps = [*solution.steps, *scenario_of(plan).fault]
        yield _of(number, solution, "then-the-fault-again", steps)


def without(_plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """A step, a command, a line, an expression is missing."""
    for count, (gone, steps) in enumerate(_reductions(solution.steps), 1):
        yield _of(number, solution, f"without-{count}", steps, gone, base=True)


def _reductions(steps: list[Step]) -> Iterator[tuple[str, list[Step]]]:
    for at, step in enumerate(steps):
        if len(steps) > 1:
            yield _words(step), steps[:at] + steps[at + 1 :]
        field = "run" if step.run else "content"
        less = scripts.without_one if step.run else scripts.lines_that_say_something
        for gone, text in less(step.run or step.content or ""):
            yield gone, [*steps[:at], step.model_copy(update={field: text}), *steps[at + 1 :]]


def _words(step: Step) -> str:
    return f"on {step.place}: {step.run or step.write or step.link}"


def first_part(_plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """Somebody stops half-way."""
    single = _singly(solution.steps)
    half = single[: (len(single) + 1) // 2]
    if len(single) > 1:
        change = f"ends after: {_words(half[-1])}"
        yield _of(number, solution, "first-part", half, change, base=True)


def _singly(steps: Iterable[Step]) -> list[Step]:
    """Every command a step of its own; variables and the current folder would be lost."""
    return [
        step.model_copy(update={"run": script}) if script else step
        for step in steps
        for script in _commands_that_stand_alone(step.run)
    ]


def _commands_that_stand_alone(script: str | None) -> list[str | None]:
    if script is None:
        return [None]
    every = scripts.commands(script)
    leans = re.search(r"^\s*(cd |\w+=)", script, re.MULTILINE)
    return [script] if leans or not every else [*every]


def on_disk_only(_plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """Nothing is loaded or started again."""
    yield from _only(number, solution, "on-disk-only", lambda step: not _is_loading(step))


def in_memory_only(_plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """Nothing is written, what there is is loaded again."""
    yield from _only(number, solution, "in-memory-only", _is_loading)


def _is_loading(step: Step) -> bool:
    return step.run is not None and bool(_LOADS.match(step.run))


def _only(
    number: int, solution: Solution, how: str, kept: Callable[[Step], bool]
) -> Iterator[Mutant]:
    single = _singly(solution.steps)
    steps = [step for step in single if kept(step)]
    if steps and len(steps) < len(single):
        gone = "\n".join(_words(step) for step in single if not kept(step))
        yield _of(number, solution, how, steps, gone, base=True)


def swapped(_plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """Two commands in the other order."""
    single = _singly(solution.steps)
    for at in range(len(single) - 1):
        one, other = single[at : at + 2]
        if one.place == other.place:
            steps = [*single[:at], other, one, *single[at + 2 :]]
            change = f"{_words(other)} before {_words(one)}"
            yield _of(number, solution, f"swapped-{at + 1}", steps, change, base=True)


def widened(_plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """A prefix that covers everything; a rule that asks for no address."""
    found = dict.fromkeys(m[0] for m in _in_texts(solution.steps, _PREFIX))
    for count, prefix in enumerate(found, 1):
        everything = "::/0" if ":" in prefix else "0.0.0.0/0"
        steps = _rewritten(solution.steps, partial(re.sub, _whole(prefix), everything))
        change = f"{everything} in place of {prefix}"
        yield _of(number, solution, f"widened-{count}", steps, change, base=True)
    steps = _rewritten(solution.steps, lambda text: _NARROW.sub(_anybody, text))
    if steps != solution.steps:
        change = "whatever address, where some are named"
        yield _of(number, solution, "for-anybody", steps, change, base=True)


def _whole(prefix: str) -> str:
    return rf"(?<![\w.:]){re.escape(prefix)}(?!\w)"


def _anybody(match: re.Match[str]) -> str:
    return f"{match[0].split()[0]} {'{ any; }' if match['bind'] else '0.0.0.0/0'}"


def accepting(_plan: Plan, number: int, solution: Solution) -> Iterator[Mutant]:
    """What a rule refuses, it accepts."""
    steps = _rewritten(solution.steps, lambda text: _REFUSES.sub("accept", text))
    if steps != solution.steps:
        change = "accept, where it says drop or reject"
        yield _of(number, solution, "accepting", steps, change, base=True)


def _in_texts(steps: Iterable[Step], what: re.Pattern[str]) -> Iterator[re.Match[str]]:
    return chain.from_iterable(what.finditer(s.run or s.content or "") for s in steps)


def _rewritten(steps: Sequence[Step], new: Callable[[str], str]) -> list[Step]:
    return [
        step.model_copy(
            update={f: new(text) for f in ("run", "content") if (text := _text(step, f))}
        )
        for step in steps
    ]


def _text(step: Step, field: str) -> str | None:
    text: str | None = getattr(step, field)
    return text


def one_after_another(solutions: Sequence[Solution]) -> Iterator[Mutant]:
    """Somebody repairs it, and somebody else as well."""
    for number, one in enumerate(solutions, 1):
        for other_number, other in enumerate(solutions, 1):
            if number != other_number:
                how = f"then-{other_number}"
                steps = [*one.steps, *other.steps]
                after = _of(number, one, how, steps, f"then: {other.title}")
                yield after.model_copy(update={"expected": Verdict.GREEN})


def accept_everything(plan: Plan) -> Iterator[Mutant]:
    """Every firewall lets everything in, in place of the repair and after it."""
    walls = [n for n, one in plan.nodes.items() if any(f.path == _RULES for f in one.files)]
    opened = [Step(node=name, run=_ACCEPT) for name in walls]
    if opened:
        change = f"accept everything on {', '.join(walls)}"
        yield Mutant(id="accept-everything", title="No repair", change=change, steps=opened)
        for number, one in enumerate(scenario_of(plan).solutions[:1], 1):
            yield _of(number, one, "then-accept-everything", [*one.steps, *opened], change)


def of_others(plan: Plan, others: Mapping[str, Scenario]) -> Iterator[Mutant]:
    """The repair of what is not broken, by somebody who has seen another case before."""
    for name, other in others.items():
        for solution in other.solutions[:1]:
            if name != plan.scenario_id and {s.place for s in solution.steps} <= plan.nodes.keys():
                yield Mutant(
                    id=f"as-for-{name}",
                    title=solution.title,
                    change=f"the repair of {name}",
                    steps=solution.steps,
                )


def scenario_of(plan: Plan) -> Scenario:
    """What breaks the lab."""
    assert plan.scenario is not None
    return plan.scenario


def _of(
    number: int,
    solution: Solution,
    how: str,
    steps: list[Step],
    change: str = "",
    *,
    sure: Verdict | None = None,
    base: bool = False,
) -> Mutant:
    return Mutant(
        id=f"s{number}-{how}",
        title=solution.title,
        change=change.strip() or how.replace("-", " "),
        steps=steps,
        expected=sure or Verdict.RED,
        certain=sure is not None,
        base=number if base else 0,
    )


Make = Callable[[Plan, int, Solution], Iterator[Mutant]]
#: What is done to each solution.
TO_A_SOLUTION: tuple[Make, ...] = (
    twice,
    amid_noise,
    elsewhere,
    fault_again,
    without,
    first_part,
    on_disk_only,
    in_memory_only,
    swapped,
    widened,
    accepting,
)
