// SPDX-License-Identifier: Apache-2.0
// One model's data as the other files ask for it: who makes and reads each tensor, who is folded into whom.

const opClasses = new Map(JSON.parse(document.getElementById("op-classes").textContent).map((row) => [row.id, row]));

class Model {
  constructor(index) {
    const data = JSON.parse(document.getElementById("model-" + index).textContent);
    this.index = index;
    this.report = data.report;
    this.error = data.report.error || null;
    this.file = data.report.model?.file || data.report.file || "model";
    if (this.error) return;
    this.ops = data.report.ops;
    this.classes = data.op_classes;
    this.verdict = data.verdict;
    this.layoutNote = data.layout_note;
    this.tensors = new Map(data.report.tensors.map((tensor) => [tensor.index, tensor]));
    this.producer = new Map();
    this.consumers = new Map();
    for (const op of this.ops) {
      for (const tensor of op.outputs) if (tensor >= 0) this.producer.set(tensor, op.index);
      for (const tensor of new Set(op.inputs)) {
        if (tensor < 0) continue;
        if (!this.consumers.has(tensor)) this.consumers.set(tensor, []);
        this.consumers.get(tensor).push(op.index);
      }
    }
    this.absorbed = new Map();
    for (const op of this.ops) {
      if (op.folded_into < 0) continue;
      if (!this.absorbed.has(op.folded_into)) this.absorbed.set(op.folded_into, []);
      this.absorbed.get(op.folded_into).push(op.index);
    }
    this.timing = new Map((this.report.profile?.ops || []).map((row) => [row.index, row]));
    this.layers = new Map((this.report.verify_layers?.ops || []).flatMap((op) => (op.outputs || []).map((row) => [row.tensor, row])));
  }

  classOf(index) { return opClasses.get(this.classes[index]); }
  title(index) { return `#${index} ${this.ops[index].op}`; }
  // The operator that runs in this one's place.
  target(index) {
    for (let step = 0; step < this.ops.length && this.ops[index].folded_into >= 0; ++step) index = this.ops[index].folded_into;
    return index;
  }

  tensorText(index) {
    const tensor = this.tensors.get(index);
    return tensor ? shapeText(tensor) : "";
  }

  // What a search looks through, in lower case, made when it is first asked for.
  haystack(index) {
    this.haystacks ||= [];
    return this.haystacks[index] ||= [`#${index}`, this.ops[index].op, this.ops[index].name, this.classOf(index).label,
      ...this.ops[index].outputs.filter((t) => t >= 0).map((t) => `t#${t} ${this.tensors.get(t)?.name}`),
      ...this.ops[index].reasons.map((reason) => reason.code)].join(" ").toLowerCase();
  }

  // Operators that hold every word; a number alone is an operator's index.
  search(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return null;
    if (words.length === 1 && /^#?\d+$/.test(words[0])) {
      const index = Number(words[0].replace("#", ""));
      if (index < this.ops.length) return [index];
    }
    return this.ops.map((op) => op.index).filter((i) => words.every((word) => this.haystack(i).includes(word)));
  }
}

function shapeText(tensor) {
  const dims = tensor.shape === null || tensor.shape === undefined ? "?" : tensor.shape.length ? tensor.shape.join("×") : "scalar";
  return `${dims} ${tensor.type}`;
}

function quantizationText(tensor) {
  const short = (number) => String(Number(number.toPrecision(6)));
  if (tensor.scale !== undefined) return `scale ${short(tensor.scale)}, zero point ${tensor.zero_point}`;
  const channels = tensor.per_channel;
  return channels ? `${channels.count} scales on axis ${channels.axis}, ${short(channels.min_scale)} to ${short(channels.max_scale)}` : "";
}

function chip(opClass, short) {
  return el("span", {class: "chip", title: opClass.label, style: `background:${opClass.fill};color:${opClass.text}`},
    short ? opClass.tag || opClass.label : opClass.label);
}
