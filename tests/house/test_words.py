"""One word a thing: what users read holds none of the words that are out.

Read are strings of the code that hold a blank (messages, help, labels; not docstrings), the pages of the documentation, the
explorer's page, and the strings of its scripts and of the report's.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

OUT = {  # what is out, as a regular expression -> what to write
    r"\b(told|tells?)\b": "reported; described by; says",
    r"\bstillest|likest\b": "least mobile; most similar",
    r"\bspread\b": "standard deviation",
    r"(?<!standard )\bdeviations?\b": "standard deviation",
    r"\bshares? of\b": "fraction of",
    r"\b(wanted|wants?|wish(es)?)\b": "requested; expects; needs",
    r"\btravel(s|led|ling)?\b|\btraversals?\b": "trajectory",
    r"\bgo(es)? on\b|\bhow to go on\b": "continue; resume; next steps",
    r"\bcomes? and goe?s?\b": "the model fades density",
    r"\b(left-out|kept aside|never trained)\b": "held-out",
    r"\badded up\b": "projection",
    r"\bwhite is dense\b": "white = high density",
    r"\bdensity: where\b": "the model fades density",
    r"\bturn(s|ed|ing)? (about|by|the contrast|in the (image )?plane)|\barms? turn|\bturning arm|\bfull turn|\bdrag to turn": "rotation; in-plane angle (psi); invert",
    r"\bevidence\b(?! bound)": "anchor scores; encoder inputs",
    r"\banything to see\b": "Is there real heterogeneity?",
    r"\bwhere it came from\b": "Provenance",
    r"\bwhat went in\b": "Inputs",
    r"\bchecks that were done\b": "checks that were run",
    r"\b(merged|regroup\w*)\b": "joined into states; recluster",
    r"\b(the|a|each|every|its|their|of|typical) places?\b": "position; index; coordinates",
    r"\b(nats|steps?|maps?|particles?|numbers?|points?|rows?|one|images|latents|conformation|bytes|edge) an? "
    r"(step|particle|line|batch|row|state|residue|voxel|map|pixel|epoch|machine)\b": "per",
    r"\b(is|are) no (text|readable|number|refined|array|whole)\b": "is not a",
    r"\bsession\b": "of the explorer only; a ChimeraX without models is an empty ChimeraX",
    r"\bsupport of (the|each|a) states?\b": "support is that of held-out particles; write difference of the state",
    r"\b(latents?|they) (fall|falls|fell) silent|\bwakes? up\b": "collapsed to the prior; active",
    r"\bunforeseen\b|\bnobody knows\b|\baskew\b": "plain words",
    r"\bCtrl-C ends\b": "Press Ctrl-C to stop; run the same command again to resume",
    r"\bcloser, right drag\b|\bwheel\b": "Scroll: zoom. Right-drag: pan",
    r"\bsomeone else's\b|\banother one's\b": "of another ...",
}
ALLOWED = {  # (file, text that holds the word): the reason
    ("gem_plugin/explorer/.*", "session"): "what the explorer saves under a name",
    ("docs/glossary.md", "session"): "defines it",
    ("docs/looking.md", "session"): "describes it",
    ("gem_plugin/reports/chimerax_states.py", "close session"): "a command of ChimeraX",
    (
        "gem_plugin/landscape/checks/known_checks.py",
        "left-out",
    ): "a name in diagnostics.json of version 0.1.0",
}
OUT_IN_DOCUMENTATION = {
    r"\b(?-i:PC)\d\b": "volume_pc_1",
    r"\bz\d\b": "latent_1",
}  # but for the note on short names
SHORT_NAMES_STILL_WORK = re.compile(r"[^.(|]*still work")


def strings_of_code(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string with a blank that is no docstring; parts of f-strings one by one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
            and " " in node.value
        ):
            yield node.lineno, node.value


def strings_of_script(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.lstrip().startswith(("//", "*", "/*")):
            continue
        for match in re.finditer(r"\"([^\"\n]* [^\"\n]*)\"|`([^`\n]* [^`\n]*)`", line):
            yield number, match[1] or match[2]


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    yield from enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)


def all_texts(repository: Path) -> Iterator[tuple[str, int, str]]:
    """File, line and text of everything that users read."""
    package = repository / "gem_plugin"
    sources = [
        *((path, strings_of_code) for path in sorted(package.rglob("*.py"))),
        *((path, strings_of_script) for path in sorted(package.glob("*/page/*.js"))),
        (package / "explorer" / "page" / "explore.html", lines_of),
        *((path, lines_of) for path in documentation(repository)),
    ]
    for path, read in sources:
        for line, text in read(path):
            yield path.relative_to(repository).as_posix(), line, text


def documentation(repository: Path) -> list[Path]:
    pages = [*(repository / "docs").glob("*.md"), *(repository / "templates").rglob("*.md")]
    return [repository / "README.md", *sorted(pages)]


def words_out(name: str, text: str, out: dict[str, str]) -> list[str]:
    """What is out in a text, with what to write; allowed texts do not count."""
    for file, allowed in ALLOWED:
        if re.fullmatch(file, name):
            text = re.sub(re.escape(allowed), "", text, flags=re.IGNORECASE)
    return [
        f"{match[0]!r}: {write}"
        for pattern, write in out.items()
        if (match := re.search(pattern, text, re.IGNORECASE))
    ]


def test_what_users_read_holds_no_word_that_is_out(repository: Path) -> None:
    found = [
        f"{name}:{line} {word}\n    {text.strip()[:160]}"
        for name, line, text in all_texts(repository)
        for word in words_out(name, text, OUT)
    ]
    assert not found, "\n".join(["The words are in tests/house/test_words.py:", *found])


def test_the_documentation_uses_the_full_names_of_columns(repository: Path) -> None:
    found = [
        f"{path.name}:{line} {word}"
        for path in documentation(repository)
        for line, text in lines_of(path)
        for word in words_out(path.name, SHORT_NAMES_STILL_WORK.sub("", text), OUT_IN_DOCUMENTATION)
    ]
    assert not found, "\n".join(found)


def test_every_allowed_text_is_there(repository: Path) -> None:
    texts = [(name, text) for name, _, text in all_texts(repository)]
    for file, allowed in ALLOWED:
        assert any(re.fullmatch(file, name) and allowed in text.lower() for name, text in texts), (
            file,
            allowed,
        )


@pytest.mark.parametrize(
    "text", ["numbered from the stillest", "a tenth of the spread", "17 nats a particle", "the likest first"]
)
def test_the_test_finds_words_that_are_out(text: str) -> None:
    assert words_out("docs/any.md", text, OUT)


@pytest.mark.parametrize(
    "text", ["the exact evidence bound", "one standard deviation", "turns dark images white"]
)
def test_the_test_leaves_good_words(text: str) -> None:
    assert not words_out("docs/any.md", text, OUT)
