"""The commands. Importing this fills the table, in the order in which ``/help`` shows it."""

# isort: off
from twisted_chat.client.words.commands import sessions
from twisted_chat.client.words.commands import texts
from twisted_chat.client.words.commands import changing
from twisted_chat.client.words.commands import ruling
from twisted_chat.client.words.commands import own
from twisted_chat.client.words.commands import files
from twisted_chat.client.words.commands import servers
from twisted_chat.client.words.commands import general

# isort: on
from twisted_chat.client.words.commands.table import Command, Usage, command_of, commands

__all__ = [
    "Command",
    "Usage",
    "changing",
    "command_of",
    "commands",
    "files",
    "general",
    "own",
    "ruling",
    "servers",
    "sessions",
    "texts",
]
