// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/report_words.h"

#include <fmt/format.h>

#include <vector>

namespace delegate_check {

using Json = nlohmann::ordered_json;

std::string Words(std::string_view code) {
  for (const std::string_view prefix : {"UNSUPPORTED_", "NPU_"}) {
    if (code.starts_with(prefix)) code.remove_prefix(prefix.size());
  }
  std::string words;
  for (const char c : code) words += c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return words;
}

std::string Percent(double share) {
  const double percent = 100.0 * share;
  if (percent > 99.9 && percent < 100) return "99.9 %";
  if (percent > 0 && percent < 0.1) return "0.1 %";
  return fmt::format("{:.3g} %", percent);
}

std::string OpName(const Json& op) {
  return fmt::format("Op#{} {}", op["index"].get<int>(), op["op"].get<std::string>());
}

std::string Dims(const Json& shape) {
  if (shape.is_null()) return "[?]";
  return fmt::format("[{}]", fmt::join(shape.get<std::vector<int64_t>>(), ","));
}

std::string DescribeTensor(const Json& tensor) {
  std::string text = fmt::format("T#{} {} {}", tensor["index"].get<int>(), tensor["type"].get<std::string>(),
                                 Dims(tensor.value("shape", Json())));
  if (tensor.contains("scale")) {
    text += fmt::format("  scale {:.6g}, zero point {}", tensor["scale"].get<double>(), tensor["zero_point"].get<int64_t>());
  }
  if (tensor.contains("per_channel")) {
    const Json& channels = tensor["per_channel"];
    text += fmt::format("  {} scales along axis {}, {:.3g} to {:.3g}", channels["count"].get<int64_t>(),
                        channels["axis"].get<int64_t>(), channels["min_scale"].get<double>(),
                        channels["max_scale"].get<double>());
  }
  return text + fmt::format("  \"{}\"", tensor["name"].get<std::string>());
}

Ink InkOf(const Json& reason) {
  return reason["kind"] == "neighbour" ? Ink::kVictim : reason["kind"] == "policy" ? Ink::kPolicy : Ink::kCause;
}

Ink InkOfPlacement(std::string_view placement) {
  return placement == "npu" ? Ink::kGood : placement == "host" ? Ink::kCause : Ink::kPlain;
}

std::string ReasonLines(const Json& reasons, size_t indent, const Style& style, const std::string& first) {
  std::string lines;
  for (const Json& reason : reasons) {
    const std::string code = reason["code"];
    const std::string rule = Wrap(fmt::format("{}: {}", code, reason["text"].get<std::string>()), indent, style,
                                  lines.empty() ? first : "");
    lines += PaintWord(rule, code, InkOf(reason), style);
    lines += Wrap(fmt::format("is {}; allowed: {}", reason["actual"].get<std::string>(), reason["allowed"].get<std::string>()),
                  indent + 2, style);
  }
  return lines;
}

std::string PaintWord(std::string text, std::string_view word, Ink ink, const Style& style) {
  if (const size_t at = text.find(word); at != std::string::npos) text.replace(at, word.size(), Paint(word, ink, style));
  return text;
}

std::string Heading(std::string_view title, const Style& style) { 
  std::string lines = Hang(title, 2, style);
  lines.pop_back();
  return fmt::format("\n{}\n", Paint(lines, Ink::kBold, style));
}

std::string AndMore(size_t all, size_t shown, size_t indent) {
  if (all <= shown) return "";
  return fmt::format("{}... and {} more (--verbose)\n", std::string(indent, ' '), all - shown);
}

}  // namespace delegate_check
