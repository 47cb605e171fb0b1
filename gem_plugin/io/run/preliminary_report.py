"""report.html while a run is being made: whether the page there is a preliminary one, and the sentence on top of it.

The page itself is reports/training_page.py. The final report takes its place; a step that fails says so in it.
"""

import re
from html import escape

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import write_text_whole

MARK = '<meta name="gem-page" content="preliminary">'
BEGIN, END = "<!-- state of the run -->", "<!-- end of the state -->"
REFRESH = '<meta http-equiv="refresh" content="{}">'
SECONDS_BETWEEN_REFRESHES = 20
CHARACTERS_WITH_MARK = 600  # from the beginning of the page


def is_preliminary(run: RunFiles) -> bool:
    """Whether report.html is the page of a run that is being made."""
    try:
        with open(run.report, encoding="utf-8") as handle:
            return MARK in handle.read(CHARACTERS_WITH_MARK)
    except (OSError, UnicodeDecodeError):
        return False


def state_html(sentence: str, is_going_on: bool) -> str:
    """The sentence on top of the page, between marks by which it is exchanged."""
    kind = "going-on" if is_going_on else "stopped"
    return f'{BEGIN}<p id="state" class="{kind}" role="status">{escape(sentence)}</p>{END}'


def refresh_html() -> str:
    """Lets the browser read the page again by itself."""
    return REFRESH.format(SECONDS_BETWEEN_REFRESHES)


def say_in_preliminary_report(run: RunFiles, sentence: str, is_going_on: bool) -> None:
    """Exchange the sentence on top of a preliminary page; once nothing goes on, the page no longer refreshes itself."""
    if not is_preliminary(run):
        return
    text = run.report.read_text(encoding="utf-8")
    state = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    text = state.sub(lambda _: state_html(sentence, is_going_on), text, count=1)
    if not is_going_on:
        text = text.replace(refresh_html(), "")
    write_text_whole(run.report, text)


def drop_preliminary_report(run: RunFiles) -> None:
    """Before a training begins anew, so that no picture of another one stays."""
    if is_preliminary(run):
        run.report.unlink()
