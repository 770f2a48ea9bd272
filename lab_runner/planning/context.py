"""The names that a template may use, and templates filled in with them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jinja2
from pydantic import Field

from lab_runner.models.lab import Certificate, Interface, Segment
from lab_runner.models.parameters import Parameter, Strict, draw, draw_bytes
from lab_runner.models.source import (
    Complain,
    Document,
    Path_,
    piece,
    refuse,
    unknown,
    validated,
)
from lab_runner.planning.identity import Authority, ServerCertificate, ssh_key
from lab_runner.planning.templates import compiled
from lab_runner.planning.views import InterfaceView, NodeView, SegmentView

#: What an expression within a template may come to besides a wrong name.
TROUBLES = (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError)


class _Parameters(Strict):
    """The part of a file that is read before anything can be filled in."""

    parameters: dict[str, Parameter] = Field(default_factory=dict)


class _Segments(Strict):
    segments: dict[str, Segment]


class _Interfaces(Strict):
    interfaces: dict[str, Interface] = Field(min_length=1)


@dataclass(frozen=True)
class Context:
    """Everything that a template may name."""

    names: Mapping[str, Any]
    nodes: Mapping[str, NodeView]
    segments: Mapping[str, SegmentView]
    authority: Authority

    def extended(self, more: Mapping[str, Any]) -> Context:
        """The same with further names."""
        return Context({**self.names, **more}, self.nodes, self.segments, self.authority)

    def text(self, template: str) -> str:
        """Fill in one template.

        Raises:
            jinja2.TemplateError: An unknown name, or a template that is none.
        """
        return compiled(template).render(self.names)

    def fill(
        self, value: Any, document: Document, at: Path_ = (), complain: Complain = refuse
    ) -> Any:
        """Fill in every string within ``value``, which stands at ``at`` in ``document``.

        A string that cannot be filled in stays as it is, once that is complained of.

        Raises:
            DefinitionError: With the place of the string that could not be filled in.
        """
        if isinstance(value, str):
            filled = piece(lambda: self._filled(value, document, at), complain)
            return value if filled is None else filled
        if isinstance(value, list):
            return [self.fill(item, document, (*at, i), complain) for i, item in enumerate(value)]
        if isinstance(value, dict):
            return {k: self.fill(item, document, (*at, k), complain) for k, item in value.items()}
        return value

    def fill_file(self, document: Document, complain: Complain = refuse) -> dict[str, Any]:
        """A whole file filled in, but for its parameters, which are drawn and hold no templates."""
        data = document.data
        raw = {key: value for key, value in data.items() if key != "parameters"}
        parameters = data.get("parameters") or {}
        return {**self.fill(raw, document, complain=complain), "parameters": parameters}

    def _filled(self, value: str, document: Document, at: Path_) -> str:
        if "{" not in value:
            return value
        try:
            return self.text(value)
        except jinja2.UndefinedError as exc:
            known = ", ".join(sorted(self.names))
            raise document.error(f"{exc.message}. Known names: {known}", at) from exc
        except TROUBLES as exc:
            raise document.error(f"the template cannot be filled in: {exc}", at) from exc


def lab_context(
    document: Document,
    lab_id: str,
    seed: int,
    now: datetime.datetime,
    complain: Complain = refuse,
) -> Context:
    """Draw a lab's parameters and number its network.

    Raises:
        DefinitionError: A parameter is wrong, or a segment; also, unless ``complain`` takes
            it, a node, a gateway's name, a certificate.
    """
    names = draw_parameters(document, seed, lab_id)
    authority = Authority(seed, now)
    base = Context(names, {}, {}, authority)
    segments = _segments(document, base)
    nodes = _nodes(document, base, segments, f"{lab_id}/{seed}", seed, complain)
    context = Context({**names, "segments": segments, "nodes": nodes}, nodes, segments, authority)
    return context.extended(
        {
            "authority": authority,
            "certificates": _certificates(document, context, complain),
            "ssh_key": lambda name: ssh_key(seed, f"user/{name}"),
        }
    )


def draw_parameters(document: Document, seed: int, scope: str) -> dict[str, Any]:
    """The values of a file's ``parameters`` for this seed."""
    raw = document.data.get("parameters") or {}
    parsed = validated(_Parameters, {"parameters": raw}, document)
    return draw(parsed.parameters, seed, scope)


def _segments(document: Document, context: Context) -> dict[str, SegmentView]:
    raw = context.fill(document.data.get("segments") or {}, document, ("segments",))
    parsed = validated(_Segments, {"segments": raw}, document)
    return {name: SegmentView(name, spec.subnet) for name, spec in parsed.segments.items()}


def _nodes(
    document: Document,
    context: Context,
    segments: Mapping[str, SegmentView],
    scope: str,
    seed: int,
    complain: Complain,
) -> dict[str, NodeView]:
    raw = document.data.get("nodes")
    if not isinstance(raw, dict):
        raise document.error("'nodes' is missing or is not a mapping", ("nodes",))
    specs: dict[str, dict[str, Interface]] = {}
    for name in raw:
        found = piece(partial(_interfaces, document, context, name), complain)
        if found:
            specs[name] = found
    views: dict[str, NodeView] = {}
    for name, interfaces in specs.items():
        made: dict[str, InterfaceView] = {}
        for card, spec in interfaces.items():
            make = partial(_interface, document, (name, card), spec, segments, specs, scope)
            view = piece(make, complain)
            if view:
                made[card] = view
        views[name] = NodeView(name, made, seed)
    return views


def _interfaces(document: Document, context: Context, node: str) -> dict[str, Interface]:
    raw = document.data["nodes"][node]
    if not isinstance(raw, dict):
        raise document.error(f"node {node!r} is not a mapping", ("nodes", node))
    at: Path_ = ("nodes", node, "interfaces")
    cards = raw.get("interfaces") or {}
    if isinstance(cards, dict):
        cards = {card: _without_routes(spec) for card, spec in cards.items()}
    filled = context.fill(cards, document, at)
    return validated(_Interfaces, {"interfaces": filled}, document, at[:-1]).interfaces


def _without_routes(card: Any) -> Any:
    """Routes may name other nodes' addresses, which are not known yet."""
    if not isinstance(card, dict):
        return card
    return {key: value for key, value in card.items() if key != "routes"}


def _interface(
    document: Document,
    at: tuple[str, str],
    spec: Interface,
    segments: Mapping[str, SegmentView],
    nodes: Mapping[str, Mapping[str, Interface]],
    scope: str,
) -> InterfaceView:
    where: Path_ = ("nodes", at[0], "interfaces", at[1])
    if spec.segment not in segments:
        message = unknown(f"segment {spec.segment!r}", spec.segment, segments)
        raise document.error(message, (*where, "segment"))
    segment = segments[spec.segment]
    if spec.host is None or spec.host >= segment.subnet.num_addresses - 1:
        raise document.error(f"no host {spec.host} in {segment.subnet}", (*where, "host"))
    return InterfaceView(
        name=at[1],
        mac=_mac(f"{scope}/{at[0]}/{at[1]}"),
        segment=segment,
        address=segment.host(spec.host),
        gateway=_gateway(document, where, spec, segment, nodes),
        extra=tuple(segment.host(number) for number in spec.extra),
    )


def _gateway(
    document: Document,
    where: Path_,
    spec: Interface,
    segment: SegmentView,
    nodes: Mapping[str, Mapping[str, Interface]],
) -> str | None:
    if spec.gateway is None:
        return None
    if spec.gateway not in nodes:
        message = unknown(f"node {spec.gateway!r}", spec.gateway, nodes)
        raise document.error(message, (*where, "gateway"))
    for card in nodes[spec.gateway].values():
        if card.segment == spec.segment and card.host is not None:
            return segment.host(card.host)
    message = f"{spec.gateway} has no interface on segment {spec.segment}"
    raise document.error(message, (*where, "gateway"))


class _Certificates(Mapping[str, ServerCertificate]):
    """``{{ certificates.shop.chain }}``: issued when first named, most verbs name none."""

    def __init__(self, specs: Mapping[str, Certificate], authority: Authority) -> None:
        self._specs, self._authority = specs, authority

    def __getitem__(self, label: str) -> ServerCertificate:
        spec = self._specs[label]
        return self._authority.issue(label, spec.names, spec.days)

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)


def _certificates(document: Document, context: Context, complain: Complain) -> _Certificates:
    raw = document.data.get("certificates") or {}
    if not isinstance(raw, dict):
        raise document.error("'certificates' is not a mapping", ("certificates",))
    specs: dict[str, Certificate] = {}
    for label, data in raw.items():
        spec = piece(partial(_certificate, document, context, label, data), complain)
        if spec:
            specs[label] = spec
    return _Certificates(specs, context.authority)


def _certificate(document: Document, context: Context, label: str, data: Any) -> Certificate:
    at: Path_ = ("certificates", label)
    return validated(Certificate, context.fill(data, document, at), document, at)


def _mac(name: str) -> str:
    """A locally administered unicast address (IEEE 802-2014, 8.4)."""
    tail = draw_bytes(0, f"mac/{name}", 5)
    return ":".join(f"{byte:02x}" for byte in (0x02, *tail))
