"""What programs post, as a text that people read: one function for each way of saying it.

Slack-compatible senders, Alertmanager and Grafana, GitHub and its like (Gitea, Forgejo), GitLab.
Where none fits, nothing is guessed. Whatever is in a post is only ever text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qs

from msgspec import DecodeError
from msgspec.json import decode

MANY: Final = 10
"""Alerts, commits and fields that one text names, at most."""

LINE: Final = 300
"""Characters of what is to be one line, at most."""

Post = Mapping[str, Any]


def text_of(kind: str, event: str, body: bytes) -> str:
    """Return what a post says, or nothing where that is not known.

    ``kind`` is its Content-Type, ``event`` what its sender's header calls it.
    """
    post = _post(kind, body)
    if post is None:
        return ""
    for say in (_alerts, _grafana, _gitlab, lambda one: _forge(one, event), _slack):
        if said := say(post).strip():
            return said
    return ""


def _post(kind: str, body: bytes) -> Post | None:
    is_form = kind.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"
    if is_form and not body.lstrip().startswith(b"{"):  # curl calls all that it posts a form
        try:
            fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=100)
        except ValueError:
            return None
        if "payload" not in fields:
            return {name: values[0] for name, values in fields.items()}
        body = fields["payload"][0].encode("utf-8", "replace")
    try:
        found = decode(body)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


# --- what is in a post, whatever it is --------------------------------------------------------


def _word(post: Any, *path: str) -> str:
    """Return text that is in there, on one line; nothing where it is not."""
    for name in path:
        post = post.get(name) if isinstance(post, dict) else None
    if isinstance(post, bool) or not isinstance(post, str | int | float):
        return ""
    words = " ".join(str(post).split())
    return words if len(words) <= LINE else words[: LINE - 1] + "…"


def _all(post: Any, name: str) -> Sequence[Post]:
    found = post.get(name) if isinstance(post, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _lines(*lines: str) -> str:
    return "\n".join(filter(None, lines))


def _more(count: int) -> Iterator[str]:
    if count > MANY:
        yield f"… and {count - MANY} more"


# --- Slack, Mattermost and all that speak like them -------------------------------------------

_LINK = re.compile(r"<(https?://[^|>\s]+)(?:\|([^>]*))?>")
_MARK = re.compile(r"<[!@#]([^|>]*)(?:\|([^>]*))?>")
_BOLD = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\w*])")


def _slack(post: Post) -> str:
    parts = [_marked(post.get("text"))]
    for block in _all(post, "blocks")[: 5 * MANY]:
        texts = [block.get("text"), *_all(block, "fields"), *_all(block, "elements")]
        parts += [_marked(one.get("text")) for one in texts if isinstance(one, dict)]
    for one in _all(post, "attachments")[:MANY]:
        parts += _attachment(one)
    said = _lines(*parts)
    name = _word(post, "username")
    return f"**{name}**: {said}" if name and said else said


def _attachment(one: Post) -> Iterator[str]:
    yield _marked(one.get("pretext"))
    title, link = _word(one, "title"), _word(one, "title_link")
    yield f"**{title}**{f' {link}' if link else ''}" if title else link
    said = _marked(one.get("text"))
    yield said
    for each in _all(one, "fields")[: 2 * MANY]:
        name, value = _word(each, "title"), _marked(each.get("value"))
        yield f"{name}: {value}" if name else value
    if not (title or said):
        yield _marked(one.get("fallback"))


def _marked(text: Any) -> str:
    """Return Slack's own marks as ours."""
    if not isinstance(text, str):
        return ""
    text = _LINK.sub(lambda found: f"{found[2]} ({found[1]})" if found[2] else found[1], text)
    text = _MARK.sub(lambda found: f"@{found[2] or found[1]}", text)
    return unescape(_BOLD.sub(r"**\1**", text)).strip()


# --- alerts -----------------------------------------------------------------------------------


def _alerts(post: Post) -> str:
    """Alertmanager, and Grafana since its ninth version."""
    alerts = _all(post, "alerts")
    if not alerts or not _word(post, "status"):
        return ""
    firing = sum(_word(one, "status") == "firing" for one in alerts)
    count = f"{firing} firing" if firing else f"{len(alerts)} resolved"
    if 0 < firing < len(alerts):
        count += f", {len(alerts) - firing} resolved"
    name = _word(post, "commonLabels", "alertname") or _word(post, "groupLabels", "alertname")
    lines = [f"**{name or _word(post, 'receiver') or 'Alerts'}**: {count}"]
    lines += [f"- {_alert(one, name)}" for one in alerts[:MANY]]
    return _lines(*lines, *_more(len(alerts)))


def _alert(one: Post, known: str) -> str:
    found = one.get("labels")
    labels: Post = found if isinstance(found, dict) else {}
    name = _word(labels, "alertname")
    said = _word(one, "annotations", "summary") or _word(one, "annotations", "description")
    state = "resolved: " if _word(one, "status") == "resolved" else ""
    shown = [
        f"{key}={_word(labels, key)}"
        for key in list(labels)[: 2 * MANY]
        if key != "alertname" and not key.startswith("__")
    ]
    words = [state + (said or name or "alert")]
    if name and name != known and said:
        words.insert(0, f"**{name}**")
    if shown:
        words.append(f"({', '.join(shown)})")
    link = _word(one, "panelURL") or _word(one, "generatorURL")
    return " ".join([*words, link] if link else words)


def _grafana(post: Post) -> str:
    """Grafana before that, and what is made like it."""
    title, state = _word(post, "title"), _word(post, "state")
    if not title or not ("ruleName" in post or "ruleUrl" in post):
        return ""
    head = f"**{title}** {state}".strip()
    return _lines(head, _marked(post.get("message")), _word(post, "ruleUrl"))


# --- forges -----------------------------------------------------------------------------------


def _forge(post: Post, event: str) -> str:
    """GitHub, Gitea, Forgejo."""
    repository = _word(post, "repository", "full_name")
    sender = _word(post, "sender", "login") or _word(post, "pusher", "name")
    if not event or not repository:
        return ""
    who = f"**{sender}**" if sender else "Somebody"
    action = _word(post, "action").replace("_", " ")
    if (say := FORGE.get(event)) is not None:
        return say(post, who, action, repository)
    words = f"{event[:LINE].replace('_', ' ')} {action}".strip()
    return f"{who}: {words} in {repository}"


def _ping(_: Post, who: str, __: str, repository: str) -> str:
    return f"{who} has let {repository} post here."


def _created(post: Post, who: str, _: str, repository: str) -> str:
    return f"{who} created {_word(post, 'ref_type')} {_word(post, 'ref')} in {repository}"


def _deleted(post: Post, who: str, _: str, repository: str) -> str:
    return f"{who} deleted {_word(post, 'ref_type')} {_word(post, 'ref')} in {repository}"


def _release(post: Post, who: str, action: str, repository: str) -> str:
    return _about(post, "release", f"{who} {action} release", repository)


def _issue(post: Post, who: str, action: str, repository: str) -> str:
    return _about(post, "issue", f"{who} {action} issue", repository)


def _pull(post: Post, who: str, action: str, repository: str) -> str:
    found = post.get("pull_request")
    if isinstance(found, dict) and found.get("merged") is True and action == "closed":
        action = "merged"
    return _about(post, "pull_request", f"{who} {action} pull request", repository)


def _comment(post: Post, who: str, _: str, repository: str) -> str:
    what = "pull_request" if "pull_request" in post else "issue"
    link = _word(post, "comment", "html_url")
    said = _word(post, "comment", "body")
    head = _about(post, what, f"{who} wrote on", repository, link)
    return _lines(head, f"> {said}" if said else "")


def _pushed(post: Post, who: str, _: str, repository: str) -> str:
    commits = _all(post, "commits")
    branch = _word(post, "ref").removeprefix("refs/heads/").removeprefix("refs/tags/")
    if post.get("deleted") is True:
        return f"{who} deleted {branch} in {repository}"
    count = "1 commit" if len(commits) == 1 else f"{len(commits)} commits"
    link = _word(post, "compare") or _word(post, "compare_url")
    lines = [f"{who} pushed {count} to {branch} in {repository} {link}".strip()]
    for one in commits[:MANY]:
        message = one.get("message")
        first = message.partition("\n")[0] if isinstance(message, str) else ""
        lines.append(f"- `{_word(one, 'id')[:8]}` {first[:LINE]}")
    return _lines(*lines, *_more(len(commits)))


def _ran(post: Post, _: str, __: str, repository: str) -> str:
    what = "workflow_run" if "workflow_run" in post else "check_run"
    branch = _word(post, what, "head_branch")
    name = _word(post, what, "name")
    where = f"{repository} ({branch})" if branch else repository
    result = _word(post, what, "conclusion")
    if not result:
        return f"{name} runs in {where}"
    return f"{name} in {where}: **{result}** {_word(post, what, 'html_url')}".strip()


FORGE: Final[Mapping[str, Callable[[Post, str, str, str], str]]] = {
    "push": _pushed,
    "ping": _ping,
    "create": _created,
    "delete": _deleted,
    "release": _release,
    "issues": _issue,
    "pull_request": _pull,
    "issue_comment": _comment,
    "pull_request_review_comment": _comment,
    "workflow_run": _ran,
    "check_run": _ran,
}
"""What is said of each event; of any other its name, by whom, and where."""


def _about(post: Post, what: str, words: str, repository: str, link: str = "") -> str:
    number = _word(post, what, "number")
    title = next(
        filter(None, (_word(post, what, one) for one in ("title", "name", "tag_name"))), ""
    )
    link = link or _word(post, what, "html_url")
    return f"{words} {f'#{number} ' if number else ''}“{title}” in {repository} {link}".strip()


def _gitlab(post: Post) -> str:
    kind = _word(post, "object_kind")
    project = _word(post, "project", "path_with_namespace")
    if not kind or not project:
        return ""
    who = f"**{_word(post, 'user_name') or _word(post, 'user', 'name') or 'Somebody'}**"
    if kind in ("push", "tag_push"):
        return _pushed(post, who, "", project)
    about = post.get("object_attributes")
    if kind == "pipeline":
        return f"Pipeline of {project} ({_word(about, 'ref')}): **{_word(about, 'status')}**"
    action = _word(about, "action") or "wrote"
    title = _word(about, "title") or _word(about, "note")
    words = f"{who}: {action} {kind.replace('_', ' ')} “{title}” in {project}"
    return f"{words} {_word(about, 'url')}".strip()
