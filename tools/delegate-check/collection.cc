// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/collection.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/check_model.h"
#include "tools/delegate-check/output.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

struct Entry {
  Json document;
  ExitCode exit_code = kOk;
  std::vector<std::string> messages;
};

Entry CheckOne(const std::string& path, const Arguments& arguments) {
  Entry entry{Json{{"file", path}}, kOk, {}};
  try {
    CheckedModel checked = CheckModel(path, arguments);
    entry.document.update(checked.report);
    entry.exit_code = checked.exit_code;
    for (const std::string& message : checked.messages) entry.messages.push_back(path + ": " + message);
  } catch (const Failure& failure) {
    entry.document["error"] = ErrorJson(failure, path);
    entry.exit_code = failure.exit_code;
    entry.messages.emplace_back(failure.what());
  } catch (const std::exception& error) {
    entry.document["error"] = {{"code", "NPU_INTERNAL"}, {"text", error.what()}, {"file", path}};
    entry.exit_code = kModelError;
    entry.messages.push_back(fmt::format("{}: unexpected: {}", path, error.what()));
  }
  return entry;
}

std::vector<Entry> CheckAll(const std::vector<std::string>& paths, const Arguments& arguments) {
  std::vector<Entry> entries(paths.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < paths.size(); i = next++) entries[i] = CheckOne(paths[i], arguments);
  };
  const size_t cores = RunsModels(arguments) ? 1 : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> others;
  for (size_t i = 1; i < std::min(cores, paths.size()); ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  return entries;
}

Json Summary(const std::vector<Entry>& entries) {
  int64_t errors = 0, full = 0, partly = 0, none = 0, ops = 0, npu = 0, cpu = 0, host = 0, macs = 0, npu_macs = 0;
  std::map<std::string, int64_t> kinds;
  for (const Entry& entry : entries) {
    if (entry.document.contains("error")) {
      ++errors;
      continue;
    }
    const Json& summary = entry.document["summary"];
    const int64_t here = summary["npu"].get<int64_t>() + summary["delegate_cpu"].get<int64_t>();
    ++(here == 0 ? none : summary["host"].get<int64_t>() == 0 ? full : partly);
    ops += summary["ops"].get<int64_t>();
    npu += summary["npu"].get<int64_t>();
    cpu += summary["delegate_cpu"].get<int64_t>();
    host += summary["host"].get<int64_t>();
    macs += summary["macs"].get<int64_t>();
    npu_macs += summary["npu_macs"].get<int64_t>();
    ++kinds[entry.document["model"]["kind"].get<std::string>()];
  }
  // As for one model: without any MACs it is 1 if hosts have nothing to do, else 0.
  const double share = macs > 0 ? static_cast<double>(npu_macs) / static_cast<double>(macs) : host == 0 ? 1.0 : 0.0;
  return {{"models", entries.size()}, {"errors", errors}, {"full_npu", full}, {"partly", partly}, {"none", none},
          {"ops", ops}, {"npu", npu}, {"delegate_cpu", cpu}, {"host", host}, {"macs", macs}, {"npu_macs", npu_macs},
          {"npu_mac_share", share}, {"kinds", Json(kinds)}};
}

}  // namespace

CheckedCollection CheckCollection(const std::vector<std::string>& paths, const Arguments& arguments) {
  std::vector<Entry> entries = CheckAll(paths, arguments);
  CheckedCollection checked;
  const Json summary = Summary(entries);
  Json models = Json::array();
  for (Entry& entry : entries) {
    checked.exit_code = std::max(checked.exit_code, entry.exit_code);
    checked.messages.insert(checked.messages.end(), entry.messages.begin(), entry.messages.end());
    models.push_back(std::move(entry.document));
  }
  checked.document = {{"schema_version", 1}, {"models", std::move(models)}, {"summary", summary}};
  return checked;
}

}  // namespace delegate_check
