"""Certificates that must not be trusted, over a real TLS handshake (X11)."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from servers.leaseweb import Client, Secret, SendOutcome, Timeouts, Unreachable
from servers.leaseweb.wire import default_tls
from tests.servers.leaseweb import samples
from tests.servers.leaseweb.wire import RawServer, answer, saying

Wire = Callable[..., RawServer]
Connect = Callable[..., Client]
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
GOOD = saying(answer(200, samples.server()))


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        certificate = self._build(self.name, self.key, 10, authority=True).sign(self.key, hashes.SHA256())
        self.pem = certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int, *, authority: bool = False
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=20))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .add_extension(_usage(authority=authority), critical=True)
        )

    def server(self, name: x509.GeneralName = LOOPBACK, *, days: int = 10) -> ssl.SSLContext:
        """The TLS settings of a server with a certificate for this name that ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test server")])
        builder = self._build(subject, key, days)
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        path = self.folder / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def client(self) -> ssl.SSLContext:
        """TLS settings that trust this authority."""
        return ssl.create_default_context(cadata=self.pem)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def assert_refused(client: Client, server: RawServer) -> None:
    """Neither a read nor a send gets through, and not a byte of either reaches the server."""
    with pytest.raises(Unreachable) as caught:
        client.get_server("222903")
    assert caught.value.code == "tls_failed"
    assert "does not trust the certificate" in caught.value.plain
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    sent = client.reboot("222903")
    assert (sent.outcome, sent.reason) == (SendOutcome.NOT_SENT, "tls_failed")
    assert server.requests_when_ended(2) == []


@pytest.mark.req("X11")
def test_a_good_certificate_is_accepted(wire: Wire, connect: Connect, authority: Authority) -> None:
    server = wire(GOOD, tls=authority.server())
    client = connect(server, tls=authority.client())
    assert client.get_server("222903").id == "222903"
    assert client.update_reference("222903", reference="x").outcome is SendOutcome.ACCEPTED


@pytest.mark.req("X11")
def test_a_certificate_of_an_unknown_authority_is_refused(
    wire: Wire, connect: Connect, authority: Authority
) -> None:
    server = wire(GOOD, tls=authority.server())
    assert_refused(connect(server), server)


@pytest.mark.req("X11")
def test_an_expired_certificate_is_refused(wire: Wire, connect: Connect, authority: Authority) -> None:
    server = wire(GOOD, tls=authority.server(days=-1))
    assert_refused(connect(server, tls=authority.client()), server)


@pytest.mark.req("X11")
def test_a_certificate_for_another_host_is_refused(
    wire: Wire, connect: Connect, authority: Authority
) -> None:
    server = wire(GOOD, tls=authority.server(x509.DNSName("api.leaseweb.com")))
    assert_refused(connect(server, tls=authority.client()), server)


@pytest.mark.req("X11")
def test_plain_http_behind_an_https_address_is_refused(wire: Wire, connect: Connect) -> None:
    server = wire(GOOD, greeting=answer(400, b"this is plain HTTP"))
    assert_refused(connect(server.url.replace("http://", "https://")), server)


@pytest.mark.req("X11")
@pytest.mark.req("G2")
def test_a_handshake_without_answer_is_proof_of_not_sent(wire: Wire, connect: Connect) -> None:
    server = wire(GOOD, deaf=True)
    client = connect(server.url.replace("http://", "https://"), timeout=Timeouts(connect=0.2))
    sent = client.reboot("222903")
    assert (sent.outcome, sent.reason) == (SendOutcome.NOT_SENT, "connect_timeout")


@pytest.mark.req("X11")
def test_certificates_named_by_the_environment_are_not_trusted(
    wire: Wire, connect: Connect, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    default_tls.cache_clear()
    try:
        server = wire(GOOD, tls=authority.server())
        assert_refused(connect(server), server)
    finally:
        default_tls.cache_clear()


@pytest.mark.req("X11")
def test_settings_that_do_not_check_are_refused() -> None:
    careless = ssl.create_default_context()
    careless.check_hostname = False
    with pytest.raises(ValueError, match="must check"):
        Client(Secret("k"), "https://api.leaseweb.com/cloud/v2", tls=careless)
    careless.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="must check"):
        Client(Secret("k"), "https://api.leaseweb.com/cloud/v2", tls=careless)


def test_default_settings_check_everything_and_are_shared() -> None:
    assert default_tls() is default_tls()
    assert default_tls().verify_mode is ssl.CERT_REQUIRED
    assert default_tls().check_hostname
    assert default_tls().minimum_version >= ssl.TLSVersion.TLSv1_2
