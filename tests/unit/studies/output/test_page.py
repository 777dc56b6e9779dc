from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from made_studies import MadeStudy
from pixleak.core.errors import InputError
from pixleak.studies.output.page import write_page

HOSTILE = "<script>alert('x')</script>&\"|"


def defences(seeds: int = 3, **more: Any) -> MadeStudy:
    """Three defences, the strongest attack resolvable at 1 % false positives."""
    made = MadeStudy(half=0.02, **more)
    for defence, auc, utility in (("none", 0.9, 0.8), ("argmax", 0.75, 0.8), ("dp", 0.52, 0.6)):
        made.seeds(
            {"defence": defence},
            {"LiRA": [auc] * seeds, "Global loss": [auc - 0.1] * seeds},
            [utility] * seeds,
            accuracy={"Global loss": (auc - 0.1, auc - 0.2, auc)},
            tpr1=(0.2, 0.1, 0.3),
            tpr1_resolvable=True,
            miou_heldout=(utility - 0.1, utility - 0.2, utility),
        )
    return made


def rendered(made: MadeStudy, folder: Path) -> str:
    return write_page(made.write(folder)).read_text(encoding="utf-8")


def test_the_answer_comes_first(tmp_path: Path) -> None:
    html = rendered(defences(), tmp_path)
    body = html.split("<body>")[1]
    at = [body.index(part) for part in ("Ship dp: it holds", "<svg xmlns", 'id="attacks"')]
    assert at == sorted(at)
    assert body.count("<h2", 0, at[0]) == 1


def test_nothing_is_fetched_from_anywhere(tmp_path: Path) -> None:
    html = rendered(defences(), tmp_path)
    assert "default-src 'none'" in html
    assert "<script" not in html
    without = re.sub(r'xmlns(:\w+)?="http://www\.w3\.org/[^"]*"', "", html)
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", without)
    assert not re.findall(r"(?:src|href)=\"(?!#|data:)[^\"]*\"", without)


def test_whatever_the_study_calls_things_is_escaped(tmp_path: Path) -> None:
    made = MadeStudy(title=HOSTILE, default="LiRA", arguments={"title": HOSTILE})
    for defence in ("none", HOSTILE):
        for victim in ("unet", HOSTILE):
            levels = {"defence": defence, "victim": victim}
            made.cell(levels, {"LiRA": 0.7}, 0.8)
            made.rows[-1]["title"] = HOSTILE
    made.failed({"defence": HOSTILE, "victim": "x"}, HOSTILE)
    html = rendered(made, tmp_path)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    for path in tmp_path.glob("*.svg"):
        assert "<script" not in path.read_text(encoding="utf-8")
        assert path.parent == tmp_path
    assert "<script" not in (tmp_path / "tables.md").read_text(encoding="utf-8")


def test_figures_and_tables_are_saved_beside_it(tmp_path: Path) -> None:
    rendered(defences(), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"frontier.svg", "frontier-tpr.svg", "frontier-miou.svg"} <= names
    assert {"attacks.csv", "defences.csv", "tables.md", "study.html"} <= names
    # No poison, and nothing published.
    assert not {"poison.csv", "published-compared.csv"} & names
    svg = (tmp_path / "frontier.svg").read_text(encoding="utf-8")
    assert "var(--" not in svg
    assert "#ffffff" in svg
    assert ET.fromstring(svg).tag.endswith("svg")


def test_the_same_study_gives_the_same_page(tmp_path: Path) -> None:
    assert rendered(defences(), tmp_path) == write_page(tmp_path).read_text(encoding="utf-8")


def test_missing_cells_and_reports_are_shown(tmp_path: Path) -> None:
    made = defences()
    made.failed({"defence": "odd", "seed": "0"}, "the loss is not finite; lower lr")
    report = tmp_path / made.cells[0].folder / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("<p>", encoding="utf-8")
    html = rendered(made, tmp_path)
    assert "1 cell without a result" in html
    assert "the loss is not finite; lower lr" in html
    assert html.count('href="cells/') == 1
    assert 'href="cells/c000/report.html"' in html


def test_doubtful_cells_do_not_decide(tmp_path: Path) -> None:
    made = defences()
    for row in made.rows:
        if row["defence"] == "dp":
            row["verdict"] = "cannot-tell"
    html = rendered(made, tmp_path)
    assert "Left out: dp, seed 0; dp, seed 1; dp, seed 2." in html
    assert "Ship dp" not in html
    assert "dp †" in html


def test_unaware_attackers_and_poisoned_models_do_not_decide(tmp_path: Path) -> None:
    made = MadeStudy(half=0.01)
    for attacker, auc in (("adaptive", 0.8), ("naive", 0.5)):
        for defence in ("none", "temperature-4"):
            levels = {"attacker": attacker, "poison": "none", "defence": defence}
            made.seeds(levels, {"LiRA": [auc if defence != "none" else 0.9] * 3}, [0.8] * 3)
    levels = {"attacker": "adaptive", "poison": "tint", "defence": "temperature-4"}
    made.seeds(levels, {"LiRA": [0.95] * 3}, [0.8] * 3)
    html = rendered(made, tmp_path)
    answers = re.findall(r"<h2 id=\"answer\"[^>]*>([^<]*)", html)
    assert len(answers) == 1
    assert "from AUC 0.900 (0.894–0.906) to 0.800" in answers[0]
    assert html.count('class="verdict ') == 1


def test_victims_shadows_sizes_and_poisons_have_their_parts(tmp_path: Path) -> None:
    made = MadeStudy()
    for victim in ("unet", "tiny"):
        for shadow in ("unet", "tiny"):
            for size in ("100", "200"):
                for poison in ("none", "tint"):
                    made.cell(
                        {
                            "victim": victim,
                            "shadow": shadow,
                            "training-size": size,
                            "poison": poison,
                        },
                        {"Global loss": 0.7},
                        training_size=int(size),
                    )
    html = rendered(made, tmp_path)
    for part in ("grids", "sizes", "poison"):
        assert f'<h2 id="{part}"' in html
    assert "No defences were compared; over 8 conditions" in html
    assert (tmp_path / "grid-global-loss-training-size-100-poison-none.svg").is_file()
    assert (tmp_path / "poison.csv").is_file()


def test_published_figures_stay_with_the_study(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "reported.csv"
    file.parent.mkdir()
    file.write_text("defence,attack,accuracy\nnone,global loss,0.79\n", encoding="utf-8")
    made = defences(arguments={"published": {"file": str(file), "source": "A paper"}})
    html = rendered(made, tmp_path / "study")
    assert "Ours and A paper" in html
    assert "published.csv" in html
    assert str(file) not in html
    file.unlink()
    assert write_page(tmp_path / "study").read_text(encoding="utf-8") == html
    with pytest.raises(InputError, match="published"):
        write_page(defences(arguments={"published": {"path": "x"}}).write(tmp_path / "study"))


def test_a_study_without_any_result_says_so(tmp_path: Path) -> None:
    made = MadeStudy().cell({"defence": "none"}, {"LiRA": 0.7})
    folder = made.failed({"defence": "argmax"}, "it broke").write(tmp_path)
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "study.parquet")
    pq.write_table(table.slice(0, 0), folder / "study.parquet")
    assert "No cell has a result." in write_page(folder).read_text(encoding="utf-8")


@pytest.mark.slow
def test_rendering_needs_no_torch(tmp_path: Path) -> None:
    defences(seeds=1).write(tmp_path)
    code = (
        "import sys; from pathlib import Path; from pixleak.studies.output.page import write_page; "
        "write_page(Path(sys.argv[1])); "
        "print(sorted({'torch', 'monai', 'sklearn', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
