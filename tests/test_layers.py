"""The layers of docs/architecture.md: imports point up the list, never down."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.kit.documents import read

PACKAGE = "twisted_chat"
ROOT = Path(__file__).parent.parent / PACKAGE

LAYERS = (
    "vocabulary",
    "log",
    "hints",
    "chat",
    "nodes",
    "accounts",
    "page",
    "client",
    "doors",
    "operation",
    "tap",
)
"""The packages, as docs/architecture.md lists them: each may import those before it."""

SEES = {
    "page": set[str](),
    "client": {"vocabulary"},
}
"""Who may import less than all that is before it. A client knows nothing of a server."""

COMMANDS = {"client.terminal.main": {"vocabulary", "operation"}}
"""The one command that people type may also be an operator's."""

REACTOR = {"tap", "client.terminal.main"}
"""Who may import the reactor, inside functions. All others are given one, or a clock."""

MAX_LINES = 400
"""Lines of a module, at most."""

PURE = "vocabulary"
"""It imports nothing of Twisted: a program of any kind can use it."""

DOMAIN = "chat"
"""It knows no socket, no frame and no file."""

NEEDED_BY_DOMAIN = {
    "twisted.cred",
    "twisted.internet.defer",
    "twisted.internet.interfaces",
    "twisted.internet.task",
    "twisted.logger",
    "twisted.python.failure",
}
"""All that the domain takes from Twisted."""

DOORS = {
    f"doors.{path.stem}"
    for path in (ROOT / "doors").iterdir()
    if (path / "__init__.py").exists() or path.stem == "native"
}
"""The doors themselves: what else is in that package serves all of them."""

UNKNOWN_TO_DOMAIN = {
    *("argparse", "asyncio", "autobahn", "csv", "http", "io", "json", "mmap", "os", "pathlib"),
    *("select", "selectors", "shutil", "signal", "socket", "socketserver", "sqlite3", "ssl"),
    *("struct", "subprocess", "sys", "tempfile", "threading", "tomllib", "urllib"),
}


@frozen
class Import:
    """One import: in ``module`` (as ``doors.native``), of ``name`` (as ``twisted.logger``)."""

    module: str
    name: str
    line: int
    nested: bool
    in_function: bool = False

    def __str__(self) -> str:
        return f"{self.module} imports {self.name} (line {self.line})"

    @property
    def inside(self) -> str | None:
        """What it imports of this package, as ``doors.native``; None for all else."""
        return self.name.removeprefix(f"{PACKAGE}.") if self.of(PACKAGE) else None

    def of(self, package: str) -> bool:
        """Whether it imports ``package`` or something in it."""
        return f"{self.name}.".startswith(f"{package}.")


@cache
def modules() -> dict[str, Path]:
    """Return the modules of the package by their names without ``twisted_chat.``."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


def imports(module: str, source: str) -> Iterator[Import]:
    """Yield every import in a module, in functions too; ``from a import b`` is ``a`` and ``a.b``.

    Whether ``b`` is a module does not matter: what is forbidden for ``a`` is forbidden for it.
    """
    tree = ast.parse(source)
    top = set(tree.body)
    within = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} has a relative import: this test reads names"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield Import(module, name, node.lineno, node not in top, id(node) in within)


@cache
def needs(module: str) -> tuple[Import, ...]:
    """Return the imports of one of the modules."""
    return tuple(imports(module, modules()[module].read_text(encoding="utf-8")))


def layer(module: str) -> str:
    """Return the layer of a module: its package's name."""
    return module.partition(".")[0]


def allowed(module: str) -> set[str]:
    """Return the layers that a module may import, besides its own package."""
    here = layer(module)
    return COMMANDS.get(module) or SEES.get(here) or set(LAYERS[: LAYERS.index(here)])


def known(found: Import) -> str | None:
    """Return the module of this package that an import needs, if it is one.

    Those of types alone count too: a circle is one also where it does no harm as it is loaded.
    """
    if found.in_function or found.inside is None:
        return None
    known = modules()
    of = found.inside.rpartition(".")[0]
    return next((name for name in (found.inside, of) if name in known), None)


def wrongs(found: Import) -> Iterator[str]:
    """Yield what is wrong with one import."""
    here, there = layer(found.module), found.inside
    if there is not None:
        target = there.partition(".")[0]
        if here == "doors":
            door, other = (".".join(name.split(".")[:2]) for name in (found.module, there))
            if door in DOORS and other in DOORS and other != door:
                yield f"{found}: a door knows no other door"
        own = {here, PACKAGE, "__version__"}
        if target not in own | allowed(found.module):
            yield f"{found}: imports point up, and {target} is not above {here}"
    if found.of("twisted.internet.reactor"):
        if found.module not in REACTOR:
            yield f"{found}: it is to be given the reactor"
        elif not found.nested:
            yield f"{found}: the reactor is imported inside functions"
    if here == PURE and found.of("twisted"):
        yield f"{found}: {here} has nothing to do with Twisted"
    if here == DOMAIN:
        if found.of("twisted") and not any(found.of(name) for name in NEEDED_BY_DOMAIN):
            yield f"{found}: the domain has no use for it"
        if any(found.of(name) for name in UNKNOWN_TO_DOMAIN):
            yield f"{found}: the domain knows no socket, no frame and no file"


class LayerTests(SynchronousTestCase):
    def test_every_package_is_a_layer(self) -> None:
        """What is in the tree has its place in the list, and the list names nothing else."""
        self.assertEqual({layer(name) for name in modules()}, set(LAYERS))

    def test_they_are_described(self) -> None:
        """docs/architecture.md has the same list, in the same order."""
        rows = re.findall(r"^\| (`[^|]+) \|", read("docs/architecture.md"), flags=re.MULTILINE)
        described = [name for row in rows for name in re.findall(r"`(\w+)/?`", row)]
        self.assertEqual(described[: len(LAYERS)], list(LAYERS))

    def test_there_are_no_circles(self) -> None:
        """No module needs itself, in whichever way round."""
        graph = {
            module: {
                name for one in needs(module) if (name := known(one)) is not None and name != module
            }
            for module in modules()
        }
        try:
            tuple(TopologicalSorter(graph).static_order())
        except CycleError as circle:
            self.fail(f"a circle of imports: {circle.args[1]}")

    def test_types_count(self) -> None:
        """An import for types alone makes a circle too; one in a function is its own matter."""
        source = "if TYPE_CHECKING:\n from twisted_chat.tap import Options"
        self.assertEqual([known(one) for one in imports("chat.chat", source)], ["tap"])
        source = "def make():\n from twisted_chat.tap import Options"
        self.assertEqual([known(one) for one in imports("chat.chat", source)], [None])

    def test_no_module_is_long(self) -> None:
        """A module does one thing, and that fits in so many lines; so with tests and benchmarks."""
        here = ROOT.parent
        lines = {
            str(path.relative_to(here)): len(path.read_text(encoding="utf-8").splitlines())
            for folder in (PACKAGE, "tests", "benchmarks")
            for path in sorted((here / folder).rglob("*.py"))
        }
        long = {path: count for path, count in lines.items() if count > MAX_LINES}
        self.assertEqual(long, {})

    def test_imports_point_up(self) -> None:
        """No module imports what is below it, what is none of its business, or the reactor."""
        found = [wrong for module in modules() for one in needs(module) for wrong in wrongs(one)]
        self.assertEqual(found, [])

    def test_the_test(self) -> None:
        """What is wrong is found, and what is right is not."""
        for module, source, count in (
            ("chat.session", "from twisted_chat.log.contract import Log", 0),
            ("log.sqlite", "from twisted_chat.log.contract import Log", 0),
            ("log.sqlite", "from twisted_chat.chat import session", 1),
            ("vocabulary.messages", "from twisted.internet.defer import Deferred", 1),
            ("chat.session", "import socket", 1),
            ("chat.session", "from os.path import join", 1),
            ("chat.session", "from twisted.internet.protocol import Protocol", 1),
            ("chat.chat", "from twisted.internet.defer import Deferred", 0),
            ("chat.chat", "from twisted_chat.doors.native import ChatFactory", 1),
            ("chat.user", "from twisted_chat.accounts.passwords import Passwords", 1),
            ("doors.web", "from twisted_chat.doors import native", 1),
            ("doors.web", "from twisted_chat.doors.native import ChatProtocol", 1),
            ("doors.web", "from twisted_chat.doors.conversation import Conversation", 0),
            ("doors.web", "from twisted_chat import __version__", 0),
            ("client.chatclient", "import twisted_chat.chat", 1),
            ("client.terminal.main", "from twisted_chat.operation.admin import users", 0),
            ("client.chatclient", "from twisted_chat.operation.admin import users", 1),
            ("tap", "from twisted.internet import reactor", 1),
            ("tap", "def make():\n from twisted.internet import reactor", 0),
            ("chat.chat", "def make():\n from twisted.internet import reactor", 2),
            ("doors.conversation", "def make():\n from twisted.internet import reactor", 1),
        ):
            found = [wrong for one in imports(module, source) for wrong in wrongs(one)]
            self.assertEqual(len(found), count, (source, found))


class KitTests(SynchronousTestCase):
    """What tests share comes from tests/kit, which says what there is."""

    def test_no_test_needs_another(self) -> None:
        """A file of tests takes nothing from another file of tests."""
        tests = ROOT.parent / "tests"
        found = [
            str(one)
            for path in tests.rglob("*.py")
            if "from tests." in (source := path.read_text(encoding="utf-8"))
            for one in imports(path.stem, source)
            if one.of("tests") and ".test_" in one.name
        ]
        self.assertEqual(found, [])

    def test_the_kit_says_what_it_has(self) -> None:
        """Every module of it is told of where somebody looks first, and nothing that is not."""
        kit = ROOT.parent / "tests" / "kit"
        lines = (kit / "__init__.py").read_text(encoding="utf-8").splitlines()
        told = {
            name
            for line in lines
            if line.startswith("* ")
            for part in re.findall(r"(?:^\* |; )((?:``\w+``(?:, )?)+):", line)
            for name in re.findall(r"\w+", part)
        }
        self.assertEqual(told, {path.stem for path in kit.glob("[a-z]*.py")})
