"""Keys and certificates: the same for a seed, and good enough for real programs."""

from __future__ import annotations

import datetime
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab_runner.planning.identity import Authority, ServerCertificate, ssh_key

NOW = datetime.datetime.now(datetime.UTC)
NAMES = ["www.mini.test", "*.cdn.mini.test"]


@pytest.fixture(scope="module")
def issued() -> ServerCertificate:
    return Authority(7, NOW).issue("www", NAMES, 365)


def test_keys_follow_from_seed_and_name() -> None:
    # The file of a private key has a random number in it, the key has not (PROTOCOL.key).
    assert ssh_key(7, "host/gw").public == ssh_key(7, "host/gw").public
    different = {ssh_key(seed, name).public for seed in (7, 8) for name in ("host/gw", "host/pc")}
    assert len(different) == 4


def test_a_key_that_never_changes() -> None:
    assert ssh_key(7, "host/gw").fingerprint == "SHA256:/1Lx90hrQaLV0QyABiCMSFHbgHI26snKsQVdFutLYCE"


def test_the_pair_belongs_together() -> None:
    key = ssh_key(7, "user/clerk")
    private = serialization.load_ssh_private_key(key.private.encode(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    assert public.decode() == key.public


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no OpenSSH on this machine")
def test_openssh_agrees(tmp_path: Path) -> None:
    key = ssh_key(7, "user/clerk")
    file = tmp_path / "key"
    file.write_text(key.private)
    file.chmod(0o600)
    for argv, said in ((["-lf", str(file)], key.fingerprint), (["-yf", str(file)], key.public)):
        done = subprocess.run(["ssh-keygen", *argv], capture_output=True, text=True, check=True)
        assert said in done.stdout


def test_certificates_follow_from_the_seed() -> None:
    one, two = (Authority(7, NOW).issue("www", NAMES, 365) for _ in range(2))
    assert one.key == two.key
    other = Authority(8, NOW)
    assert other.issue("www", NAMES, 365).key != one.key
    assert other.issue("api", NAMES, 365).key != other.issue("www", NAMES, 365).key
    assert other.issue("www", NAMES, 365) is other.issue("www", NAMES, 365)


def test_what_a_certificate_says(issued: ServerCertificate) -> None:
    certificate = x509.load_pem_x509_certificate(issued.chain.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == NAMES
    length = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert length.days == 365
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc


def handshake(tmp_path: Path, authority: str, issued: ServerCertificate, name: str) -> str | None:
    """A TLS handshake in memory; the name of the client's complaint."""
    (tmp_path / "chain.pem").write_text(issued.chain)
    (tmp_path / "key.pem").write_text(issued.key)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_side.load_verify_locations(cadata=authority)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(back, there, server_hostname=name)
    server = server_side.wrap_bio(there, back, server_side=True)
    waiting = [client, server]
    for side in [client, server] * 4:
        try:
            side.do_handshake()
            waiting = [other for other in waiting if other is not side]
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as exc:
            return exc.verify_message
    assert not waiting
    return None


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("www.mini.test", None),
        ("x.cdn.mini.test", None),
        ("other.test", "Hostname mismatch, certificate is not valid for 'other.test'."),
    ],
)
def test_verifies(
    tmp_path: Path, issued: ServerCertificate, name: str, complaint: str | None
) -> None:
    assert handshake(tmp_path, Authority(7, NOW).certificate, issued, name) == complaint


def test_another_seeds_authority_does_not_vouch(tmp_path: Path, issued: ServerCertificate) -> None:
    assert handshake(tmp_path, Authority(8, NOW).certificate, issued, "www.mini.test")


def test_a_certificate_that_has_run_out(tmp_path: Path) -> None:
    authority = Authority(7, NOW)
    old = authority.issue("old", ["www.mini.test"], 10)
    said = handshake(tmp_path, authority.certificate, old, "www.mini.test")
    assert said == "certificate has expired"


def below(authority: Authority, *names: str, days: int = 1825) -> Authority:
    for name in names:
        authority = authority.intermediate(name, days)
    return authority


@pytest.mark.parametrize("names", [("Lab TLS 1",), ("Lab Policy", "Lab TLS 1")])
def test_a_chain_over_intermediates_verifies(tmp_path: Path, names: tuple[str, ...]) -> None:
    root = Authority(7, NOW)
    shown = below(root, *names).issue("www", NAMES, 365)
    subjects = [
        certificate.subject.rfc4514_string()
        for certificate in x509.load_pem_x509_certificates(shown.chain.encode())
    ]
    assert subjects == ["CN=www.mini.test", *(f"CN={name}" for name in reversed(names))]
    assert handshake(tmp_path, root.certificate, shown, "www.mini.test") is None


@pytest.mark.parametrize("left", [1, 2])
def test_a_chain_with_a_gap_does_not(tmp_path: Path, left: int) -> None:
    root = Authority(7, NOW)
    whole = below(root, "Lab Policy", "Lab TLS 1").issue("www", NAMES, 365)
    pieces = whole.chain.split("-----END CERTIFICATE-----\n")[:left]
    shown = ServerCertificate("-----END CERTIFICATE-----\n".join([*pieces, ""]), whole.key)
    assert left > 1 or shown.chain == whole.leaf
    said = handshake(tmp_path, root.certificate, shown, "www.mini.test")
    assert said in {
        "unable to get local issuer certificate",
        "unable to get issuer certificate",
    }


def test_an_intermediate_that_has_run_out_and_its_renewal(tmp_path: Path) -> None:
    root = Authority(7, NOW)
    old, new = (root.intermediate("Lab TLS 1", days) for days in (29, 1825))
    shown = old.issue("www", NAMES, 365)
    assert handshake(tmp_path, root.certificate, shown, "www.mini.test") == (
        "certificate has expired"
    )
    renewed = ServerCertificate(shown.leaf + new.certificate, shown.key)
    assert handshake(tmp_path, root.certificate, renewed, "www.mini.test") is None
    before, after = (
        x509.load_pem_x509_certificate(authority.certificate.encode()) for authority in (old, new)
    )
    assert before.public_key() == after.public_key()
    assert before.serial_number != after.serial_number


def test_an_authority_has_no_more_below_it_than_it_may() -> None:
    lowest = below(Authority(7, NOW), "Lab Policy", "Lab TLS 1")
    with pytest.raises(ValueError, match="Lab TLS 1 may have no authority below it"):
        lowest.intermediate("Lab TLS 1a")


def test_a_strangers_certificates_are_believed_by_who_has_its_root_only(tmp_path: Path) -> None:
    root = Authority(7, NOW)
    stranger = root.stranger("Office Inspection CA")
    shown = stranger.issue("www", NAMES, 365)
    assert handshake(tmp_path, root.certificate, shown, "www.mini.test")
    assert handshake(tmp_path, root.certificate + stranger.certificate, shown, "www.mini.test") is (
        None
    )
    key = serialization.load_pem_private_key(stranger.key.encode(), None)
    own = x509.load_pem_x509_certificate(stranger.certificate.encode())
    assert key.public_key() == own.public_key()
    assert stranger.key != root.key == root.stranger(root.name).key


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_openssl_agrees_about_intermediates(tmp_path: Path) -> None:
    root = Authority(7, NOW)
    authority = below(root, "Lab Policy", "Lab TLS 1")
    (tmp_path / "ca.pem").write_text(root.certificate)
    (tmp_path / "leaf.pem").write_text(authority.issue("www", NAMES, 365).leaf)
    (tmp_path / "chain.pem").write_text(authority.chain)
    argv = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver"]
    argv += ["-CAfile", str(tmp_path / "ca.pem"), "-untrusted", str(tmp_path / "chain.pem")]
    done = subprocess.run(
        [*argv, str(tmp_path / "leaf.pem")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_openssl_agrees(tmp_path: Path, issued: ServerCertificate) -> None:
    (tmp_path / "ca.pem").write_text(Authority(7, NOW).certificate)
    (tmp_path / "leaf.pem").write_text(issued.chain)
    argv = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver"]
    argv += ["-CAfile", str(tmp_path / "ca.pem"), str(tmp_path / "leaf.pem")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
