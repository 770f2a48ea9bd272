"""What ``dask ssh --remote-dask-worker lab_runner.cli.dask_worker`` starts: ``lab worker``.

It gives a worker's options as Dask's own worker has them; those that say nothing here (memory,
ports of a nanny) are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

#: Options with the same meaning, by ours; no threads (0) means: as many labs as fit.
_SAME = {"--nthreads": "--slots", "--host": "--host"}
_IDLE = ("--memory-limit", "--nanny-port", "--worker-port", "--local-directory", "--nworkers")


def words(given: Sequence[str]) -> list[str]:
    """The words of ``lab worker`` for those of ``dask worker``."""
    address, *options = given
    scheme = "" if "://" in address else "tcp://"
    return ["worker", f"{scheme}{address}", *_options(options)]


def _options(given: Iterable[str]) -> Iterator[str]:
    left = iter(given)
    for option in left:
        if option in _IDLE:
            next(left, None)
        elif option in _SAME:
            value = next(left, "")
            if not (option == "--nthreads" and value == "0"):
                yield from (_SAME[option], value)
        else:
            yield option


if __name__ == "__main__":
    from lab_runner.cli.main import main

    sys.argv[1:] = words(sys.argv[1:])
    main()
