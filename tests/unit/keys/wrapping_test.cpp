#include "server/keys/wrapping.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/support/test_keys.h"

namespace grantd::keys {
namespace {

using testing::test_key;

const std::string first(64, '1');
const std::string second(64, '2');

WrappingKeys keys_of(const std::string& content) {
  auto keys = WrappingKeys::parse(content);
  if (!keys) throw std::runtime_error(keys.error());
  return std::move(*keys);
}

class Wrapping : public ::testing::Test {
 protected:
  WrappedKey wrap(const WrappingKeys& with) { return with.wrap(*test_key(0), random); }

  SystemRandom random;
  WrappingKeys keys = keys_of(first);
};

TEST_F(Wrapping, GivesBackTheSameKey) {
  const auto row = wrap(keys);
  EXPECT_EQ(row.kid, test_key(0)->kid());
  EXPECT_EQ(row.wrapping_key_id, keys.current());
  const auto key = keys.unwrap(row);
  ASSERT_TRUE(key) << key.error().detail;
  EXPECT_TRUE(test_key(0)->public_key()->verify_rs256("token", (*key)->sign_rs256("token")));
}

TEST_F(Wrapping, TakesANewNonceEachTime) { EXPECT_NE(wrap(keys).wrapped, wrap(keys).wrapped); }

TEST_F(Wrapping, ShowsNothingOfTheKeyInTheRow) {
  const auto row = wrap(keys);
  const auto der = test_key(0)->to_der();
  EXPECT_FALSE(row.wrapped.contains(der.view().substr(40, 16)));
  EXPECT_FALSE(row.wrapped.contains(std::string(32, '\x11')));
}

TEST_F(Wrapping, OfAnyLineOfTheFileIsUnwrappedAndTheFirstWraps) {
  const auto old = wrap(keys);
  const auto rotated = keys_of(second + "\n" + first);
  EXPECT_TRUE(rotated.unwrap(old));
  EXPECT_NE(rotated.current(), keys.current());
  EXPECT_TRUE(rotated.unwrap(wrap(rotated)));
}

TEST_F(Wrapping, UnderALineThatTheFileLacksNamesItAndIsForOthersToOpen) {
  const auto row = wrap(keys);
  const auto key = keys_of(second).unwrap(row);
  ASSERT_FALSE(key);
  EXPECT_TRUE(key.error().lacks_line);
  EXPECT_TRUE(key.error().detail.contains(keys.current())) << key.error().detail;
}

TEST_F(Wrapping, IsBoundToItsKidAndItsWrappingKey) {
  auto moved = wrap(keys);
  moved.kid = test_key(1)->kid();
  EXPECT_FALSE(keys.unwrap(moved));
  const auto both = keys_of(first + "\n" + second);
  auto renamed = wrap(both);
  renamed.wrapping_key_id = keys_of(second).current();
  const auto key = both.unwrap(renamed);
  ASSERT_FALSE(key);
  EXPECT_FALSE(key.error().lacks_line);
}

TEST_F(Wrapping, ThatWasChangedAnywhereIsRefused) {
  const auto row = wrap(keys);
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{1}, std::size_t{12}, std::size_t{13}, row.wrapped.size() - 1}) {
    auto changed = row;
    changed.wrapped[at] = static_cast<char>(changed.wrapped[at] ^ 1);
    const auto key = keys.unwrap(changed);
    ASSERT_FALSE(key) << at;
    EXPECT_FALSE(key.error().lacks_line);
  }
}

TEST_F(Wrapping, OfAnyOtherLengthIsRefused) {
  const auto row = wrap(keys);
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{1}, std::size_t{28}, std::size_t{29}, row.wrapped.size() - 1}) {
    auto cut = row;
    cut.wrapped.resize(length);
    EXPECT_FALSE(keys.unwrap(cut)) << length;
  }
  auto long_one = row;
  long_one.wrapped.resize(max_wrapped_bytes + 1);
  EXPECT_FALSE(keys.unwrap(long_one));
}

TEST_F(Wrapping, OfTheLargestKeyFits) {
  EXPECT_LT(test_key(0)->to_der().view().size() * 5, max_wrapped_bytes);  // four times the bits
}

TEST_F(Wrapping, CoversWhatIsInUseOrNamesWhatItLacks) {
  const std::vector rows{wrap(keys), keys_of(second).wrap(*test_key(1), random)};
  EXPECT_TRUE(keys_of(first + "\n" + second).covers(rows));
  const auto covered = keys.covers(rows);
  ASSERT_FALSE(covered);
  EXPECT_TRUE(covered.error().contains(rows[1].wrapping_key_id + " (1 key)")) << covered.error();
  EXPECT_FALSE(covered.error().contains(rows[0].wrapping_key_id));
}

class WrappingKeyFile : public ::testing::Test {
 protected:
  testing::TempDir temporary;
};

TEST_F(WrappingKeyFile, IsRead) {
  testing::write_text(temporary / "wrapping", first + "\n", 0600);
  const auto loaded = WrappingKeys::load(temporary / "wrapping");
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_FALSE(loaded->warning);
}

TEST_F(WrappingKeyFile, ThatOthersCanReadIsRefusedAndItsGroupIsWorthAWarning) {
  testing::write_text(temporary / "wrapping", first, 0604);
  EXPECT_FALSE(WrappingKeys::load(temporary / "wrapping"));
  testing::write_text(temporary / "group", first, 0640);
  const auto loaded = WrappingKeys::load(temporary / "group");
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_TRUE(loaded->warning);
}

TEST_F(WrappingKeyFile, ThatIsMissingOrEmptySaysSo) {
  const auto missing = WrappingKeys::load(temporary / "nowhere");
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().contains("openssl rand -hex 32"));
  testing::write_text(temporary / "empty", "", 0600);
  const auto empty = WrappingKeys::load(temporary / "empty");
  ASSERT_FALSE(empty);
  EXPECT_TRUE(empty.error().contains("holds no wrapping key")) << empty.error();
}

}  // namespace
}  // namespace grantd::keys
