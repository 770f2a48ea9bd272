"""Whose packets a node takes a probe's for: its root's, a person's, or those of somebody unknown.

A rule on a machine can tell programs by their user (nft(8), ``meta skuid``; ip-rule(8),
``uidrange``). Were probes always one user's, they could be let pass while all others are kept out.
"""

from __future__ import annotations

import secrets

ROOT, FIRST_PERSON = 0, 1000
#: Nobody has these on a node of the kit, nor on a host that gives people the usual ones.
_UNKNOWN = range(20_000, 60_000)


class Identities:
    """Deals users out in turn to the questions of each node, from where nobody can foresee.

    A question keeps its user: asked again until it is green, it would find the one that may pass.
    """

    def __init__(self) -> None:
        self._users = (ROOT, FIRST_PERSON, secrets.choice(_UNKNOWN))
        self._first = secrets.randbelow(len(self._users))
        self._dealt: dict[str, dict[str, int]] = {}

    def of(self, node: str, question: str) -> int:
        """The user id as which a node asks what has this name."""
        dealt = self._dealt.setdefault(node, {})
        place = dealt.setdefault(question, len(dealt))
        return self._users[(self._first + place) % len(self._users)]
