from __future__ import annotations

from pixleak.studies.output.text_tables import (
    Table,
    TableCell,
    as_csv,
    build_table,
    estimate_cell,
    markdown,
    number_cell,
)
from pixleak.studies.summary.seed_estimates import Estimate


def test_figures_say_what_they_rest_on() -> None:
    assert estimate_cell(None).text == "–"
    one = estimate_cell(Estimate(0.12, (0.05, 0.2), 1, pooled=True), share=True)
    assert (one.text, one.range) == ("12.0\N{NO-BREAK SPACE}%", "5.0–20.0\N{NO-BREAK SPACE}%")
    assert one.fine == ("1 seed", "mean of the pool")
    assert estimate_cell(Estimate(0.5, None, 3)).fine == ("no interval",)
    loss = estimate_cell(Estimate(-0.01, (-0.02, 0.01), 3))
    assert (loss.text, loss.range) == ("−0.010", "−0.020 to 0.010")


def test_labels_cannot_break_a_markdown_table() -> None:
    table = Table(
        "t", "What", ("a", "b"), ((TableCell("x|y\n<b>"), TableCell("0.5", "0.4–0.6", ("n",))),)
    )
    lines = markdown(table).splitlines()
    assert lines[-1] == "| x\\|y &lt;b> | 0.5 (0.4–0.6); n |"


def test_hidden_columns_are_only_in_the_csv() -> None:
    table = build_table(
        "t",
        "What",
        {
            "Name": lambda one: TableCell(f"n{one}", numbers={"name": one}),
            "Mean": lambda one: estimate_cell(Estimate(one, (0.0, 2 * one), 3), "mean"),
            "Cost": lambda one: number_cell(None if one < 0.2 else one, "cost", "× {:.1f}", 2),
        },
        [0.1, 0.2],
        hidden=["Mean"],
    )
    assert table.head == ("Name", "Cost")
    assert [[cell.text for cell in row] for row in table.rows] == [["n0.1", "–"], ["n0.2", "× 0.2"]]
    assert as_csv(table.lines).splitlines() == [
        "name,mean,mean_low,mean_high,mean_seeds,cost",
        "0.1,0.1,0.0,0.2,3,",
        "0.2,0.2,0.0,0.4,3,0.2",
    ]
    assert as_csv([]) == ""
