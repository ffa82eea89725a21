// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/layers.h"

#include <fmt/format.h>

#include <exception>
#include <optional>

#include "tools/delegate-check/inputs.h"
#include "tools/delegate-check/npy.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// How many operators that differ are shown.
constexpr size_t kShown = 12;

struct Dump {
  explicit Dump(const std::string& path) : writer(path) {}
  NpzWriter writer;
  std::exception_ptr error;  // nothing may be thrown through the library
};

void AddTensor(void* user, const npu_layer_tensor* tensor) {
  auto& dump = *static_cast<Dump*>(user);
  if (dump.error) return;
  try {
    const auto add = [&](const char* which, const void* bytes) {
      if (bytes != nullptr)
        dump.writer.Add(fmt::format("{}/T{}", which, tensor->tensor), tensor->info, bytes);
    };
    add("reference", tensor->reference);
    add("isolated", tensor->isolated);
    add("cumulative", tensor->cumulative);
  } catch (...) {
    dump.error = std::current_exception();
  }
}

std::string Title(const Json& op) {
  return fmt::format("Op#{} {}", op["index"].get<int>(), op["op"].get<std::string>());
}

bool Differs(const Json& output) {
  return output["isolated"]["differing"] != 0 ||
         (!output["cumulative"].is_null() && output["cumulative"]["differing"] != 0);
}

std::string Cell(const Json& difference, int64_t elements) {
  if (difference.is_null()) return "not run";
  if (difference["differing"] == 0) return "equal";
  return fmt::format("{} of {}, by {:g}", difference["differing"].get<int64_t>(), elements,
                     difference["max_difference"].is_null() ? 0 : difference["max_difference"].get<double>());
}

// Those that are wrong; where none is, those that differ within the tolerance.
void Differences(std::string& text, const Json& ops, bool wrong, const Style& style) {
  Table table({{"operator"}, {"tensor", Table::Fit::kCutFront}, {"alone"}, {"in the network"}});
  size_t count = 0;
  for (const Json& op : ops) {
    if (op["state"] != "compared") continue;
    for (const Json& output : op["outputs"]) {
      if (!(wrong ? output["agrees"] == false : Differs(output)) || ++count > kShown) continue;
      const int64_t elements = output["elements"];
      table.Add({{Title(op)},
                 {fmt::format("T#{} {}", output["tensor"].get<int>(), output["name"].get<std::string>())},
                 {Cell(output["isolated"], elements)},
                 {Cell(output["cumulative"], elements)}});
    }
  }
  if (count > 0) text += table.Text(style);
  if (count > kShown) text += fmt::format("  and {} more (all with --format json)\n", count - kShown);
}

// "Op#3, Op#7": those that a state tells of, and why nothing is compared.
void Others(std::string& text, const Json& ops, const Style& style, const char* state, const char* made_by,
            const char* what) {
  Json indices = Json::array();
  for (const Json& op : ops) {
    if (op["state"] == state && (made_by == nullptr || op["made_by"] == made_by))
      indices.push_back(op["index"]);
  }
  if (!indices.empty()) text += Wrap(fmt::format("Op#{}: {}", Ranges(indices), what), 4, style, "  ");
}

}  // namespace

Json VerifyLayers(const npu_plan* plan, const Json& report, const Arguments& arguments) {
  const std::vector<Bytes> inputs = GivenInputs(report, arguments);
  std::vector<const void*> pointers;
  for (const Bytes& input : inputs) pointers.push_back(input.data());
  std::optional<Dump> dump;
  if (!arguments.dump.empty()) dump.emplace(arguments.dump);
  char* json = nullptr;
  Check(npu_plan_verify_layers(plan, arguments.seed, pointers.data(), pointers.size(),
                               dump ? AddTensor : nullptr, dump ? &*dump : nullptr, &json));
  Json layers = Json::parse(StringPtr(json).get());
  if (dump) {
    if (dump->error) std::rethrow_exception(dump->error);
    dump->writer.Close();
  }
  return layers;
}

std::string LayersText(const Json& layers, const Style& style) {
  const Json &ops = layers["ops"], &first = layers["first_diverging"];
  std::string text =
      "\nLayer by layer on " + layers["device"].get<std::string>() + " against the CPU reference:\n";
  const std::string tensors = Count(layers["compared_tensors"], "tensor");
  if (layers["compared_tensors"] == 0) {
    text += "  no operator runs in the delegate: there is nothing to compare\n";
  } else if (first.is_null() && layers["tolerance"] > 0) {
    text += fmt::format("  {}: each operator alone within {:g}, as requantize=float may\n", tensors,
                        layers["tolerance"].get<double>());
    Differences(text, ops, false, style);
  } else if (first.is_null()) {
    text += fmt::format("  {}: every byte equal, each operator alone and the network as a whole\n", tensors);
  } else {
    text += fmt::format("  {}: DIFFERENT from Op#{} {} on, {}\n", tensors, first["op"].get<int>(),
                        first["name"].get<std::string>(),
                        first["in"] == "isolated" ? "which is wrong by itself"
                                                  : "which is right by itself, but not among its neighbours");
    Differences(text, ops, true, style);
  }
  Others(text, ops, style, "folded", nullptr,
         "folded into other operators; the tensors between them do not exist on the device, those behind "
         "them are compared "
         "with what the model's own operators make");
  Others(text, ops, style, "evaluated", nullptr, "computed when the plan was made");
  Others(text, ops, style, "host", "reference", "of the host, computed by the reference here");
  Others(text, ops, style, "host", "random",
         "of the host, which alone can compute them; random tensors stand for theirs");
  Others(text, ops, style, "host", "nobody", "of the host; not computed here");
  Others(text, ops, style, "not compared", nullptr, "not compared (why: --format json)");
  return text;
}

}  // namespace delegate_check
