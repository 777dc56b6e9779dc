"""The report as a page: whole, valid, alone, and true to the result.

One long file, since its tests share the pages that they look at.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.report.runs import HOSTILE, VARIANTS, RunFactory

from pixleak.analyses.exposed_records import Exposures
from pixleak.core.errors import InputError
from pixleak.report.html.render import render, to_html
from pixleak.report.wording import ANSWERS

VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """Elements, attributes and text of a page; a tag that is not closed is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    return {name: to_html(make().write(folder / name)) for name, make in VARIANTS.items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_run_gives_a_whole_page(pages: dict[str, str], variant: str) -> None:
    result = VARIANTS[variant]().result()
    page = Page(pages[variant])

    assert pages[variant].startswith("<!DOCTYPE html>")
    assert len(pages[variant]) < 3_000_000
    assert result.verdict.sentence in page.words
    assert ANSWERS[result.verdict.answer] in page.words
    for attack in result.attacks:
        assert attack.title in page.words
    for control in result.controls:
        assert control.explanation in page.words
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert len(page.all("h1")) == 1
    assert all(image["alt"] for image in page.all("img"))
    exposures = result.section(Exposures)
    exposed = exposures.records if exposures else []
    assert len(page.all("img")) == 4 * len(exposed) + (variant == "generator")
    assert all(th.get("scope") for th in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_page_needs_no_network(pages: dict[str, str], variant: str) -> None:
    html = pages[variant]
    page = Page(html)

    assert set(re.findall(r"https?://[^\s\"'<)]+", html)) <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in html
    assert all(link["href"] == "data:," for link in page.all("link"))
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert [script for script in page.all("script") if script] == []
    assert all(a["href"].startswith("#") for a in page.all("a"))
    (policy,) = (m for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'")


def test_links_lead_somewhere(pages: dict[str, str]) -> None:
    for html in pages.values():
        page = Page(html)
        ids = {a["id"] for _, a in page.elements if "id" in a}
        assert {a["href"][1:] for a in page.all("a")} <= ids
        assert {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a} <= ids


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    folder = RunFactory("leak", n=60).write(tmp_path)

    first = render(folder).read_bytes()

    assert render(folder).read_bytes() == first


def test_attacks_come_strongest_first_with_all_their_figures(pages: dict[str, str]) -> None:
    result = VARIANTS["leak"]().result()
    html = pages["leak"]
    table = html[html.index('<table class="attacks"') :]
    table = table[: table.index("</table>")]
    rows = table.split('<tr role="row">')[2:]

    areas = [float(re.search(r'data-label="AUC" data-value="([\d.]+)"', r)[1]) for r in rows]
    assert areas == sorted(areas, reverse=True)
    assert len(rows) == len(result.attacks)
    for attack in result.attacks:
        (row,) = (r for r in rows if f'data-value="{attack.title}"' in r)
        words = Page(
            "<table><tbody><tr>" + row.partition("</tr>")[0] + "</tr></tbody></table>"
        ).words
        assert f"{attack.auc.value:.3f}" in words
        assert f"{attack.control_auc.value:.3f}" in words
        tenth = attack.tpr_at_fpr[0]
        assert f"{tenth.successes}/{tenth.trials} members" in words
        assert f"{tenth.false_positives}/{tenth.nonmembers} non-members" in words
        # 200 non-members resolve 10 % and 1 %, not 0.1 %.
        assert words.count("not resolvable") == 1
        assert "needs 1,000 non-members" in words
        assert f"needs {attack.access}" in words
        assert ("+ truth" in words) == attack.needs_truth
        assert ("evidence" in words) == (attack.title in result.verdict.evidence)
        for point in attack.operating_points:
            assert f"{100 * point.balanced_accuracy.value:.1f}\N{NO-BREAK SPACE}%" in row
            assert f"F1 {point.f1:.3f}" in words
        if attack.not_measured:
            assert f"undefined for {attack.not_measured} records" in words


def test_evidence_is_named_strongest_first(pages: dict[str, str]) -> None:
    result = VARIANTS["leak"]().result()
    proven = [attack for attack in result.attacks if attack.title in result.verdict.evidence]
    ranked = sorted(proven, key=lambda attack: -attack.auc.value)

    first = "; ".join(attack.title for attack in ranked[:5])
    assert (
        f"Evidence, the strongest first: {first}; and 4 more attacks" in Page(pages["leak"]).words
    )


def test_the_control_of_the_strongest_attack_is_shown(tmp_path: Path, factory: RunFactory) -> None:
    result = factory.result()
    best = max(
        (a for a in result.attacks if a.title in result.verdict.evidence),
        key=lambda attack: attack.auc.value,
    )
    title = f"Untrained model ({best.title})"
    assert title in Page(to_html(factory.write(tmp_path / "other"))).words
    # Once only, where it is the one that the audit lists.
    listed = factory.parts["controls"][1].model_copy(
        update={"title": title, "auc": best.control_auc}
    )
    factory.parts["controls"] = [factory.parts["controls"][0], listed]
    assert Page(to_html(factory.write(tmp_path / "same"))).words.count(title) == 1


def test_an_attack_that_does_not_clear_its_control_is_marked(
    tmp_path: Path, factory: RunFactory
) -> None:
    note = "interval does not lie above it"
    assert note not in Page(to_html(factory.write(tmp_path / "clear"))).words
    attack = factory.parts["attacks"][0]
    close = attack.control_auc.model_copy(update={"value": attack.auc.low, "low": 0.4})
    factory.parts["attacks"][0] = attack.model_copy(update={"control_auc": close})
    assert Page(to_html(factory.write(tmp_path / "close"))).words.count(note) == 1


def test_many_attacks_are_folded(tmp_path: Path, factory: RunFactory) -> None:
    few = factory.parts["attacks"]
    rows = list(factory.rows)
    for copy in range(2):
        for attack in few:
            signal = f"{attack.signal}-{copy}"
            factory.parts["attacks"] = [
                *factory.parts["attacks"],
                attack.model_copy(update={"signal": signal, "title": f"{attack.title} {copy}"}),
            ]
            (row,) = (r for r in rows if r[:2] == ("attack", attack.signal))
            factory.rows.append(("attack", signal, *row[2:]))

    page = Page(to_html(factory.write(tmp_path)))

    assert "21 weaker attacks" in page.words
    assert "21 weaker ones are not drawn" in page.words
    for attack in factory.parts["attacks"]:
        assert attack.title in page.words


def test_whatever_comes_from_the_user_is_text_and_nothing_else(
    tmp_path: Path, factory: RunFactory
) -> None:
    factory.ids = [f"{name}{HOSTILE}" for name in factory.ids]
    factory.parts["sections"] = {"exposed-records": factory._exposures()}
    document = json.loads(factory.result().to_json())

    # What is fixed by the schema stays; every other text is hostile.
    fixed = {"answer", "side", "file", "kind", "created", "name", "signal", "attack"}

    def poison(node: object, key: str = "") -> object:
        if isinstance(node, dict):
            return {
                k if key not in ("seeds", "counts", "versions", "truth") else k + HOSTILE: poison(
                    v, k
                )
                for k, v in node.items()
            }
        if isinstance(node, list):
            return [poison(item, key) for item in node]
        return HOSTILE if isinstance(node, str) and key not in fixed else node

    folder = factory.write(tmp_path)
    (folder / "result.json").write_text(json.dumps(poison(document)), encoding="utf-8")

    html = to_html(folder)
    page = Page(html)

    assert len(page.all("script")) == 1
    assert "<img src=x" not in html
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    assert page.words.count("alert(2)") > 50
    assert "{{ 7*7 }}" in page.words


def test_hostile_names_of_attacks_and_models_are_text(tmp_path: Path, factory: RunFactory) -> None:
    name = HOSTILE
    attack = factory.parts["attacks"][0].model_copy(update={"name": name, "signal": name})
    factory.parts["attacks"] = [attack]
    factory.parts |= {"sections": {}, "created": name}
    factory.parts["records"] = factory.parts["records"].model_copy(update={"name": name})
    factory.parts["models"] = [
        model.model_copy(update={"name": name}) for model in factory.parts["models"]
    ]
    folder = factory.write(tmp_path)
    table = factory.table().filter(pa.compute.equal(factory.table()["signal"], "type-ii-network"))
    for place, column in ((5, "attack"), (6, "signal")):
        table = table.set_column(place, column, pa.array([name] * table.num_rows))
    pq.write_table(table, folder / "scores.parquet")

    page = Page(to_html(folder))

    assert len(page.all("script")) == 1
    assert page.all("img") == []


def test_infinite_and_missing_figures_are_written_out(tmp_path: Path, factory: RunFactory) -> None:
    exposures = factory.parts["sections"]["exposed-records"]
    first, *rest = exposures.records
    infinite = first.model_copy(update={"score": float("inf"), "subject": None, "member": False})
    shown = exposures.model_copy(update={"records": [infinite, *rest]})
    factory.parts["sections"] = {"exposed-records": shown}
    attack = factory.parts["attacks"][0]
    factory.parts["attacks"][0] = attack.model_copy(
        update={
            "control_auc": None,
            "control_note": "a function has no weights to take away",
            "tpr_at_fpr": attack.tpr_at_fpr[:1],
            "operating_points": [],
        }
    )
    controls = factory.parts["controls"]
    factory.parts["controls"] = [
        *controls[:1],
        controls[1].model_copy(update={"auc": None, "passed": None}),
    ]

    words = Page(to_html(factory.write(tmp_path))).words

    assert "non-member · score ∞" in words
    assert "no control a function has no weights to take away" in words
    assert "not evaluated" in words
    assert "not measured" in words
    assert "nan" not in words.lower().split()


def test_no_attacks_at_all_is_a_page_too(tmp_path: Path, factory: RunFactory) -> None:
    factory.parts |= {"attacks": [], "sections": {}}
    factory.parts["verdict"] = factory.parts["verdict"].model_copy(
        update={"answer": "cannot-tell", "evidence": []}
    )

    page = Page(to_html(factory.write(tmp_path)))

    assert ANSWERS["cannot-tell"] in page.words
    assert not [table for table in page.all("table") if table.get("class") == "attacks"]


@pytest.mark.slow
def test_rendering_needs_no_torch(tmp_path: Path) -> None:
    """Every section is rendered in a process in which torch cannot be imported."""
    VARIANTS["pool"]().write(tmp_path)
    code = (
        "import sys\n"
        "class Heavy:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('torch', 'monai', 'sklearn', 'matplotlib.pyplot'):\n"
        "            raise ImportError(f'{name} is imported')\n"
        "sys.meta_path.insert(0, Heavy())\n"
        "from pathlib import Path\n"
        "from pixleak.report.html.render import render\n"
        "from pixleak.report.terminal import result_text\n"
        "from pixleak.results.audit import Result\n"
        "folder = Path(sys.argv[1])\n"
        "assert render(folder).is_file()\n"
        "assert 'Canaries: ' in result_text(Result.read(folder))\n"
    )

    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_a_fault_leaves_the_earlier_report_alone(tmp_path: Path, factory: RunFactory) -> None:
    folder = factory.write(tmp_path)
    (folder / "report.html").write_text("earlier")
    (folder / "scores.parquet").unlink()

    with pytest.raises(InputError):
        render(folder)

    assert (folder / "report.html").read_text() == "earlier"


def test_what_cannot_be_written_is_said_and_leaves_nothing_behind(
    tmp_path: Path, factory: RunFactory
) -> None:
    folder = factory.write(tmp_path)
    (folder / "report.html").mkdir()

    with pytest.raises(InputError, match=r"report\.html: there is a folder of that name"):
        render(folder)

    assert not list(folder.glob("*.part")) + list(folder.glob(".*"))


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(2 * d for d in digits)
    c = np.array([*bytes.fromhex(digits)]) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_read(pages: dict[str, str], scheme: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", pages["leak"], re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in blocks[:2])
    colours = light | (dark if scheme == "dark" else {})

    for ground in ("paper", "raised"):
        # Text: WCAG 2.2 AA asks for 4.5, lines and dots for 3.
        for text in ("ink", "muted", "accent", "pass", "fail", "unknown", "leak"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for line in ("member", "nonmember", "control", *(f"series-{k}" for k in range(5))):
            assert contrast(colours[line], colours[ground]) >= 3, (line, ground)
    for answer in ANSWERS:
        for text in (answer, "ink"):
            assert contrast(colours[text], colours[f"{answer}-ground"]) >= 4.5, (answer, text)


def test_poison_is_shown_with_its_check_and_its_visibility(pages: dict[str, str]) -> None:
    shown = pages["pool"].split('id="poison"')[1].split("</section>")[0]
    assert "truth-serum (copies=4). The poison took" in shown
    assert "40 poisoned records of its training set (50" in shown
    assert "trained on the same poison" in shown
    assert "on 18 of 20 held-out records" in shown
    # An image that stays as it is has no finite signal-to-noise ratio to print.
    assert "PSNR" not in shown
    assert 'id="poison"' not in pages["leak"]
