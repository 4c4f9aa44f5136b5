"""The page for people: plain HTML and CSS, which refreshes itself. Whatever a server said is escaped."""

from ..cli import duration
from ..cli.escape import escape
from ..cli.hints import hint_on
from ..cli.lines import BUDGET, verdict_line
from ..model import AVAILABLE, END, STATE_NAMES, Failure
from ..rpc.http1_server import http_date
from ..rpc.status import proto_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import VersionStatus
    from .board import Change, ModelView, Round
    from .site import Shown

MAX_VERSIONS = 12  # per model
MAX_ERROR_BYTES = 400
MIN_REFRESH_SECONDS = 2
STYLE = """
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--line:#dcdfe4;--text:#1c2128;--dim:#5b6470;--good:#137a3a;
--goodbg:#dff3e5;--bad:#b3261e;--badbg:#fbe3e1;--wait:#8a5a00;--waitbg:#fdf0d2}
@media(prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1d2127;--line:#343a43;--text:#e6e8eb;--dim:#9aa4b1;
--good:#6bd490;--goodbg:#173323;--bad:#ff9d94;--badbg:#43201d;--wait:#f0c36a;--waitbg:#3b2f14}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--bg);color:var(--text);
font:16px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:1.35rem;margin:0}h2{font-size:1.05rem;margin:1.5rem 0 .5rem}
h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
p{margin:.35rem 0;overflow-wrap:anywhere}a{color:inherit}
header{display:flex;flex-wrap:wrap;gap:.5rem .8rem;align-items:center;margin-bottom:.3rem}
.dim{color:var(--dim);font-size:.9rem}
.tag{border-radius:1rem;padding:.1rem .65rem;font-size:.85rem;font-weight:600;white-space:nowrap}
.good{color:var(--good);background:var(--goodbg)}.bad{color:var(--bad);background:var(--badbg)}
.wait{color:var(--wait);background:var(--waitbg)}.gone{color:var(--dim);background:var(--bg)}
main{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));gap:.8rem;margin-top:.9rem;
align-items:start}
article{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.75rem .9rem;min-width:0}
article.no{border-left:.3rem solid var(--bad)}article.yes{border-left:.3rem solid var(--good)}
article header{justify-content:space-between;flex-wrap:nowrap}
table{border-collapse:collapse;width:100%;margin-top:.4rem;font-size:.92rem}
td{padding:.2rem .5rem .2rem 0;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
td:first-child{font-variant-numeric:tabular-nums;width:1%;white-space:nowrap}
.note{background:var(--badbg);color:var(--bad);border-radius:.5rem;padding:.5rem .8rem}
footer{margin-top:1.5rem}
"""


def render(current: "Round", is_fresh: bool, shown: "Shown", seconds: int) -> str:
    """The whole page at that time, in seconds since 1970."""
    ready = sum(is_fresh and model.is_ready for model in current.models)
    count = len(current.models)
    refresh = max(MIN_REFRESH_SECONDS, shown.interval_ns // 1_000_000_000)
    title = f"{ready}/{count} ready"
    models = sorted(current.models, key=lambda model: is_fresh and model.is_ready)
    is_answered = any(model.is_answered for model in models)
    is_shared = count > 1 and not is_answered and len({model.result.outcome for model in models}) == 1
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="{refresh}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title} - TensorFlow Serving</title><style>{STYLE}</style></head><body>\n"
        f"<header><h1>TensorFlow Serving</h1>{_tag(title, 'good' if count and ready == count else 'bad')}"
        f"{_server(current, is_fresh)}</header>\n"
        f'<p class="dim">{_html(shown.address)}, asked every {duration.render(shown.interval_ns)}; '
        f"{_last_answer(current, seconds)}</p>\n"
        f"{_notes(current, count)}{_shared(models[0]) if is_shared else ''}"
        f"<main>\n{''.join(_model(model, is_fresh, seconds, not is_shared) for model in models)}</main>\n"
        f"{_changes(current.changes, seconds)}"
        f'<footer class="dim"><a href="/readyz">/readyz</a> · <a href="/livez">/livez</a> · '
        f'<a href="/metrics">/metrics</a> · tfs_model_status_probe {_html(shown.version)}</footer>\n</body></html>\n'
    )


def _html(text: str, limit: int = MAX_ERROR_BYTES) -> str:
    """A text that is safe in HTML, in attributes too."""
    text = escape(text, limit)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _tag(text: str, kind: str) -> str:
    return f'<span class="tag {kind}">{_html(text)}</span>'


def _server(current: "Round", is_fresh: bool) -> str:
    if current.at_ns is None:
        return _tag("not asked yet", "wait")
    if not is_fresh:
        return _tag("no answer for long", "bad")
    return _tag("the server answers", "good") if current.is_alive else _tag("the server does not answer", "bad")


def _last_answer(current: "Round", seconds: int) -> str:
    if current.at_ns is None:
        return "no round has ended yet"
    checks = current.successes + current.failures
    rounds = "1 round" if checks == 1 else f"{checks} rounds"
    took = duration.render(current.duration_ns // 10_000 * 10_000)
    return f"last round {_ago(current.seconds, seconds)}, took {took}; {rounds}, {current.failures} not ready"


def _notes(current: "Round", count: int) -> str:
    notes = [] if count else ["No model is listed: there is nothing to be ready."]
    if current.config_error:
        notes.append(f"The configuration file is broken, and its older content is in use: {current.config_error}")
    return "".join(f'<p class="note">{_html(note)}</p>\n' for note in notes)


def _shared(model: "ModelView") -> str:
    """A failure that all models have in common, once."""
    result = model.result
    text = hint_on(result)
    line = _html(verdict_line(result.verdict, result.query, BUDGET.text), 900)
    return f'<p class="note">{line}{f"<br>{_html(text, BUDGET.hint)}" if text else ""}</p>\n'


def _model(model: "ModelView", is_fresh: bool, seconds: int, is_explained: bool) -> str:
    """A model's card. `is_explained`: with the verdict, which is otherwise shown once above all cards."""
    verdict, query = model.result.verdict, model.result.query
    is_ready = is_fresh and model.is_ready
    since = f'<p class="dim">since {_date(model.since)}, {_ago(model.since, seconds)}</p>' if model.since else ""
    text = hint_on(model.result) if is_explained else ""
    line = f"<p>{_html(verdict_line(verdict, query, BUDGET.text), 900)}</p>" if is_explained else ""
    return (
        f'<article class="{"yes" if is_ready else "no"}"><header><h3>{_html(model.name)}</h3>'
        f"{_tag('ready', 'good') if is_ready else _tag('not ready', 'bad')}</header>"
        f"{line}{since}{_versions(model)}"
        + (f'<p class="dim">{_html(text, BUDGET.hint)}</p>' if text else "")
        + "</article>\n"
    )


def _versions(model: "ModelView") -> str:
    if isinstance(model.result.outcome, Failure) or not model.versions:
        return ""
    rows = "".join(map(_version, model.versions[:MAX_VERSIONS]))
    more = len(model.versions) - MAX_VERSIONS
    if more > 0:
        rows += f'<tr><td>…</td><td colspan="2" class="dim">{more} more</td></tr>'
    return f"<table>{rows}</table>"


def _version(version: "VersionStatus") -> str:
    is_failed = version.state == END and version.error_code
    kind = "good" if version.state == AVAILABLE else "bad" if is_failed else "gone" if version.state == END else "wait"
    error = f"{proto_name(version.error_code)}: {version.error_message}" if version.error_code else ""
    state = _tag(STATE_NAMES.get(version.state, str(version.state)), kind)
    return f"<tr><td>{version.version}</td><td>{state} {_html(error)}</td></tr>"


def _changes(changes: "tuple[Change, ...]", seconds: int) -> str:
    if not changes:
        return ""
    rows = "".join(
        f'<tr><td class="dim" title="{_ago(change.seconds, seconds)}">{_date(change.seconds)}</td>'
        f"<td>{f'<b>{_html(change.model)}</b> ' if change.model else ''}{_html(change.text, 900)}</td></tr>"
        for change in changes
    )
    return f"<h2>Last changes</h2>\n<table>{rows}</table>\n"


def _date(seconds: int) -> str:
    """`25 Nov 20:41:07 UTC`."""
    text = http_date(seconds).decode()
    return f"{text[5:11]} {text[17:25]} UTC"


def _ago(since: int, now: int) -> str:
    """`3m 20s ago`, in its two largest units."""
    left = max(now - since, 0)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if left >= size or (unit == "s" and not parts):
            parts.append(f"{left // size}{unit}")
            left %= size
    return f"{' '.join(parts[:2])} ago"
