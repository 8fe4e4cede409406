// Sorting and filters; the page's address keeps what was chosen. Without it the tables are as the server sorted them.
"use strict";
document.documentElement.classList.add("scripted");
for (const table of document.querySelectorAll("table.board")) setUp(table);
openTarget();
addEventListener("hashchange", openTarget);
addEventListener("beforeprint", () => document.querySelectorAll("details:not(.drawn)").forEach(one => { one.open = true; }));

function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
}

function setUp(table) {
  const heads = [...table.tHead.rows[0].cells], rows = [...table.querySelectorAll("tbody tr:not(.month)")];
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (button) button.addEventListener("click", () => sort(table, heads, column));
  });
  const form = table.closest("main").querySelector(".filters");
  if (!form) return;
  form.hidden = false;
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("input", () => { filter(form, table, heads, rows); keep(form, table, heads); });
  form.addEventListener("reset", () => setTimeout(() => form.dispatchEvent(new Event("input"))));
  restore(form, table, heads);
  filter(form, table, heads, rows);
}

// What was chosen is in the query of the address, so that a link or a reload shows the same, also in the other language.
function keep(form, table, heads) {
  const chosen = new URLSearchParams();
  for (const one of form.elements) {
    const value = one.type === "checkbox" ? (one.checked ? "1" : "") : one.value;
    if (one.matches("[name]:not(output)") && value) chosen.set(one.name, value);
  }
  if (table.dataset.sorted) {
    const head = heads[Number(table.dataset.sorted)];
    chosen.set("sort", head.querySelector("button").textContent);
    chosen.set("order", head.getAttribute("aria-sort"));
  }
  const query = String(chosen) && `?${chosen}`;
  history.replaceState(null, "", `${location.pathname}${query}${location.hash}`);
  for (const link of document.querySelectorAll("a.language")) link.search = query;
}

function restore(form, table, heads) {
  const chosen = new URLSearchParams(location.search);
  for (const one of form.elements) {
    if (!one.matches("[name]:not(output)") || !chosen.has(one.name)) continue;
    if (one.type === "checkbox") one.checked = chosen.get(one.name) === "1";
    else one.value = chosen.get(one.name);
    if (one.matches("select") && one.selectedIndex < 0) one.value = "";
  }
  const column = heads.findIndex(head => head.querySelector("button")?.textContent === chosen.get("sort"));
  if (column < 0) return;
  sort(table, heads, column);
  if (["ascending", "descending"].includes(chosen.get("order")) && heads[column].getAttribute("aria-sort") !== chosen.get("order")) sort(table, heads, column);
}

function sort(table, heads, column) {
  const head = heads[column], kind = head.dataset.kind;
  const down = head.getAttribute("aria-sort") === "none" ? kind !== "name" && !("lower" in head.dataset) : head.getAttribute("aria-sort") === "ascending";
  const keyed = [...table.tBodies[0].rows].map(row => [key(row.cells[column], kind), row]);
  keyed.sort(([a], [b]) => a === null || b === null ? (a === null) - (b === null) : (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
  table.tBodies[0].append(...keyed.map(([, row]) => row));
  for (const one of heads) if (one.hasAttribute("aria-sort")) one.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  table.dataset.sorted = String(column);
  table.closest("main").querySelector(".filters")?.dispatchEvent(new Event("input"));
}

function key(cell, kind) {
  const text = cell.textContent.trim();
  if (kind === "name") return text.toLowerCase();
  if (kind === "date") return text === "–" ? null : text;
  const number = parseFloat(cell.firstChild?.nodeValue ?? "");
  return Number.isNaN(number) || text.includes(" of ") ? null : number;
}

function filter(form, table, heads, rows) {
  const find = form.elements.find.value.trim().toLowerCase(), since = form.elements.since?.value ?? "";
  const only = form.elements.best?.checked, by = sortedBy(heads), date = heads.findIndex(head => head.dataset.kind === "date");
  let shown = 0;
  for (const row of rows) {
    const there = row.cells[0].textContent.toLowerCase().includes(find)
      && (!since || row.cells[date].textContent >= since && row.cells[date].textContent !== "–")
      && (!only || row.cells[by].classList.contains("best"));
    row.hidden = !there;
    shown += there;
  }
  for (const body of table.tBodies) body.hidden = ![...body.rows].some(row => !row.hidden && !row.matches(".month"));
  columns(form.elements.language?.value ?? "", heads, rows);
  form.elements.count.textContent = `${shown} ${form.elements.count.dataset.words} ${rows.length}`;
}

function sortedBy(heads) {
  return Math.max(heads.findIndex(head => ["ascending", "descending"].includes(head.getAttribute("aria-sort"))), 0);
}

function columns(language, heads, rows) {
  const away = heads.map(head => Boolean(language && head.dataset.language && head.dataset.language !== language));
  const key = away.join();
  if (rows.key === key || rows.key === undefined && !away.includes(true)) return;
  rows.key = key;
  heads.forEach((head, place) => { head.hidden = away[place]; });
  for (const row of rows) away.forEach((hide, place) => { row.cells[place].hidden = hide; });
}
