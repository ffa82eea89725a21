// SPDX-License-Identifier: Apache-2.0
// What --profile measured: the whole, segments, and operators by time.

function timingView(model, panel) {
  const profile = model.report.profile;
  const timed = profile.ops.filter((row) => row.us && row.us.median > 0).sort((a, b) => b.us.median - a.us.median);
  const most = timed.length ? timed[0].us.median : 1;
  const meter = (row) => el("div", {class: "meter"}, el("div", {style: `width:${(100 * row.us.median / most).toFixed(1)}%`}));
  return el("section", {class: "view", "data-view": "timing"}, el("div", {class: "wide"},
    el("p", null, el("b", null, micros(profile.us)), ` per invocation on ${profile.device.name}, median of ${profile.invocations ?? "several"} runs`,
      profile.device.peak_gmacs ? `; measured int8 peak ${Math.round(profile.device.peak_gmacs)} GMAC/s` : ""),
    el("h2", null, "Segments"),
    table(["partition", "segment", "backend", "#operators", "#upload", "#run", "#download", "#all"], profile.segments.map((segment) => [
      String(segment.partition), String(segment.part), segment.backend + (segment.replaced ? " (failed over)" : ""), String(segment.ops.length),
      micros(segment.upload_us), micros(segment.run_us), micros(segment.download_us), segment.us ? micros(segment.us.median) : ""])),
    el("h2", null, "Operators by time"),
    table(["operator", "#median", "#share", "", "#GMAC/s", "#of peak", "state"], timed.map((row) => [panel.link(row.index), micros(row.us.median),
      percent(row.share), meter(row), row.gmacs ? row.gmacs.toFixed(1) : "", row.peak_share ? percent(row.peak_share) : "", row.state]))));
}
