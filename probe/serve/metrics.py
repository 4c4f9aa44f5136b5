"""The metrics, in Prometheus' text format 0.0.4. Their names are an interface.

Series exist from the start, and without an answer that counts every state is 0: an alert on a series that vanishes
would never fire. The versions in it are those of the last answer.
"""

from ..model import STATE_NAMES, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .board import ModelView, Round
    from .site import Shown

    Sample = tuple[str, str]  # labels with their braces, value

NAMES = tuple(STATE_NAMES.values())


def render(current: "Round", is_fresh: bool, shown: "Shown") -> str:
    """All metrics. `is_fresh`: the last answer counts."""
    families = [
        _family(
            "tfs_model_version_state",
            "gauge",
            "The state of a version of a model: 1 for the state that it is in, 0 for the others.",
            (sample for model in current.models for sample in _states(model, is_fresh)),
        ),
        _family(
            "tfs_model_ready",
            "gauge",
            "Whether a model is ready, by the rules that the probe was given.",
            ((f'{{model="{label(model.name)}"}}', _flag(is_fresh and model.is_ready)) for model in current.models),
        ),
        _family(
            "tfs_probe_up",
            "gauge",
            "Whether TensorFlow Serving answered.",
            (("", _flag(is_fresh and current.is_alive)),),
        ),
        _family(
            "tfs_probe_duration_seconds",
            "gauge",
            "How long the last round over all models took.",
            (("", f"{current.duration_ns / 1e9:.6f}"),),
        ),
        _family(
            "tfs_probe_last_success_timestamp_seconds",
            "gauge",
            "When all models were last found ready, in seconds since 1970; 0 for never.",
            (("", f"{current.last_success:.3f}"),),
        ),
        _family(
            "tfs_probe_checks_total",
            "counter",
            "Rounds over all models, by their result.",
            (('{result="success"}', str(current.successes)), ('{result="failure"}', str(current.failures))),
        ),
        _family(
            "tfs_probe_build_info",
            "gauge",
            "The version of the probe.",
            ((f'{{version="{label(shown.version)}"}}', "1"),),
        ),
    ]
    if shown.has_config_file:
        families.append(
            _family(
                "tfs_probe_config_last_reload_successful",
                "gauge",
                "Whether the configuration file could be used when it was last read; if not, its older content is.",
                (("", _flag(not current.config_error)),),
            )
        )
    return "".join(families)


def label(text: str) -> str:
    """A label's value, escaped. Bytes that are not UTF-8 are shown as escapes, so that names stay different."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return text
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return "".join(
        f"\\\\x{ord(character) & 0xFF:02x}" if 0xD800 <= ord(character) < 0xE000 else character for character in text
    )


def _states(model: "ModelView", is_fresh: bool) -> "Iterable[Sample]":
    name = label(model.name)
    counts = is_fresh and model.is_answered
    for version in model.versions:
        # A state with an unknown number counts as UNKNOWN.
        state = STATE_NAMES.get(version.state, STATE_NAMES[UNKNOWN])
        for other in NAMES:
            labels = f'{{model="{name}",version="{version.version}",state="{other}"}}'
            yield labels, _flag(counts and other == state)


def _flag(value: bool) -> str:
    return "1" if value else "0"


def _family(name: str, kind: str, help: str, samples: "Iterable[Sample]") -> str:
    lines = "".join(f"{name}{labels} {value}\n" for labels, value in samples)
    return f"# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}"
