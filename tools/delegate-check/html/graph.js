// SPDX-License-Identifier: Apache-2.0
// The drawing: zoom and pan by the viewBox, choosing operators, finding them, saving the picture.

class GraphView {
  constructor(model, show) {
    this.model = model;
    this.show = show;
    const template = document.getElementById("graph-" + model.index);
    this.drawing = template ? template.content.querySelector("svg").cloneNode(true) : null;
    if (!this.drawing) {
      this.root = el("section", {class: "view", "data-view": "graph"}, el("p", null, "This model's graph is left out, to keep a page of many models small. ",
        "Call delegate-check --format html with this file alone to get it."));
      return;
    }
    this.size = {width: this.drawing.viewBox.baseVal.width, height: this.drawing.viewBox.baseVal.height};
    this.drawing.removeAttribute("width");
    this.drawing.removeAttribute("height");
    this.drawing.setAttribute("preserveAspectRatio", "xMidYMin meet");
    this.opNodes = new Map([...this.drawing.querySelectorAll("[data-op]")].map((node) => [Number(node.dataset.op), node]));
    this.canvas = el("div", {class: "canvas"}, this.drawing);
    this.root = el("section", {class: "view graphview", "data-view": "graph"}, this.toolbar(),
      model.layoutNote ? el("p", {class: "note"}, model.layoutNote) : null, this.canvas);
    this.listen();
  }

  toolbar() {
    const button = (label, text, act) => el("button", {class: "button", title: label, "aria-label": label, onclick: act}, text);
    const used = new Set(this.model.classes);
    return el("div", {class: "toolbar"},
      button("Zoom in (+)", "+", () => this.zoom(1 / 1.4)), button("Zoom out (-)", "−", () => this.zoom(1.4)),
      button("Fit the whole graph (0)", "Fit", () => this.fit()), button("Readable size, from the top (1)", "1:1", () => this.top()),
      el("span", {class: "legend"}, [...opClasses.values()].filter((row) => used.has(row.id)).map((row) => el("span", null,
        el("span", {class: "dot", style: `background:${row.fill}`}), row.label))),
      el("span", {class: "spring"}),
      button("Save the graph as an SVG file", "Export SVG", () => save(this.model.file.replace(/\.tflite$/, "") + ".svg", "image/svg+xml", this.exportText())));
  }

  // The drawing as it came, with the style sheet for light backgrounds: no choice, no search.
  exportText() {
    const copy = document.getElementById("graph-" + this.model.index).content.querySelector("svg").cloneNode(true);
    copy.prepend(svg("style", null, document.getElementById("graph-style").textContent),
      svg("rect", {width: "100%", height: "100%", fill: "#fff"}));
    return new XMLSerializer().serializeToString(copy);
  }

  setBox(box) {
    this.box = box;
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.drawing.setAttribute("viewBox", `${this.box.x} ${this.box.y} ${this.box.width} ${this.box.height}`);
    });
  }
  // Units of the drawing per pixel of the screen.
  scale() { return Math.max(this.box.width / this.canvas.clientWidth, this.box.height / this.canvas.clientHeight); }
  around(x, y, scale) {
    const width = this.canvas.clientWidth * scale, height = this.canvas.clientHeight * scale;
    this.setBox({x: x - width / 2, y: y - height / 2, width, height});
  }
  fit() {
    const scale = Math.max(this.size.width / this.canvas.clientWidth, this.size.height / this.canvas.clientHeight);
    this.around(this.size.width / 2, this.size.height / 2, scale);
  }
  top() {
    const scale = Math.min(1.25, Math.max(0.8, this.size.width / this.canvas.clientWidth));
    const first = this.drawing.querySelector(".border rect, .back");
    const x = first ? first.x.baseVal.value + first.width.baseVal.value / 2 : this.size.width / 2;
    this.around(this.size.width <= this.canvas.clientWidth * scale ? this.size.width / 2 : x, this.canvas.clientHeight * scale / 2, scale);
  }
  zoom(factor, clientX, clientY) {
    const rect = this.canvas.getBoundingClientRect();
    const u = clientX === undefined ? 0.5 : (clientX - rect.left) / rect.width, v = clientY === undefined ? 0.5 : (clientY - rect.top) / rect.height;
    const {x, y, width, height} = this.box;
    const scale = this.scale() * factor;
    if (scale < 0.1 || scale > 200) return;
    this.setBox({x: x + width * u * (1 - factor), y: y + height * v * (1 - factor), width: width * factor, height: height * factor});
  }
  // The view becomes usable only when it has a size.
  shown() {
    if (this.drawing && !this.box) this.top();
    if (this.drawing && this.chosen !== undefined) this.centre(this.chosen);
  }
  centre(index) {
    const band = this.opNodes.get(index)?.querySelector(".band");
    if (!band || !this.canvas.clientWidth) return;
    if (!this.box) this.top();
    const rect = {x: band.x.baseVal.value, y: band.y.baseVal.value, width: band.width.baseVal.value, height: band.height.baseVal.value};
    const margin = 30 * this.scale(), scale = Math.min(this.scale(), 1.3);
    const inside = rect.x > this.box.x + margin && rect.x + rect.width < this.box.x + this.box.width - margin &&
      rect.y > this.box.y + margin && rect.y + rect.height < this.box.y + this.box.height - margin;
    if (!inside || scale < this.scale()) this.around(rect.x + rect.width / 2, rect.y + rect.height / 2, scale);
  }

  choose(index) {
    this.chosen = index ?? undefined;
    if (!this.drawing) return;
    for (const node of this.drawing.querySelectorAll(".selected, .chosen, .near")) node.classList.remove("selected", "chosen", "near");
    const node = this.opNodes.get(index);
    if (!node) return;
    node.classList.add("chosen");
    const box = node.closest(".box");
    box.classList.add("selected");
    const number = box.dataset.box;
    for (const edge of this.drawing.querySelectorAll(`.edge[data-from="${number}"], .edge[data-to="${number}"]`)) edge.classList.add("near");
    this.centre(index);
  }

  highlight(found) {
    if (!this.drawing) return;
    this.drawing.classList.toggle("searching", found !== null);
    for (const node of this.drawing.querySelectorAll(".hit")) node.classList.remove("hit");
    for (const index of found || []) this.opNodes.get(index)?.closest(".box").classList.add("hit");
  }

  listen() {
    const drag = {};
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.004), event.clientX, event.clientY);
    }, {passive: false});
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button === 0) Object.assign(drag, {on: true, moved: false, x: event.clientX, y: event.clientY, box: this.box});
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!drag.on) return;
      const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
      if (!drag.moved && Math.hypot(dx, dy) < 4) return;
      if (!drag.moved) this.canvas.setPointerCapture(event.pointerId);
      drag.moved = true;
      this.canvas.classList.add("dragging");
      this.setBox({...drag.box, x: drag.box.x - dx * this.scale(), y: drag.box.y - dy * this.scale()});
    });
    const end = () => { drag.on = false; this.canvas.classList.remove("dragging"); };
    this.canvas.addEventListener("pointerup", end);
    this.canvas.addEventListener("pointercancel", end);
    this.canvas.addEventListener("click", (event) => {
      if (drag.moved) { drag.moved = false; return; }
      const node = event.target.closest("[data-op]");
      this.show(node ? Number(node.dataset.op) : null);
    });
    this.canvas.addEventListener("keydown", (event) => {
      const node = event.target.closest?.("[data-op]");
      if (node && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); this.show(Number(node.dataset.op)); }
    });
  }

  key(key) {
    if (!this.drawing) return;
    if (key === "+" || key === "=") this.zoom(1 / 1.4);
    else if (key === "-") this.zoom(1.4);
    else if (key === "0") this.fit();
    else if (key === "1") this.top();
  }
}
