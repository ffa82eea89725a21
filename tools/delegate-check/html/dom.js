// SPDX-License-Identifier: Apache-2.0
// Elements and numbers. Text reaches the page as text nodes only: what a model's names hold is never markup.

function element(namespace, tag, attributes, children) {
  const made = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const el = (tag, attributes, ...children) => element("http://www.w3.org/1999/xhtml", tag, attributes, children);
const svg = (tag, attributes, ...children) => element("http://www.w3.org/2000/svg", tag, attributes, children);

// 1234567 -> "1.23 M"
function human(number) {
  const units = ["", " k", " M", " G", " T"];
  let unit = 0;
  while (Math.abs(number) >= 999.5 && unit + 1 < units.length) {
    number /= 1000;
    ++unit;
  }
  return (unit === 0 ? String(Math.round(number * 1000) / 1000) : String(Number(number.toPrecision(3)))) + units[unit];
}
const bytesText = (number) => number === null || number === undefined ? "?" : human(number) + (number < 1000 ? " B" : "B");
const percent = (share) => (100 * share).toFixed(share > 0.9995 && share < 1 ? 3 : 1).replace(/\.0$/, "") + " %";
const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const micros = (us) => us >= 1000 ? (us / 1000).toFixed(2) + " ms" : us.toFixed(1) + " µs";

function table(columns, rows, attributes) {
  return el("table", attributes,
    el("thead", null, el("tr", null, columns.map((column) =>
      el("th", {class: column.startsWith("#") ? "number" : null, scope: "col"}, column.replace(/^#/, ""))))),
    el("tbody", null, rows.map((row) => row instanceof Element ? row : el("tr", null, row.map((cell, i) =>
      el("td", {class: columns[i].startsWith("#") ? "number" : null}, cell))))));
}

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], {type}));
  const link = el("a", {href: url, download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
