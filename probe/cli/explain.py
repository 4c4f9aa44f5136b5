"""-explain: what an exit code means, and what to check. Pure."""

from ..tfs.exit_codes import TABLE


def explain(code: int) -> str:
    """The table's rows of a code. 2 has several meanings, as in the original program."""
    return "".join(
        f"{code} {name}: {meaning}.\n  What to check: {check}\n"
        for number, name, meaning, check in TABLE
        if number == code
    )
