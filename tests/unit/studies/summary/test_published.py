from __future__ import annotations

from pathlib import Path

import pytest

from made_studies import MadeStudy
from pixleak.core.errors import InputError
from pixleak.studies.output.published_table import published_table
from pixleak.studies.summary.attack_columns import summarise_attacks
from pixleak.studies.summary.conditions import find_conditions
from pixleak.studies.summary.published import (
    PublishedComparison,
    PublishedFile,
    compare_with_published,
)

REPORTED = (
    "table,defense,attack,acc\n"
    "5,No defense,Type-I,0.733\n5,No defense,Global-loss,0.805\n5,Argmax,Type-I,0.571\n"
    "4,No defense,Type-I,0.5\n"
)


def read_as(file: Path, **changes: object) -> PublishedFile:
    settings: dict[str, object] = {
        "file": file,
        "columns": {"defence": "defense", "attack": "attack", "accuracy": "acc"},
        "labels": {
            "defence": {"none": "No defense", "argmax": "Argmax"},
            "attack": {"global loss": "Global-loss"},
        },
        "where": {"table": "5"},
    }
    return PublishedFile.model_validate(settings | changes)


def beside(tmp_path: Path, text: str = REPORTED, **changes: object) -> list[PublishedComparison]:
    file = tmp_path / "reported.csv"
    file.write_text(text, encoding="utf-8")
    made = MadeStudy()
    accuracy = {"Type-I": (0.7, 0.65, 0.75), "Global loss": (0.9, 0.85, 0.95)}
    made.cell({"defence": "none"}, {"Type-I": 0.7, "Global loss": 0.9}, accuracy=accuracy)
    made.cell({"defence": "argmax"}, {"Type-I": 0.6}, accuracy={"Type-I": 0.55})
    found = summarise_attacks(find_conditions(made.read(tmp_path / "study")))
    return compare_with_published(found, read_as(file, **changes), file)


def test_ours_is_held_against_theirs(tmp_path: Path) -> None:
    first, second, third = beside(tmp_path)
    assert (first.summary.column, first.theirs, first.contained) == ("Type-I", 0.733, True)
    assert first.difference == pytest.approx(-0.033)
    assert (second.summary.column, second.theirs, second.contained) == ("global loss", 0.805, False)
    # Ours has no interval there, so nothing is said.
    assert (third.summary.condition.defence, third.contained) == ("argmax", None)


def test_the_table_counts_what_is_held(tmp_path: Path) -> None:
    found = beside(tmp_path)
    table = published_table(found, read_as(tmp_path / "reported.csv", source="A paper"))
    assert table.caption == "Ours and A paper"
    assert [cell.text for cell in table.rows[0]][-3:] == ["0.733", "−0.033", "yes"]
    assert table.notes[0].startswith("Our interval contains 1 of 3 published figures.")


def test_a_path_alone_is_enough() -> None:
    short = PublishedFile.model_validate("reported.csv")
    assert short.file == Path("reported.csv")
    assert short.columns["accuracy"] == "accuracy"


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        (REPORTED, {"where": {}}, "two lines for No defense, Type-I"),
        (REPORTED, {"where": {"tabel": "5"}}, "no column 'tabel'.*table"),
        (REPORTED, {"columns": {"defence": "defense"}}, "must name the columns"),
        (REPORTED.replace("0.733", "73.3"), {}, "from 0 to 1, got '73.3'"),
        (REPORTED.replace("0.733", "n/a"), {}, "from 0 to 1, got 'n/a'"),
        (REPORTED + "5,Argmax\n", {}, "as many fields as the first"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, text: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        beside(tmp_path, text, **changes)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv does not exist"):
        compare_with_published([], read_as(tmp_path / "gone.csv"), tmp_path / "gone.csv")
