// SPDX-License-Identifier: Apache-2.0
// The page: its header, sections that are made when they are first looked at, the search, addresses (#graph, #op=12).

const modelCount = document.querySelectorAll('script[id^="model-"]').length;
const header = document.getElementById("header"), main = document.getElementById("main");
let page = null;  // the model on screen

class Page {
  constructor(model) {
    this.model = model;
    this.panel = new Panel(model, (index) => this.show(index));
    this.views = new Map();
    this.makers = new Map([
      ["summary", ["Summary", () => ({root: summaryView(model, this.panel)})]],
      ["graph", ["Graph", () => new GraphView(model, (index) => this.show(index))]],
      ["ops", [`Operators`, () => new OpsView(model, (index) => this.show(index))]],
      ["memory", ["Memory", () => ({root: memoryView(model, this.panel)})]],
      ...(model.report.profile ? [["timing", ["Timing", () => ({root: timingView(model, this.panel)})]]] : []),
    ]);
    this.search = el("input", {type: "search", id: "search", placeholder: "Find an operator  ( / )", "aria-label": "Find an operator by name, number, tensor or reason",
      oninput: () => this.find(), onkeydown: (event) => this.searchKey(event)});
    this.hits = el("span", {class: "muted", role: "status", id: "search-status"});
    this.tabs = el("nav", {role: "tablist"}, [...this.makers].map(([id, [title]]) =>
      el("button", {role: "tab", "data-tab": id, "aria-selected": "false", onclick: () => this.open(id)}, title,
        id === "ops" ? el("span", {class: "count"}, ` ${model.ops.length}`) : null)));
    header.replaceChildren(
      el("div", {class: "titles"}, el("h1", null, modelCount > 1 ? [el("a", {href: "#models"}, `${modelCount} models`), " / "] : null, el("span", {class: "name"}, model.file)),
        el("p", null, model.report.model.kind_sentence)),
      el("div", {class: "tools"}, this.hits, this.search, el("button", {class: "button", title: "Save the report as a JSON file",
        onclick: () => save(model.file.replace(/\.tflite$/, "") + ".json", "application/json", JSON.stringify(model.report, null, 2) + "\n")}, "Save JSON")),
      this.tabs);
    main.replaceChildren();
  }

  view(id) {
    if (!this.views.has(id)) {
      const view = this.makers.get(id)[1]();
      this.views.set(id, view);
      const order = [...this.makers.keys()], after = [...this.views.keys()].filter((other) => order.indexOf(other) > order.indexOf(id))
        .sort((a, b) => order.indexOf(a) - order.indexOf(b))[0];
      main.insertBefore(view.root, after ? this.views.get(after).root : null);
      view.highlight?.(this.model.search(this.search.value));
    }
    return this.views.get(id);
  }

  open(id) {
    const view = this.view(id);
    this.current = id;
    for (const [other, {root}] of this.views) root.hidden = other !== id;
    for (const tab of this.tabs.children) tab.setAttribute("aria-selected", String(tab.dataset.tab === id));
    view.shown?.();
    view.choose?.(this.chosen);
    this.address();
  }

  // index null: the panel is closed.
  show(index) {
    this.chosen = index;
    if (index === null) this.panel.close();
    else this.panel.open(index);
    this.views.get(this.current)?.choose?.(index);
    this.address();
  }

  address() {
    const parts = [...(modelCount > 1 ? [`model=${this.model.index}`] : []), this.current,
      ...(this.chosen === null || this.chosen === undefined ? [] : [`op=${this.chosen}`])];
    history.replaceState(null, "", "#" + parts.join("&"));
  }

  find() {
    const found = this.model.search(this.search.value);
    if (found && this.current !== "graph" && this.current !== "ops") this.open("ops");
    for (const view of this.views.values()) view.highlight?.(found);
    this.found = found;
    this.at = -1;
    this.hits.textContent = found ? count(found.length, "match").replace("matchs", "matches") : "";
    if (found && found.length === 1) this.show(found[0]);
  }

  searchKey(event) {
    if (event.key === "Enter" && this.found?.length) {
      this.at = (this.at + (event.shiftKey ? -1 : 1) + this.found.length) % this.found.length;
      this.hits.textContent = `${this.at + 1} of ${this.found.length}`;
      this.show(this.found[this.at]);
    } else if (event.key === "Escape") {
      this.search.value = "";
      this.find();
      this.search.blur();
    }
  }
}

function modelsPage() {
  document.getElementById("panel").hidden = true;
  page = null;
  const models = Array.from({length: modelCount}, (_, index) => new Model(index));
  const open = (index) => { location.hash = `#model=${index}&summary`; };
  header.replaceChildren(el("div", {class: "titles"}, el("h1", null, `${modelCount} models`), el("p", null, "delegate-check")));
  main.replaceChildren(el("section", {class: "view", "data-view": "models"}, table(["model", "verdict", "#operators", "#on the NPU", "#MACs", "#on the NPU", "#partitions", "what it is"],
    models.map((model) => {
      if (model.error) return el("tr", null, el("td", {class: "name"}, model.file), el("td", {class: "bad name", colspan: 7}, model.error.text));
      const {summary} = model.report;
      const cells = [summary.ops, summary.ops ? percent(summary.npu / summary.ops) : "", human(summary.macs), summary.macs ? percent(summary.npu_mac_share) : "", summary.partitions];
      return el("tr", {class: "link", "data-model": model.index, onclick: () => open(model.index)},
        el("td", null, el("a", {href: `#model=${model.index}&summary`, class: "name"}, model.report.file || model.file)), el("td", null, model.verdict),
        cells.map((cell) => el("td", {class: "number"}, String(cell))), el("td", {class: "muted"}, model.report.model.kind_sentence));
    }))));
}

function route() {
  const parts = new Map(location.hash.replace(/^#/, "").split("&").map((part) => part.split("=")));
  const index = modelCount > 1 ? Number(parts.get("model") ?? -1) : 0;
  if (!(index >= 0 && index < modelCount)) return modelsPage();
  if (!page || page.model.index !== index) {
    const model = new Model(index);
    if (model.error) return modelsPage();
    page = new Page(model);
  }
  const op = Number(parts.get("op") ?? -1);
  page.chosen = op >= 0 && op < page.model.ops.length ? op : null;
  page.open([...page.makers.keys()].find((id) => parts.has(id)) || "summary");
  if (page.chosen !== null) page.show(page.chosen);
}

addEventListener("hashchange", route);
addEventListener("keydown", (event) => {
  if (!page) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if ((event.key === "/" && !typing && !event.ctrlKey) || (event.key === "f" && (event.ctrlKey || event.metaKey) && event.target !== page.search)) {
    event.preventDefault();  // a second Ctrl+F reaches the browser's own search
    page.search.focus();
    page.search.select();
  } else if (event.key === "Escape" && !typing) {
    page.show(null);
  } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && page.current === "graph") {
    page.views.get("graph").key(event.key);
  }
});
// Paper gets every section.
addEventListener("beforeprint", () => {
  if (!page) return;
  for (const id of page.makers.keys()) page.view(id);
  page.views.get("graph").box = null;
  page.views.get("graph").drawing?.setAttribute("viewBox", `0 0 ${page.views.get("graph").size.width} ${page.views.get("graph").size.height}`);
  for (const [id, {root}] of page.views) root.hidden = id !== page.current;
});
route();
document.documentElement.dataset.ready = String(Math.round(performance.now()));
