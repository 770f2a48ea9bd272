"""Labs and scenarios of one's own: a lab that runs is found again only with their folders."""

from __future__ import annotations

from collections.abc import Mapping

from lab_runner.catalogue import Catalogue
from lab_runner.errors import UnknownName
from lab_runner.planning.composite import PLUS


def folders_of(catalogue: Catalogue, scenario: str, lab: str) -> dict[str, str]:
    """The folders that have to be named, by the option that does it; the kit's need not be."""
    parts = [catalogue.scenario(part).collection for part in scenario.split(PLUS)]
    found = {
        "labs": catalogue.lab(lab).collection,
        "scenarios": next(filter(None, parts), None),
    }
    return {option: str(folder) for option, folder in found.items() if folder}


def missing(catalogue: Catalogue, scenario: str, lab: str) -> list[str]:
    """The options without which an attempt's scenario or lab is not known."""
    there = {
        "labs": lab in catalogue.lab_files,
        "scenarios": all(part in catalogue.scenario_files for part in scenario.split(PLUS)),
    }
    return [option for option, known in there.items() if not known]


def require_folders(catalogue: Catalogue, scenario: str, lab: str, told: Mapping[str, str]) -> None:
    """See that an attempt's scenario and lab are known.

    Args:
        catalogue: What is known.
        scenario: The attempt's.
        lab: The attempt's.
        told: What :func:`folders_of` gave when the attempt was started, as far as it is known.

    Raises:
        UnknownName: They are not; the hint has the options that are missing.
    """
    options = missing(catalogue, scenario, lab)
    if options:
        names = {"labs": f"lab {lab!r}", "scenarios": f"scenario {scenario!r}"}
        what = " and ".join(names[option] for option in options)
        raise UnknownName(
            f"The {what} of this attempt came from a folder that is not named now.",
            hint=advice(options, told),
        )


def advice(options: list[str], told: Mapping[str, str]) -> str:
    """How the folders are named that are missing."""
    words = " ".join(f"--{option} {told.get(option, 'DIR')}" for option in options)
    names = " and ".join(f"BREAKFIX_{option.upper()}" for option in options)
    return f"Name it before the verb, `lab {words} VERB`, or for a whole shell in {names}."
