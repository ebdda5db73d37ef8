"""The folder of files, from settings."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from twisted_chat.accounts.bearers import Bearers
from twisted_chat.operation.parts import Parts
from twisted_chat.operation.settings import Settings, SettingsError

if TYPE_CHECKING:
    from twisted_chat.doors.web.files.store import Bounds
    from twisted_chat.doors.web.files.uploads import Files


def bounds_of(chosen: Settings) -> Bounds:
    """Return how much may be kept."""
    from twisted_chat.doors.web.files.store import Bounds

    return Bounds(chosen.max_file, chosen.max_files_per_user, chosen.max_files)


def open_files(chosen: Settings, parts: Parts) -> Files | None:
    """Return what keeps files, where the operator wants it. Raises SettingsError."""
    if chosen.files is None:
        return None
    if not chosen.web:
        raise SettingsError("--files needs --web: files come and go by the web door.")
    try:
        from twisted_chat.doors.web.files.uploads import Files
    except ImportError:
        raise SettingsError("--files needs Pillow: install twisted-chat[files].") from None
    from twisted_chat.doors.web.files.store import Store

    store = Store(Path(chosen.files), bounds_of(chosen))
    try:
        store.open()
    except OSError as problem:
        raise SettingsError(f"--files {chosen.files}: {problem.strerror}.") from None
    bearers = Bearers(parts.chat, parts.prover)
    return Files(store, bearers, partial(parts.picture_threads.run), time.time)
