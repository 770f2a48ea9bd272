"""Every shipped scenario holds the contract, proven with one seed.

The proofs run side by side from the first test on; each test waits for its own.
"""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Iterator

import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.engine.docker import connect
from lab_runner.errors import EngineError
from lab_runner.proving.contract import plans, prove
from lab_runner.proving.matrix import Proof, Row

SEED = 11
#: A proof waits half of its time, for answers that do not come.
_JOBS = min(3 * (os.cpu_count() or 1), 12)
_PATIENCE_S = 1200

Proofs = dict[str, "concurrent.futures.Future[list[Proof]]"]


def scenario_ids() -> list[str]:
    return Catalogue().scenario_ids()


@pytest.fixture(scope="session")
def proofs(request: pytest.FixtureRequest, shipped: Catalogue) -> Iterator[Proofs]:
    try:
        client = connect()
    except EngineError as exc:
        pytest.fail(f"these tests need a Docker engine: {exc} {exc.hint}", pytrace=False)
    wanted = [
        item.callspec.params["scenario"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and "proofs" in item.fixturenames
    ]
    with concurrent.futures.ThreadPoolExecutor(_JOBS) as pool:

        def proven(name: str) -> list[Proof]:
            return list(prove(client, plans(shipped, [name], seeds=[SEED])))

        yield {name: pool.submit(proven, name) for name in wanted}
        pool.shutdown(cancel_futures=True)
    client.close()


def wrong_cells(row: Row) -> list[str]:
    where = f"{row.clause} {row.state}"
    problems = [f"{where}: {row.problem}"] if row.problem else []
    for cell in row.cells:
        if cell.wrong:
            expected = " or ".join(cell.expected)
            problems.append(
                f"{where}: {cell.check} ({cell.role}) is {cell.status}, should be {expected}: "
                f"{cell.rationale}"
            )
    return problems


@pytest.mark.docker
@pytest.mark.timeout(_PATIENCE_S)
@pytest.mark.parametrize("scenario", scenario_ids())
def test_the_contract_holds(proofs: Proofs, scenario: str) -> None:
    (proof,) = proofs[scenario].result(_PATIENCE_S)
    wrong = [line for row in proof.rows for line in wrong_cells(row)]
    assert not wrong, f"seed {SEED}\n" + "\n".join(wrong)
    assert proof.holds
