"""A ruleset's lines, without what packets put into it."""

from __future__ import annotations

from lab_runner.switchboard.kernel import firewall

RULESET = """table inet filter {
\tset crowd {
\t\ttype ipv4_addr
\t\tsize 65535
\t\tflags dynamic,timeout
\t\telements = { 10.0.0.1 expires 59s10ms, 10.0.0.2,
\t\t\t     10.0.0.3 }
\t}

\tset closed {
\t\ttype inet_service
\t\tflags interval
\t\telements = { 20-25, 69,
\t\t\t     110-143 }
\t}

\tchain input {
\t\ttype filter hook input priority filter; policy accept;
\t\ttcp dport { 80, 443 } ct state new add @crowd { ip saddr } accept
\t}
}
"""


def test_what_packets_put_into_a_set_is_left_out() -> None:
    lines = firewall(RULESET)
    assert not [line for line in lines if "10.0.0." in line]
    assert "\t\tflags dynamic,timeout" in lines


def test_what_people_put_into_a_set_stays() -> None:
    lines = firewall(RULESET)
    assert "\t\telements = { 20-25, 69," in lines
    assert "\t\t\t     110-143 }" in lines
    assert [line for line in lines if "@crowd" in line]
    assert "\n".join(firewall("")) == ""
