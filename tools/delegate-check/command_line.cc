// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/command_line.h"

#include <fmt/format.h>
#include <npu_delegate.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/nearest.h"
#include "tools/delegate-check/api.h"
#include "tools/delegate-check/formats.h"
#include "tools/delegate-check/usage.h"

namespace delegate_check {
namespace {

// --help, --version and their like.
struct Shown {
  bool help = false, help_all = false, version = false, man = false;
  std::string completion;  // the word before the cursor
  bool json = false;
};

constexpr double kNoLimit = 9e18;  // what an int64_t takes

// A value that is one of these words.
CLI::Validator OneOf(const std::vector<std::string>& words) {
  return CLI::Validator(
      [words](std::string& value) -> std::string {
        if (std::find(words.begin(), words.end(), value) != words.end()) return {};
        const std::vector<std::string_view> views(words.begin(), words.end());
        return fmt::format("\"{}\" is none of {}{}", value, fmt::join(words, ", "), npu::DidYouMean(value, views));
      },
      "");
}

// A number from `least` to `most`.
CLI::Validator Between(double least, double most) {
  return CLI::Validator(
      [least, most](std::string& value) -> std::string {
        double number = 0;
        if (CLI::detail::lexical_cast(value, number) && number >= least && number <= most) return {};
        return most < kNoLimit ? fmt::format("\"{}\" is no number from {} to {}", value, least, most)
                               : fmt::format("\"{}\" is no number of at least {}", value, least);
      },
      "");
}

// Declares options group by group. Type names and groups as usage.h says.
class Declaration {
 public:
  explicit Declaration(CLI::App& app) : app_(app) {}

  void Group(const char* name) { group_ = name; }
  CLI::Option* Flag(const char* names, bool& value, const char* what) {
    return app_.add_flag(names, value, what)->group(group_);
  }
  template <typename T>
  CLI::Option* Value(const char* names, T& value, const std::string& type, const std::string& what) {
    return app_.add_option(names, value, what)->type_name(type)->group(group_);
  }
  CLI::Option* Word(const char* names, std::string& value, const std::vector<std::string>& words, const std::string& what) {
    return Value(names, value, fmt::format("{}", fmt::join(words, "|")), what)->transform(OneOf(words))->capture_default_str();
  }

 private:
  CLI::App& app_;
  std::string group_;
};

void DeclareReport(Declaration& declare, Arguments& arguments, Shown& shown) {
  declare.Group("Models");
  declare.Value("models", arguments.models, "MODEL...",
                 ".tflite files, directories of them; - is standard input. Several give a table, or one document");
  declare.Group("Report");
  CLI::Option* format = declare.Word("--format", arguments.format, FormatNames(), FormatList());
  declare.Flag("--json", shown.json, "the same as --format json")->excludes(format);
  declare.Value("-o,--output", arguments.output, "FILE", "write the report to this file (model-explorer: directory); -: stdout")->capture_default_str();
  declare.Flag("-v,--verbose", arguments.verbose, "every operator, and every list whole; text only");
  declare.Value("--explain", arguments.explain, "WHAT", "one operator or tensor alone (17, T#42, CONV_2D or a tensor's name); text only");
  declare.Value("--diff", arguments.diff, "FILE", "show what differs between two models or reports (.tflite or .json)")
      ->expected(2);
  declare.Value("--host-report", arguments.host_report, "FILE", "show the report, the profile or both of a plug-in in a host")
      ->expected(1, 2);
  declare.Value("--extract", arguments.extract, "N[-M]",
                "write a small model of these operators to -o FILE; for bug reports");
  declare.Flag("--supported-ops", arguments.supported_ops, "print every operator with its rules, as Markdown");
  declare.Word("--color", arguments.color, {"auto", "always", "never"}, "colours in the text; auto: on a terminal");
  declare.Group("Report*");
  declare.Value("--layout-seconds", arguments.layout_seconds, "N",
                "how long graphviz may lay out the graph of html and svg; 0: a plain list of layers")
      ->check(Between(0, 3600))->capture_default_str();
}

void DeclarePlan(Declaration& declare, Arguments& arguments) {
  declare.Group("What may go to the NPU");
  declare.Value("--deny", arguments.deny, "LIST", "keep these operators off the NPU: NAME, #index or tensor name with * and ?, joined by +");
  declare.Value("--allow", arguments.allow, "LIST", "only these operators may go to the NPU");
  declare.Word("--placement", arguments.placement, {"all", "auto"},
               "auto: the host gets what is slower on the NPU; the device is measured");
  declare.Value("--folds", arguments.folds, "LIST", "all, none, or names of graph folds joined by +")->capture_default_str();
  declare.Group("What may go to the NPU*");
  declare.Value("--min-segment-macs", arguments.min_segment_macs, "N", "smaller partitions stay with the host")
      ->check(Between(0, kNoLimit));
  declare.Value("--min-segment-ops", arguments.min_segment_ops, "N",
                 "partitions without MACs and with fewer operators stay with the host; 1: none does")
      ->check(Between(1, kNoLimit))->capture_default_str();
  declare.Value("--input-uint8", arguments.input_uint8, "LIST",
                "INT8 inputs that are given as UINT8, 128 above: names with * and ?, or #index, joined by +");
  declare.Word("--fc-rounding", arguments.fc_rounding, {"single", "double"}, "how FULLY_CONNECTED rounds");
  declare.Word("--requantize", arguments.requantize, {"exact", "float"},
               "float: faster, every operator at most 1 from the CPU reference; --verify compares so");
}

void DeclareRunning(Declaration& declare, Arguments& arguments) {
  declare.Group("Running");
  declare.Flag("--run", arguments.run, "run the model once and show its largest outputs");
  declare.Flag("--verify", arguments.verify, "compare every byte with the CPU reference");
  CLI::Option* layers = declare.Flag("--verify-layers", arguments.verify_layers,
                                     "compare every tensor between; name the first operator that differs");
  declare.Value("--accuracy", arguments.accuracy, "PATH", "top-1 and top-5 on a folder of .npy files, or an .npz with x and y");
  CLI::Option* profile = declare.Flag("--profile", arguments.profile, "say where the time goes, operator by operator");
  declare.Value("--trace", arguments.trace, "FILE", "--profile as a timeline for ui.perfetto.dev")->needs(profile);
  declare.Value("--input", arguments.inputs, "FILE.npy", "an input (given once per model input); random without it")
      ->allow_extra_args(false);
  declare.Value("--device", arguments.device, "NAME", "auto, a number, a part of a name, or reference")->capture_default_str();
  declare.Group("Running*");
  declare.Value("--dump", arguments.dump, "FILE.npz", "write the tensors of --verify-layers to this archive")->needs(layers);
  declare.Value("--profile-runs", arguments.profile_runs, "N", "how many runs --profile measures")
      ->check(Between(1, 100000))->capture_default_str();
  declare.Value("--threads", arguments.threads, "N", "most CPU threads; 0: all cores")
      ->check(Between(0, 1024))->capture_default_str();
  declare.Value("--seed", arguments.seed, "N", "seed of random inputs")->capture_default_str();
  declare.Value("--cache-dir", arguments.cache_dir, "DIR", "keep compiled programs and measured speeds there");
}

void DeclareGates(Declaration& declare, Arguments& arguments) {
  declare.Group("Gates for CI");
  declare.Flag("--require-full-npu", arguments.require_full_npu, "no operator stays with the host");
  declare.Value("--max-host-ops", arguments.max_host_ops, "N", "at most this many operators on the host")
      ->check(Between(0, kNoLimit));
  declare.Value("--min-npu-macs", arguments.min_npu_macs, "PERCENT", "at least this percentage of MACs on the NPU")
      ->check(Between(0, 100));
  declare.Value("--max-partitions", arguments.max_partitions, "N", "at most this many partitions")->check(Between(0, kNoLimit));
  declare.Value("--baseline", arguments.baseline, "FILE",
                 "no worse than this earlier JSON report; shows what changed");
}

CLI::Option* DeclareRest(Declaration& declare, Arguments& arguments, Shown& shown) {
  declare.Group("Other");
  declare.Flag("--list-devices", arguments.list_devices, "list the OpenCL devices");
  declare.Flag("--device-info", arguments.device_info, "measure the device, say what is known of all");
  declare.Flag("-h,--help", shown.help, "show this");
  declare.Flag("--help-all", shown.help_all, "show every option, and all there is to say of it");
  declare.Flag("--version", shown.version, "show the version");
  declare.Group("");
  declare.Flag("--man", shown.man, "the manual page");
  return declare.Value("--completion-words", shown.completion, "WORD", "what a shell completes behind this word");
}

bool Show(const CLI::App& app, const Shown& shown, bool completion) {
  std::string text;
  if (shown.help || shown.help_all) text = HelpText(app, shown.help_all);
  if (shown.version) text = fmt::format("delegate-check {}\n", npu_version());
  if (shown.man) text = ManPage(app);
  if (completion) text = CompletionWords(app, shown.completion);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return !text.empty();
}

[[noreturn]] void Refuse(const std::string& text) { throw Failure(kUsageError, "NPU_INVALID_ARGUMENT", text); }

}  // namespace

std::optional<ExitCode> ParseCommandLine(int argc, char** argv, Arguments& arguments) {
  if (argc <= 1) {
    fmt::print(stderr, "{}", ShortUsage());
    return kUsageError;
  }
  // Known before anything else, since an error of the rest takes this form, too.
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i], next = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--json" || word == "--format=json" || (word == "--format" && next == "json")) arguments.format = "json";
  }
  const std::string format = arguments.format;
  CLI::App app;
  app.set_help_flag();
  Declaration declare(app);
  Shown shown;
  arguments.format = "text";
  DeclareReport(declare, arguments, shown);
  DeclarePlan(declare, arguments);
  DeclareRunning(declare, arguments);
  DeclareGates(declare, arguments);
  const CLI::Option* completion = DeclareRest(declare, arguments, shown);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    arguments.format = format;
    Refuse(fmt::format("{}; delegate-check --help lists the options", UsageError(app, error)));
  }
  if (Show(app, shown, completion->count() > 0)) return kOk;
  if (shown.json) arguments.format = "json";
  if (app.count("--explain") > 0 && arguments.explain.empty()) Refuse("--explain needs an operator or a tensor");
  if (!arguments.extract.empty() && arguments.format != "text") Refuse("--extract writes a model and has no --format");
  if (!arguments.explain.empty() && arguments.format != "text") {
    Refuse("--explain is text; the other formats hold every operator");
  }
  return std::nullopt;
}

}  // namespace delegate_check
