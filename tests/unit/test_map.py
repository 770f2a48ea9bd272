"""The picture: everything is in it once, nothing lies on anything else, it fits."""

from __future__ import annotations

import ipaddress
import itertools
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_runner.catalogue import Catalogue
from lab_runner.map.drawing import ASCII, CELLS, as_text, draw
from lab_runner.map.layout import Box, Measures, Picture, arrange
from lab_runner.map.network import Cable, Health, Network, Node, network_of
from lab_runner.map.svg import PIXELS, as_svg
from lab_runner.models.lab import Kind
from lab_runner.models.results import CheckResult, Report, Role, Status
from lab_runner.planning.plan import Plan, make_plan

DATA = Path(__file__).parent.parent / "data"
SUBNETS = {
    "lan": "10.3.7.0/24",
    "guest": "10.3.8.0/24",
    "uplink": "198.51.100.0/29",
    "internet": "203.0.113.0/24",
}
PLACES = {
    "pc1": {"lan": 21},
    "pc2": {"lan": 22},
    "srv": {"lan": 80},
    "gw": {"lan": 1, "guest": 1, "uplink": 2},
    "pc3": {"guest": 33},
    "isp": {"uplink": 1, "internet": 1},
    "ns1": {"internet": 53},
    "ns2": {"internet": 54},
    "rdns": {"internet": 55},
    "web": {"internet": 80},
    "partner": {"internet": 90},
    "ext": {"internet": 99},
}
OUTSIDE = {"isp", "ns1", "ns2", "rdns", "web", "partner", "ext"}

GOLDEN = """\
internet  203.0.113.0/24
━━┯━━━━━┯━━━━━━━━━┯━━━━━━━━━━┯━━━━━━━━━┯━━━━━━━━━━━┯━━━━━━━━━━━┯━━━━
  │ ┌╌╌╌┴╌╌╌┐ ┌╌╌╌┴╌╌╌┐ ┌╌╌╌╌┴╌╌╌┐ ┌╌╌╌┴╌╌╌┐ ┌╌╌╌╌╌┴╌╌╌╌╌┐ ┌╌╌╌┴╌╌╌┐
  │ ┊ ✓ ns1 ┊ ┊ · ns2 ┊ ┊ · rdns ┊ ┊ · web ┊ ┊ · partner ┊ ┊ · ext ┊
  │ ┊ .53   ┊ ┊ .54   ┊ ┊ .55    ┊ ┊ .80   ┊ ┊ .90       ┊ ┊ .99   ┊
  │ └╌╌╌╌╌╌╌┘ └╌╌╌╌╌╌╌┘ └╌╌╌╌╌╌╌╌┘ └╌╌╌╌╌╌╌┘ └╌╌╌╌╌╌╌╌╌╌╌┘ └╌╌╌╌╌╌╌┘
  │ .1
┌╌┴╌╌╌╌╌┐
┊ · isp ┊
└╌┬╌╌╌╌╌┘
  │ .1   uplink  198.51.100.0/29
━━┿━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
  │ .2
┌─┴────┐
│ ✗ gw │
└─┬─┬──┘
  │ └───────────────────────────┐
  │ .1   lan  10.3.7.0/24       │ .1   guest  10.3.8.0/24
━━┷━┯━━━━━━━━━┯━━━━━━━━━┯━━━━ ━━┷━┯━━━━━━━━━━━━━━━━━━━━━━
┌───┴───┐ ┌───┴───┐ ┌───┴───┐ ┌───┴───┐
│ ✗ pc1 │ │ ✓ pc2 │ │ · srv │ │ · pc3 │
│ .21   │ │ .22   │ │ .80   │ │ .33   │
└───────┘ └───────┘ └───────┘ └───────┘
"""


def network(
    places: dict[str, dict[str, int]],
    subnets: dict[str, str],
    healths: dict[str, Health] | None = None,
) -> Network:
    nodes = {
        name: Node(
            name=name,
            title="",
            kind=Kind.INTERNET if name in OUTSIDE else Kind.SERVER,
            access=name not in OUTSIDE,
            cables=tuple(cable(s, n, ipaddress.IPv4Network(subnets[s])) for s, n in cards.items()),
            health=(healths or {}).get(name, Health.UNKNOWN),
        )
        for name, cards in places.items()
    }
    return Network("branch", subnets, nodes)


def cable(segment: str, number: int, subnet: ipaddress.IPv4Network) -> Cable:
    return Cable(segment, f"eth-{segment}", str(subnet[number]), subnet.prefixlen)


@pytest.fixture
def branch() -> Network:
    healths = {"pc1": Health.RED, "gw": Health.RED, "pc2": Health.GREEN, "ns1": Health.GREEN}
    return network(PLACES, SUBNETS, healths)


@pytest.fixture
def pair() -> Plan:
    catalogue = Catalogue((DATA / "labs",), (DATA / "scenarios",))
    return make_plan(catalogue, "far-side-unreachable", 1)


def test_branch_at_80_columns(branch: Network) -> None:
    assert as_text(branch, 80) == GOLDEN


def test_wide_terminals_get_whole_addresses(branch: Network) -> None:
    assert "203.0.113.53" in as_text(branch, 120)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_no_line_is_longer_than_the_terminal(branch: Network, width: int) -> None:
    assert max(map(len, as_text(branch, width).splitlines())) <= width


def test_ascii_has_no_other_letters(branch: Network) -> None:
    assert as_text(branch, 80).translate(ASCII).isascii()


def test_colours_are_of_nodes(branch: Network) -> None:
    red = "".join(text for line in draw(branch, 80) for text, style in line if style == "red")
    assert red.count("✗") == 2


def test_a_cable_that_closes_a_loop_is_written_down() -> None:
    """Two routers between the same segments: one carries the tree, the other says it is there."""
    places = {"a": {"lan": 10}, "r1": {"lan": 1, "uplink": 1}, "r2": {"lan": 2, "uplink": 2}}
    text = as_text(network(places, {k: SUBNETS[k] for k in ("lan", "uplink")}), 80)
    assert "+uplink 198.51.100.2" in text


def test_islands_are_all_drawn() -> None:
    text = as_text(network({"a": {"lan": 10}, "b": {"guest": 10}}, SUBNETS), 80)
    for segment in SUBNETS:
        assert segment in text


def test_healths_follow_vantage_and_far_end(pair: Plan) -> None:
    rows = [
        CheckResult(
            id=check.id,
            title=check.title,
            role=Role.GUARD,
            status=Status.FAILED if check.id == "alice-reaches-carol" else Status.PASSED,
            rationale="",
        )
        for check in pair.checks
    ]
    report = Report(attempt="a", scenario="s", seed=1, checks=rows)
    drawn = network_of(pair, report)
    assert drawn.nodes["alice"].health is Health.RED
    assert drawn.nodes["carol"].health is Health.GREEN
    assert drawn.nodes["gw"].health is Health.UNKNOWN


def test_without_a_report_nothing_is_marked(pair: Plan) -> None:
    text = as_text(network_of(pair), 80)
    assert "alice" in text
    assert not set("✓✗") & set(text)


def test_svg_is_one_file_without_scripts(branch: Network) -> None:
    drawing = as_svg(branch)
    root = ET.fromstring(drawing)
    assert root.tag.endswith("svg")
    assert "<script" not in drawing
    assert "href" not in drawing
    words = "".join(root.itertext())
    for name in (*PLACES, *SUBNETS):
        assert name in words
    assert "prefers-color-scheme: dark" in drawing


def test_svg_of_the_test_lab(pair: Plan) -> None:
    assert "alice" in as_svg(network_of(pair))


NAMES = st.text("abcdefgh", min_size=1, max_size=8)


@st.composite
def networks(draw_from: st.DrawFn) -> Network:
    segments = draw_from(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    subnets = {name: f"10.0.{i}.0/24" for i, name in enumerate(segments)}
    names = draw_from(st.lists(NAMES, min_size=1, max_size=12, unique=True))
    number = itertools.count(1)
    places = {
        f"n-{name}": {
            segment: next(number)
            for segment in draw_from(
                st.lists(st.sampled_from(segments), min_size=1, max_size=3, unique=True)
            )
        }
        for name in names
    }
    return network(places, subnets)


@settings(deadline=None, max_examples=40)
@given(networks(), st.sampled_from([CELLS, PIXELS]), st.integers(20, 200))
def test_any_network_is_drawn_without_overlap(net: Network, measures: Measures, width: int) -> None:
    picture = arrange(net, measures, width * measures.letter)
    assert sorted(box.node.name for box in picture.boxes) == sorted(net.nodes)
    assert {bar.segment for bar in picture.bars} == set(net.segments)
    for one, other in itertools.combinations(picture.boxes, 2):
        assert not overlap(one, other)
    assert_cables(net, picture)


@settings(deadline=None, max_examples=40)
@given(networks(), st.integers(20, 200))
def test_any_network_is_drawn_as_text_and_svg(net: Network, width: int) -> None:
    text = as_text(net, width)
    assert all(name in text for name in net.nodes)
    ET.fromstring(as_svg(net))


def overlap(one: Box, other: Box) -> bool:
    apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
    apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
    return not (apart_x or apart_y)


def assert_cables(net: Network, picture: Picture) -> None:
    """Each cable is a wire, or a line of text in its node's box."""
    written = sum(line.startswith("+") for box in picture.boxes for line in box.lines)
    cables = sum(len(node.cables) for node in net.nodes.values())
    assert len(picture.wires) + written == cables
