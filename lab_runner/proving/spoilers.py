"""Looks for what would give a scenario away on a node: names, leftovers, history."""

from __future__ import annotations

import concurrent.futures
import shlex

from lab_runner.engine.running import RunningLab

#: Where people and programs leave things; /usr is the image's, the same in every lab.
_PLACES = "/etc /root /home /srv /opt /var /run /tmp /usr/local"
_LEFTOVERS = (
    r"find /etc /root /home /srv /opt /var/www \( -name '*.bak' -o -name '*.orig' "
    r"-o -name '*.dpkg-*' -o -name '*~' -o -name '.*_history' -o -name '.*.swp' \) -print"
)


def spoilers(lab: RunningLab) -> list[str]:
    """What gives the scenario away, one sentence each; empty is good."""
    assert lab.plan.scenario is not None
    words = [str(lab.plan.scenario_id), "breakfix"]

    def one(node: str) -> list[str]:
        done = lab.execute(node, ["sh", "-c", _script(words)])
        return [f"{node}: {line}" for line in done.stdout.decode("utf-8", "replace").splitlines()]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return [line for lines in pool.map(one, lab.plan.nodes) for line in lines]


def _script(words: list[str]) -> str:
    patterns = " ".join(f"-e {shlex.quote(word)}" for word in words)
    return "\n".join(
        [
            f"grep -rIilsF {patterns} {_PLACES} 2>/dev/null | sed 's/^/named in /'",
            (
                "cat /proc/1/environ /proc/1/cmdline /proc/sys/kernel/hostname | tr '\\0' '\\n' "
                f"| grep -iF {patterns} | sed 's/^/in the environment: /'"
            ),
            f"{_LEFTOVERS} 2>/dev/null | sed 's/^/left behind: /'",
            "true",
        ]
    )
