"""What tests share: their worlds, people, doors and daemons are made of this, and of nothing else.

Unit tests, on a Clock, through bytes: no socket, no thread, no wait.

* ``world``: a ``World`` (a chat with a native door), ``Client`` (somebody in it), ``ChatCase`` (a
  test with worlds)
* ``pipe``: a connection; ``frames``: what travels on it; ``directory``: a world's accounts
* ``held_log``: ``HeldLog``, a log that answers when it is told, and what logs have answered
* ``nodes``: a ``Cluster``, several worlds that are one chat
* ``seats``: one seat at each door, for what must be so whichever it is
* ``irc``, ``lines``, ``terminals``, ``ssh_client``, ``web``: somebody at that door
* ``uploads``: files at the web door
* ``users_file``: accounts in a file
* ``minds``: connections as a session sees them, without a door
* ``logs``: lives, a file in a folder of its own, workers without threads; ``postgres``: a database
* ``inline``: threads that are none
* ``desks``: the client's words, on a screen; ``fake_server``: a server for ``ChatClient``
* ``machines``: how long a state machine of hypothesis runs
* ``hostile``: texts that want to be more than text
* ``documents``, ``protocol``, ``schemas``: what the docs say, as tests need it

Tests with processes, which are marked ``slow``.

* ``daemon``: a ``Daemon`` (``twistd chat``, with users of its own) and a ``RawClient``; ``warm``:
  how it, and ``twisted-chat``, start at once
* ``ssh_daemon``: a daemon with the SSH door, and OpenSSH's client
* ``command_line``: ``twisted-chat`` as people start it; ``tmux``: on a terminal
* ``browser``: the page in a Chromium, and a daemon for it
* ``redis``, ``proxy``: a broker, and wires that can be cut
* ``certificates``: for TLS
* ``talkers``, ``crowd``: clients in threads that notice what is lost, doubled or moved
* ``powercut``: a disk that has lost what was not forced to it
* ``waiting``: until it has happened, and not for so long

Fixtures that need one of these for a whole file are in the ``conftest.py`` of their folder.
"""
