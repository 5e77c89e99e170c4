"use strict";
(() => {
  // What a cell sorts by: a number where it is one, a share of two, or its text; nothing for a dash, which comes last.
  const read = (cell) => {
    const text = cell.textContent.trim();
    if (text === "" || text === "–" || text === "nan") return null;
    const plain = text.replace(/−/g, "-").replace("∞", "Infinity");
    const share = /^(\d+)\/(\d+)$/.exec(plain);
    if (share) return +share[2] ? share[1] / share[2] : null;
    return plain === "Infinity" || plain === "-Infinity" || /^[-+]?(\d|\.\d)/.test(plain) && !isNaN(plain) ? +plain : text;
  };
  const sort = (table, column, down) => {
    for (const body of table.tBodies) {
      const whole = table.tHead.rows[0].cells.length;
      const rows = [...body.rows].filter((row) => row.cells.length === whole);  // not the heading of a group
      const keys = rows.map((row) => [row, read(row.cells[column])]);
      const numbers = keys.every(([, key]) => key === null || typeof key === "number");
      const order = (a, b) => numbers ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
      keys.sort(([, a], [, b]) => a === null || b === null ? (a === null) - (b === null) : down ? order(b, a) : order(a, b));
      body.append(...keys.map(([row]) => row));
    }
  };
  for (const table of document.querySelectorAll("table.sortable, .theorysim-check table")) {
    const heads = table.tHead ? [...table.tHead.rows[0].cells] : [];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((one) => one.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, column, down);
      });
    });
  }
  // On paper everything is open; afterwards as it was.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((one) => { one.open = false; }));
})();
