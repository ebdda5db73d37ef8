"""Refusals by HTTP: the same codes and sentences as on the wire, and a status for each."""

from __future__ import annotations

from collections import Counter
from typing import Final

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request

from twisted_chat.vocabulary.errors import ChatError, Code
from twisted_chat.vocabulary.messages import Error, encode

_logger = Logger()

STATUS: Final[dict[Code, int]] = {
    "bad-credentials": 401,
    "not-logged-in": 401,
    "banned": 403,
    "muted": 403,
    "not-allowed": 403,
    "not-in-session": 403,
    "no-such-session": 404,
    "too-large": 413,
    "too-many-attempts": 429,
    "internal": 500,
    "server-full": 503,
    "not-stored": 507,
}
"""What is not here is 400."""


def refusal(request: Request, problem: ChatError) -> bytes:
    """Answer with an ``error``, as JSON."""
    request.setResponseCode(STATUS.get(problem.code, 400))
    request.setHeader("Content-Type", "application/json")
    request.setHeader("Cache-Control", "no-store")
    request.setHeader("X-Content-Type-Options", "nosniff")
    return encode(Error(code=problem.code, data=str(problem)))


def refused(request: Request, failure: Failure, outcomes: Counter[str], words: str) -> bytes:
    """Answer with what went wrong, and count it; what no rule refused is logged with ``words``."""
    problem = failure.value
    if not isinstance(problem, ChatError):
        _logger.failure(words, failure)
        problem = ChatError("internal", "Something went wrong here.")
    outcomes[problem.code] += 1
    return refusal(request, problem)
