"""How a lab's machines stand when it is checked: seen beside the checks, and written down."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from lab_runner.attempts import recording
from lab_runner.attempts.access import open_nodes
from lab_runner.attempts.store import Kind, Store
from lab_runner.checker.handed_over import differences
from lab_runner.engine.running import RunningLab
from lab_runner.errors import EngineError


@contextlib.contextmanager
def kept(store: Store, lab: RunningLab) -> Iterator[None]:
    """While something else is done, look at what was changed; after that, write it down.

    An attempt that is not recorded is not looked at. Where it cannot be seen, nothing is written:
    no check fails for it.

    Raises:
        StoreError: It could not be written.
    """
    if not recording.is_recorded(store, lab.attempt):
        yield
        return
    lab.line  # noqa: B018 - opened here, once, before several threads need it
    with ThreadPoolExecutor(1) as beside:
        seen: Future[dict[str, Any]] = beside.submit(differences, lab, open_nodes(lab.plan))
        yield
        with contextlib.suppress(EngineError):
            store.append(lab.attempt, Kind.STATE, seen.result())
