"""Every exit code: its number, name, meaning, and what to check.

THE table: README, the documents and the tests read it. The numbers up to 100 are the original program's or
grpc_health_probe's; they are an interface.
"""

OK = 0
SETUP = 1
USAGE = DIAL = 2
CALL = 3
NOT_FOUND = 10
EMPTY = 11
NO_MATCH = 12
CREDENTIALS = 20
UNKNOWN = 30
START = 31
LOADING = 32
UNLOADING = 33
END = 34
PREDICT = 40
UNEXPECTED = 100
INTERNAL = 101
DAMAGED = 102
NOT_EXECUTABLE = 126
COMMAND_NOT_FOUND = 127
INTERRUPTED = 130
TERMINATED = 143

# (code, name, meaning, what to check)
TABLE = (
    (OK, "OK", "The model is AVAILABLE; with -liveness: the server answers", "Nothing."),
    (
        SETUP,
        "SETUP",
        "Flags contradict each other, or a file cannot be used",
        "The line names the flags or the file, and the remedy.",
    ),
    (USAGE, "USAGE", "An unknown or malformed flag", "The last line names the flag and the right form."),
    (
        DIAL,
        "DIAL",
        "No connection",
        "-addr, and the server's log: the port opens only after the first models have loaded.",
    ),
    (
        CALL,
        "CALL",
        "The call failed, or its answer cannot be decoded",
        "The gRPC code on the line: an overloaded server, or a proxy?",
    ),
    (
        NOT_FOUND,
        "NOT_FOUND",
        "The server does not know the model",
        "-model-name; also the answer until a first version is found.",
    ),
    (
        EMPTY,
        "EMPTY",
        "No version is listed, or there is no model to ask about",
        "The model's base path, or the configuration file.",
    ),
    (
        NO_MATCH,
        "NO_MATCH",
        "The requested version is not listed",
        "The version, label or minimum asked for; the hint lists what is there.",
    ),
    (
        CREDENTIALS,
        "CREDENTIALS",
        "No SPIFFE credentials",
        "SPIFFE_ENDPOINT_SOCKET, the agent's socket, and the workload's registration.",
    ),
    (UNKNOWN, "UNKNOWN", "The version is in state UNKNOWN", "The server's log."),
    (START, "START", "The version is in state START: about to load", "Wait; if it stays, the server's log."),
    (
        LOADING,
        "LOADING",
        "The version is in state LOADING",
        "Wait; if it stays, the server's log: a load may be failing.",
    ),
    (UNLOADING, "UNLOADING", "The version is in state UNLOADING", "The version policy, and the model's base path."),
    (END, "END", "The version is in state END: unloaded, or it failed to load", "The hint has the server's error."),
    (
        PREDICT,
        "PREDICT",
        "AVAILABLE, but the -predict request failed",
        "The gRPC code on the line, the file, and the model's signature.",
    ),
    (
        UNEXPECTED,
        "UNEXPECTED",
        "The version is in a state that this program does not know",
        "Whether there is a newer release.",
    ),
    (INTERNAL, "INTERNAL", "A bug in this program", "Please report the line."),
    (DAMAGED, "DAMAGED", "The executable is damaged", "Download it again, and verify its checksum."),
    (
        NOT_EXECUTABLE,
        "NOT_EXECUTABLE",
        "The command after -wait cannot be executed",
        "The reason on the line: the file's mode, format or interpreter.",
    ),
    (
        COMMAND_NOT_FOUND,
        "COMMAND_NOT_FOUND",
        "The command after -wait was not found",
        "The command's name, and PATH.",
    ),
    (INTERRUPTED, "INTERRUPTED", "Ended by SIGINT", "Nothing."),
    (TERMINATED, "TERMINATED", "Ended by SIGTERM", "Nothing."),
)
CODES = frozenset(row[0] for row in TABLE)
