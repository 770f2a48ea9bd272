"""What varies from attempt to attempt, and how a seed decides it.

Every draw is a keyed hash of the seed and the parameter's own name, never the
state of a generator: adding a parameter does not change the others, and a seed
names the same case on every machine (RFC 2104, HMAC).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lab_runner.errors import DefinitionError


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SubnetRange(Strict):
    """A subnet of ``prefix`` bits somewhere within a larger one, clear of those drawn before.

    Attributes:
        within: The larger network: ``10.0.0.0/8``.
        prefix: Length of the subnet's prefix in bits.
    """

    within: ipaddress.IPv4Network
    prefix: int = Field(ge=8, le=30)

    @model_validator(mode="after")
    def _inside(self) -> SubnetRange:
        if self.prefix < self.within.prefixlen:
            raise ValueError(f"a /{self.prefix} does not fit into {self.within}")
        return self


class IntegerRange(Strict):
    """``count`` different integers; a single one where ``count`` is left out.

    Attributes:
        low: The lowest that may be drawn (``from`` in the file).
        high: The highest that may be drawn (``to`` in the file).
        count: So many different ones, as a list.
    """

    low: int = Field(alias="from")
    high: int = Field(alias="to")
    count: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _wide_enough(self) -> IntegerRange:
        if self.high - self.low + 1 < (self.count or 1):
            raise ValueError(f"{self.low} to {self.high} does not hold {self.count or 1} integers")
        return self


class Sample(Strict):
    """``count`` different members of a list, in a drawn order.

    Attributes:
        of: What is drawn from.
        count: So many of them.
    """

    of: list[Any] = Field(min_length=1)
    count: int = Field(ge=1)

    @model_validator(mode="after")
    def _enough(self) -> Sample:
        if self.count > len(self.of):
            raise ValueError(f"{self.count} of {len(self.of)} cannot be drawn")
        return self


class Parameter(Strict):
    """Exactly one way to draw.

    Attributes:
        choice: One of a list; its members may be mappings.
        subnet: A subnet within a larger network, clear of all that were drawn before it.
        integer: A number, or several different ones.
        sample: Several different members of a list.
    """

    choice: list[Any] | None = Field(default=None, min_length=1)
    subnet: SubnetRange | None = None
    integer: IntegerRange | None = None
    sample: Sample | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Parameter:
        given = [way for way in self.model_fields_set if getattr(self, way) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of: choice, subnet, integer, sample")
        return self


def draw_number(seed: int, name: str, below: int) -> int:
    """A number from 0 to ``below - 1`` that ``seed`` and ``name`` decide."""
    digest = hmac.new(f"breakfix:{seed}".encode(), name.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest, "big") % below


def draw_bytes(seed: int, name: str, length: int = 32) -> bytes:
    """Up to 64 bytes that ``seed`` and ``name`` decide."""
    return hmac.new(f"breakfix:{seed}".encode(), name.encode(), hashlib.sha512).digest()[:length]


def draw(parameters: Mapping[str, Parameter], seed: int, scope: str) -> dict[str, Any]:
    """A value for each parameter.

    Args:
        parameters: What to draw, in order.
        seed: The attempt's seed.
        scope: The lab's or the scenario's id, so that equal names draw independently.

    Returns:
        Subnets as :class:`ipaddress.IPv4Network`, the rest as the file has it.
    """
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        values[name] = _draw_one(parameter, seed, f"{scope}/{name}", values)
    return values


def _draw_one(parameter: Parameter, seed: int, name: str, earlier: Mapping[str, Any]) -> Any:
    if parameter.choice is not None:
        return parameter.choice[draw_number(seed, name, len(parameter.choice))]
    if parameter.subnet is not None:
        return _draw_subnet(parameter.subnet, seed, name, earlier)
    if parameter.integer is not None:
        return _draw_integers(parameter.integer, seed, name)
    assert parameter.sample is not None
    return _shuffled(parameter.sample.of, seed, name)[: parameter.sample.count]


def _draw_integers(spec: IntegerRange, seed: int, name: str) -> int | list[int]:
    numbers = _shuffled(range(spec.low, spec.high + 1), seed, name)
    return numbers[0] if spec.count is None else numbers[: spec.count]


def _draw_subnet(
    spec: SubnetRange, seed: int, name: str, earlier: Mapping[str, Any]
) -> ipaddress.IPv4Network:
    taken = [v for v in earlier.values() if isinstance(v, ipaddress.IPv4Network)]
    size = 1 << (32 - spec.prefix)
    count = spec.within.num_addresses // size
    for attempt in range(256):
        index = draw_number(seed, f"{name}#{attempt}", count)
        base = int(spec.within.network_address) + index * size
        subnet = ipaddress.IPv4Network((base, spec.prefix))
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise DefinitionError(f"No free /{spec.prefix} is left within {spec.within} for {name}.")


def _shuffled(items: Any, seed: int, name: str) -> list[Any]:
    order = sorted(range(len(items)), key=lambda i: draw_bytes(seed, f"{name}#{i}"))
    return [items[i] for i in order]
