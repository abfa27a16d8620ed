"""What no template may hold (S2, S3, house rules), and what every page carries with it."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from tests.test_urls import EVERY

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
APPS = ("audit", "jobs", "lswpanel", "servers", "teams")
MOST_LINES = 120
MOST_CSS = 30_000
MOST_LINES_OF_APP_JS = 100

DJANGO = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
COMMENT = re.compile(r"\{% comment %\}.*?\{% endcomment %\}", re.DOTALL)
TAG = re.compile(r"<[a-zA-Z](?:\"[^\"]*\"|'[^']*'|[^<>\"'])*>")
STRING = re.compile(r"\"[^\"]*\"|'[^']*'")
URL = re.compile(r"\{% url (.*?) %\}")
LIVE = re.compile(r"role=\"(?:status|alert|log)\"|aria-live|<output")

# Looked for in the template as it is written.
BANS = {
    "a filter that trusts foreign text": re.compile(r"\|\s*safe(?:seq)?\b|autoescape\s+off|mark_safe"),
    "hx-on": re.compile(r"hx-on\b"),
    "js: or javascript:": re.compile(r"(?i)\bjs:|javascript:"),
    "a trigger filter": re.compile(r"hx-trigger=\"[^\"]*\["),
    "an inline style": re.compile(r"(?i)<style\b|\sstyle="),
    "an inline script": re.compile(r"(?i)<script\b(?![^>]*\ssrc=)"),
    "an inline handler": re.compile(r"(?i)\son[a-z]+\s*="),
    "a foreign address": re.compile(r"(?i)(?:src|href|action)=\"(?:https?:)?//"),
}
# Looked for in each tag once Django's own tags and all quoted text are out of it.
UNQUOTED = re.compile(r"[\w-]+=(?![\"'])")


def unquoted(source: str) -> list[str]:
    plain = DJANGO.sub("", COMMENT.sub("", source))
    return [tag for tag in TAG.findall(plain) if UNQUOTED.search(STRING.sub('""', tag))]


def found(source: str) -> list[str]:
    hits = [name for name, ban in BANS.items() if ban.search(source)]
    return hits + (["an unquoted attribute"] if unquoted(source) else [])


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT / "templates"))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_template_holds_nothing_banned(path: Path) -> None:
    assert found(path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_template_compiles_and_is_short(path: Path) -> None:
    assert get_template(name_of(path))
    assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.req("X9")
@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_form_that_is_posted_carries_its_token(path: Path) -> None:
    """Also one that htmx sends with a header: it may be sent before htmx has seen it."""
    source = path.read_text()
    assert source.count('method="post"') == source.count("{% csrf_token %}")


def test_live_regions_stay_while_fragments_come_and_go() -> None:
    """A region that is replaced with its text is not read out: fragments say what they say through the frame's."""
    fragments = [path for path in TEMPLATES if {"partials", "changes"} & set(path.parts)]
    # These are not swapped: the chart's read-out, which a script fills, and what was not done on a page of its own.
    replaced = [path for path in fragments if path.name not in ("traffic_chart.html", "not_done.html")]
    assert [name_of(path) for path in replaced if LIVE.search(path.read_text())] == []
    assert not LIVE.search((ROOT / "templates" / "components" / "refresh.html").read_text())


def test_regions_that_scripts_fill_are_live() -> None:
    """Else nothing of what is put there is read out."""
    tags = TAG.findall((ROOT / "templates" / "base.html").read_text())
    live = " ".join(tag for tag in tags if LIVE.search(tag))
    assert set(re.findall(r"id=\"(\w+)\"", live)) == {"said", "alarms", "told"}


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_template_names_addresses_that_exist(path: Path) -> None:
    """With `as`, Django takes a wrong name or a missing id for an empty address."""
    assert [words for words in URL.findall(path.read_text()) if not leads_somewhere(words)] == []


def leads_somewhere(words: str) -> bool:
    name, *ids = words.partition(" as ")[0].split()
    route, _ = EVERY.get(name.strip('"'), (None, None))
    return route is not None and len(ids) == route.count("<")


@pytest.mark.parametrize(
    "words", ['"servers:no_such" team.slug', '"servers:server_detail" team.slug as url', '"home" 1']
)
def test_address_that_leads_nowhere_is_recognized(words: str) -> None:
    assert not leads_somewhere(words)


@pytest.mark.parametrize(
    "bad",
    [
        "{{ name|safe }}",
        "{{ name | safe }}",
        "{{ names|safeseq }}",
        "{% autoescape off %}{{ name }}{% endautoescape %}",
        '<p style="color: red">',
        "<style>p {}</style>",
        "<script>alert(1)</script>",
        '<p onclick="go()">',
        '<p hx-on:click="go()">',
        "<p hx-vals='js:{a: 1}'>",
        '<a href="javascript:go()">',
        '<p hx-trigger="click[ctrlKey]">',
        "<p class=wide>",
        "<p class={{ name }}>",
        "<p {% if a %}data-x={{ name }}{% endif %}>",
        '<script src="https://cdn.example.com/x.js"></script>',
        '<script src="//cdn.example.com/x.js"></script>',
    ],
)
def test_bans_catch_what_they_are_for(bad: str) -> None:
    assert found(bad)


@pytest.mark.parametrize(
    "good",
    [
        '<p class="a {% if b == "c" %}d{% endif %}">x = y</p>',
        '<script src="{% static "js/app.js" %}" defer></script>',
        '<input {% if a %}checked{% endif %} value="{{ b }}">',
        '<body hx-headers=\'{"X": "{{ y }}"}\'>',
        "{% lucide icon size=24 %}",
    ],
)
def test_bans_leave_the_rest_alone(good: str) -> None:
    assert found(good) == []


def test_python_marks_nothing_safe() -> None:
    trusting = re.compile(r"mark_safe|SafeString\(|\bsafe=True|@csrf_exempt|__html__")
    hits = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        for line in path.read_text().splitlines()
        if trusting.search(line)
    }
    assert hits == {"lswpanel/views.py: @csrf_exempt"}, "only reports of browsers come without a token"


def test_style_sheets_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "static" / "css").rglob("*.css")}
    assert sum(sizes.values()) < MOST_CSS, sizes


def test_app_script_is_short() -> None:
    assert len((ROOT / "static" / "js" / "app.js").read_text().splitlines()) < MOST_LINES_OF_APP_JS


def test_style_sheets_ask_nobody_else() -> None:
    for path in (ROOT / "static" / "css").rglob("*.css"):
        assert not re.search(r"url\(|@import|@font-face", path.read_text()), path.name


def test_scripts_evaluate_nothing() -> None:
    evaluating = re.compile(
        r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|https?://"
    )
    for path in (ROOT / "static" / "js").rglob("*.js"):
        assert not evaluating.search(path.read_text()), path.name


def test_every_class_has_a_style_or_a_meaning() -> None:
    """A class that no sheet knows is a typing mistake, or was forgotten there."""
    sheets = "".join(path.read_text() for path in (ROOT / "static" / "css").rglob("*.css"))
    known = set(re.findall(r"\.([a-z][\w-]*)", sheets))
    used = {
        (name, name_of(path))
        for path in TEMPLATES
        for value in re.findall(r"class=\"([^\"]*)\"", DJANGO.sub(" ", path.read_text()))
        for name in value.split()
        if not name.endswith("-")
    }
    assert {each for each in used if each[0] not in known} == set()
