"""What may import what, what only one file may do, and what a plain call loads.

The graph of imports is derived from the source; the table says which arrows the design allows. The test that proves
the checker itself is at the end.
"""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import probe
from tests.fake_tfs import FakeServing
from tests.support.variants import MODULE, ROOT

PROBE = Path(probe.__file__).parent

BELOW_NET = "model deadline value"
ALLOWED = {
    "value": "",
    "deadline": "value",
    "model": "deadline value",
    "net": BELOW_NET,
    "files": f"net.errors {BELOW_NET}",
    "tls": f"files net {BELOW_NET}",
    "rpc": BELOW_NET,
    "rpc.channel": "net",
    "spiffe": f"files rpc tls net {BELOW_NET}",
    "tfs": f"files spiffe rpc tls net {BELOW_NET}",
    "check": f"files tfs rpc.status {BELOW_NET}",
    "rounds": f"check tfs.client tfs.verdict tfs.exit_codes {BELOW_NET}",
    "cli": "tfs.verdict tfs.exit_codes tfs.policy tfs.messages tfs.model_config tfs.config_file "
    f"rpc.status net.target {BELOW_NET}",
    "serve": "check rounds cli rpc.http1 rpc.http1_server rpc.uri rpc.status net tfs.verdict tfs.exit_codes "
    f"tfs.model_config process {BELOW_NET}",
    "install": "model",
    "process": "",
    "__main__": "serve rounds check cli tfs spiffe rpc tls net install process model deadline",
}
"""Module or package -> what it may import of ours, besides its own package. A module's row adds to its package's.
The package itself, which holds the version, and the commit that a build writes are open to all."""

EXTERNAL = {
    "_socket": "net serve",
    "_thread": "net serve.serve",
    "_ssl": "tls spiffe cli.version",
    "grpc": "tfs.grpcio",
    "google": "tfs.grpcio tfs.proto",
}
"""A module of others, by its outermost name -> the modules and packages that may import it."""

ENGINE = ("tfs", "rpc", "tls", "net", "spiffe", "check")
"""What knows neither flags nor standard streams."""

Graph = Mapping[str, set[str]]


class Sources:
    """The modules of a package, and what they import."""

    def __init__(self, folder: Path) -> None:
        self.trees = {
            _module_name(folder, path): ast.parse(path.read_text(encoding="utf-8"), str(path))
            for path in folder.rglob("*.py")
        }
        self._packages = {_module_name(folder, path) for path in folder.rglob("__init__.py")}

    def imports(self, name: str) -> tuple[set[str], set[str]]:
        """What a module imports: modules of ours, and the outermost names of others."""
        ours: set[str] = set()
        others: set[str] = set()
        parts = name.split(".") if name else []
        package = parts if name in self._packages else parts[:-1]
        for node in _nodes(self.trees[name]):
            if isinstance(node, ast.Import):
                others.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                others.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.ImportFrom):
                base = [*package[: len(package) + 1 - node.level], *(node.module.split(".") if node.module else [])]
                for alias in node.names:
                    module = ".".join([*base, alias.name])
                    ours.add(module if module in self.trees or alias.name == "_commit" else ".".join(base))
        return ours, others

    def graph(self) -> Graph:
        return {name: self.imports(name)[0] & self.trees.keys() for name in self.trees}


def _module_name(folder: Path, path: Path) -> str:
    """`rpc.hpack` for rpc/hpack.py, `rpc` for the package itself, and an empty name for the outermost one."""
    return ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those that only the type checker sees."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield other
                yield from _nodes(other)
        else:
            yield child
            yield from _nodes(child)


def within(name: str, places: str) -> bool:
    """Whether a module is one of these, or in one of these packages."""
    return any(name == place or name.startswith(f"{place}.") for place in places.split())


def forbidden_arrows(graph: Graph, allowed: Mapping[str, str]) -> list[str]:
    """The imports that the table does not allow, as `importer -> imported`."""
    found = []
    for name, targets in graph.items():
        package = name.partition(".")[0]
        rows = [allowed[row] for row in (package, name) if row in allowed]
        if name and not rows:
            found.append(f"{name} has no row in the table")
        permitted = " ".join([package, *rows, "_commit"])
        found += [f"{name} -> {target}" for target in sorted(targets) if target and not within(target, permitted)]
    return sorted(found)


def circle(graph: Graph) -> list[str]:
    """The modules of a circle of imports, or an empty list."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


OURS = Sources(PROBE)


def test_imports_form_no_circle() -> None:
    assert circle(OURS.graph()) == []


def test_imports_follow_the_table() -> None:
    assert forbidden_arrows(OURS.graph(), ALLOWED) == []


@pytest.mark.parametrize("external", EXTERNAL)
def test_a_library_is_imported_where_it_belongs(external: str) -> None:
    importers = {name for name in OURS.trees if external in OURS.imports(name)[1]}
    assert [name for name in importers if not within(name, EXTERNAL[external])] == []
    assert importers


@pytest.mark.parametrize("package", ENGINE)
def test_an_engine_spells_no_flag(package: str) -> None:
    """A failure carries a phase or a cause; `cli` knows the flag. The table of exit codes is documentation."""
    spelled = [
        f"{name}: {constant}"
        for name, tree in OURS.trees.items()
        if within(name, package) and name != "tfs.exit_codes"
        for constant in _strings(tree)
        if re.search(r"(?<![\w-])-[a-z][a-z-]+", constant)
    ]
    assert spelled == []


def _strings(tree: ast.AST) -> Iterator[str]:
    """The string constants of a module, except docstrings and other strings that are statements."""
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in _nodes(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            yield node.value


# What only one file may do.


def users(*names: str) -> set[str]:
    """The modules in which one of these names is used, by itself or behind a dot."""
    return {
        module
        for module, tree in OURS.trees.items()
        for node in _nodes(tree)
        if (isinstance(node, ast.Name) and node.id in names) or (isinstance(node, ast.Attribute) and node.attr in names)
    }


def test_the_process_ends_in_one_file() -> None:
    assert users("SystemExit", "exit", "quit", "kill", "_Exit") == set()
    assert users("_exit") == {"process"}


def test_standard_streams_are_written_in_one_file() -> None:
    assert users("print", "input", "stdout", "stderr", "stdin", "__stdout__", "__stderr__") == set()


def test_no_code_is_read_at_run_time() -> None:
    generated = {name for name in OURS.trees if name.endswith("_pb2")}
    assert users("eval", "exec", "compile", "__import__", "import_module", "globals") == generated


def test_the_wall_clock_is_read_in_one_file() -> None:
    """And by the backstop's alarm, whose lines need a time when that file can no longer run."""
    assert users("localtime", "gmtime", "strftime", "time_ns") == {"__main__", "process", "rpc.http1_server"}


# What a plain call loads.

PLAIN_CALL = """
import sys
from importlib.machinery import BuiltinImporter, ExtensionFileLoader
root, *argv = sys.argv[1:]
sys.path.insert(0, root)
before = set(sys.modules)
from probe.__main__ import main
exit_code = main(["probe", *argv])
loaded = [sys.modules[name] for name in set(sys.modules) - before]
def written_in_c(module):
    loader = module.__spec__.loader
    return loader is BuiltinImporter or isinstance(loader, ExtensionFileLoader)
print(exit_code, *(("C:" if written_in_c(module) else "") + module.__name__ for module in loaded))
"""


def test_a_plain_call_loads_only_modules_in_c_and_ours() -> None:
    """The executable starts CPython's core, which has nothing else; and TLS would cost more than the whole call."""
    with FakeServing({"half": {123: "AVAILABLE"}}) as server:
        done = subprocess.run(
            [
                sys.executable, "-I", "-S", "-c", PLAIN_CALL, str(ROOT),
                f"-addr=localhost:{server.port}", "-model-name=half", "-model-version=123", "-connect-timeout=30s",
                "-rpc-timeout=30s",
            ],
            env=MODULE.environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )  # fmt: skip
    exit_code, *loaded = done.stdout.split()
    assert (exit_code, done.stderr.count("Servable state is AVAILABLE")) == ("0", 1)
    assert "probe.__main__" in loaded
    assert [name for name in loaded if not name.startswith(("C:", "probe"))] == []
    assert "C:_ssl" not in loaded


# The checker itself.


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A small package: rpc/channel.py imports net, and nothing runs back up."""
    for name, content in {
        "__init__.py": "",
        "model.py": "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from .rpc import channel\n",
        "net/__init__.py": "",
        "net/dial.py": "from ..model import Failure\n",
        "rpc/__init__.py": "from .. import __version__, _commit\n",
        "rpc/channel.py": "from ..net import dial\nfrom . import unary\n",
        "rpc/unary.py": "import zlib\n",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    return tmp_path


def test_the_checker_reads_imports(sample: Path) -> None:
    graph = Sources(sample).graph()
    assert graph["rpc.channel"] == {"net.dial", "rpc.unary"}
    assert graph["model"] == set()
    assert Sources(sample).imports("rpc.unary") == (set(), {"zlib"})
    assert forbidden_arrows(graph, ALLOWED) == []
    assert circle(graph) == []


def test_the_checker_sees_a_forbidden_arrow(sample: Path) -> None:
    (sample / "rpc" / "unary.py").write_text("def late():\n    from ..net.dial import dial\n")
    (sample / "stray.py").write_text("")
    assert forbidden_arrows(Sources(sample).graph(), ALLOWED) == [
        "rpc.unary -> net.dial",
        "stray has no row in the table",
    ]


def test_the_checker_sees_a_circle(sample: Path) -> None:
    (sample / "model.py").write_text("from .rpc import channel\n")
    assert set(circle(Sources(sample).graph())) == {"model", "rpc.channel", "net.dial"}
