"""The generated notebook under nbconvert, as on a machine without a display and without the optional widget."""

import json
import os
import sys
from pathlib import Path

import pytest

from gem_plugin.reports.notebook import write_notebook

HIDE_WIDGET = 'import sys\nsys.modules["anywidget"] = None  # as if it were not installed'


@pytest.mark.slow
def test_notebook_runs_under_nbconvert_without_display_and_widget(old_run: Path, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbconvert and ipykernel are absent (extra: dev)")
    pytest.importorskip("ipykernel", reason="ipykernel is absent (extra: dev)")
    preprocessors = pytest.importorskip("nbconvert.preprocessors")
    write_notebook(tmp_path / "gem.ipynb", old_run)
    notebook = nbformat.read(tmp_path / "gem.ipynb", as_version=4)
    nbformat.validate(notebook)
    notebook.cells.insert(1, nbformat.v4.new_code_cell(HIDE_WIDGET))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DISPLAY", raising=False)
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        run = preprocessors.ExecutePreprocessor(timeout=300, kernel_name="python3")
        run.preprocess(notebook, {"metadata": {"path": str(tmp_path)}})
    outputs = [one for cell in notebook.cells if cell.cell_type == "code" for one in cell.outputs]
    assert not [one for one in outputs if one.output_type == "error"]
    pictures = [one for one in outputs if "image/png" in one.get("data", {})]
    assert len(pictures) >= 4, "states, scatter plot, molecule of the selection, energy"
    assert "widget-view" not in json.dumps(outputs)
