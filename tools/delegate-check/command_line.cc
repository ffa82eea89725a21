// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/command_line.h"

#include <fmt/format.h>
#include <npu_delegate.h>

#include <CLI/CLI.hpp>

#include "tools/delegate-check/formats.h"

namespace delegate_check {

std::optional<ExitCode> ParseCommandLine(int argc, char** argv, Arguments& arguments) {
  CLI::App app{"delegate-check digits_int8.tflite: says which operators of a .tflite model run on the NPU, "
               "which do not, and why."};
  app.add_option("models", arguments.models, ".tflite files, directories of them, or - for standard input");
  app.add_option("--format", arguments.format, FormatList())->check(CLI::IsMember(FormatNames()))->capture_default_str();
  app.add_option("-o,--output", arguments.output, "write the report to this file (-: stdout)")->capture_default_str();
  app.add_flag("-v,--verbose", arguments.verbose, "text: every operator, and every list whole");
  app.add_option("--explain", arguments.explain, "text: one operator or tensor alone: 17, T#42, CONV_2D or a tensor's name");
  app.add_option("--color", arguments.color, "colours in the text report: auto (on a terminal), always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))->capture_default_str();
  app.add_option("--deny", arguments.deny, "operators to keep off the NPU: NAME, #index or tensor glob, joined by +");
  app.add_option("--allow", arguments.allow, "only these operators may go to the NPU");
  app.add_option("--min-segment-macs", arguments.min_segment_macs, "smaller partitions stay with the host")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--min-segment-ops", arguments.min_segment_ops,
                 "partitions without MACs and with fewer operators stay with the host (1: none does)")
      ->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--device", arguments.device, "device for --run, --verify and --profile: auto, number, name part, reference")
      ->capture_default_str();
  app.add_option("--fc-rounding", arguments.fc_rounding, "FULLY_CONNECTED rounding: single or double")
      ->check(CLI::IsMember({"single", "double"}))->capture_default_str();
  app.add_option("--folds", arguments.folds, "graph folds to apply: all, none, or names joined by +")
      ->capture_default_str();
  app.add_option("--placement", arguments.placement,
                 "all, or auto: measure the device, leave to the host what is estimated to be slower there")
      ->check(CLI::IsMember({"all", "auto"}))->capture_default_str();
  app.add_flag("--run", arguments.run, "run the model once and show its largest outputs");
  app.add_flag("--verify", arguments.verify, "compare the device with the CPU reference, byte for byte");
  app.add_flag("--profile", arguments.profile, "run the model several times and say where the time goes");
  app.add_option("--profile-runs", arguments.profile_runs, "how many times")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--trace", arguments.trace, "write the runs of --profile to this file as a timeline for ui.perfetto.dev")
      ->needs("--profile");
  app.add_option("--threads", arguments.threads, "most CPU threads for --run, --verify and --profile (0: all cores)")
      ->check(CLI::Range(0, 1024))->capture_default_str();
  app.add_option("--input", arguments.inputs,
                 ".npy file for --run, --verify and --profile, once per model input (default: random)");
  app.add_option("--seed", arguments.seed, "seed of random inputs")->capture_default_str();
  app.add_flag("--require-full-npu", arguments.require_full_npu, "gate: no operator stays with the host");
  app.add_option("--max-host-ops", arguments.max_host_ops, "gate: at most this many operators on the host")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--min-npu-macs", arguments.min_npu_macs, "gate: at least this percentage of MACs on the NPU")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--max-partitions", arguments.max_partitions, "gate: at most this many partitions")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--baseline", arguments.baseline,
                 "gate: placement is no worse than in this report of an earlier run (--format json); shows what changed");
  app.add_option("--diff", arguments.diff, "show what differs between two models or reports (.tflite or .json), and exit")
      ->expected(2)->type_name("A B");
  app.add_flag("--list-devices", arguments.list_devices, "list the OpenCL devices and exit");
  app.add_flag("--supported-ops", arguments.supported_ops, "print every operator with its rules, as Markdown, and exit");
  app.add_flag("--device-info", arguments.device_info, "measure the device, say what is known of all, and exit");
  app.add_option("--cache-dir", arguments.cache_dir, "keep compiled programs and measured speeds in this directory");
  app.set_version_flag("--version", std::string("delegate-check ") + npu_version());
  app.footer("Exit codes: 0 report made; 1 a gate is not met; 2 model unreadable or not runnable; 3 usage;\n"
             "4 device error. The report goes to stdout (or -o), everything else to stderr.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsageError;
  }
  if (app.count("--explain") > 0 && (arguments.explain.empty() || arguments.format != "text")) {
    fmt::print(stderr, "delegate-check: --explain {}\n",
               arguments.explain.empty() ? "needs an operator or a tensor" : "is text; the other formats hold every operator");
    return kUsageError;
  }
  return std::nullopt;
}

}  // namespace delegate_check
