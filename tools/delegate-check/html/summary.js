// SPDX-License-Identifier: Apache-2.0
// The first section: what the model is, how much of it runs where, what keeps the rest off, and what to do.

// An advice is named by its id; the report's list says what it is.
function adviceLine(model, id) {
  if (!id) return null;
  const advice = model.report.advice.find((row) => row.id === id);
  if (!advice) return el("p", {class: "advice"}, "What to do: ", el("code", null, id));
  return el("p", {class: "advice"}, el("b", null, advice.title), " ", el("code", {class: "muted"}, id), el("br"), advice.text);
}

function placementBar(label, parts) {
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  return [el("span", {class: "muted"}, label),
    el("div", {class: "bar", role: "img", "aria-label": label + ": " + parts.map((p) => `${p.label} ${p.text}`).join(", ")},
      parts.filter((part) => part.value > 0).map((part) =>
        el("div", {style: `flex:${part.value / total};background:${part.color}`, title: `${part.label}: ${part.text}`})))];
}

function placementBars(model) {
  const summary = model.report.summary, sides = [["npu", "NPU", "npu"], ["delegate_cpu", "delegate-cpu", "delegate-cpu"], ["host", "host", "host-own"]];
  const macs = {npu: 0, delegate_cpu: 0, host: 0};
  for (const op of model.ops) macs[op.placement.replace("-", "_")] += op.macs;
  const parts = (values, text) => sides.map(([key, label, id]) => ({label, value: values[key], text: text(values[key]), color: opClasses.get(id).fill}));
  return el("div", null,
    el("div", {class: "barline"}, placementBar("operators", parts(summary, String)),
      summary.macs > 0 ? placementBar("MACs", parts(macs, (n) => `${human(n)} (${percent(n / summary.macs)})`)) : null),
    el("div", {class: "legend"}, sides.map(([key, label, id]) => el("span", null,
      el("span", {class: "dot", style: `background:${opClasses.get(id).fill}`}), label, ": ", count(summary[key], "operator"),
      summary.macs > 0 ? `, ${percent(macs[key] / summary.macs)} of MACs` : ""))));
}

function tensorRows(model, list) {
  return list.map((tensor) => [el("span", {class: "mono"}, `T#${tensor.index}`), el("span", {class: "name"}, tensor.name), shapeText(tensor), quantizationText(tensor)]);
}

const kShownOps = 8;

function someOps(panel, ops) {
  return [panel.links(ops.slice(0, kShownOps)), ops.length > kShownOps ? ` and ${ops.length - kShownOps} more` : ""];
}

function blockerCard(model, panel, blocker) {
  const costs = [`${human(blocker.macs + blocker.victim_macs)} MACs off the NPU`,
    blocker.victims.length ? `${count(blocker.victims.length, "more operator")} because of ${blocker.ops.length === 1 ? "it" : "them"}` : "",
    blocker.bytes ? `${bytesText(blocker.bytes)} cross at every invocation` : "",
    blocker.extra_partitions ? count(blocker.extra_partitions, "extra partition") : ""].filter(Boolean);
  return el("div", {class: "cause blocker"},
    el("p", null, blocker.ops.length > 1 ? el("b", null, `${blocker.ops.length} × ${blocker.op} `) : null, someOps(panel, blocker.ops),
      blocker.placement === "delegate-cpu" ? el("span", {class: "muted"}, " (on the delegate's CPU backend)") : null),
    blocker.reasons.map((reason) => el("p", null, el("code", null, reason.code), " ",
      el("span", {class: "name"}, `${reason.text}: is ${reason.actual}; allowed: ${reason.allowed}`))),
    el("p", {class: "muted"}, costs.join(" · ")),
    blocker.advice.map((id) => adviceLine(model, id)));
}

function verifyText(model) {
  const verify = model.report.verify;
  if (!verify) return null;
  // With requantize=float operators are compared one by one; null is infinitely far apart.
  const {max_difference: difference} = verify.operators || verify, tolerance = verify.tolerance || 0;
  const good = difference !== null && difference <= tolerance;
  const what = !good ? `different by up to ${difference ?? 'infinity'}` :
      tolerance ? 'every operator within 1, as requantize=float may' :
                  'every byte equal';
  return el(
      'p', {class: good ? 'good' : 'bad'}, good ? '✓ ' : '✗ ',
      `Verified on ${verify.device} against the CPU reference: ${what}`);
}

function layersText(model) {
  const layers = model.report.verify_layers;
  if (!layers) return null;
  const first = layers.first_diverging;
  return el(
      'p', {class: first ? 'bad' : 'good'},
      first ? `✗ The first tensor that differs from the reference is T#${first.tensor} of ${
                  model.title(first.op)} (${first.in})` :
              `✓ ${count(layers.compared_tensors, 'intermediate tensor')} compared with the reference: ${
                  layers.tolerance ? 'each operator alone within 1, as requantize=float may' :
                                     'every byte equal'}`);
}

function gatesTable(model) {
  const gates = model.report.gates || [];
  if (gates.length === 0) return null;
  return [el("h2", null, "Gates"), table(["", "gate", "is", "allowed"], gates.map((gate) =>
    [el("b", {class: gate.passed ? "good" : "bad"}, gate.passed ? "✓ passed" : "✗ failed"), gate.gate, gate.actual, gate.allowed]))];
}

function foldsList(model, panel) {
  const {folds} = model.report;
  if (folds.length === 0) return null;
  const byName = new Map();
  for (const fold of folds) {
    if (!byName.has(fold.name)) byName.set(fold.name, []);
    byName.get(fold.name).push(fold);
  }
  return [el("h2", null, "Folds: operators that another one computes along the way"),
    table(["fold", "#times", "into", "why it is exact"], [...byName].map(([name, list]) =>
      [name, list.length, el("span", null, someOps(panel, list.map((fold) => fold.into))), el("span", {class: "name"}, list[0].why)]))];
}

function summaryView(model, panel) {
  const {report} = model, {summary} = report, causes = report.blockers, findings = report.findings;
  const card = (value, label) => el("div", {class: "card"}, el("b", null, value), el("span", {class: "muted"}, label));
  return el("section", {class: "view", "data-view": "summary"}, el("div", {class: "wide"},
    el("p", {class: "verdict"}, model.verdict + "."),
    placementBars(model),
    el("div", {class: "cards"}, card(`${summary.npu} / ${summary.ops}`, "operators on the NPU"),
      summary.macs > 0 ? card(percent(summary.npu_mac_share), "of MACs on the NPU") : null, card(human(summary.macs), "MACs"),
      card(String(summary.partitions), "partitions"), report.model.size_bytes ? card(bytesText(report.model.size_bytes), "file") : null,
      report.profile ? card(micros(report.profile.us), "per invocation, measured") : null),
    verifyText(model),
    layersText(model),
    el("h2", null, "Inputs and outputs"),
    table(["tensor", "name", "shape and type", "quantization"], [...tensorRows(model, report.model.inputs).map((row) => ["input " + row[0].textContent, ...row.slice(1)]),
      ...tensorRows(model, report.model.outputs).map((row) => ["output " + row[0].textContent, ...row.slice(1)])]),
    report.model.io_notes.map((note) => el("p", {class: "name muted"}, note)),
    gatesTable(model),
    causes.length ? [el("h2", null, "What keeps operators off the NPU"), causes.map((blocker) => blockerCard(model, panel, blocker))] : null,
    findings.length ? [el("h2", null, "What stands out in this model"), findings.map((finding) => el("div", {class: "cause note"},
      el("p", null, panel.link(finding.op), " ", el("code", null, finding.code)), el("p", {class: "name"}, finding.text), adviceLine(model, finding.advice)))] : null,
    foldsList(model, panel),
    el("h2", null, "Segments"),
    report.segments.length === 0 ? el("p", {class: "muted"}, "None: everything stays with the host.") :
      table(["segment", "partition", "runs on", "#operators", "#MACs", "first", "last"], report.segments.map((segment) =>
        [String(segment.index), String(segment.partition), segment.placement, String(segment.ops.length), human(segment.macs),
          panel.link(segment.ops[0]), panel.link(segment.ops[segment.ops.length - 1])]))));
}
