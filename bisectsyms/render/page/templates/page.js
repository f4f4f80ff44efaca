"use strict";
// Tables of class `sort` get a button in each head; the order is the text's, or that of data-v where a cell has it.
for (const table of document.querySelectorAll("table.sort")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      const value = (row) => row.cells[at].dataset.v ?? row.cells[at].textContent.trim();
      const order = (a, b) => (a === b ? 0 : isNaN(a) || isNaN(b) ? a.localeCompare(b, "en", { numeric: true }) : a - b);
      const rows = [...body.rows].map((row) => [value(row), row]).sort((a, b) => (up ? 1 : -1) * order(a[0], b[0]));
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...rows.map((pair) => pair[1]));
    });
  });
}
// A box that takes words and leaves the rows that have all of them.
for (const box of document.querySelectorAll("input.only")) {
  const rows = [...document.getElementById(box.dataset.table).tBodies[0].rows];
  const said = document.getElementById(box.dataset.said);
  box.closest("p").hidden = false;
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    }
    said.textContent = words.length ? `${left} of ${rows.length}` : "";
  });
}
// On paper everything is unfolded.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
