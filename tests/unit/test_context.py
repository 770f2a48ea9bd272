"""Names that templates may use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jinja2
import pytest

from lab_runner.catalogue import Catalogue
from lab_runner.errors import DefinitionError
from lab_runner.models.source import Document
from lab_runner.planning.context import Context, lab_context
from tests.conftest import NOW


@pytest.fixture
def context(small: Catalogue) -> Context:
    return lab_context(small.lab("mini").document, "mini", 1, NOW)


@pytest.mark.parametrize(
    ("template", "pattern"),
    [
        ("plain", "^plain$"),
        ("{{ word }}", "^(amber|birch|cedar)$"),
        ("{{ lan }}", r"^10\.\d+\.\d+\.0/24$"),
        ("{{ segments.lan.host(21) }}", r"^10\..*\.21$"),
        ("{{ segments.dmz.prefix }} {{ segments.dmz.netmask }}", r"^28 255\.255\.255\.240$"),
        ("{{ segments.lan.broadcast }}", r"\.255$"),
        ("{{ nodes.gw.address }}", r"\.1$"),
        ("{{ nodes.gw.interfaces.eth1.cidr }}", r"^192\.168\..*/28$"),
        ("{{ nodes.gw.interfaces.eth1.mac }}", r"^02(:[0-9a-f]{2}){5}$"),
        ("{{ nodes.gw.host_key.public }}", r"^ssh-ed25519 AAAA"),
        ("{{ nodes.gw.host_key.fingerprint }}", r"^SHA256:"),
        ("{{ ssh_key('clerk').public }}", r"^ssh-ed25519 AAAA"),
        ("{{ authority.certificate }}", r"^-----BEGIN CERTIFICATE-----"),
    ],
)
def test_names(context: Context, template: str, pattern: str) -> None:
    assert re.search(pattern, context.text(template))


def test_fills_whatever_is_nested(context: Context) -> None:
    document = Document(Path("x.yml"), {}, {})
    raw: dict[str, Any] = {"a": ["{{ word }}", 1, None, {"b": "{{ 1 + 1 }}"}], "c": True}
    word = context.text("{{ word }}")
    filled = context.fill(raw, document)
    assert filled == {"a": [word, 1, None, {"b": "2"}], "c": True}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ nothing }}", r"x\.yml:5:9: 'nothing' is undefined\. Known names: authority, .*word"),
        ("{{ nodes.rooter.address }}", r"x\.yml:5:9: .*has no attribute 'rooter'"),
        ("{{ nodes.gw.adress }}", r"x\.yml:5:9: .*has no attribute 'adress'"),
        ("{{ word | shout }}", r"x\.yml:5:9: the template cannot be filled in: No filter named"),
        ("{{ 1 + word }}", r"x\.yml:5:9: the template cannot be filled in: unsupported operand"),
        ("{% for %}", r"x\.yml:5:9: the template cannot be filled in"),
        ("{{ word", r"x\.yml:5:9: the template cannot be filled in"),
        ("{{ segments.lan.host('x') }}", r"x\.yml:5:9: the template cannot be filled in"),
    ],
)
def test_says_where_a_template_is_wrong(context: Context, template: str, message: str) -> None:
    document = Document(Path("x.yml"), {}, {("a", 0): (5, 9)})
    with pytest.raises(DefinitionError, match=message):
        context.fill({"a": [template]}, document)


def test_text_of_a_file_raises_what_jinja_raises(context: Context) -> None:
    with pytest.raises(jinja2.UndefinedError):
        context.text("{{ nothing }}")


def test_further_names(context: Context) -> None:
    assert context.extended({"case": "x"}).text("{{ case }} {{ word }}").startswith("x ")
    with pytest.raises(jinja2.UndefinedError):
        context.text("{{ case }}")


def test_cards_keep_their_addresses_from_build_to_build(small: Catalogue) -> None:
    document = small.lab("mini").document
    one, two, other = (lab_context(document, "mini", seed, NOW) for seed in (1, 1, 2))
    mac = "{{ nodes.gw.interfaces.eth0.mac }}"
    assert one.text(mac) == two.text(mac) != other.text(mac)
