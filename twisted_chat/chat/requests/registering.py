"""One's own account: its password, and the devices that may use it."""

from __future__ import annotations

from twisted_chat.chat.asking import answers
from twisted_chat.chat.home import AccountKeeper
from twisted_chat.chat.user import User
from twisted_chat.vocabulary.errors import ChatError
from twisted_chat.vocabulary.messages import (
    ChangePassword,
    DeviceList,
    Devices,
    Forget,
    Forgotten,
    PasswordChanged,
)


@answers(ChangePassword)
async def change_password(user: User, request: ChangePassword) -> PasswordChanged:
    """See accounts/keeper.py."""
    await _keeper(user).change_password(user, request.old, request.new)
    return PasswordChanged()


@answers(Devices)
async def devices(user: User, _: Devices) -> DeviceList:
    """See accounts/keeper.py."""
    return DeviceList(devices=list(_keeper(user).devices_of(user)))


@answers(Forget)
async def forget(user: User, request: Forget) -> Forgotten:
    """See accounts/keeper.py."""
    await _keeper(user).forget(user, request.device)
    return Forgotten(device=request.device)


def _keeper(user: User) -> AccountKeeper:
    keeper = user.chat.keeper
    if keeper is None or user.is_guest:
        raise ChatError("not-allowed", "A guest has no account.")
    return keeper
