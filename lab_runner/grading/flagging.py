"""What a lead should look at in one hand-in, once it was replayed."""

from __future__ import annotations

from collections.abc import Iterator

from lab_runner import __version__
from lab_runner.attempts.store import Kind
from lab_runner.grading.crediting import Judged
from lab_runner.grading.marks import Flag, FlagKind
from lab_runner.grading.record import claimed, of_kind
from lab_runner.submission.hand_in import HandIn

_NAMED = 3
_KINDS_NAMED = 6


def flags_of(judged: Judged) -> Iterator[Flag]:
    """A claim that the replay does not confirm, and what may explain it."""
    work = judged.work
    if claimed(work) and not judged.solved:
        yield Flag(kind=FlagKind.UNCONFIRMED, text=_unconfirmed(judged))
        memory = _in_memory(work)
        if memory and not judged.share:
            yield Flag(kind=FlagKind.MEMORY_ONLY, text=memory)
    if work.version != __version__:
        text = f"handed in with {work.version}, graded with {__version__}"
        yield Flag(kind=FlagKind.OTHER_KIT, text=text)
    left_out = [
        f"{node}:/{path} ({why})"
        for node, changes in work.changes.items()
        for path, why in changes.left_out.items()
    ]
    if left_out:
        more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
        yield Flag(kind=FlagKind.LEFT_OUT, text=", ".join(left_out[:_NAMED]) + more)


def _unconfirmed(judged: Judged) -> str:
    told = "their last check was green"
    if judged.report is None:
        return f"{told}; the replay: {judged.in_short}"
    red = [row.id for row in judged.red]
    more = f" and {len(red) - _NAMED} more" if len(red) > _NAMED else ""
    return f"{told}; red in the replay: {', '.join(red[:_NAMED])}{more}"


def _in_memory(work: HandIn) -> str:
    """What their kernels had been told at the last look, on machines whose disks say nothing of it.

    Where nothing of it was noted: whether there is a disk with changes at all.
    """
    states = list(of_kind(work, Kind.STATE))
    network = states[-1].get("network") if states else None
    on_disk = {node for node, changes in work.changes.items() if changes.entries}
    told = []
    for node, kinds in network.items() if isinstance(network, dict) else ():
        if node not in on_disk and isinstance(kinds, dict):
            told += [f"{node}: {kind}" for kind in kinds]
    if told:
        named = ", ".join(told[:_KINDS_NAMED])
        return f"changed in memory alone, on machines with no change on disk: {named}"
    return "" if on_disk else "there is no change on any disk"
