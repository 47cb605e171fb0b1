"""Fonts of PDF files without the tables that only typesetters read.

matplotlib embeds the letters of a figure with fontTools, which takes most of its time for tables of ligatures and kerning. A PDF names
each letter and its position, so no reader looks at these tables.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from fontTools.subset import Options

TABLES_OF_TYPESETTERS = ("GDEF", "GPOS", "GSUB")
DEFAULT = "_drop_tables_default"  # of fontTools: what is left out unless somebody asks for it


@contextmanager
def small_fonts() -> Iterator[None]:
    """Within this, fonts are embedded without these tables; where fontTools has changed, with them as before."""
    before = getattr(Options, DEFAULT, None)
    if not isinstance(before, list):
        yield
        return
    setattr(Options, DEFAULT, [*before, *(one for one in TABLES_OF_TYPESETTERS if one not in before)])
    try:
        yield
    finally:
        setattr(Options, DEFAULT, before)
