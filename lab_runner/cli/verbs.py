"""The verbs of ``lab``, each loaded when it is needed."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import Any

import typer
import typer.core
import typer.main

from lab_runner.cli.failing import guarded

PRACTISE = "Practise"
COURSES = "Courses"
LOOK = "Look around"
AUTHOR = "For authors"
MACHINE = "This machine"


@dataclass(frozen=True)
class Verb:
    """One word after ``lab``: what it is for, how it is used, where its code is.

    Attributes:
        file: Its file in this folder, where that has another name.
    """

    panel: str
    summary: str
    examples: tuple[str, ...]
    file: str = ""

    @property
    def epilog(self) -> str:
        """What stands at the end of the verb's help."""
        word = "Example" if len(self.examples) == 1 else "Examples"
        return "\n\n".join([f"{word}:", *self.examples])


#: In the order of the help. ``command`` in a verb's file is its function, ``app`` a group of them.
VERBS: dict[str, Verb] = {
    "list": Verb(PRACTISE, "what there is to repair", ("lab list", "lab list --topic nat --json")),
    "show": Verb(PRACTISE, "one scenario: ticket, network, checks", ("lab show NAME",)),
    "start": Verb(
        PRACTISE,
        "build its network, break it, hand it out",
        ("lab start NAME", "lab start NAME --seed 7 --json", "lab start NAME+NAME"),
    ),
    "drill": Verb(
        PRACTISE,
        "start what you need most, unnamed",
        ("lab drill", "lab drill --area dns --level 2 --exclude-solved"),
    ),
    "check": Verb(
        PRACTISE,
        "is it whole again, and nothing else broken?",
        ("lab check", "lab check --reboot", "lab check --json --pcap DIR"),
    ),
    "hint": Verb(PRACTISE, "the next of three hints", ("lab hint",)),
    "diagnose": Verb(
        PRACTISE,
        "say what is wrong, learn how near you are",
        (
            "lab diagnose",
            (
                "lab diagnose --node gw --layer network --component nftables "
                '--cause "the rule names the old network"'
            ),
        ),
    ),
    "reset": Verb(PRACTISE, "the network as it was handed out", ("lab reset",)),
    "solve": Verb(PRACTISE, "give up: see the repair carried out", ("lab solve",)),
    "debrief": Verb(
        PRACTISE, "what it was, once it is repaired", ("lab debrief", "lab debrief --spoil")
    ),
    "stop": Verb(PRACTISE, "take the lab away", ("lab stop", "lab stop 3fa9c1", "lab stop --all")),
    "status": Verb(LOOK, "what runs, and how it stands", ("lab status", "lab status --all --json")),
    "map": Verb(LOOK, "the network as a picture", ("lab map", "lab map --svg network.svg")),
    "shell": Verb(LOOK, "log in to a machine", ("lab shell gw",)),
    "exec": Verb(
        LOOK,
        "run one command on a machine",
        ("lab exec gw -- ip route", "lab exec -i gw -- tee /etc/motd"),
    ),
    "capture": Verb(
        LOOK,
        "see what crosses a cable, live or as pcap",
        (
            "lab capture lan",
            "lab capture gw:eth1 udp port 53",
            "lab capture lan -w lan.pcap",
            "lab capture lan -w - | wireshark -k -i -",
        ),
    ),
    "reboot": Verb(
        LOOK, "reboot machines and wait for them", ("lab reboot gw", "lab reboot --all")
    ),
    "replay": Verb(
        LOOK,
        "watch your own terminals again",
        ("lab replay", "lab replay 3fa9c1 --speed 2", "lab replay 3fa9c1 --terminal 2"),
    ),
    "progress": Verb(
        LOOK,
        "what you solved, streaks, weak areas",
        ("lab progress", "lab progress --json"),
        file="achieved",
    ),
    "record": Verb(
        LOOK,
        "what is recorded of your work",
        (
            "lab record show",
            "lab record off",
            "lab record export 3fa9c1 --to work.zip",
            "lab record delete 3fa9c1",
        ),
    ),
    "join": Verb(
        COURSES, "take part: keep your lead's invitation", ("lab join course-ada.breakfix",)
    ),
    "assignments": Verb(COURSES, "what there is to do, and how it stands", ("lab assignments",)),
    "submit": Verb(
        COURSES,
        "check, say what would be lost, write the hand-in",
        ("lab submit", "lab submit case-1 --dry-run", "lab submit -o hand-ins/"),
    ),
    "course": Verb(
        COURSES,
        "for a lead: begin a course, invite, see, override",
        (
            "lab course new november",
            "lab course invite november",
            "lab course show november",
            'lab course mark ada case-1 80 --comment "…"',
        ),
    ),
    "grade": Verb(
        COURSES,
        "for a lead: replay hand-ins, and mark them",
        (
            "lab grade inbox/ --course november --jobs 3",
            "lab grade ada.breakfix",
            "lab grade --again",
            "lab grade inbox/ --scheduler tcp://10.0.0.5:8786",
        ),
    ),
    "gradebook": Verb(
        COURSES,
        "for a lead: how everybody stands, and what was hard",
        (
            "lab gradebook november",
            "lab gradebook november --html report.html --csv marks.csv",
        ),
    ),
    "new": Verb(
        AUTHOR,
        "a lab or a scenario to begin with",
        ("lab new scenario web/no-page-opens --lab branch", "lab new lab workshop --to my/labs"),
    ),
    "validate": Verb(
        AUTHOR,
        "all that is wrong in files, without starting anything",
        ("lab validate", "lab validate NAME --seeds 100", "lab validate labs/branch --json"),
    ),
    "schema": Verb(
        AUTHOR,
        "the files' JSON Schema, for editors",
        ("lab schema scenario", "lab schema lab > lab.schema.json"),
    ),
    "prove": Verb(
        AUTHOR,
        "hold scenarios to their contract",
        (
            "lab prove",
            "lab prove NAME --seeds 3",
            "lab prove --all --seeds 3 --jobs 5",
            "lab prove NAME --watch",
            "lab prove NAME --pairs",
            "lab prove --all --mutate --jobs 2",
            "lab prove --junit proofs.xml",
            "lab prove --all --scheduler tcp://10.0.0.5:8786",
        ),
        file="contract",
    ),
    "doctor": Verb(
        MACHINE,
        "what this machine has and lacks",
        ("lab doctor", "lab doctor --fix", "lab doctor --json"),
    ),
    "images": Verb(MACHINE, "build, list, prune images", ("lab images list", "lab images build")),
    "worker": Verb(
        MACHINE,
        "lend this machine to a Dask scheduler",
        ("lab worker tcp://10.0.0.5:8786", "lab worker tcp://10.0.0.5:8786 --slots 4"),
    ),
    "demo": Verb(MACHINE, "everything once, in half a minute", ("lab demo",)),
    "version": Verb(MACHINE, "the version of this program", ("lab version",)),
}


class LazyGroup(typer.core.TyperGroup):
    """A group whose commands are modules, imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class's signature
        """All verbs, in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The verb's command; None if there is none of that name."""
        return load(cmd_name) if cmd_name in VERBS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that is meant; one that is none is told with the nearest that is."""
        word = args[0]
        if word not in VERBS and not word.startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(word, VERBS, n=1)
            guess = f"Did you mean {near[0]!r}?" if near else "`lab --help` shows the verbs."
            ctx.fail(f"No such command {word!r}. {guess}")
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """One screen, at once: no verb is imported for it, nor is Rich."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        for panel in dict.fromkeys(verb.panel for verb in VERBS.values()):
            rows = [(_style(n, "cyan"), v.summary) for n, v in VERBS.items() if v.panel == panel]
            with formatter.section(_style(panel)):
                formatter.write_dl(rows)
        with formatter.section(_style("Options")):
            records = (param.get_help_record(ctx) for param in self.get_params(ctx))
            formatter.write_dl([record for record in records if record])
        self.format_epilog(ctx, formatter)

    def make_context(self, *words: Any, **options: Any) -> Any:
        """Read the arguments; Ctrl-C has its message there too."""
        return guarded(lambda: super(LazyGroup, self).make_context(*words, **options))

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; what it raises becomes a message and an exit code."""
        return guarded(lambda: super(LazyGroup, self).invoke(ctx))


def load(name: str) -> Any:
    """The command of a verb."""
    verb = VERBS[name]
    module = importlib.import_module(f"lab_runner.cli.{verb.file or name}")
    if hasattr(module, "app"):
        app: typer.Typer = module.app
        app.info.epilog, app.info.name = verb.epilog, name
    else:
        app = typer.Typer(add_completion=False, rich_markup_mode="rich")
        app.command(name=name, epilog=verb.epilog)(module.command)
    return typer.main.get_command(app)


def _style(words: str, colour: str | None = None) -> str:
    """Bold, or coloured; a pipe gets neither, for click strips it there."""
    return words if "NO_COLOR" in os.environ else typer.style(words, fg=colour, bold=True)
