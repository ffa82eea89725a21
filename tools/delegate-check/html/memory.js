// SPDX-License-Identifier: Apache-2.0
// Bytes over execution order: what the tensors that are alive at each operator take, and the constants it reads.

// Tensors as they exist at run time: one between operators that are folded together never does.
function liveBytes(model) {
  const {ops, report} = model, ends = new Set(report.model.outputs.map((t) => t.index));
  const live = new Array(ops.length).fill(0), weights = new Array(ops.length).fill(0), unknown = [], spans = [];
  for (const tensor of report.tensors) {
    const readers = model.consumers.get(tensor.index) || [], producer = model.producer.get(tensor.index);
    if (tensor.constant) {
      if (readers.length) weights[model.target(readers[0])] += tensor.bytes || 0;
      continue;
    }
    if (producer !== undefined && ops[producer].evaluated) continue;
    if (producer !== undefined && !ends.has(tensor.index) && readers.length > 0 &&
        readers.every((reader) => model.target(reader) === model.target(producer))) continue;
    if (tensor.bytes === null) { unknown.push(tensor.index); continue; }
    let first = producer === undefined ? 0 : model.target(producer), last = Math.max(first, ...readers.map((reader) => model.target(reader)));
    if (tensor.variable) { first = 0; last = ops.length - 1; }
    if (ends.has(tensor.index)) last = ops.length - 1;
    spans.push({tensor, first, last});
    for (let i = first; i <= last; ++i) live[i] += tensor.bytes;
  }
  return {live, weights, unknown, spans};
}

function memoryView(model, panel) {
  const {live, weights, unknown, spans} = liveBytes(model), n = Math.max(1, live.length);
  const width = 1160, left = 70, top = 12, height = 220, gap = 34, low = 90, inner = width - left - 10;
  const peak = Math.max(1, ...live), peakAt = live.indexOf(Math.max(...live)), most = Math.max(1, ...weights);
  const x = (i) => left + inner * i / n, y = (value) => top + height * (1 - value / peak);
  let area = `M${left} ${top + height}`;
  live.forEach((value, i) => { area += `V${y(value).toFixed(1)}H${x(i + 1).toFixed(1)}`; });
  area += `V${top + height}Z`;
  const base = top + height + gap + low;
  const text = (tx, ty, label, anchor) => svg("text", {x: tx, y: ty, "text-anchor": anchor || "start"}, label);
  const cursor = svg("line", {class: "cursor", y1: top, y2: base, visibility: "hidden"});
  const chart = svg("svg", {class: "chart", viewBox: `0 0 ${width} ${base + 22}`, role: "img", "aria-label": "Bytes of living tensors and of constants per operator"},
    [0, 0.25, 0.5, 0.75, 1].map((part) => [svg("line", {class: "grid", x1: left, x2: width - 10, y1: y(peak * part), y2: y(peak * part)}),
      text(left - 6, y(peak * part) + 4, bytesText(Math.round(peak * part)), "end")]),
    svg("path", {class: "live", d: area}),
    svg("line", {class: "peak", x1: x(peakAt + 0.5), x2: x(peakAt + 0.5), y1: top, y2: top + height}),
    text(left, top + height + 22, "constants read, per operator"),
    svg("line", {class: "grid", x1: left, x2: width - 10, y1: base, y2: base}), text(left - 6, base - low + 12, bytesText(most), "end"),
    weights.map((value, i) => value > 0 ? svg("rect", {class: "weights", x: x(i).toFixed(1), width: Math.max(0.6, inner / n - (n > 300 ? 0 : 0.6)).toFixed(1),
      y: (base - low * value / most).toFixed(1), height: (low * value / most).toFixed(1)}) : null),
    text(left, base + 16, "Op#0"), text(width - 10, base + 16, `Op#${n - 1}`, "end"), cursor);
  const readout = el("p", {class: "readout"});
  const tell = (i) => {
    cursor.setAttribute("x1", x(i + 0.5));
    cursor.setAttribute("x2", x(i + 0.5));
    cursor.setAttribute("visibility", "visible");
    const alive = spans.filter((span) => span.first <= i && i <= span.last).sort((a, b) => b.tensor.bytes - a.tensor.bytes);
    readout.replaceChildren(el("span", null, el("b", null, model.title(i)), `: ${bytesText(live[i])} in ${count(alive.length, "living tensor")}`,
      weights[i] ? `, ${bytesText(weights[i])} of constants` : "", el("br"), el("span", {class: "muted name"},
        alive.slice(0, 6).map((span) => `T#${span.tensor.index} ${shapeText(span.tensor)} ${bytesText(span.tensor.bytes)}`).join(" · "), alive.length > 6 ? " …" : "")));
  };
  const at = (event) => {
    const rect = chart.getBoundingClientRect();
    const i = Math.floor(((event.clientX - rect.left) / rect.width * width - left) / inner * n);
    return i >= 0 && i < live.length ? i : null;
  };
  chart.addEventListener("pointermove", (event) => { const i = at(event); if (i !== null) tell(i); });
  chart.addEventListener("click", (event) => { const i = at(event); if (i !== null) panel.show(i); });
  if (live.length) tell(peakAt);
  const total = weights.reduce((a, b) => a + b, 0);
  const largest = [...model.report.tensors].filter((t) => t.bytes && (t.constant || spans.some((s) => s.tensor === t))).sort((a, b) => b.bytes - a.bytes).slice(0, 20);
  const {memory} = model.report;
  return el("section", {class: "view", "data-view": "memory", "data-peak": Math.max(0, ...live), "data-constants": total}, el("div", {class: "wide"},
    el("p", null, "Most bytes alive at once: ", el("b", {id: "memory-peak"}, bytesText(Math.max(0, ...live))), live.length ? [" at ", panel.link(peakAt)] : "",
      "; constants: ", el("b", null, bytesText(total)), ", as the model's tensors are."),
    memory && !memory.error ? el("p", {class: "muted"}, `A session will allocate ${bytesText(memory.arena_bytes)} for tensors and ${bytesText(memory.constant_bytes)} for packed weights and tables of what runs in the delegate.`) : null,
    unknown.length ? el("p", {class: "muted"}, `${count(unknown.length, "tensor")} of unknown size not counted.`) : null,
    chart, readout,
    el("h2", null, "Largest tensors"),
    table(["tensor", "name", "shape and type", "kind", "#bytes", "made by", "read by"], largest.map((tensor) => [
      `T#${tensor.index}`, el("span", {class: "name mono"}, tensor.name), shapeText(tensor), tensor.constant ? "constant" : tensor.variable ? "variable" : "activation",
      bytesText(tensor.bytes), model.producer.has(tensor.index) ? panel.link(model.producer.get(tensor.index)) : "",
      el("span", null, someOps(panel, model.consumers.get(tensor.index) || []))]))));
}
