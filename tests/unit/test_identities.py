"""As whom a node's questions are asked."""

from itertools import product

from lab_runner.switchboard.identities import FIRST_PERSON, ROOT, Identities


def asked(identities: Identities, node: str, number: int) -> int:
    return identities.of(node, f"check-{number}")


def test_three_questions_of_a_node_are_three_users() -> None:
    identities = Identities()
    for node in ("desk", "gw"):
        users = {asked(identities, node, number) for number in range(3)}
        assert {ROOT, FIRST_PERSON} < users
        assert len(users) == 3


def test_a_question_keeps_its_user() -> None:
    identities = Identities()
    first = [asked(identities, *which) for which in product(("desk", "gw"), range(20))]
    assert first == [asked(identities, *which) for which in product(("desk", "gw"), range(20))]


def test_whom_a_question_is_dealt_nobody_can_foresee() -> None:
    assert len({asked(Identities(), "desk", 1) for _ in range(200)}) > 3
