"""Rules of the house that no engine enforces: hints that only hint, tickets that only complain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab_runner.catalogue import LabSource, ScenarioSource
from lab_runner.errors import DefinitionError
from lab_runner.models.checks import IDENTIFIER
from lab_runner.models.scenario import Exam, Scenario
from lab_runner.models.source import unknown

Errors = Iterator[DefinitionError]

#: Programs with whose names a command line begins, and perhaps a sentence.
_PROGRAMS = (
    "awk|bash|cat|chmod|chown|conntrack|cp|curl|dig|echo|getent|grep|host|hostname|ifconfig|ifdown"
    "|ifup|iptables|journalctl|kill|ln|ls|mkdir|mv|nano|nginx|nslookup|passwd|ping|pkill|printf"
    "|python3|reboot|resolvectl|rm|rndc|scp|sed|service|sh|ss|ssh|ssh-keygen|ssh-keyscan|sshd"
    "|sysctl|tc|tcpdump|tee|touch|traceroute|truncate|unbound-control|useradd|usermod|vi|vim|wget"
)
#: With these no sentence begins. ``ip nat`` and ``nft`` alone may be names in one.
_NEVER_PROSE = (
    "sudo|systemctl"
    r"|nft\s+(?:-\S+|add|create|delete|flush|insert|list|replace)"
    r"|ip\s+(?:-\S+|a|addr|address|l|link|n|neigh|neighbour|r|ro|route|rule)"
)
_PROMPT = r"^(?:[$#]\s+)?"
_COMMAND = re.compile(rf"{_PROMPT}(?:{_NEVER_PROSE}|{_PROGRAMS})\s+(?P<rest>\S.*)$")
_SURELY = re.compile(rf"{_PROMPT}(?:{_NEVER_PROSE})\s+\S")
#: An option, a path, an assignment, an address, a name with dots, something quoted or piped.
_ARGUMENT = re.compile(r"^-|[/=|<>@$'\"*]|\w[.:]\w")
_QUOTED = re.compile(r"`+([^`]+)`+")


def pasteable(hint: str) -> str:
    """What somebody could paste out of a hint; empty if there is nothing.

    That is a phrase in backticks that begins with a command and goes on, and a line that
    does: if its next word is no plain one (``sed -i``, not ``ssh in its verbose mode``), if
    no sentence begins like that, or if it stands alone and does not end as a sentence does.
    """
    for phrase in _QUOTED.findall(hint):
        if _COMMAND.match(phrase.strip()):
            return str(phrase.strip())
    for paragraph in re.split(r"\n\s*\n", _QUOTED.sub("`", hint)):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        for line in lines:
            if _is_command(line, alone=len(lines) == 1):
                return line
    return ""


def _is_command(line: str, *, alone: bool) -> bool:
    found = _COMMAND.match(line)
    if not found:
        return False
    unlike_prose = _SURELY.match(line) or _ARGUMENT.search(found["rest"].split()[0])
    return bool(unlike_prose) or (alone and line[-1] not in ".?!:;")


def hint_errors(scenario: Scenario | Exam, source: ScenarioSource) -> Errors:
    """Hints that are answers."""
    for index, hint in enumerate(scenario.hints or []):
        found = pasteable(hint)
        if found:
            message = f"a hint says where to look, not what to type: {found!r} can be pasted"
            yield source.document.error(message, ("hints", index))


def role_errors(source: ScenarioSource) -> Errors:
    """Symptoms that are something else as well: a variant's may be, one of all variants not."""
    data = source.document.data
    lists = {key: data.get(key) for key in ("symptoms", "guards", "silenced")}
    rows = {key: value if isinstance(value, list) else [] for key, value in lists.items()}
    for key in ("guards", "silenced"):
        for index, name in enumerate(rows[key]):
            if name and name in rows["symptoms"]:
                message = f"check {name!r} is always a symptom: it does nothing among the {key}"
                yield source.document.error(message, (key, index))


def spoilers(scenario: Scenario, source: ScenarioSource) -> Errors:
    """Words of the diagnosis in what the learner reads first; topics and area tell them anyway."""
    told = {word.lower() for word in (*scenario.topics, source.area)}
    truth = scenario.diagnosis
    words = {word for word in (truth.component, *truth.component_also) if word}
    places = {"title": scenario.title, "ticket": scenario.ticket, "id": source.id}
    for word in sorted(words, key=str.lower):
        if word.lower() in told:
            continue
        for place, text in places.items():
            if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE):
                message = f"the {place} contains {word!r}, which is part of the diagnosis"
                yield source.document.error(message, (place,))


def lab_id_errors(source: LabSource) -> Errors:
    """A lab is named by its folder."""
    yield from _kebab("lab", source.id, source.document.path)


def scenario_id_errors(source: ScenarioSource) -> Errors:
    """A scenario and its area are named by their folders."""
    yield from _kebab("scenario", source.id, source.document.path)
    yield from _kebab("area", source.area, source.document.path)


def _kebab(what: str, name: str, file: Path) -> Errors:
    if not re.match(IDENTIFIER, name):
        message = f"{what} {name!r} is not in kebab-case (small letters, digits, hyphens)"
        yield DefinitionError(message, path=str(file), line=1, column=1)


def folder_errors(source: LabSource) -> Errors:
    """Folders of files for nodes that the lab does not have."""
    nodes = source.document.data.get("nodes")
    known = list(nodes) if isinstance(nodes, dict) else []
    folder = source.folder / "nodes"
    for place in sorted(folder.iterdir()) if folder.is_dir() else []:
        if place.name not in known:
            message = unknown(
                f"nodes/{place.name}/ has files, but node {place.name!r}", place.name, known
            )
            yield source.document.error(message, ("nodes",))


def clash_errors(source: LabSource, known: Iterable[str]) -> Errors:
    """Pairs of scenarios that there are not, and pairs that stand there twice."""
    try:
        document, clashes = source.clashes()
    except DefinitionError as exc:
        yield exc
        return
    every = list(known)
    seen: list[set[str]] = []
    for index, clash in enumerate(clashes):
        assert document is not None
        place = ("clashes", index, "pair")
        for name in clash.pair:
            if name not in every:
                yield document.error(unknown(f"scenario {name!r}", name, every), place)
        if set(clash.pair) in seen:
            yield document.error(f"{' and '.join(clash.pair)} stand here twice", place)
        seen.append(set(clash.pair))


def explanation_errors(source: ScenarioSource) -> Errors:
    """A ``mutants.yml`` that cannot be read, or that explains one mutant twice with one seed."""
    try:
        every = source.explanations()
    except DefinitionError as exc:
        yield exc
        return
    told = Counter((one.mutant, seed) for one in every for seed in one.seeds)
    for (mutant, seed), times in told.items():
        if times > 1:
            path = str(source.folder / "mutants.yml")
            yield DefinitionError(f"{mutant} is explained twice for seed {seed}", path=path)


def ref_errors(sources: Iterable[ScenarioSource], chosen: Iterable[str]) -> Errors:
    """A reference that two scenarios share, told at those that were chosen."""
    holders: dict[str, list[ScenarioSource]] = {}
    for source in sources:
        ref = source.document.data.get("ref")
        if ref:
            holders.setdefault(str(ref), []).append(source)
    for ref, those in holders.items():
        for source in those:
            others = [other.id for other in those if other is not source]
            if others and source.id in chosen:
                message = f"ref {ref!r} is also that of {', '.join(others)}"
                yield source.document.error(message, ("ref",))
