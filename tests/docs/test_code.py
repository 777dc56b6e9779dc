"""The Python blocks of the how-to pages and of the tutorials run, in order, page by page."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from doc_blocks import Block, blocks_of, is_slow

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [DOCS / "index.md", *sorted(DOCS.glob("how-to/*.md")), *sorted(DOCS.glob("tutorials/*.md"))]
RUN = [page for page in PAGES if any(block.language == "python" for block in blocks_of(page))]


def test_there_is_code_to_run() -> None:
    assert len(RUN) >= 8


def test_a_block_that_is_not_run_says_why() -> None:
    reasons = [block.reason for page in PAGES for block in blocks_of(page) if block.reason]
    assert [reason for reason in reasons if len(reason.split()) < 3] == []


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if is_slow(page) else [])
        for page in RUN
    ],
)
def test_the_code_of_a_page_runs(
    page: Path,
    tmp_path: Path,
    subprocess_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks = blocks_of(page)
    script = tmp_path / "page.py"
    script.write_text(script_of(blocks), encoding="utf-8")
    if write_package(blocks, tmp_path):
        # In a process of its own, since entry points are read once.
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, script.name],
            cwd=tmp_path,
            env={**subprocess_env, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", [script.name])
    modules = set(sys.modules)
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:  # modules of one page serve no other
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[name]


def script_of(blocks: Sequence[Block]) -> str:
    """The blocks that are run, each at its line of the page, so that a traceback points there."""
    lines: list[str] = []
    for block in blocks:
        if block.language in ("python", "setup") and not block.reason and block.file is None:
            lines += [""] * (block.line - 1 - len(lines)) + block.code.splitlines()
    return "\n".join(lines) + "\n"


def write_package(blocks: Sequence[Block], folder: Path) -> bool:
    """The files that a page shows, and its entry points, as an installed package has them.

    Returns whether there are any entry points.
    """
    installed = False
    for block in blocks:
        if block.language == "python" and block.file is not None:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code, encoding="utf-8")
        if block.language == "toml" and "entry-points" in block.code:
            installed = True
            told = folder / "my_package-1.0.dist-info"
            told.mkdir()
            (told / "METADATA").write_text(
                "Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n"
            )
            groups = tomllib.loads(block.code)["project"]["entry-points"]
            lines = []
            for group, points in groups.items():
                lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
            (told / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return installed
