"""THE table of cases, second part: labels, version policies, predictions, several models, REST.

Each row is a server whose models are in known states, a command line, and how the program ends. Every row runs on the
pure judge as far as it goes, line for line on every variant of the program, over gRPC and over REST, and on the grpcio
engine with exit code and kind. `{folder}` in an argument stands for a folder that holds the row's files, `{port}` and
`{rest}` in a line for the server's ports.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.support.wire import chunk, scalar

LOST = ("END", 15, "Can't parse /models/m/2/saved_model.pb as binary proto")
ANSWER = "ModelStatusResponse: "
AVAILABLE, LOADING, END = "Servable state is AVAILABLE", "Servable state is LOADING", "Servable state is END"
# A request that half_plus_two answers, and one that it refuses: for gRPC and for REST.
REQUESTS: dict[str, bytes] = {
    "good.pb": chunk(1, chunk(1, "another")) + chunk(2, chunk(1, "x")),
    "versioned.pb": chunk(1, chunk(1, "another") + chunk(2, scalar(1, 77))) + chunk(2, chunk(1, "x")),
    "bad.pb": b"",
    "good.json": b'{"instances": [1.0]}',
    "bad.json": b"{}",
}
REFUSED_INPUT = {
    "grpc": "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
    "rest": "Missing 'inputs' or 'instances' key",
}


class Question(NamedTuple):
    """A row."""

    name: str
    models: Mapping[str, Mapping[int, Any]]
    argv: tuple[str, ...]
    exit_code: int
    lines: tuple[str, ...]
    """Without timestamps and hints; lines with the server's answer are cut after `ModelStatusResponse: `. A final `…`
    stands for any words."""
    hints: int = 0
    labels: Mapping[str, Mapping[str, int]] = {}
    conduct: Mapping[str, Any] = {}
    """Further arguments of the stand-in."""
    files: Mapping[str, str] = {}
    protocols: tuple[str, ...] = ("grpc", "rest")
    judged: bool = True
    """Whether the status and the labels decide alone, so that the pure judge gives the same lines."""


def about(name: str, versions: Mapping[int, Any], argv: str, exit_code: int, verdict: str, **more: Any) -> Question:
    """A row about one model, `m`. A verdict other than AVAILABLE has a hint."""
    hints = more.pop("hints", 1 if exit_code else 0)
    return Question(
        name, {"m": versions}, ("-model-name=m", *argv.split()), exit_code, (ANSWER, verdict), hints, **more
    )


def no_match(wanted: str) -> str:
    return f"No matching response found for {wanted}"


def of(model: str, *lines: str) -> tuple[str, ...]:
    """Lines of one of several models."""
    return tuple(f"{model}: {line}" for line in lines)


def unknown(model: str) -> tuple[str, ...]:
    text = f"Model not found: rpc error: code = NotFound desc = Could not find any versions of model {model}"
    return of(model, "ModelStatusResponse: <nil>", text)


def ready(model: str) -> tuple[str, ...]:
    return of(model, ANSWER, AVAILABLE)


VERSIONS = [
    # -require=latest: the newest version that was not unloaded without an error.
    about("latest: it serves", {2: "AVAILABLE", 1: "END"}, "-require=latest", 0, AVAILABLE),
    about("latest: a broken one, the old one serves", {2: LOST, 1: "AVAILABLE"}, "-require=latest", 34, END),
    about("latest: an upgrade runs", {2: "LOADING", 1: "AVAILABLE"}, "-require=latest", 32, LOADING),
    about("latest: one that starts", {2: "START", 1: "AVAILABLE"}, "-require=latest", 31, "Servable state is START"),
    about("latest: unloaded in good order", {2: "END", 1: "AVAILABLE"}, "-require=latest", 0, AVAILABLE),
    about("latest: it is being unloaded", {2: "UNLOADING"}, "-require=latest", 33, "Servable state is UNLOADING"),
    about("latest: all were unloaded", {2: "END", 1: "END"}, "-require=latest", 34, END),
    about("latest: unknown state", {2: 0, 1: "AVAILABLE"}, "-require=latest", 30, "Servable state is UNKNOWN", hints=0),
    about("latest: a state without a name", {2: 60, 1: "AVAILABLE"}, "-require=latest", 100,
          "Servable state is unexpected", hints=0, protocols=("grpc",)),
    # -require=all: every one that the server means to serve.
    about("all: both serve", {2: "AVAILABLE", 1: "AVAILABLE"}, "-require=all", 0, AVAILABLE),
    about("all: one was unloaded", {2: "AVAILABLE", 1: "END"}, "-require=all", 0, AVAILABLE),
    about("all: the older one loads", {2: "AVAILABLE", 1: "LOADING"}, "-require=all", 32, LOADING),
    about("all: the newer one failed", {2: LOST, 1: "AVAILABLE"}, "-require=all", 34, END),
    about("all: an older one failed", {2: "AVAILABLE", 1: LOST}, "-require=all", 0, AVAILABLE),
    about("all: two fail, the newest decides", {3: "LOADING", 2: LOST, 1: "AVAILABLE"}, "-require=all", 32, LOADING),
    about("all: all were unloaded", {2: "END", 1: "END"}, "-require=all", 34, END),
    # -min-version.
    about("minimum: the newest serves", {3: "AVAILABLE", 2: "AVAILABLE"}, "-min-version=2", 0, AVAILABLE),
    about("minimum: an older one that is enough", {3: "LOADING", 2: "AVAILABLE"}, "-min-version=2", 0, AVAILABLE,
          hints=1),
    about("minimum: it loads", {3: "LOADING", 2: "AVAILABLE"}, "-min-version=3", 32, LOADING),
    about("minimum: it failed", {2: LOST, 1: "AVAILABLE"}, "-min-version=2", 34, END),
    about("minimum: it was unloaded", {2: "END", 1: "AVAILABLE"}, "-min-version=2", 34, END),
    about("minimum: none is listed", {1: "AVAILABLE"}, "-min-version=2", 12, no_match("version: 2 or newer")),
    about("minimum 0 is a value", {1: "AVAILABLE"}, "-min-version=0", 0, AVAILABLE),
    about("minimum, negative", {1: "AVAILABLE"}, "-min-version=-1", 0, AVAILABLE),
    # Both: the deciding versions are AVAILABLE, and the newest of them is at least N.
    about("latest and minimum", {2: "AVAILABLE", 1: "END"}, "-require=latest -min-version=2", 0, AVAILABLE),
    about("latest and minimum: too old", {1: "AVAILABLE"}, "-require=latest -min-version=2", 12,
          no_match("version: 2 or newer")),
    about("latest and minimum: it loads", {2: "LOADING", 1: "AVAILABLE"}, "-require=latest -min-version=2", 32,
          LOADING),
    about("latest and minimum: a newer one failed", {3: LOST, 2: "AVAILABLE"}, "-require=latest -min-version=2", 34,
          END),
    about("all and minimum", {2: "AVAILABLE", 1: "AVAILABLE"}, "-require=all -min-version=2", 0, AVAILABLE),
    about("all and minimum: too old", {1: "AVAILABLE"}, "-require=all -min-version=2", 12,
          no_match("version: 2 or newer")),
    about("all and minimum: one loads", {2: "AVAILABLE", 1: "LOADING"}, "-require=all -min-version=2", 32, LOADING),
    about("require any and minimum", {2: "AVAILABLE", 1: "END"}, "-require=any -min-version=2", 0, AVAILABLE),
]  # fmt: skip

TWO = {2: "AVAILABLE", 1: "AVAILABLE"}
POINTS = {"m": {"stable": 1, "canary": 2, "future": 9, "a\nb%ü/c d": 1, "minus": -1}}
LABELS = [
    about("label", TWO, "-model-label=canary", 0, AVAILABLE, labels=POINTS),
    about("label of the older one while the newer one loads", {2: "LOADING", 1: "AVAILABLE"}, "-model-label=stable", 0,
          AVAILABLE, labels=POINTS, hints=1),
    about("label of one that loads", {2: "LOADING", 1: "AVAILABLE"}, "-model-label=canary", 32, LOADING,
          labels=POINTS),
    about("label that is stale", {2: "AVAILABLE", 1: "END"}, "-model-label=stable", 34, END, labels=POINTS),
    about("label of one that failed", {2: LOST, 1: "AVAILABLE"}, "-model-label=canary", 34, END, labels=POINTS),
    about("label of one that is not listed", TWO, "-model-label=future", 12, no_match("label: future"), labels=POINTS),
    about("label of a negative version", TWO, "-model-label=minus", 12, no_match("label: minus"), labels=POINTS),
    about("label that is unknown", TWO, "-model-label=nope", 12, no_match("label: nope"), labels=POINTS),
    about("label in the wrong case", TWO, "-model-label=Stable", 12, no_match("label: Stable"), labels=POINTS),
    about("label, empty", TWO, "-model-label=", 12, no_match("label: "), labels=POINTS, protocols=("grpc",)),
    about("labels that are not allowed", TWO, "-model-label=stable", 12, no_match("label: stable"), labels=POINTS,
          conduct={"labels_allowed": False}),
    about("labels that are not initialized", TWO, "-model-label=stable", 12, no_match("label: stable"),
          conduct={"labels_initialized": False}),
    Question("label with odd characters", {"m": TWO}, ("-model-name=m", "-model-label=a\nb%ü/c d"), 0,
             (ANSWER, AVAILABLE), labels=POINTS),
    Question("unknown label with odd characters", {"m": TWO}, ("-model-name=m", "-model-label=a\nb"), 12,
             (ANSWER, no_match(r"label: a\nb")), 1, labels=POINTS),
    Question("label of an unknown model: the status decides", {"m": TWO}, ("-model-name=n", "-model-label=stable"), 10,
             tuple(line.removeprefix("n: ") for line in unknown("n")), 1, labels=POINTS),
    about("another INVALID_ARGUMENT is no unknown label", TWO, "-model-label=stable", 3,
          "Error calling tfs: rpc error: code = InvalidArgument desc = other", labels=POINTS, judged=False, hints=0,
          conduct={"metadata_error": (3, "other")}),
    about("another UNAVAILABLE is no missing label", TWO, "-model-label=stable", 3,
          "Error calling tfs: rpc error: code = Unavailable desc = other", labels=POINTS, judged=False,
          conduct={"metadata_error": (14, "other")}),
    about("busy when the label is asked for", TWO, "-model-label=stable", 3,
          "Error calling tfs: rpc error: code = ResourceExhausted desc = no", labels=POINTS, judged=False,
          conduct={"metadata_error": (8, "no")}),
    about("busy when the label is asked for, until the time is up", TWO, "-model-label=stable -timeout=500ms", 3,
          "Error calling tfs: rpc error: code = ResourceExhausted desc = no", labels=POINTS, judged=False,
          conduct={"metadata_error": (8, "no")}),
    about("no answer about the label in time", TWO, "-model-label=stable -rpc-timeout=200ms", 3,
          "Error calling tfs: rpc error: code = DeadlineExceeded desc = context deadline exceeded", labels=POINTS,
          judged=False, conduct={"metadata_delay": 30.0}),
]  # fmt: skip


def calling(code: str, text: str) -> str:
    return f"Error calling model: rpc error: code = {code} desc = {text}"


def predicting(name: str, argv: str, exit_code: int, verdict: str, **more: Any) -> list[Question]:
    """The same row over gRPC and REST, each with a request of its kind: `{good}` and `{bad}` in the arguments."""
    more.setdefault("judged", False)
    rows = []
    for protocol, suffix in (("grpc", "pb"), ("rest", "json")):
        given = argv.replace("{good}", "{folder}/good." + suffix).replace("{bad}", "{folder}/bad." + suffix)
        refused = verdict.replace("{refused}", REFUSED_INPUT[protocol])
        row = about(f"{name}, {protocol}", more.get("versions", {2: "AVAILABLE", 1: "AVAILABLE"}), given, exit_code,
                    refused, protocols=(protocol,), **{k: v for k, v in more.items() if k != "versions"})  # fmt: skip
        rows.append(row)
    return rows


PREDICTIONS = [
    *predicting("predict", "-predict={good}", 0, AVAILABLE),
    *predicting("predict with a version", "-predict={good} -model-version=1", 0, AVAILABLE),
    *predicting("predict with a label", "-predict={good} -model-label=stable", 0, AVAILABLE, labels=POINTS),
    about("predict with a version in the file", TWO, "-predict={folder}/versioned.pb", 40,
          calling("NotFound", "Servable not found for request: Specific(m, 77)"), protocols=("grpc",), judged=False),
    about("predict with another version than the file's", TWO, "-predict={folder}/versioned.pb -model-version=2", 0,
          AVAILABLE, protocols=("grpc",), judged=False),
    *predicting("predict and the latest", "-predict={good} -require=latest", 0, AVAILABLE),
    *predicting("predict, not asked while it loads", "-predict={bad}", 32, LOADING, versions={1: "LOADING"},
                judged=True),
    *predicting("predict: the model refuses the request", "-predict={bad}", 40,
                calling("InvalidArgument", "{refused}")),
    *predicting("predict: an error in the model", "-predict={good}", 40, calling("Internal", r"a\nb"),
                conduct={"predict_error": (13, "a\nb")}),
    *predicting("predict: NOT_FOUND is no unknown model", "-predict={good}", 40, calling("NotFound", "gone"),
                conduct={"predict_error": (5, "gone")}),
    *predicting("predict: busy", "-predict={good}", 40, calling("ResourceExhausted", "no"),
                conduct={"predict_error": (8, "no")}),
    *predicting("predict: busy until the time is up", "-predict={good} -timeout=400ms", 40,
                calling("ResourceExhausted", "no"), conduct={"predict_error": (8, "no")}),
    *predicting("predict: no answer in the call's time", "-predict={good} -rpc-timeout=200ms", 40,
                calling("DeadlineExceeded", "context deadline exceeded"), conduct={"predict_delay": 30.0}),
    *predicting("predict is not evaluated by liveness", "-predict={bad} -liveness", 0,
                "Server is alive: " + LOADING, versions={1: "LOADING"}, hints=0, judged=True),
    *[
        Question(f"predict: {name}, while the model {state}", {"m": {1: state}},
                 ("-model-name=m", f"-predict={{folder}}/{name}"), 1, (f"error: -predict: {{folder}}/{name} {words}",),
                 1, files={"large": "x" * ((4 << 20) + 1)}, judged=False)
        for state in ("AVAILABLE", "LOADING")
        for name, words in (
            ("nowhere", "cannot be read: no such file or directory"),
            (".", "is a directory, not a file"),
            ("large", "is larger than 4 MiB"),
        )
    ],
]  # fmt: skip

STATES = {"a": {1: "AVAILABLE"}, "b": {1: "LOADING"}, "c": {1: "AVAILABLE"}, "d": {1: "END"}}
CONFIG = """
# as the server reads it
model_config_list {
  config { name: "a" base_path: "/models/a" model_platform: "tensorflow" },
  config { name: 'b' base_path: "/models/b" model_platform: "tensorflow"
           model_version_policy { specific { versions: 1 versions: 2 } }
           version_labels { key: "stable" value: 1 } }
}
"""
ONE = """model_config_list { config { name: "m" base_path: "/m" model_platform: "tensorflow"
 model_version_policy { specific { versions: [1, 2] } } version_labels { key: "stable" value: 1 } } }"""
FILE = "-model-config-file={folder}/models.conf"
REFUSED = "context deadline exceeded (last error: connect 127.0.0.1:{port}: connection refused)"


def several(name: str, argv: str, exit_code: int, *lines: str, **more: Any) -> Question:
    return Question(name, more.pop("models", STATES), tuple(argv.split()), exit_code, lines, **more)


MANY = [
    several("two models", "-model-name=a -model-name=c", 0, *ready("a"), *ready("c"), "2/2 models ready"),
    several("the first failing one decides: not found", "-model-name=a -model-name=n -model-name=b", 10, *unknown("n"),
            *of("b", ANSWER, LOADING), *ready("a"), "1/3 models ready", hints=2),
    several("the first failing one decides: loading", "-model-name=b -model-name=n -model-name=a", 32,
            *of("b", ANSWER, LOADING), *unknown("n"), *ready("a"), "1/3 models ready", hints=2),
    several("none is ready", "-model-name=d -model-name=b", 34, *of("d", ANSWER, END), *of("b", ANSWER, LOADING),
            "0/2 models ready", hints=2),
    several("a name given twice", "-model-name=a -model-name=c -model-name=a", 0, *ready("a"), *ready("c"),
            "2/2 models ready"),
    several("one name given twice is one model", "-model-name=a -model-name=a", 0, ANSWER, AVAILABLE),
    several("one name given twice is one model for a flag", "-model-name=a -model-name=a -model-version=1", 0, ANSWER,
            AVAILABLE),
    several("liveness asks for the first one", "-model-name=n -model-name=a -liveness", 0, "ModelStatusResponse: <nil>",
            "Server is alive: " + unknown("n")[1].removeprefix("n: ")),
    several("a policy for each", "-model-name=a -model-name=m -require=latest", 34, *of("m", ANSWER, END),
            *ready("a"), "1/2 models ready", models={"a": TWO, "m": {2: LOST, 1: "AVAILABLE"}}, hints=1),
    several("an empty name", "-model-name= -model-name=a", 10, *unknown(""), *ready("a"), "1/2 models ready", hints=1,
            protocols=("grpc",)),
    several("a name with a line break", "-model-name=a", 0, *ready(r"x\ny"), *ready("a"), "2/2 models ready")._replace(
        models={"a": TWO, "x\ny": TWO}, argv=("-model-name=x\ny", "-model-name=a")),
    several("the file's models", FILE, 32, *of("b", ANSWER, LOADING), *ready("a"), "1/2 models ready",
            files={"models.conf": CONFIG}, hints=1),
    several("the file's models after the names", f"-model-name=d {FILE} -model-name=a", 34, *of("d", ANSWER, END),
            *of("b", ANSWER, LOADING), *ready("a"), "1/3 models ready", files={"models.conf": CONFIG}, hints=2),
    several("the file's only model", FILE, 0, ANSWER, AVAILABLE, models={"m": TWO}, files={"models.conf": ONE}),
    several("a flag for one model, and a file with one", f"{FILE} -model-version=2", 32, ANSWER, LOADING, hints=1,
            models={"m": {2: "LOADING", 1: "AVAILABLE"}}, files={"models.conf": ONE}),
    several("a flag for one model, and a file with the same one", f"{FILE} -model-version=2 -model-name=m", 0, ANSWER,
            AVAILABLE, models={"m": TWO}, files={"models.conf": ONE}),
    several("a flag for one model, and a file with two", f"{FILE} -model-version=2", 1,
            "error: -model-version needs a single model, and -model-config-file lists 2",
            files={"models.conf": CONFIG}, hints=1, judged=False),
    *[
        several(f"{flag}, and a file with two", f"{FILE} {flag}={value}", 1,
                f"error: {flag} needs a single model, and -model-config-file lists 2",
                files={"models.conf": CONFIG}, hints=1, judged=False)
        for flag, value in (("-model-label", "stable"), ("-min-version", "0"), ("-predict", "{folder}/good.pb"))
    ],
    several("all of the file's versions and labels", f"{FILE} -require=all", 0, ANSWER, AVAILABLE, models={"m": TWO},
            files={"models.conf": ONE}, labels={"m": {"stable": 1}}, judged=False),
    several("all: a version of the file is missing", f"{FILE} -require=all", 12, ANSWER, no_match("version: 2"),
            models={"m": {1: "AVAILABLE"}}, files={"models.conf": ONE}, labels={"m": {"stable": 1}}, hints=1,
            judged=False),
    several("all: a version of the file was unloaded", f"{FILE} -require=all", 34, ANSWER, END,
            models={"m": {2: "AVAILABLE", 1: "END"}}, files={"models.conf": ONE}, labels={"m": {"stable": 1}}, hints=1,
            judged=False),
    several("all: the server does not know a label of the file", f"{FILE} -require=all", 12, ANSWER,
            no_match("label: stable"), models={"m": TWO}, files={"models.conf": ONE}, hints=1, judged=False),
    several("all: a label points elsewhere", f"{FILE} -require=all", 12, ANSWER, no_match("label: stable"),
            models={"m": TWO}, files={"models.conf": ONE}, labels={"m": {"stable": 7}}, hints=1, judged=False),
    several("an empty list", FILE, 11, "Empty response", files={"models.conf": "model_config_list {}"}, hints=1,
            judged=False),
    several("a file that holds a comment alone", FILE, 11, "Empty response", files={"models.conf": "# later\n"},
            hints=1, judged=False),
    several("an empty list beside a name", f"{FILE} -model-name=a", 0, ANSWER, AVAILABLE,
            files={"models.conf": "model_config_list {}"}),
    several("no file", "-model-config-file={folder}/nowhere", 1,
            "error: -model-config-file: {folder}/nowhere cannot be read: no such file or directory", hints=1,
            judged=False),
    several("a broken file", FILE, 1, "error: -model-config-file: {folder}/models.conf, line 1, column …",
            files={"models.conf": "model_config_list { config { nam: 1,, } }"}, hints=1, judged=False),
    several("an empty file", FILE, 1, "error: -model-config-file: {folder}/models.conf, line 1, column …",
            files={"models.conf": ""}, hints=1, judged=False),
    several("a version in octal", FILE, 0, ANSWER, AVAILABLE, models={"m": TWO}, hints=1, judged=False,
            files={"models.conf": ONE.replace("[1, 2]", "00000123")}),
    several("all: a version in octal", f"{FILE} -require=all", 12, ANSWER, no_match("version: 83"),
            models={"m": {123: "AVAILABLE"}}, hints=2, judged=False, labels={"m": {"stable": 123}},
            files={"models.conf": ONE.replace("[1, 2]", "00000123")}),
    several("a template that was not filled in", FILE, 10, "ModelStatusResponse: <nil>",
            unknown("$(NAME)")[1].removeprefix("$(NAME): "), models={"m": TWO}, hints=2, judged=False,
            files={"models.conf": ONE.replace('"m"', '"$(NAME)"')}),
    several("a field that is not known here", FILE, 0, ANSWER, AVAILABLE, models={"m": TWO},
            files={"models.conf": ONE.replace("config {", "config { new_field: 1")}),
    several("a file that is too large", FILE, 1, "error: -model-config-file: {folder}/models.conf is larger than 4 MiB",
            files={"models.conf": "#" * ((4 << 20) + 1)}, hints=1, judged=False),
    several("nothing listens", "-model-name=a -model-name=b -model-name=c -connect-timeout=100ms", 2,
            f"Error dialing grpc service: {REFUSED}", "0/3 models ready", hints=1, conduct={"closed": True},
            judged=False),
]  # fmt: skip

QUESTIONS = [*VERSIONS, *LABELS, *PREDICTIONS, *MANY]
