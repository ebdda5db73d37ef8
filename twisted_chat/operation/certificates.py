"""TLS: certificates that can be renewed without a restart, and several for several names.

Nothing here is imported before TLS is asked for: it needs the extra ``twisted-chat[tls]``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, field
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.ssl import Certificate, CertificateOptions, PrivateCertificate

_PEM: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL | re.ASCII
)


def chain_in(path: str) -> list[X509]:
    """Return the certificates of a file after the first, which is the server's own.

    So a ``fullchain.pem`` is sent whole: who verifies needs what is between it and an authority.
    """
    found = _PEM.findall(Path(path).read_text("utf-8", "replace"))
    return [Certificate.loadPEM(one).original for one in found[1:]]


def load(path: str) -> CertificateOptions:
    """Return what is in one file: a key, its certificate, and the chain.

    Raises OSError, or what OpenSSL raises.
    """
    pair = PrivateCertificate.loadPEM(Path(path).read_bytes())
    return CertificateOptions(
        privateKey=pair.privateKey.original,
        certificate=pair.original,
        extraCertChain=chain_in(path),
    )


def names_of(options: CertificateOptions) -> list[str]:
    """Return the host names that a certificate is for, in lower case."""
    from cryptography.x509 import DNSName, ExtensionNotFound, SubjectAlternativeName

    if options.certificate is None:
        return []
    certificate = options.certificate.to_cryptography()
    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return []
    return [name.lower() for name in found.value.get_values_for_type(DNSName)]


def expires(options: CertificateOptions) -> float:
    """Return when a certificate expires, in seconds since 1970; 0 where there is none."""
    if options.certificate is None:
        return 0.0
    return options.certificate.to_cryptography().not_valid_after_utc.timestamp()


def named(paths: Sequence[str]) -> dict[str, SSL.Context]:
    """Return the contexts of certificate files by the names that they are for."""
    contexts: dict[str, SSL.Context] = {}
    for path in paths:
        options = load(path)
        contexts.update(dict.fromkeys(names_of(options), options.getContext()))
    return contexts


@define(eq=False)
class Renewable:
    """A context factory (as ``listenSSL`` takes one) whose certificate can be replaced.

    Connections that are open keep the one that they began with. ``others`` are contexts by host
    name, for a client that asks for one (SNI, RFC 6066 section 3); a name ``*.example.org`` is for
    every one that has a single label in the star's place.
    """

    _current: Any
    others: Mapping[str, SSL.Context] = field(factory=dict)
    asks: bool = False
    """Whether clients are asked for a certificate: any will do, for it is known or it is not."""

    def __attrs_post_init__(self) -> None:
        self.replace(self._current, self.others)

    def replace(self, options: Any, others: Mapping[str, SSL.Context]) -> None:
        """Use these from the next connection on."""
        context = options.getContext()
        context.set_tlsext_servername_callback(self._choose)
        if self.asks:
            for one in (context, *others.values()):
                one.set_verify(SSL.VERIFY_PEER, lambda *_: True)
                one.set_session_id(b"twisted-chat")  # without one no session is resumed
        self._current, self.others = options, others

    @property
    def is_self_signed(self) -> bool:
        """Whether nobody can verify the certificate by an authority."""
        if self._current.certificate is None:
            return True
        certificate = self._current.certificate.to_cryptography()
        return bool(certificate.issuer == certificate.subject)

    @property
    def expires(self) -> float:
        """When the certificate that is in use expires, in seconds since 1970."""
        return expires(self._current)

    def getContext(self) -> SSL.Context:
        """Return the context for a new connection."""
        context: SSL.Context = self._current.getContext()
        return context

    def _choose(self, connection: SSL.Connection) -> None:
        asked = connection.get_servername()
        if asked is None or not self.others:
            return
        name = asked.decode("ascii", "replace").lower()
        found = self.others.get(name) or self.others.get(f"*.{name.partition('.')[2]}")
        if found is not None:
            connection.set_context(found)
