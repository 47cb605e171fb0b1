"""What axe-core (a development dependency) finds on a page."""

from functools import cache
from importlib.resources import files
from typing import Any

import pytest

FIND = """
const done = arguments[0];
axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => done(violations
  .filter(({ impact }) => ["serious", "critical"].includes(impact))
  .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).slice(0, 5).join(", ")}`)));
"""


@cache
def axe_script() -> str:
    pytest.importorskip("axe_core_python", reason="axe-core-python is absent (pip install 'gem-em[dev]')")
    return files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def findings(page: Any) -> list[str]:
    """Violations with an impact of serious or critical, with where they are."""
    page.execute_script(axe_script())
    return page.execute_async_script(FIND)
