// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/report_file.h"

#include <fmt/format.h>

#include <fstream>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/input_file.h"
#include "tools/delegate-check/json_shape.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;
// Ours nest less than ten deep; readers recurse.
constexpr int kMostDepth = 64;

// What every report has (partitioner/report.h), of the plug-in, too.
constexpr char kReportShape[] = R"({
  "model": {"kind": "text", "kind_sentence": "text", "description": "text", "size_bytes": "integer", "?file": "text",
            "?io_notes": ["text"], "inputs": [TENSOR], "outputs": [TENSOR]},
  "summary": SUMMARY,
  "partitions": [{"index": "integer", "ops": ["op"], "inputs": ["integer"], "outputs": ["integer"], "macs": "integer"}],
  "segments": [{"index": "integer", "partition": "integer", "placement": "placement", "ops": ["op"],
                "inputs": ["integer"], "outputs": ["integer"], "macs": "integer"}],
  "boundaries": [{"index": "integer", "from": "integer", "to": "integer", "tensors": ["integer"], "bytes": "integer",
                  "causes": ["op"], "host_ops": "integer", "host_macs": "integer"}],
  "ops": [{"index": "op", "op": "text", "version": "integer", "name": "text", "inputs": ["integer"],
           "outputs": ["integer"], "macs": "integer", "placement": "placement", "segment": "integer",
           "partition": "integer", "evaluated": "bool", "folded_into": "op?", "?notes": ["text"],
           "reasons": [REASON]}],
  "?tensors": [TENSOR],
  "folds": [{"name": "text", "into": "op", "absorbed": ["op"], "bypassed": ["op"], "rewritten": ["op"], "why": "text"}],
  "declined_folds": [{"name": "text", "into": "op", "why": "text"}],
  "findings": [{"code": "text", "op": "op", "text": "text", "?advice": "text"}],
  "?memory": {"?error": "text", "?arena_bytes": "integer", "?constant_bytes": "integer", "?uncopied_bytes": "integer",
              "?partitions": [MEMORY], "?segments": [MEMORY]},
  "?blockers": [{"op": "text", "ops": ["op"], "placement": "placement", "reasons": [REASON], "advice": ["text"],
                 "macs": "integer", "victims": ["op"], "victim_macs": "integer", "bytes": "integer",
                 "boundaries": "integer", "?extra_partitions": "integer"}],
  "?advice": [{"id": "text", "title": "text", "text": "text", "ops": ["op"], "macs": "integer", "url": "text"}],
  "subgraphs": [{"index": "integer", "name": "text", "?error": "text", "?summary": SUMMARY}]
})";
constexpr char kTensorShape[] = R"({"index": "integer", "name": "text", "type": "text", "?shape": ["integer"],
  "?scale": "number", "?zero_point": "integer", "?bytes": "integer", "?constant": "bool", "?variable": "bool",
  "?per_channel": {"axis": "integer", "count": "integer", "min_scale": "number", "max_scale": "number"}})";
constexpr char kReasonShape[] =
    R"({"code": "text", "?kind": "text", "text": "text", "actual": "text", "allowed": "text", "?advice": "text"})";
constexpr char kMemoryShape[] =
    R"({"index": "integer", "arena_bytes": "integer", "constant_bytes": "integer", "uncopied_bytes": "integer"})";
constexpr char kSummaryShape[] =
    R"({"ops": "integer", "npu": "integer", "delegate_cpu": "integer", "host": "integer",
  "macs": "integer", "npu_macs": "integer", "npu_mac_share": "number", "partitions": "integer", "segments": "integer"})";

// What profiles have (docs/profiling.md), with the operators of their report beside them.
constexpr char kProfileShape[] = R"({
  "device": {"name": "text", "threads": "integer", "?peak_gmacs": "number"}, "invocations": "integer", "us": "number",
  "partitions": [{"index": "integer", "invocations": "integer", "?us": TIMES}],
  "segments": [{"partition": "integer", "part": "integer", "backend": "text", "clock": "text", "replaced": "bool",
                "ops": ["op"], "?us": TIMES, "upload_us": "number", "queue_us": "number", "run_us": "number",
                "download_us": "number", "busy_us": "number", "launches": "integer", "macs": "integer", "?gmacs": "number",
                "?peak_share": "number", "upload_bytes": "integer", "download_bytes": "integer"}],
  "ops": [{"index": "op", "op": "text", "name": "text", "state": "text", "into": "op?", "does": ["op"], "kernels": ["text"],
           "launches": "integer", "?us": TIMES, "share": "number", "macs": "integer", "?gmacs": "number",
           "?peak_share": "number", "bytes": "integer"}],
  "memory": {"arena_bytes": "integer", "constant_bytes": "integer", "staging_bytes": "integer", "uncopied_bytes": "integer",
             "process_peak_rss_bytes": "integer"}
})";
constexpr char kTimesShape[] =
    R"({"median": "number", "min": "number", "max": "number", "count": "integer"})";

Json Shape(std::string text) {
  for (const auto& [name, shape] : {std::pair("TENSOR", kTensorShape), std::pair("SUMMARY", kSummaryShape),
                                    std::pair("REASON", kReasonShape), std::pair("MEMORY", kMemoryShape),
                                    std::pair("TIMES", kTimesShape)}) {
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
      text.replace(at, std::string_view(name).size(), shape);
    }
  }
  return Json::parse(text);
}

[[noreturn]] void Refuse(const std::string& path, const std::string& what) {
  throw Failure(kUsageError, "NPU_INVALID_ARGUMENT", fmt::format("{}: {}", path, what));
}

}  // namespace

bool LooksLikeJson(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char first = 0;
  return file >> std::ws >> first && (first == '{' || first == '[');
}

Json ReadJson(const std::string& path) {
  const std::string text = ReadInputFile(path);
  Json document;
  try {
    document = Json::parse(text, [&](int depth, Json::parse_event_t, Json&) {
      if (depth > kMostDepth) Refuse(path, fmt::format("nests more than {} deep: not a report", kMostDepth));
      return true;
    });
  } catch (const Json::parse_error& error) {
    Refuse(path, fmt::format("is not JSON (byte {}); make a report with delegate-check MODEL --format json",
                             error.byte));
  }
  if (!document.is_object()) Refuse(path, "is JSON, but not a report");
  return document;
}

Json ReadDocument(const std::string& path) {
  Json document = ReadJson(path);
  const auto version = document.find("schema_version");
  if (version == document.end()) Refuse(path, "is JSON, but not a report: it has no schema_version");
  if (*version != kSchemaVersion) {
    Refuse(path, fmt::format("has schema_version {}; this delegate-check reads {}. Make it anew",
                             version->dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 20),
                             kSchemaVersion));
  }
  if (const auto error = document.find("error"); error != document.end() && error->is_object()) {
    const auto why = error->find("text");
    Refuse(path, "holds the error of a run that made no report: " +
                     (why != error->end() && why->is_string() ? why->get<std::string>() : "unknown"));
  }
  return document;
}

Json ReadReportFile(const std::string& path) {
  Json document = ReadDocument(path);
  if (document.contains("models"))
    Refuse(path, "is the report of several models; make one of a single model");
  if (document.contains("comparison") && !document.contains("ops"))
    Refuse(path, "is the result of --diff, not a report");
  if (document.contains("profile") && !document.contains("ops")) Refuse(path, "is a profile, not a report");
  if (const auto misfit = Misfit(document, Shape(kReportShape))) {
    Refuse(path, fmt::format("is not a complete report: {}", *misfit));
  }
  return document;
}

Json ReadProfileFile(const std::string& path) {
  const Json document = ReadJson(path);
  const auto profile = document.find("profile");
  if (profile == document.end())
    Refuse(path, "has no profile; expected what the plug-in's option profile=PATH wrote");
  if (const auto misfit = Misfit(*profile, Shape(kProfileShape))) {
    Refuse(path, fmt::format("is not a complete profile: {}", *misfit));
  }
  return *profile;
}

}  // namespace delegate_check
