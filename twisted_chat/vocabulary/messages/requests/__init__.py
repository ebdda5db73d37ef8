"""The requests: all that a client may ask for. docs/protocol.md explains them."""

from __future__ import annotations

from twisted_chat.vocabulary.messages.requests.amending import *
from twisted_chat.vocabulary.messages.requests.registering import *
from twisted_chat.vocabulary.messages.requests.ruling import *
from twisted_chat.vocabulary.messages.requests.talking import *

Request = (
    Login
    | Create
    | Join
    | Leave
    | Delete
    | Say
    | Edit
    | Redact
    | React
    | Read
    | Away
    | Typing
    | SetSettings
    | SetRole
    | Roles
    | Kick
    | Ban
    | Mute
    | Unban
    | Unmute
    | Bans
    | Invite
    | SendNotice
    | Disconnect
    | MakeWebhook
    | Webhooks
    | Revoke
    | Register
    | ChangePassword
    | Choose
    | Devices
    | Forget
    | SetTopic
    | List
    | Who
    | History
    | Search
    | Ping
    | Logout
)
"""Everything that a client can ask for."""
