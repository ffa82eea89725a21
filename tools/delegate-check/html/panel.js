// SPDX-License-Identifier: Apache-2.0
// The panel beside the sections: one operator with its reasons, tensors, neighbours and time.

const kReasonKinds = {own: "own cause", neighbour: "because of its neighbours", policy: "an option asks for it"};

function reasonCard(model, reason) {
  return el("div", {class: "cause " + reason.kind},
    el("p", null, el("b", {class: "mono"}, reason.code), " ", el("span", {class: "muted"}, kReasonKinds[reason.kind] || reason.kind)),
    el("p", {class: "name"}, reason.text),
    el("div", {class: "rule"}, el("span", {class: "muted"}, "is"), el("span", {class: "name"}, reason.actual),
      el("span", {class: "muted"}, "allowed"), el("span", {class: "name"}, reason.allowed)),
    adviceLine(model, reason.advice));
}

class Panel {
  constructor(model, show) {
    this.model = model;
    this.show = show;  // (op index) => void: another operator is asked for
    this.root = document.getElementById("panel");
    this.close();
  }

  close() { this.root.hidden = true; }

  link(index) {
    return el("a", {href: "#", "data-goto": index, onclick: (event) => { event.preventDefault(); this.show(index); }}, this.model.title(index));
  }
  links(indices) { return el("span", {class: "ops"}, indices.map((index) => this.link(index))); }

  tensor(index, side) {
    const model = this.model;
    if (index < 0) return el("div", {class: "tensor muted"}, "(absent)");
    const tensor = model.tensors.get(index);
    const consumers = model.consumers.get(index) || [];
    const borders = [...(model.report.model.inputs.some((t) => t.index === index) ? ["model input"] : []),
      ...(model.report.model.outputs.some((t) => t.index === index) ? ["model output"] : [])];
    return el("div", {class: "tensor"},
      el("div", null, el("b", {class: "mono"}, `T#${index} `), el("span", {class: "name mono"}, tensor.name)),
      el("div", null, shapeText(tensor), tensor.bytes !== null ? `, ${bytesText(tensor.bytes)}` : "",
        tensor.constant ? ", constant" : tensor.variable ? ", variable" : ""),
      quantizationText(tensor) ? el("div", {class: "muted"}, quantizationText(tensor)) : null,
      side === "input" && model.producer.has(index) ? el("div", null, "from ", this.link(model.producer.get(index))) : null,
      side === "output" && consumers.length ? el("div", null, "to ", this.links(consumers)) : null,
      borders.length ? el("div", {class: "muted"}, borders.join(", ")) : null,
      this.difference(model.layers.get(index)));
  }

  // What --verify-layers found.
  difference(layer) {
    if (!layer) return null;
    const text = (found) => found === null ? "not computed" : found.differing === 0 ? "every byte equal" :
      `${found.differing} of ${layer.elements} elements differ, by at most ${found.max_difference}`;
    return el(
        'div', {class: layer.agrees ? 'good' : 'bad'}, 'beside the reference: ', text(layer.isolated),
        ' alone, ', text(layer.cumulative), ' in the network');
  }

  timing(index) {
    const row = this.model.timing.get(index);
    if (!row || !row.us) return null;
    return [el("h3", null, "Time"), el("p", null, `${micros(row.us.median)} (median), ${percent(row.share)} of the model`,
      row.gmacs ? `, ${row.gmacs.toFixed(1)} GMAC/s` : "", row.launches ? `, ${count(row.launches, "launch").replace(/launchs$/, "launches")}` : "")];
  }

  open(index) {
    const model = this.model, op = model.ops[index], opClass = model.classOf(index);
    const step = (by, label, text) => el("button", {class: "button", title: label, "aria-label": label,
      disabled: index + by < 0 || index + by >= model.ops.length, onclick: () => this.show(index + by)}, text);
    const absorbed = model.absorbed.get(index) || [];
    const facts = [
      ["name", el("span", {class: "name mono"}, op.name || "(none)")],
      ["version", op.version],
      ["segment", op.segment < 0 ? "none" : `${op.segment} of partition ${op.partition}`],
      ["MACs", human(op.macs)],
      op.folded_into >= 0 ? ["runs in", this.link(op.folded_into)] : null,
      absorbed.length ? ["does also", this.links(absorbed)] : null,
    ].filter(Boolean);
    this.root.replaceChildren(el("div", null,
      el("div", {class: "panelhead"}, el("h2", {id: "panel-title"}, model.title(index)), step(-1, "Previous operator", "‹"), step(1, "Next operator", "›"),
        el("button", {class: "button", title: "Close (Esc)", "aria-label": "Close", onclick: () => this.show(null)}, "×")),
      chip(opClass),
      el("div", {class: "pairs"}, facts.map(([key, value]) => [el("span", {class: "muted"}, key), el("span", null, value)])),
      el("div", {id: "panel-reasons"}, op.reasons.length ? [el("h3", null, "Why it is not on the NPU"), op.reasons.map((reason) => reasonCard(model, reason))] : null),
      op.notes.length ? [el("h3", null, "Notes"), op.notes.map((note) => el("p", {class: "name"}, note))] : null,
      this.timing(index),
      el("h3", null, "Inputs"), op.inputs.map((tensor) => this.tensor(tensor, "input")),
      el("h3", null, "Outputs"), op.outputs.map((tensor) => this.tensor(tensor, "output"))));
    this.root.hidden = false;
    this.root.scrollTop = 0;
  }
}
