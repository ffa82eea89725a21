// SPDX-License-Identifier: Apache-2.0
#include "partitioner/options.h"

#include <gtest/gtest.h>

#include "base/nearest.h"

namespace npu {
namespace {

using Strings = std::vector<std::string>;

std::string ErrorOf(const KeyValues& key_values) {
  const auto options = ParseOptions(key_values);
  if (options) return "";
  EXPECT_EQ(options.error().code, ErrorCode::kInvalidOption);
  return options.error().text;
}

TEST(Options, NoneGivenMeansTheDefaults) {
  const auto options = ParseOptions({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->device, "auto");
  EXPECT_EQ(options->compute.threads, 0);
  EXPECT_EQ(options->compute.fc_rounding, FcRounding::kSingle);
  EXPECT_EQ(options->compute.requantize, Requantize::kExact);
  EXPECT_EQ(options->log_level, LogLevel::kWarning);
  EXPECT_EQ(options->plan.min_segment_macs, 0);
  EXPECT_TRUE(options->plan.deny.empty());
  EXPECT_TRUE(options->plan.allow.empty());
  EXPECT_FALSE(options->plan.folds);
  EXPECT_EQ(options->report_path, "");
  EXPECT_FALSE(options->help);
}

TEST(Options, TheDefaultsOfTheTableParseToTheDefaults) {
  const auto options = ParseOptions({{"device", "auto"},
                                     {"threads", "0"},
                                     {"deny", ""},
                                     {"allow", ""},
                                     {"min_segment_macs", "0"},
                                     {"placement", "all"},
                                     {"folds", "all"},
                                     {"fc_rounding", "single"},
                                     {"requantize", "exact"},
                                     {"log_level", "warning"},
                                     {"report", ""},
                                     {"profile", ""},
                                     {"help", "false"}});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->log_level, LogLevel::kWarning);
  EXPECT_TRUE(options->plan.deny.empty());
}

TEST(Options, EveryKeyIsRead) {
  const auto options = ParseOptions({{"device", "pocl"},
                                     {"threads", "3"},
                                     {"deny", "CONV_2D+#4+block/*"},
                                     {"allow", " ADD + + op7 "},
                                     {"min_segment_macs", "9223372036854775807"},
                                     {"placement", "AUTO"},
                                     {"folds", "none"},
                                     {"fc_rounding", "Double"},
                                     {"requantize", "FLOAT"},
                                     {"input_uint8", "image:0 + #3"},
                                     {"frame_timeout_ms", "250"},
                                     {"log_level", "TRACE"},
                                     {"report", "/tmp/a b"},
                                     {"profile", "/tmp/c"},
                                     {"help", "True"}});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->device, "pocl");
  EXPECT_EQ(options->compute.threads, 3);
  EXPECT_EQ(options->plan.deny, (Strings{"CONV_2D", "#4", "block/*"}));
  EXPECT_EQ(options->plan.allow, (Strings{"ADD", "op7"}));
  EXPECT_EQ(options->plan.min_segment_macs, INT64_MAX);
  EXPECT_TRUE(options->plan.folds && options->plan.folds->empty());
  EXPECT_EQ(options->plan.input_uint8, (Strings{"image:0", "#3"}));
  EXPECT_EQ(options->frame_timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(options->compute.fc_rounding, FcRounding::kDouble);
  EXPECT_EQ(options->compute.requantize, Requantize::kFloat);
  EXPECT_EQ(options->log_level, LogLevel::kTrace);
  EXPECT_EQ(options->report_path, "/tmp/a b");
  EXPECT_EQ(options->profile_path, "/tmp/c");
  EXPECT_EQ(options->plan.placement, PlacementRule::kAuto);
  EXPECT_TRUE(options->help);
}

TEST(Options, EveryLogLevelHasItsName) {
  const std::pair<const char*, LogLevel> kLevels[] = {
      {"trace", LogLevel::kTrace},     {"debug", LogLevel::kDebug}, {"info", LogLevel::kInfo},
      {"warning", LogLevel::kWarning}, {"error", LogLevel::kError}, {"off", LogLevel::kOff}};
  for (const auto& [name, level] : kLevels)
    EXPECT_EQ(ParseOptions({{"log_level", name}})->log_level, level) << name;
}

TEST(Options, FlagsTakeWhatPythonAndPeopleWrite) {
  for (const char* yes : {"True", "true", "TRUE", "1", "on", "On", "yes", "YES", " true\n"}) {
    const auto options = ParseOptions({{"help", yes}});
    ASSERT_TRUE(options) << yes;
    EXPECT_TRUE(options->help) << yes;
  }
  for (const char* no : {"False", "false", "0", "off", "OFF", "no", "No"}) {
    const auto options = ParseOptions({{"help", "1"}, {"help", no}});
    ASSERT_TRUE(options) << no;
    EXPECT_FALSE(options->help) << no;
  }
  for (const char* bad : {"", "2", "tru", "None", "true false"}) {
    EXPECT_NE(ErrorOf({{"help", bad}}).find("true or false"), std::string::npos) << bad;
  }
}

TEST(Options, LaterEntriesWinAndSpaceAroundIsIgnored) {
  const auto options =
      ParseOptions({{" device ", " a b "}, {"device", "gpu\t"}, {"deny", "ADD"}, {"deny", "MUL"}});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->device, "gpu");
  EXPECT_EQ(options->plan.deny, Strings{"MUL"});
}

TEST(Options, NumbersAreCheckedAgainstTheirRange) {
  for (const char* bad : {"", "-1", "1025", "1.5", "0x10", "7 8", "99999999999999999999", "many"}) {
    const std::string text = ErrorOf({{"threads", bad}});
    EXPECT_NE(text.find("threads"), std::string::npos) << bad;
    EXPECT_NE(text.find("from 0 to 1024"), std::string::npos) << bad << ": " << text;
  }
  EXPECT_NE(ErrorOf({{"min_segment_macs", "9223372036854775808"}}), "");
  EXPECT_NE(ErrorOf({{"min_segment_macs", "-1"}}), "");
}

TEST(Options, ChoicesListTheirValuesAndSuggest) {
  EXPECT_EQ(ErrorOf({{"log_level", "warn"}}).find("one of trace, debug"),
            std::string("option log_level: value \"warn\" is not ").size());
  EXPECT_NE(ErrorOf({{"log_level", "debgu"}}).find("did you mean \"debug\"?"), std::string::npos);
  EXPECT_NE(ErrorOf({{"fc_rounding", "triple"}}).find("single, double"), std::string::npos);
  EXPECT_NE(ErrorOf({{"requantize", "double"}}).find("exact, float"), std::string::npos);
  EXPECT_NE(ErrorOf({{"placement", "autos"}}).find("did you mean \"auto\"?"), std::string::npos);
}

TEST(Options, EmptyDeviceIsRefused) {
  EXPECT_NE(ErrorOf({{"device", "  "}}).find("reference"), std::string::npos);
}

TEST(Options, UnknownKeyListsTheValidOnesAndSuggestsTheNearest) {
  const std::string text = ErrorOf({{"devcie", "auto"}});
  EXPECT_NE(text.find("unknown option \"devcie\""), std::string::npos) << text;
  EXPECT_NE(text.find("did you mean \"device\"?"), std::string::npos) << text;
#define NPU_OPTION(key, kind, default_value, help) EXPECT_NE(text.find(#key), std::string::npos) << text;
#include "partitioner/options.def"
  EXPECT_EQ(ErrorOf({{"zzzzzz", "1"}}).find("did you mean"), std::string::npos);
  EXPECT_NE(ErrorOf({{"", "1"}}), "");
}

TEST(Options, OptionStringsAreSplit) {
  const auto pairs = SplitOptionString(" ;device = a=b ; ;deny=ADD+#3;help=");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(*pairs, (KeyValues{{"device", "a=b"}, {"deny", "ADD+#3"}, {"help", ""}}));
  EXPECT_EQ(SplitOptionString("")->size(), 0u);
  const auto bad = SplitOptionString("device=auto;verbose");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kInvalidOption);
  EXPECT_NE(bad.error().text.find("verbose"), std::string::npos);
}

TEST(Options, HelpAndMarkdownNameEveryOption) {
#define NPU_OPTION(key, kind, default_value, help)                 \
  EXPECT_NE(OptionsHelp().find("  " #key " "), std::string::npos); \
  EXPECT_NE(OptionsMarkdown().find("| `" #key "` |"), std::string::npos);
#include "partitioner/options.def"
}

TEST(Nearest, CountsEditsAndIgnoresCase) {
  const std::string_view words[] = {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD"};
  EXPECT_EQ(NearestWord("conv2d", words), "CONV_2D");
  EXPECT_EQ(NearestWord("DEPTHWISE_CON_2D", words), "DEPTHWISE_CONV_2D");
  EXPECT_EQ(NearestWord("DAD", words), "ADD");  // one swap
  EXPECT_EQ(NearestWord("XYZ", words), "");
  EXPECT_EQ(NearestWord("", words), "");
  EXPECT_EQ(NearestWord(std::string(100000, 'A'), words), "");
}

}  // namespace
}  // namespace npu
