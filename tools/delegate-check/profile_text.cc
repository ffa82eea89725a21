// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/profile_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tools/delegate-check/layout.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// How many operators the first table shows.
constexpr size_t kSlowest = 10;

double MedianUs(const Json& op) { return op["us"].is_null() ? 0.0 : op["us"]["median"].get<double>(); }

std::string Number(const Json& value, const char* format, double factor = 1) {
  return value.is_null() ? "-" : fmt::format(fmt::runtime(format), factor * value.get<double>());
}

std::string Bytes(int64_t bytes) { return bytes == 0 ? "-" : HumanBytes(bytes); }

// What the operator's name column says: those folded into it are named behind a plus.
std::string Title(const Json& ops, const Json& op) {
  std::string title = op["op"];
  for (const Json& absorbed : op["does"]) {
    title += fmt::format("+{}", ops[absorbed.get<size_t>()]["op"].get<std::string>());
  }
  constexpr size_t kWidth = 26;
  return title.size() <= kWidth ? title : title.substr(0, kWidth - 2) + "..";
}

void Header(std::string& text) {
  text += fmt::format("  {:>5} {:<26} {:>9} {:>6} {:>3} {:>7} {:>6} {:>8}\n", "op", "", "us", "time", "n", "GMAC/s",
                      "peak", "moved");
}

void Row(std::string& text, const Json& ops, const Json& op) {
  const std::string state = op["state"];
  const std::string index = fmt::format("#{}", op["index"].get<int>());
  if (state != "opencl" && state != "cpu") {
    const std::string how =
        state == "folded" ? fmt::format("folded into #{}", op["into"].get<int>()) : state == "view" ? "a view" : state;
    text += fmt::format("  {:>5} {:<26} {}\n", index, Title(ops, op), how);
    return;
  }
  text += fmt::format("  {:>5} {:<26} {:>9.1f} {:>5.1f}% {:>3} {:>7} {:>6} {:>8}\n", index, Title(ops, op),
                      MedianUs(op), 100 * op["share"].get<double>(),
                      state == "cpu" ? "cpu" : std::to_string(op["launches"].get<int>()), Number(op["gmacs"], "{:.1f}"),
                      Number(op["peak_share"], "{:.0f}%", 100), Bytes(op["bytes"].get<int64_t>()));
}

void Segments(std::string& text, const Json& profile) {
  text += fmt::format("\n  {:<22} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "segment, us", "upload", "queue", "run", "download",
                      "all");
  for (const Json& segment : profile["segments"]) {
    const std::string name =
        fmt::format("{}.{} {}{}, {} ops", segment["partition"].get<int>(), segment["part"].get<int>(),
                    segment["backend"].get<std::string>(), segment["replaced"].get<bool>() ? " (failed over)" : "",
                    segment["ops"].size());
    text += fmt::format("  {:<22} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f}\n", name,
                        segment["upload_us"].get<double>(), segment["queue_us"].get<double>(),
                        segment["run_us"].get<double>(), segment["download_us"].get<double>(), MedianUs(segment));
    if (segment["backend"] == "cpu") continue;
    text += fmt::format("    kernels {:.1f} us, {} launches{}{}; {} up, {} down\n", segment["busy_us"].get<double>(),
                        segment["launches"].get<int64_t>(),
                        segment["gmacs"].is_null() ? "" : Number(segment["gmacs"], ", {:.1f} GMAC/s"),
                        segment["peak_share"].is_null() ? "" : Number(segment["peak_share"], " ({:.0f}% of peak)", 100),
                        Bytes(segment["upload_bytes"].get<int64_t>()), Bytes(segment["download_bytes"].get<int64_t>()));
    if (segment["clock"] == "launch") {
      text += "    (timed one by one: this driver does not tell how long kernels take)\n";
    }
  }
}

}  // namespace

std::string ProfileText(const Json& profile) {
  const Json& device = profile["device"];
  const Json& ops = profile["ops"];
  std::string text = fmt::format("\nProfile on {}: {:.3f} ms, median of {} runs\n", device["name"].get<std::string>(),
                                 profile["us"].get<double>() / 1000,
                                 profile["partitions"].empty() || profile["partitions"][0]["us"].is_null()
                                     ? 0
                                     : profile["partitions"][0]["us"]["count"].get<int64_t>());
  if (!device["peak_gmacs"].is_null()) {
    text += fmt::format("  int8 peak of the device, measured: {:.0f} GMAC/s\n", device["peak_gmacs"].get<double>());
  }
  const Json& memory = profile["memory"];
  text += fmt::format("  memory: arena {}, constants {}, staging {}; whole process {}\n",
                      Bytes(memory["arena_bytes"].get<int64_t>()), Bytes(memory["constant_bytes"].get<int64_t>()),
                      Bytes(memory["staging_bytes"].get<int64_t>()),
                      Bytes(memory.value("process_peak_rss_bytes", int64_t{0})));
  Segments(text, profile);

  std::vector<const Json*> slowest;
  for (const Json& op : ops) {
    if (MedianUs(op) > 0) slowest.push_back(&op);
  }
  std::stable_sort(slowest.begin(), slowest.end(),
                   [](const Json* a, const Json* b) { return MedianUs(*a) > MedianUs(*b); });
  if (slowest.size() > kSlowest) {
    slowest.resize(kSlowest);
    text += "\nSlowest operators (n: launches)\n";
    Header(text);
    for (const Json* op : slowest) Row(text, ops, *op);
  }
  text += "\nOperators in order (n: launches)\n";
  Header(text);
  for (const Json& op : ops) Row(text, ops, op);
  return text;
}

}  // namespace delegate_check
