// SPDX-License-Identifier: Apache-2.0
// All operators in a table: sorted by any column, narrowed by the search field.

class OpsView {
  constructor(model, show) {
    this.model = model;
    const profiled = model.timing.size > 0;
    const output = (op) => op.outputs.length ? model.tensorText(op.outputs[0]) : "";
    this.columns = [
      {title: "#op", value: (op) => op.index, cell: (op) => String(op.index)},
      {title: "operator", value: (op) => op.op, cell: (op) => el("b", null, op.op)},
      {title: "runs on", value: (op) => model.classes[op.index], cell: (op) => chip(model.classOf(op.index), true)},
      {title: "#segment", value: (op) => op.segment, cell: (op) => op.segment < 0 ? "" : String(op.segment)},
      {title: "#MACs", value: (op) => op.macs, cell: (op) => op.macs ? human(op.macs) : ""},
      ...(profiled ? [{title: "#time", value: (op) => model.timing.get(op.index)?.us?.median ?? 0,
        cell: (op) => model.timing.get(op.index)?.us ? micros(model.timing.get(op.index).us.median) : ""}] : []),
      {title: "output", value: output, cell: output},
      {title: "reasons and notes", value: (op) => op.reasons.map((r) => r.code).join(),
        cell: (op) => op.reasons.length ? el("code", null, [...new Set(op.reasons.map((r) => r.code))].join(", ")) : el("span", {class: "name muted two", title: op.notes.join("\n")}, op.notes.join("; "))},
      {title: "name", value: (op) => op.name, cell: (op) => el("span", {class: "name mono two", title: op.name}, op.name)},
    ];
    this.rows = new Map();
    this.sorted = {column: 0, down: false};
    this.body = el("tbody");
    this.head = el("tr", null, this.columns.map((column, i) => el("th", {class: column.title.startsWith("#") ? "number" : null, scope: "col"},
      el("button", {title: "Sort", onclick: () => this.sort(i)}, column.title.replace(/^#/, "")))));
    this.status = el("p", {class: "muted", id: "ops-status", role: "status"});
    this.root = el("section", {class: "view", "data-view": "ops"}, this.status, el("table", {id: "ops-table"}, el("thead", null, this.head), this.body));
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) show(Number(row.dataset.row));
    });
    this.highlight(null);
  }

  row(op) {
    if (!this.rows.has(op.index)) {
      this.rows.set(op.index, el("tr", {class: "link", "data-row": op.index}, this.columns.map((column) =>
        el("td", {class: column.title.startsWith("#") ? "number" : null}, column.cell(op)))));
    }
    return this.rows.get(op.index);
  }

  sort(column) {
    this.sorted = {column, down: this.sorted.column === column && !this.sorted.down};
    this.fill();
  }

  highlight(found) {
    this.found = found;
    this.fill();
  }

  fill() {
    const {model, sorted} = this, value = this.columns[sorted.column].value;
    const ops = (this.found ? this.found.map((index) => model.ops[index]) : [...model.ops]);
    const compare = (a, b) => typeof a === "number" ? a - b : a < b ? -1 : a > b ? 1 : 0;
    ops.sort((a, b) => (sorted.down ? -1 : 1) * compare(value(a), value(b)) || a.index - b.index);
    this.body.replaceChildren(...ops.map((op) => this.row(op)));
    [...this.head.children].forEach((th, i) => th.setAttribute("aria-sort", i !== sorted.column ? "none" : sorted.down ? "descending" : "ascending"));
    this.status.textContent = this.found ? `${ops.length} of ${count(model.ops.length, "operator")} match` : count(model.ops.length, "operator");
  }

  choose(index) {
    for (const row of this.body.querySelectorAll(".selected")) row.classList.remove("selected");
    const row = this.rows.get(index);
    row?.classList.add("selected");
    if (row && this.root.offsetParent) row.scrollIntoView({block: "nearest"});
  }
}
