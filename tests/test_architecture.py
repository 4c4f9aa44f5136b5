"""The arrows between the modules, what only one of them may do, and what a plain call loads.

Strategy: the table below is the truth about imports and is compared with the source, both ways. Who needs a new arrow
writes it here, where the next test says whether the design allows it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import probe
from probe.verdict import ExitCode
from tests.fake_tfs import FakeServing
from tests.support.variants import MODULE, ROOT

ROOM = Path(probe.__file__).parent


def module_name(path: Path) -> str:
    """`engine.hpack` for engine/hpack.py, `engine` for the package itself, and an empty name for the outermost one."""
    return ".".join(path.relative_to(ROOM).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


SOURCES = {module_name(path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in ROOM.rglob("*.py")}

# Module -> what it imports of ours (a dot stands for the package itself, where the version is), and of others. Imports
# for the type checker alone do not count; those inside functions do.
IMPORTS: dict[str, tuple[str, str]] = {
    "": ("", ""),
    "__main__": (
        ". about engine flags install model process report usage verbose verdict",
        "_launcher sys time",
    ),
    "about": (". _commit", "_ssl sys"),
    "codec": ("model", ""),
    "codes": ("", ""),
    "conflicts": ("", ""),
    "duration": ("", ""),
    "flags": (". conflicts duration metadata model usage", ""),
    "hints": ("codes model", ""),
    "install": ("model", "_signal _stat errno posix"),
    "metadata": ("", ""),
    "model": ("", "time"),
    "process": ("", "_signal posix"),
    "report": ("codes model verdict", ""),
    "target": ("model", ""),
    "usage": (". duration flags", ""),
    "verbose": (". duration flags model report usage", ""),
    "verdict": ("codes hints model", ""),
    "engine": ("engine.grpcio engine.native model", ""),
    "engine.connect": ("engine.resolve model target", "_socket time"),
    "engine.context": ("engine.trust model", "_ssl"),
    "engine.exchange": (
        "engine.connect engine.frames engine.hpack engine.http2 engine.strangers engine.tls engine.unary model",
        "",
    ),
    "engine.grpcio": (
        "engine.proto.serving_pb2 engine.trust engine.unary model target",
        "concurrent.futures google.protobuf.message grpc os time",
    ),
    "engine.hpack": ("engine.huffman", ""),
    "engine.frames": ("", ""),
    "engine.http2": ("engine.frames engine.hpack", ""),
    "engine.huffman": ("", ""),
    "engine.identity": (
        "engine.svid",
        "binascii posix",
    ),
    "engine.native": (
        "codec engine.connect engine.context engine.exchange engine.spiffe engine.tls engine.trust engine.unary model "
        "target",
        "time",
    ),
    "engine.resolve": ("engine.connect model", "_socket _thread"),
    "engine.spiffe": (
        "codec engine.connect engine.context engine.exchange engine.identity engine.svid engine.tls engine.tls_faults "
        "model target",
        "_launcher _ssl",
    ),
    "engine.strangers": ("", ""),
    "engine.tls": (
        "engine.connect engine.context engine.http2 engine.strangers engine.tls_faults",
        "_ssl",
    ),
    "engine.tls_faults": ("engine.strangers", ""),
    "engine.trust": ("model", "posix"),
    "engine.unary": ("engine.frames model", "binascii zlib"),
    "engine.svid": (
        "",
        "",
    ),
    "engine.proto": ("", ""),
    "engine.proto.serving_pb2": (
        "",
        "google.protobuf.descriptor google.protobuf.descriptor_pool google.protobuf.internal.builder "
        "google.protobuf.runtime_version google.protobuf.symbol_database google.protobuf.wrappers_pb2",
    ),
}

# What no table may allow: module or folder -> what it may import of ours at most (None: anything).
MOST: dict[str, set[str] | None] = {
    "model": set(),
    "duration": set(),
    "codes": set(),
    "conflicts": set(),
    "metadata": set(),
    "process": set(),
    "codec": {"model"},
    "target": {"model"},
    "hints": {"model", "codes"},
    "verdict": {"model", "codes", "hints"},
    "report": {"model", "codes", "verdict"},
    "flags": {".", "model", "conflicts", "duration", "metadata", "target", "usage"},
    "usage": {".", "duration", "flags"},
    "install": {"model"},
    "verbose": {".", "model", "duration", "flags", "report", "usage"},
    "about": {".", "_commit"},
    "engine": {"model", "codec", "target", "engine"},
    "__main__": None,
    "": set(),
}


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only the type checker sees."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield other
                yield from nodes(other)
        else:
            yield child
            yield from nodes(child)


def imports(name: str) -> tuple[set[str], set[str]]:
    """What a module imports: of ours, and of others."""
    ours: set[str] = set()
    others: set[str] = set()
    path = name.split(".") if name else []
    package = path if (ROOM.joinpath(*path) / "__init__.py").exists() else path[:-1]
    for node in nodes(SOURCES[name]):
        if isinstance(node, ast.Import):
            others.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert node.module
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            # `from google.protobuf import descriptor` imports a module, `from grpc import Channel` does not.
            others.update(
                names if node.module.startswith("google.protobuf") and name.endswith("_pb2") else {node.module}
            )
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level]
            for alias in node.names:
                target = [*base, node.module] if node.module else [*base, alias.name]
                ours.add("." if alias.name == "__version__" else ".".join(target))
                if not base and not node.module:
                    ours.add(".")
    return ours, others


@pytest.mark.parametrize("name", SOURCES)
def test_the_imports_of_a_module_are_those_of_the_table(name: str) -> None:
    assert name in IMPORTS, "a new module: give it a row"
    ours, others = imports(name)
    assert (sorted(ours), sorted(others)) == tuple(sorted(names.split()) for names in IMPORTS[name])


def test_the_table_names_no_module_that_is_gone() -> None:
    assert set(IMPORTS) == set(SOURCES)


def test_the_table_keeps_to_the_design() -> None:
    for name, (ours, others) in IMPORTS.items():
        room = name.split(".")[0]
        most = MOST[room]
        assert most is None or {target.split(".")[0] or "." for target in ours.split()} <= most, name
        assert "probe" not in others.split()
        of_grpc = [other for other in others.split() if other.split(".")[0] in ("grpc", "google")]
        assert not of_grpc or name in ("engine.grpcio", "engine.proto.serving_pb2")


def test_what_an_engine_imports_is_nothing_that_speaks_or_decides() -> None:
    speaking = {"__main__", "conflicts", "flags", "hints", "install", "process", "report", "usage", "verdict"}
    for name in SOURCES:
        if name.split(".")[0] == "engine":
            assert not imports(name)[0] & speaking


# What only one file may do.


def users(*names: str) -> set[str]:
    """The modules in which one of these names is used, by itself or behind a dot."""
    return {
        module
        for module, tree in SOURCES.items()
        for node in nodes(tree)
        if (isinstance(node, ast.Name) and node.id in names) or (isinstance(node, ast.Attribute) and node.attr in names)
    }


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Every call in the program: the module, the call, and what is called as it is spelled there."""
    for module, tree in SOURCES.items():
        for node in nodes(tree):
            if isinstance(node, ast.Call):
                yield module, node, ast.unparse(node.func)


def test_the_process_ends_in_one_place() -> None:
    assert users("SystemExit", "exit", "quit", "abort", "kill", "_Exit") == set()
    assert users("_exit") == {"process"}
    assert {(module, called) for module, _, called in calls() if called.endswith((".end", ".prepare"))} == {
        ("__main__", "process.end"),
        ("__main__", "process.prepare"),
    }


def test_nobody_prints_and_one_file_writes() -> None:
    assert users("print", "input", "stdout", "stderr", "stdin", "__stdout__", "__stderr__") == set()
    writing = {(module, called) for module, _, called in calls() if called.split(".")[-1].startswith("write")}
    assert writing == {
        ("process", "posix.write"),
        ("__main__", "process.write"),
        ("install", "posix.write"),  # to the copy
        ("engine.tls", "self._tls.write"),  # to OpenSSL, into memory
        ("engine.tls", "self._incoming.write"),  # from the socket, into memory
        ("engine.identity", "posix.write"),  # to a pipe that OpenSSL reads
    }


def test_nobody_reads_code_at_run_time() -> None:
    names = ("eval", "exec", "compile", "__import__", "import_module", "open", "globals")
    # The first two open the root directory, the program's own file, and its copy; the last one certificates and keys.
    assert users(*names) - {"engine.proto.serving_pb2"} == {"process", "install", "engine.trust"}


def test_the_wall_clock_is_read_in_one_place() -> None:
    assert users("localtime", "gmtime", "strftime", "time_ns") == {"__main__"}
    called = [called for _, _, called in calls()]
    assert called.count("time.localtime") == 1 and "time.time" not in called


# Exit codes.

CONTRACT = {
    "OK": 0, "SETUP": 1, "USAGE": 2, "DIAL": 2, "CALL": 3, "NOT_FOUND": 10, "EMPTY": 11, "NO_MATCH": 12,
    "CREDENTIALS": 20, "UNKNOWN": 30, "START": 31, "LOADING": 32, "UNLOADING": 33, "END": 34, "UNEXPECTED": 100,
    "INTERNAL": 101, "DAMAGED": 102, "INTERRUPTED": 130, "TERMINATED": 143,
}  # fmt: skip


def test_exit_codes_are_those_of_the_contract() -> None:
    codes = {name: value for name, value in vars(ExitCode).items() if not name.startswith("__")}
    assert {name: codes.get(name) for name in CONTRACT} == CONTRACT


def test_every_exit_code_has_its_line_of_explanation() -> None:
    text = (ROOM / "verdict.py").read_text(encoding="utf-8").splitlines()
    (table,) = (
        node for node in nodes(SOURCES["verdict"]) if isinstance(node, ast.ClassDef) and node.name == "ExitCode"
    )
    rows = [node for node in table.body if isinstance(node, ast.Assign)]
    assert len(rows) >= len(CONTRACT)
    assert [text[row.lineno - 1] for row in rows if "  # " not in text[row.lineno - 1]] == []


def is_literal_number(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Constant) and isinstance(part.value, int) for part in ast.walk(node))


def test_no_other_file_holds_an_exit_code() -> None:
    for module, call, called in calls():
        if called == "Verdict":
            assert module == "verdict"
            assert ast.unparse(call.args[0]).startswith("ExitCode.") or ast.unparse(call.args[0]) == "exit_code"
        elif called in ("_say", "process.end", "process.write"):
            assert not any(is_literal_number(argument) for argument in call.args), ast.unparse(call)
        elif called == "posix._exit":
            # The sum is the shell's, of the signal's number.
            assert ast.unparse(call.args[0]) in ("exit_code", "128 + number")
    for tree in SOURCES.values():
        for node in nodes(tree):
            if isinstance(node, ast.Assign) and "exit_code" in ast.unparse(node.targets[0]):
                values = node.value.args if isinstance(node.value, ast.Call) else [node.value]
                assert not any(isinstance(value, ast.Constant) for value in values), ast.unparse(node)


def test_main_returns_what_the_table_says() -> None:
    functions = [node for node in nodes(SOURCES["__main__"]) if isinstance(node, ast.FunctionDef)]
    returned = [
        ast.unparse(node.value)
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value
    ]
    assert all(value == "exit_code" or value.startswith(("_say(", "_tell(")) for value in returned)
    assert returned


# What a plain call costs in modules.

PLAIN_CALL = {
    "probe", "probe.__main__", "probe.codec", "probe.conflicts", "probe.duration", "probe.engine",
    "probe.engine.connect", "probe.engine.exchange", "probe.engine.frames", "probe.engine.hpack", "probe.engine.http2",
    "probe.engine.native", "probe.engine.strangers", "probe.engine.unary", "probe.flags", "probe.metadata",
    "probe.model", "probe.process", "probe.report", "probe.target", "probe.verdict",
}  # fmt: skip
# In C, and built into the static executable.
IN_C = {"_signal", "_socket", "posix", "time"}

PLAIN_PROGRAM = """
import sys
root, *argv = sys.argv[1:]
sys.path.insert(0, root)
before = set(sys.modules)
from probe.__main__ import main
exit_code = main(["probe", *argv])
loaded = set(sys.modules) - before
print(exit_code, *sorted(loaded))
"""


def test_a_plain_call_loads_nothing_but_the_probe_itself() -> None:
    with FakeServing({"half": {123: "AVAILABLE"}}) as server:
        done = subprocess.run(
            [
                sys.executable, "-I", "-S", "-c", PLAIN_PROGRAM, str(ROOT),
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
    assert set(loaded) - IN_C == PLAIN_CALL
