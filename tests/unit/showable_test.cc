// Names of a hostile model must not steer the terminal that shows an error.
// SPDX-License-Identifier: Apache-2.0
#include "base/showable.h"

#include <gtest/gtest.h>

namespace npu {
namespace {

TEST(Showable, LeavesOrdinaryTextAlone) {
  const std::string text = "conv/Relu;bias \"caf\xc3\xa9\" \xe6\xbc\xa2 \xf0\x9f\x98\x80 \xef\xbf\xbd";
  EXPECT_EQ(Showable(text), text);
  EXPECT_EQ(Showable(""), "");
}

TEST(Showable, HidesWhatSteers) {
  EXPECT_EQ(Showable("\x1b[2J\x07\x7f"), "?[2J??");
  EXPECT_EQ(Showable("\xc2\x9b" "1m\xc2\xa0"), "?1m\xc2\xa0");                 // U+009B is ESC [; U+00A0 a blank
  EXPECT_EQ(Showable("a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xe2\x80\x8f"), "a?b?c?");  // writing direction
  EXPECT_EQ(Showable(std::string_view("a\0b", 3)), "a?b");
}

TEST(Showable, HidesWhatIsNoUtf8) {
  EXPECT_EQ(Showable("\x9b" "1m"), "?1m");
  EXPECT_EQ(Showable("\xc0\x80"), "??");          // an overlong 0
  EXPECT_EQ(Showable("\xed\xa0\x80"), "???");     // a surrogate
  EXPECT_EQ(Showable("\xf4\x90\x80\x80"), "????");  // past Unicode's end
  EXPECT_EQ(Showable("\xe2\x80"), "??");          // cut short
  EXPECT_EQ(Showable("\xe2" "A"), "?A");
}

TEST(Showable, KeepsLinesOnRequest) {
  EXPECT_EQ(Showable("a\n\tb"), "a??b");
  EXPECT_EQ(Showable("a\n\tb\r", Newlines::kKeep), "a\n\tb?");
}

}  // namespace
}  // namespace npu
