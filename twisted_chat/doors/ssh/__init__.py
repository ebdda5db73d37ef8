"""The SSH door: see door.py."""

from twisted_chat.doors.ssh.door import SshFactory
from twisted_chat.doors.ssh.hostkeys import (
    HostKeyError,
    fingerprint,
    host_keys,
    paths,
    read,
    renewed,
)

__all__ = ["HostKeyError", "SshFactory", "fingerprint", "host_keys", "paths", "read", "renewed"]
