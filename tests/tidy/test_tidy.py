"""What a reader of this tree may rely on, checked."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tallygate.config import PREFIX, Config
from tallygate.interfaces.cli.root import build

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "tallygate"
SANDBOX = ROOT / "src" / "tallygate_sandbox"
PURE_ROOMS = (
    *("core", "catalog", "accounts", "metering", "rating", "subscriptions", "invoicing"),
    "collection",
)
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

BANNED_NAMES = re.compile(
    r"^(.*_)?(manager|helper|helpers|utils|handle|usage_record)(_.*)?$", re.IGNORECASE
)
SILENCED = re.compile(r"# (noqa|type: ignore)")
SILENCED_WITH_A_REASON = re.compile(
    r"# (noqa: [A-Z0-9, ]+|type: ignore\[[a-z-, ]+\] *#) [a-z# ]*\w"
)
PROMISES = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b|pragma: no cover")


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).exists()]


def python_files() -> list[Path]:
    return tracked("*.py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def trees(paths: list[Path]) -> Iterator[tuple[Path, ast.Module]]:
    for path in paths:
        yield path, tree_of(path)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_can_be_read_in_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files()
        if (lines := len(path.read_text("utf-8").splitlines())) > MAX_FILE_LINES
        and "versions" not in path.parts  # migrations, as Alembic wrote them
    }
    assert not long


def test_functions_fit_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in trees(tracked("src/*.py"))
        for node in functions(tree)
        if node.end_lineno
        and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
        and "versions" not in path.parts
    ]
    assert not long


def test_every_room_says_what_it_owns() -> None:
    houses = [*SOURCE.iterdir(), *SANDBOX.iterdir()]
    rooms = [path for path in houses if (path / "__init__.py").exists()]
    assert rooms
    for room in rooms:
        said = ast.get_docstring(tree_of(room / "__init__.py")) or ""
        assert "Owns" in said, room
        assert "not own" in said, room


def test_every_module_opens_with_a_docstring() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path, tree in trees(tracked("src/*.py"))
        if tree.body and not ast.get_docstring(tree) and "versions" not in path.parts
    ]
    assert not silent


@pytest.mark.parametrize("room", [*(SOURCE / room for room in PURE_ROOMS), SANDBOX / "money"])
def test_no_float_comes_near_money_or_quantities(room: Path) -> None:
    paths = sorted(room.rglob("*.py"))
    assert paths
    for path, tree in trees(paths):
        found = [
            node.lineno
            for node in ast.walk(tree)
            if (isinstance(node, ast.Name) and node.id == "float")
            or (isinstance(node, ast.Constant) and isinstance(node.value, float))
        ]
        assert not found, f"{path}: lines {found}"


def test_sql_is_never_put_together_from_values() -> None:
    """Text for the database comes from constants and from table declarations, not from input."""
    for path, tree in trees(tracked("src/*.py")):
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if (
                node.func.attr in {"text", "execute", "executemany", "exec_driver_sql"}
                and node.args
            ):
                first = node.args[0]
                made = isinstance(first, ast.JoinedStr) or (
                    isinstance(first, ast.BinOp) and isinstance(first.op, ast.Mod | ast.Add)
                )
                assert not made, f"{path}:{node.lineno}"


def test_names_follow_the_glossary() -> None:
    odd = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in trees(tracked("src/*.py"))
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and BANNED_NAMES.match(node.name)
    ]
    assert not odd


def test_nothing_is_promised_and_no_check_is_silenced_without_a_reason() -> None:
    for path in python_files():
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            where = f"{path.relative_to(ROOT)}:{number}"
            assert not PROMISES.search(line), where
            if SILENCED.search(line):
                assert SILENCED_WITH_A_REASON.search(line), f"{where}: say why"


def test_locks_are_pinned_by_hash_and_name_no_address() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text("utf-8")
        assert "://" not in text
        pins = [line for line in text.splitlines() if re.match(r"[a-z0-9]", line, re.IGNORECASE)]
        assert pins
        assert len(pins) <= text.count("--hash=sha256:")


def test_the_tree_names_no_machine_and_no_secret() -> None:
    suspicious = re.compile(
        r"(?<![\w.])/(work|farm|root|home)/|sk_live_[A-Za-z0-9]{8}|index-url[= ]+http"
    )
    for path in tracked():
        if path == Path(__file__) or path.suffix in {".png", ".gz", ".db"}:
            continue
        found = suspicious.search(path.read_text("utf-8"))
        assert not found, f"{path.relative_to(ROOT)}: {found}"


def test_every_setting_and_every_command_is_documented() -> None:
    guide = (ROOT / "docs" / "operate.md").read_text("utf-8")
    for name, setting in Config.model_fields.items():
        variable = setting.validation_alias or f"{PREFIX}{name.upper()}"
        assert str(variable) in guide, name
    app = build()
    told = [command.name for command in app.registered_commands]
    told += [
        f"{group.name} {command.name}"
        for group in app.registered_groups
        if group.typer_instance is not None
        for command in group.typer_instance.registered_commands
    ]
    assert len(told) > 10
    for called in told:
        parent, _, command = str(called).partition(" ")
        assert re.search(rf"tallygate {parent}\b", guide) or command, called
        assert re.search(rf"\b{command or parent}\b", guide), called


def test_links_between_documents_lead_somewhere() -> None:
    for page in tracked("*.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"


def test_what_guards_a_decision_is_there() -> None:
    for page in (ROOT / "docs" / "decisions").glob("*.md"):
        guards = page.read_text("utf-8").partition("**Guarded by**")[2]
        assert guards, page.name
        for path in re.findall(r"`((?:tests|src|docs)/[^`]+)`", guards):
            assert (ROOT / path).exists(), f"{page.name}: {path}"
