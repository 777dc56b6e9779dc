"use strict";
// The page is complete without this: it only lets a reader sort the table of attacks and pick out
// a curve, and opens what is folded before printing.
(() => {
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", `Sort by ${head.textContent.trim()}`);
      head.append(button);
      button.addEventListener("click", () => {
        const numbers = head.dataset.sort === "number";
        const first = numbers ? "descending" : "ascending";
        const second = numbers ? "ascending" : "descending";
        const order = head.getAttribute("aria-sort") === first ? second : first;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", order);
        const value = (row) => row.cells[column].dataset.value;
        const rows = [...table.tBodies[0].rows].sort((a, b) =>
          numbers ? Number(value(a)) - Number(value(b)) : value(a).localeCompare(value(b)));
        if (order === "descending") rows.reverse();
        table.tBodies[0].append(...rows);
      });
    });
  }

  const figures = [...document.querySelectorAll("svg.figure")].filter((figure) =>
    figure.querySelector("[data-curve]"));
  const entries = [...document.querySelectorAll(".curves li[data-curve]")];
  const buttons = entries.map((entry) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(...entry.childNodes);
    entry.append(button);
    return button;
  });
  const show = (curve) => {
    for (const figure of figures) {
      figure.classList.toggle("picked", curve !== null);
      for (const group of figure.querySelectorAll("[data-curve]")) {
        const [number] = group.dataset.curve.split("-");
        group.classList.toggle("picked", number === curve);
      }
    }
  };
  const pressed = () => {
    const at = buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true");
    return at < 0 ? null : entries[at].dataset.curve;
  };
  buttons.forEach((button, i) => {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      buttons.forEach((other) => other.setAttribute("aria-pressed", "false"));
      button.setAttribute("aria-pressed", String(on));
      show(pressed());
    });
    entries[i].addEventListener("mouseenter", () => show(entries[i].dataset.curve));
    entries[i].addEventListener("mouseleave", () => show(pressed()));
  });

  const opened = [];
  addEventListener("beforeprint", () => {
    show(null);
    for (const folded of document.querySelectorAll("details:not([open])")) {
      folded.open = true;
      opened.push(folded);
    }
  });
  addEventListener("afterprint", () => {
    for (const folded of opened.splice(0)) folded.open = false;
    show(pressed());
  });
})();
