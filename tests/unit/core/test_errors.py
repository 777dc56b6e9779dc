"""Errors about packages that are missing or do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixleak.core.errors import MissingExtraError, require


def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it() -> None:
    sentence = r"^no_such_package is needed for drawing: pip install 'pixleak\[drawing\]'$"
    with pytest.raises(MissingExtraError, match=sentence):
        require("no_such_package", extra="drawing", why="drawing")


@pytest.mark.parametrize(
    "fault", ["RuntimeError('operator nms does not exist')", "ImportError('x')"]
)
def test_a_package_that_is_installed_and_fails_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    (tmp_path / "does_not_fit.py").write_text(f"raise {fault}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError) as caught:
        require("does_not_fit", extra="drawing", why="drawing")
    told = str(caught.value)
    assert "is installed, but importing it fails with" in told
    assert fault.split("'")[1] in told
    assert "pip install --upgrade 'pixleak[drawing]'" in told
