#include <thread>

#include "tests/storage_conformance/backend.h"

namespace grantd::storage::conformance {
namespace {

using std::chrono::seconds;

class ReferenceTokenStoreConformance : public StorageConformance {
 protected:
  /// Told apart by its number, which makes the digest.
  static ReferenceToken reference_token(int number, sys_seconds expires_at = test_time) {
    ReferenceToken token;
    for (std::size_t i = 0; i < sizeof(number); ++i) {
      token.digest[i] = static_cast<std::uint8_t>(number >> (8 * i));
    }
    token.typ = "at+jwt";
    token.claims = R"({"sub":"billing \u00e4 \"x\"","jti":")" + std::to_string(number) + "\"}";
    token.expires_at = expires_at;
    return token;
  }

  void put(const ReferenceToken& token) {
    const auto done = store->put_reference_tokens({&token, 1});
    ASSERT_TRUE(done) << done.error().detail;
  }

  [[nodiscard]] bool is_there(int number) {
    const auto found = store->find_reference_token(reference_token(number).digest);
    EXPECT_TRUE(found);
    return found && found->has_value();
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, ReferenceTokenStoreConformance,
                         ::testing::ValuesIn(all_backends()), backend_name);

TEST_P(ReferenceTokenStoreConformance, ATokenIsFoundAsItWasPutByEveryProcess) {
  const auto token = reference_token(7, test_time + seconds{300});
  put(token);
  const auto found = database->open()->find_reference_token(token.digest);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(**found, token);
}

TEST_P(ReferenceTokenStoreConformance, ADigestThatWasNeverPutIsNotFound) {
  put(reference_token(7));
  auto other = reference_token(7).digest;
  other.back() ^= 1U;
  const auto found = store->find_reference_token(other);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->has_value());
}

TEST_P(ReferenceTokenStoreConformance, ManyArePutAtOnceOrNone) {
  const std::vector good{reference_token(1), reference_token(2)};
  ASSERT_TRUE(store->put_reference_tokens(good));
  EXPECT_TRUE(is_there(1));
  EXPECT_TRUE(is_there(2));

  const std::vector with_a_known_one{reference_token(3), reference_token(2)};
  const auto refused = store->put_reference_tokens(with_a_known_one);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, StoreErrorCode::limit);
  EXPECT_FALSE(is_there(3));
  EXPECT_TRUE(store->put_reference_tokens({}));
}

TEST_P(ReferenceTokenStoreConformance, ASweepTakesTheOldestThatExpiredAndNoMoreThanItMay) {
  put(reference_token(1, test_time - seconds{1}));
  put(reference_token(2, test_time));
  put(reference_token(3, test_time + seconds{1}));
  EXPECT_EQ(store->sweep_reference_tokens(test_time, 1), 1U);
  EXPECT_FALSE(is_there(1));
  EXPECT_TRUE(is_there(2));
  EXPECT_EQ(store->sweep_reference_tokens(test_time, 100), 1U);
  EXPECT_EQ(store->sweep_reference_tokens(test_time, 100), 0U);
  EXPECT_TRUE(is_there(3));
}

TEST_P(ReferenceTokenStoreConformance, NothingOfItIsTold) {
  const auto newest = *store->newest_change();
  put(reference_token(1));
  EXPECT_EQ(store->sweep_reference_tokens(test_time, 100), 1U);
  EXPECT_EQ(store->newest_change(), newest);
}

TEST_P(ReferenceTokenStoreConformance, ManyThreadsOfTwoProcessesLoseNothing) {
  constexpr int threads = 8;
  constexpr int rounds = 25;
  const auto other = database->open();
  std::vector<std::jthread> workers;
  workers.reserve(threads);
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      Storage& mine = t % 2 == 0 ? *store : *other;
      for (int i = 0; i < rounds; ++i) {
        const std::vector batch{reference_token(t * 1000 + 2 * i),
                                reference_token(t * 1000 + 2 * i + 1)};
        EXPECT_TRUE(mine.put_reference_tokens(batch));
        // What was acknowledged is there for the other process at once.
        const auto found = (t % 2 == 0 ? *other : *store).find_reference_token(batch.back().digest);
        EXPECT_TRUE(found && *found);
      }
    });
  }
  workers.clear();
  EXPECT_EQ(store->sweep_reference_tokens(test_time, 100'000), std::size_t{threads * rounds * 2});
}

}  // namespace
}  // namespace grantd::storage::conformance
