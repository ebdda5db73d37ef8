"""What ``twistd`` and other Twisted programs find: the daemon, and the users file as a checker.

Every program that looks for a plugin imports this module, so it imports next to nothing.
"""

from __future__ import annotations

from twisted.application.service import ServiceMaker
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer

_HELP = """
A file of accounts, as twisted-chat has them: comma-separated values with the
header user,password,role. The passwords are argon2id hashes, written by

    twisted-chat users add FILE USER

A changed file is read again at the next login.
"""


@implementer(ICheckerFactory, IPlugin)
class UsersFileCheckerFactory:
    """Makes ``--auth chatusers:FILE`` a checker for any Twisted program that takes ``--auth``."""

    authType = "chatusers"
    authHelp = _HELP
    argStringFormat = "The path of a users file (user,password,role)."
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> ICredentialsChecker:
        """Return a checker for the file; raises AccountsError where it can not be used."""
        from twisted_chat.accounts.accounts import standalone_checker

        return standalone_checker(argstring)


chat = ServiceMaker(
    "twisted-chat", "twisted_chat.tap", "A chat daemon: sessions behind many doors.", "chat"
)
chatusers = UsersFileCheckerFactory()
