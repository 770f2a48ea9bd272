"""A repair's script in pieces: its commands, and what of a command can be left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HEREDOC = re.compile(r"<<(-?)\s*(['\"]?)(\w+)\2")
_OPENS = {"if", "for", "while", "until", "case", "{"}
_CLOSES = {"fi", "done", "esac", "}"}
#: Quoted text, escaped characters and comments: no keyword stands in them.
_OPAQUE = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|(?:^|(?<=[\s;]))#.*", re.DOTALL)
_SAYS_NOTHING = re.compile(r"[\s{}();]*|\s*(#|//|;).*")
_SED_SCRIPT = re.compile(r"\bsed\b[^']*'([^']*; [^']*)'")
_ASSIGNS = re.compile(r"\s*(\w+=\S*|cd\s.*)\s*")


def commands(script: str) -> list[str]:
    """A shell script's commands in order, each with all of its lines.

    Here-documents, quoted text, continued lines and compound commands stay whole.
    Comments and empty lines between commands are left out.
    """
    found: list[str] = []
    lines = iter(f"{script.rstrip()}\n".splitlines(keepends=True))
    for line in lines:
        if _SAYS_NOTHING.fullmatch(line.rstrip("\n")):
            continue
        command = line + _documents(line, lines)
        while not _is_whole(command) and (more := next(lines, "")):
            command += more + _documents(more, lines)
        found.append(command)
    return found


def _documents(line: str, lines: Iterator[str]) -> str:
    taken = ""
    for dash, _, word in _HEREDOC.findall(line):
        for text in lines:
            taken += text
            if (text.lstrip("\t") if dash else text).rstrip("\n") == word:
                break
    return taken


def _is_whole(command: str) -> bool:
    """Is nothing open: no quote, no line that goes on, no compound command?"""
    shell = "".join(line for line, shell in marked(command) if shell)
    if shell.endswith("\\\n"):
        return False
    bare = _OPAQUE.sub(" ", shell)
    words = re.split(r"[\s;&|()]+", bare)
    opened = sum(word in _OPENS for word in words) - sum(word in _CLOSES for word in words)
    return opened <= 0 and not re.search(r"['\"]", bare)


def marked(command: str) -> Iterator[tuple[str, bool]]:
    """A command's lines; is each the shell's, or a here-document's?"""
    lines = iter(command.splitlines(keepends=True))
    for line in lines:
        yield line, True
        for text in _documents(line, lines).splitlines(keepends=True):
            yield text, False


def without_one(script: str) -> Iterator[tuple[str, str]]:
    """Scripts that lack one thing: a command, or a line or an expression of one.

    Yields:
        What is missing, and the script without it. What a later command needs to be
        understood at all (a variable, the current folder) is left in its place.
    """
    every = commands(script)
    for number, command in enumerate(every):
        if len(every) > 1 and not _ASSIGNS.fullmatch(command):
            yield command, "".join((*every[:number], *every[number + 1 :]))
    for number, command in enumerate(every):
        for gone, rest in (*_without_a_line(command), *_without_an_expression(command)):
            yield gone, "".join((*every[:number], rest, *every[number + 1 :]))


def _without_a_line(command: str) -> Iterator[tuple[str, str]]:
    """An option on a line of its own, or a line of a here-document."""
    lines = list(marked(command))
    for number, (line, shell) in enumerate(lines):
        if number and (_is_one_option(lines, line) if shell else _can_go(lines, number)):
            yield line, "".join(text for at, (text, _) in enumerate(lines) if at != number)


def _is_one_option(lines: list[tuple[str, bool]], line: str) -> bool:
    """Is it an option on a continued line, beside others?"""
    options = [text for text, shell in lines if shell and _goes_on_with_an_option(text)]
    return line in options and len(options) > 1


def _goes_on_with_an_option(line: str) -> bool:
    return line.lstrip().startswith("-") and line.endswith("\\\n")


def _can_go(lines: list[tuple[str, bool]], number: int) -> bool:
    """Does a here-document's line say something, and is it neither its last nor its only one?"""
    line, after = lines[number][0], lines[number + 1 : number + 2]
    is_last = not after or after[0][1]
    is_only = sum(not shell for _, shell in lines) <= len(("line", "end"))
    return not (is_last or is_only or _SAYS_NOTHING.fullmatch(line.rstrip("\n")))


def _without_an_expression(command: str) -> Iterator[tuple[str, str]]:
    """A sed script's expressions, as far as they are told apart by a semicolon."""
    for match in _SED_SCRIPT.finditer(command):
        parts = match[1].split("; ")
        for number, part in enumerate(parts):
            rest = "; ".join((*parts[:number], *parts[number + 1 :]))
            yield part, command[: match.start(1)] + rest + command[match.end(1) :]


def lines_that_say_something(content: str) -> Iterator[tuple[str, str]]:
    """A file's lines, each with the file without it; no comments, no lone brackets."""
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if not _SAYS_NOTHING.fullmatch(line.rstrip("\n")):
            yield line, "".join((*lines[:number], *lines[number + 1 :]))
