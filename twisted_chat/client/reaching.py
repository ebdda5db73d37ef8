"""Where a server is, as an endpoint; over TLS its certificate is verified, or nothing is said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, cast

from twisted.internet.endpoints import HostnameEndpoint, clientFromString, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint

_VERIFIED: Final = re.compile(r"(?<!\\)(?:\\\\)*:hostname=[^:]")


class Unreachable(ValueError):
    """It is no way to a server; one sentence."""


def described(reactor: Any, description: str) -> IStreamClientEndpoint:
    """Return the endpoint of a Twisted description, such as ``tls:chat.example.com:1235``.

    Raises Unreachable where it is none, and for ``ssl:`` without a ``hostname``: that verifies
    nothing, and whoever is between could read along.
    """
    kind = description.partition(":")[0].strip().lower()
    if kind == "ssl" and _VERIFIED.search(description) is None:
        raise Unreachable(
            f"{description}: ssl: verifies no certificate; write tls:HOST:PORT, which does."
        )
    try:
        return cast(IStreamClientEndpoint, clientFromString(reactor, description))
    except Exception as problem:  # each kind of endpoint has its own ways to complain
        raise Unreachable(f"{description}: {str(problem) or type(problem).__name__}") from None


def over_tls(reactor: Any, host: str, port: int, cafile: Path | None) -> IStreamClientEndpoint:
    """Return the endpoint of a server whose certificate is verified.

    By the certificates in ``cafile`` (PEM), and no others, where it is given; else by those that
    the system trusts. Raises Unreachable.
    """
    try:
        from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
    except ImportError:
        raise Unreachable("--tls needs: pip install 'twisted-chat[tls]'") from None
    trust = None
    if cafile is not None:
        try:
            found = re.findall(
                b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----",
                cafile.read_bytes(),
                re.DOTALL,
            )
            trust = trustRootFromCertificates([Certificate.loadPEM(one) for one in found])
        except OSError as problem:
            raise Unreachable(f"{cafile}: {problem.strerror}") from None
        except Exception:
            found = []
        if not found:
            raise Unreachable(f"{cafile}: there is no certificate in it (PEM)")
    place = HostnameEndpoint(reactor, host, port)
    return wrapClientTLS(optionsForClientTLS(host, trustRoot=trust), place)
