// Charts by Observable Plot, drawn from the tables of the page, which have the same numbers. The library is loaded with the first chart.
"use strict";
{
  const libraries = document.currentScript.dataset.libraries.split(" ");
  let loading;
  for (const box of document.querySelectorAll(".drawn")) setUp(box);

  function setUp(box) {
    let width = 0;
    const redraw = () => { if (box.open !== false) load().then(() => draw(box), () => failed(box)); };
    box.hidden = false;
    if (box.dataset.kind === "board") offer(box, redraw);
    box.addEventListener("toggle", redraw);
    new ResizeObserver(() => { if (width !== (width = box.clientWidth)) redraw(); }).observe(box);
  }

  function load() {
    loading ??= libraries.reduce((before, address) => before.then(() => loaded(address)), Promise.resolve());
    return loading;
  }

  function loaded(address) {
    return new Promise((done, wrong) => {
      const script = document.createElement("script");
      Object.assign(script, { src: address, onload: done, onerror: wrong });
      document.head.append(script);
    });
  }

  function failed(box) {
    box.querySelector(".plots").textContent = box.dataset.failed;
  }

  // A checkbox for each column; where none is checked, the chart is of the sorted one.
  function offer(box, redraw) {
    const table = tableOf(box), fields = box.querySelector("fieldset"), form = box.closest("main").querySelector(".filters");
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      if (head.dataset.kind || !head.querySelector("button")) return;
      const label = document.createElement("label"), input = document.createElement("input");
      Object.assign(input, { type: "checkbox", value: String(place) });
      label.append(input, ` ${head.textContent.trim()}`);
      fields.append(label);
    });
    fields.addEventListener("change", redraw);
    form.addEventListener("input", redraw); // sorting sends it, too
  }

  function tableOf(box) {
    return document.getElementById(box.dataset.table);
  }

  function draw(box) {
    const made = { board, forest, trend }[box.dataset.kind](box, tableOf(box));
    box.querySelector(".plots").replaceChildren(...made);
  }

  function board(box, table) {
    const heads = [...table.tHead.rows[0].cells], rows = [...table.tBodies[0].rows].filter(row => !row.hidden);
    const asked = [...box.querySelectorAll("input:checked")].map(one => Number(one.value));
    const sorted = heads.findIndex(head => !head.dataset.kind && /^(a|de)scending$/.test(head.getAttribute("aria-sort")));
    const columns = asked.length ? asked : [Math.max(sorted, heads.findIndex(head => !head.dataset.kind && head.querySelector("button")))];
    return columns.map(column => {
      const found = rows.map(row => measured(row.cells[0].querySelector("a").textContent, row.cells[column], row.cells[column].classList.contains("best")));
      return figure(box, heads[column].textContent.trim(), found.filter(Boolean));
    });
  }

  // Differences as shares of the full mark, so that entries share an axis.
  function forest(box, table) {
    const found = [...table.tBodies[0].rows].map(row => {
      const cell = row.querySelector("[data-full]");
      return cell && measured(row.cells[0].textContent, cell, cell.dataset.shown === "", Number(cell.dataset.full));
    });
    return [figure(box, box.dataset.axis, found.filter(Boolean), true)];
  }

  function trend(box, table) {
    const found = [...table.tBodies[0].rows].map(row => ({ ...measured(row.cells[0].textContent, row.cells[2], false), day: new Date(row.cells[0].textContent) }));
    return [line(found.reverse(), room(box), box.dataset.label)];
  }

  // The value, and the ends of its interval where it has one, as the cell shows them; null without a value.
  function measured(name, cell, best, full = 1) {
    const value = parseFloat(cell.firstChild?.nodeValue ?? ""), interval = cell.querySelector("i")?.textContent ?? "";
    if (Number.isNaN(value) || cell.textContent.includes(" of ")) return null;
    const [low, high] = interval.match(/[-+]?\d[\d.]*(e[-+]?\d+)?/g)?.map(Number) ?? [];
    const numbers = [cell.firstChild.nodeValue.trim(), interval].filter(Boolean).join("\n");
    return { name, numbers, text: `${name}\n${numbers}`, best, value: value / full, low: low === undefined ? undefined : low / full, high: high === undefined ? undefined : high / full };
  }

  function figure(box, title, found, zero = false) {
    const made = document.createElement("figure"), caption = document.createElement("figcaption");
    caption.textContent = title;
    made.append(caption);
    if (found.length) made.append(whiskers(found, room(box), `${box.dataset.label} ${title}`, zero));
    return made;
  }

  function room(box) {
    return Math.max(Math.min(box.clientWidth - 34, 900), 240);
  }

  function whiskers(found, width, label, zero) {
    const narrow = width < 560, left = narrow ? 8 : Math.min(Math.round(width * 0.4), 20 + 9 * Math.max(...found.map(one => wide(one.name))));
    const rows = found.map((one, place) => ({ ...one, place })), sure = rows.filter(one => one.low !== undefined);
    const color = { stroke: one => one.best ? "var(--best)" : "var(--rest)" };
    return labelled(Plot.plot({
      className: "plot", width, height: rows.length * (narrow ? 48 : 26) + 40, marginLeft: left, marginRight: 24, marginTop: 4, marginBottom: 36,
      x: { grid: true, label: null, ticks: Math.max(Math.floor((width - left) / 90), 2), tickFormat: plain }, color: { type: "identity" },
      y: { domain: rows.map(one => one.place), label: null, padding: 0.2, axis: null },
      marks: [
        narrow // a phone has the names above the lines
          ? Plot.text(rows, { y: "place", text: "name", frameAnchor: "left", dy: -14, lineWidth: width / 16 - 2, fill: "currentColor", stroke: "var(--back)", strokeWidth: 4, textOverflow: "ellipsis-middle" })
          : Plot.axisY({ tickFormat: place => rows[place].name, tickSize: 0, lineWidth: left / 16 - 1, textOverflow: "ellipsis-middle" }),
        ...zero ? [Plot.ruleX([0], { stroke: "var(--front)" })] : [],
        Plot.ruleY(sure, { y: "place", x1: "low", x2: "high", strokeWidth: 2, ...color }),
        ...["low", "high"].map(end => Plot.tickX(sure, { y: "place", x: end, strokeWidth: 2, inset: narrow ? 16 : 5, ...color })),
        Plot.dot(rows, { y: "place", x: "value", r: 5, strokeWidth: 2, fill: one => one.best ? "var(--best)" : "var(--back)", ...color }),
        Plot.tip(rows, Plot.pointerY({ y: "place", x: "value", title: narrow ? "numbers" : "text", lineHeight: 1.25 })),
      ],
    }), label);
  }

  function line(found, width, label) {
    const sure = found.filter(one => one.low !== undefined), ends = [found[0].day, found.at(-1).day];
    return labelled(Plot.plot({
      className: "plot", width, height: 220, marginLeft: 64, marginRight: 40, marginTop: 16, marginBottom: 36,
      x: { type: "utc", label: null, ticks: ends[0] < ends[1] ? ends : ends.slice(1), tickFormat: "%Y-%m-%d", inset: 16 }, y: { grid: true, label: null, ticks: 4, nice: true, tickFormat: plain },
      marks: [
        Plot.line(found, { x: "day", y: "value", stroke: "var(--rest)", strokeWidth: 2 }),
        Plot.ruleX(sure, { x: "day", y1: "low", y2: "high", stroke: "var(--rest)" }),
        Plot.dot(found, { x: "day", y: "value", r: 4, fill: "var(--best)" }),
        Plot.tip(found, Plot.pointer({ x: "day", y: "value", title: "text", lineHeight: 1.25 })),
      ],
    }), label);
  }

  // A number of an axis as the tables have it, the same in every language: a point, a hyphen for minus, no groups of digits.
  function plain(value, place, all) {
    const digits = all.map(one => String(Number(one.toPrecision(12))).split(".")[1]?.length ?? 0);
    return Math.abs(value) < 1e9 ? value.toFixed(Math.max(...digits)) : value.toExponential(2);
  }

  // Letters of Japanese are twice as wide.
  function wide(name) {
    return [...name].reduce((sum, letter) => sum + (letter > "\u2e80" ? 2 : 1), 0);
  }

  // Plot names the groups within, which have no role that could have a name (axe-core: aria-prohibited-attr).
  function labelled(svg, label) {
    for (const one of svg.querySelectorAll("[aria-label]")) one.removeAttribute("aria-label");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    return svg;
  }
}
