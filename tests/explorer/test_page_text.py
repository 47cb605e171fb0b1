"""The scripts of our pages: modules that node runs in tests and that are joined for the browser; short lines and files."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

import gem_plugin.reports.page_scripts as page_scripts
from gem_plugin.reports.page_scripts import imports_of, joined_scripts, modules_in_order, names_defined_by

ROOT = Path(str(files("gem_plugin")))
UNIT_TESTS = Path(__file__).parent / "page_scripts"
ENTRIES = (
    "explorer/page/explore.js",
    "reports/page/report.js",
    "reports/page/training_page.js",
    "explorer/page/notebook_scatter.js",
)
MAXIMUM_COLUMNS = 110
MAXIMUM_LINES = 400
EXPORTED_NAME = re.compile(r"^export (?:async )?(?:function\*?|class|const) (\w+)", re.MULTILINE)
COMMENT_LINE = re.compile(r"^\s*(?://|/\*|\*).*", re.MULTILINE)
METHOD = re.compile(r"^\s+(?:async )?\w+\(.*\) \{$", re.MULTILINE)
SECONDS_FOR_NODE = 120


def modules() -> dict[str, str]:
    """Every script of ours, by its path inside gem_plugin."""
    found = sorted([*ROOT.glob("explorer/page/*.js"), *ROOT.glob("reports/page/*.js")])
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in found}


def our_files() -> Iterator[Path]:
    yield from (ROOT / path for path in modules())
    yield from UNIT_TESTS.glob("*.js")


@pytest.fixture
def node() -> str:
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is absent: the unit tests of the page scripts need it (version 20 or newer)")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < 20:
        pytest.skip(
            f"node is too old ({version.strip()}): the unit tests of the page scripts need version 20"
        )
    return program


def run_node(*command: str) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SECONDS_FOR_NODE, cwd=UNIT_TESTS
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_unit_tests_of_the_page_scripts_pass(node: str) -> None:
    tests = sorted(str(path) for path in UNIT_TESTS.glob("*.test.js"))
    assert len(tests) >= 8
    run_node(node, "--test", *tests)


def test_lines_and_files_of_page_scripts_are_short() -> None:
    for path in our_files():
        lines = path.read_text(encoding="utf-8").splitlines()
        long = [number for number, line in enumerate(lines, start=1) if len(line) > MAXIMUM_COLUMNS]
        assert long == [], f"{path.name}: lines {long} have more than {MAXIMUM_COLUMNS} columns"
        assert len(lines) < MAXIMUM_LINES, path.name


def test_every_script_says_first_what_is_in_it_and_belongs_to_a_page() -> None:
    used = {path for entry in ENTRIES for path in modules_in_order(entry)}
    for path, text in modules().items():
        assert text.startswith("// "), path
        assert path in used, f"{path} is imported by no page"


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_module_comes_after_those_that_it_imports(entry: str) -> None:
    order = list(modules_in_order(entry))
    assert order[-1] == entry
    for index, (path, text) in enumerate(modules_in_order(entry).items()):
        assert set(imports_of(path, text)) <= set(order[:index]), path


def test_names_are_imported_from_the_module_that_exports_them_and_used() -> None:
    """So that node, which takes the modules one by one, finds what the joined script has anyway."""
    exporter = {name: path for path, text in modules().items() for name in EXPORTED_NAME.findall(text)}
    for path, text in modules().items():
        body = METHOD.sub("", COMMENT_LINE.sub("", page_scripts.IMPORT.sub("", text)))
        imported = {name: source for source, names in imports_of(path, text).items() for name in names}
        for name, source in imported.items():
            assert exporter.get(name) == source, f"{path} imports {name} from {source}"
            assert re.search(rf"\b{name}\b", body), f"{path} imports {name} and does not use it"
        for name, source in exporter.items():
            is_known = name in imported or name in names_defined_by(text)
            is_used = re.search(rf"(?<![.\w]){name}" + (r"\b" if name.isupper() else r"\("), body)
            assert is_known or not is_used, f"{path} uses {name} of {source} without importing it"


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_joined_script_is_one_valid_module_without_imports(entry: str, node: str, tmp_path: Path) -> None:
    """Two top-level names of the same kind would be a syntax error."""
    text = joined_scripts(entry)
    assert not re.search(r"^(import|export)\b", text, re.MULTILINE)
    (tmp_path / "joined.mjs").write_text(text, encoding="utf-8")
    run_node(node, "--check", str(tmp_path / "joined.mjs"))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of its own with scripts that the test writes."""
    monkeypatch.setattr(page_scripts, "files", lambda _: tmp_path)
    return tmp_path


def test_modules_are_joined_once_each_in_the_order_of_their_imports(package: Path) -> None:
    (package / "page").mkdir()
    (package / "page" / "main.js").write_text(
        'import {\n  two,\n} from "../two.js";\nimport { one } from "../one.js";\ntwo(one);\n'
    )
    (package / "two.js").write_text(
        'import { one } from "./one.js";\nexport function two() { return one; }\n'
    )
    (package / "one.js").write_text("export const one = 1;\n")
    assert joined_scripts("page/main.js") == "const one = 1;\n\nfunction two() { return one; }\n\ntwo(one);\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('import { main } from "./main.js";\n', "import each other: main.js, other.js, main.js"),
        ("const shared = 2;\n", "other.js both define shared"),
        ('import everything from "./third.js";\n', "got 'import everything"),
        ("export default 3;\n", "got 'export default 3;'"),
    ],
)
def test_what_cannot_be_joined_is_refused(package: Path, text: str, reason: str) -> None:
    (package / "main.js").write_text('import { other } from "./other.js";\nconst shared = 1;\n')
    (package / "other.js").write_text(text)
    with pytest.raises(ValueError, match=re.escape(reason)):
        joined_scripts("main.js")
