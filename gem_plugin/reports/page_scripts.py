"""The scripts of a page as one text: ES modules, joined in the order of their imports.

A page may fetch nothing: the report is opened from disk, where browsers load no modules, and the explorer's page comes
as one answer. So its modules are joined: each once, after those that it imports, without its `import` lines and without
the word `export`. They then share one scope, in which every top-level name is defined once. Node imports the same files
unchanged, which is how they are tested.
"""

import posixpath
import re
from importlib.resources import files

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) )", re.MULTILINE)
TOP_LEVEL_NAME = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)
NOT_UNDERSTOOD = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def joined_scripts(entry: str) -> str:
    """A module and everything that it imports as one script. entry: path inside gem_plugin, as explorer/page/explore.js."""
    modules = modules_in_order(entry)
    home: dict[str, str] = {}
    for path, text in modules.items():
        for name in names_defined_by(text):
            if name in home:
                raise ValueError(
                    f"{path} and {home[name]} both define {name}; a page needs two names for them."
                )
            home[name] = path
    return "\n".join(_without_imports(path, text) for path, text in modules.items())


def modules_in_order(entry: str) -> dict[str, str]:
    """Path and text of every module, each after those that it imports."""
    modules: dict[str, str] = {}
    _add(entry, modules, ())
    return modules


def _add(path: str, modules: dict[str, str], importing: tuple[str, ...]) -> None:
    if path in importing:
        raise ValueError(f"These modules import each other: {', '.join((*importing, path))}.")
    if path in modules:
        return
    text = files("gem_plugin").joinpath(*path.split("/")).read_text(encoding="utf-8")
    for imported in imports_of(path, text):
        _add(imported, modules, (*importing, path))
    modules[path] = text


def imports_of(path: str, text: str) -> dict[str, list[str]]:
    """Paths of the imported modules, and the names that are taken from each."""
    folder = posixpath.dirname(path)
    return {
        posixpath.normpath(posixpath.join(folder, address)): re.findall(r"[\w$]+(?: as [\w$]+)?", names)
        for names, address in IMPORT.findall(text)
    }


def names_defined_by(text: str) -> list[str]:
    """Functions, classes and constants of a module."""
    return TOP_LEVEL_NAME.findall(text)


def _without_imports(path: str, text: str) -> str:
    joined = EXPORT.sub("", IMPORT.sub("", text))
    strange = NOT_UNDERSTOOD.search(joined)
    if strange or " as " in "".join(names for names, _ in IMPORT.findall(text)):
        line = strange.group() if strange else "import { ... as ... }"
        raise ValueError(
            f'{path}: expected `import {{ name }} from "./module.js";` and `export` before a function, class or const, '
            f"got {line!r}."
        )
    return joined
