"""Somebody's identity, once it has been verified."""

from __future__ import annotations

from attrs import frozen
from twisted.cred.credentials import ICredentials
from zope.interface import implementer

from twisted_chat.vocabulary.names import Name


class IProof(ICredentials):
    """What has been verified already."""


@implementer(IProof)
@frozen
class Proof:
    """Somebody is ``name``: an account, or else a guest."""

    name: Name
    account: bool
