// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/formats.h"

#include "tools/delegate-check/collection_text.h"
#include "tools/delegate-check/output.h"
#include "tools/delegate-check/text_report.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

std::string WriteJson(Json document, const Arguments&) { return Dump(document); }

constexpr Format kFormats[] = {
    {"text", "what a person reads", TextReport, CollectionText},
    {"json", "docs/c-api.md", WriteJson, WriteJson},
};

}  // namespace

std::vector<std::string> FormatNames() {
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.emplace_back(format.name);
  return names;
}

std::string FormatList() {
  std::string list;
  for (const Format& format : kFormats) {
    if (!list.empty()) list += "; ";
    list.append(format.name).append(": ").append(format.what);
  }
  return list;
}

const Format& FindFormat(std::string_view name) {
  for (const Format& format : kFormats) {
    if (format.name == name) return format;
  }
  return kFormats[0];
}

}  // namespace delegate_check
