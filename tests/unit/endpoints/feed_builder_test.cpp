#include "server/endpoints/feed_builder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "server/jose/jws.h"
#include "tests/support/test_keys.h"

namespace grantd::endpoints {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using nlohmann::json;
using News = storage::RevocationFeedStore::News;

constexpr std::size_t max_entries = 100;

/// Tells what it was given, as slowly as a disk, and counts how often it was asked.
class CountingStore final : public storage::RevocationFeedStore {
 public:
  storage::StoreResult<News> revocation_news(std::optional<std::int64_t> since, sys_seconds /*now*/,
                                             std::size_t /*max_entries*/) override {
    ++readings;
    std::this_thread::sleep_for(20ms);
    if (throws) throw std::runtime_error("broken machinery");
    if (away) return std::unexpected(storage::StoreError{});
    News told = news;
    told.full = !since;
    if (since && *since >= told.seq) {
      told.seq = *since;
      told.revocations.clear();
    }
    return told;
  }

  std::atomic<int> readings{0};
  bool away{false};
  bool throws{false};
  News news{.seq = 7, .revocations = {{"j1", sys_seconds(2000000000s)}}};
};

class FeedBuilderTest : public ::testing::Test {
 protected:
  FeedBuilderTest()
      : keys(std::make_shared<const keys::KeySet>(testing::test_key(0),
                                                  std::vector{testing::test_key(0)->public_key()})),
        pool(2, 1024),
        builder({"https://auth.example.com", keys, store, pool, clock}) {}

  using Results = std::vector<oauth::Result<FeedBuilder::DocumentPtr>>;

  static asio::awaitable<void> collect(FeedBuilder& from, std::optional<std::int64_t> since,
                                       std::uint64_t generation, Results& results) {
    auto document = co_await from.document(since, generation, max_entries);
    results.push_back(std::move(document));
  }
  /// That many readers at once, on one loop.
  Results ask(std::optional<std::int64_t> since, std::uint64_t generation, int readers = 1) {
    asio::io_context loop;
    Results results;
    for (int i = 0; i < readers; ++i) {
      asio::co_spawn(loop, collect(builder, since, generation, results), asio::detached);
    }
    loop.run();
    return results;
  }

  SystemClock clock;
  Snapshot<keys::KeySet> keys;
  CountingStore store;
  BlockingPool pool;
  FeedBuilder builder;
};

TEST_F(FeedBuilderTest, AFloodOfReadersCostsOneReading) {
  const auto results = ask(3, 0, 500);
  EXPECT_EQ(store.readings, 1);
  ASSERT_EQ(results.size(), 500U);
  for (const auto& each : results) EXPECT_EQ(*each, *results.front()) << "one document";
}

TEST_F(FeedBuilderTest, ReadersOfAllLoopsShareIt) {
  Results other;
  asio::io_context other_loop;
  for (int i = 0; i < 50; ++i) {
    asio::co_spawn(other_loop, collect(builder, 3, 0, other), asio::detached);
  }
  std::jthread thread([&] { other_loop.run(); });
  const auto mine = ask(3, 0, 50);
  thread.join();
  EXPECT_EQ(store.readings, 1);
  ASSERT_EQ(other.size(), 50U);
  EXPECT_EQ(*other.back(), *mine.front());
}

TEST_F(FeedBuilderTest, AnotherCursorOrALaterGenerationIsReadAnew) {
  ask(3, 0);
  ask(4, 0);
  ask({}, 0);
  EXPECT_EQ(store.readings, 3);
  ask(3, 1);
  EXPECT_EQ(store.readings, 4);
  ask(3, 0);
  EXPECT_EQ(store.readings, 4) << "what was read later does for an earlier one";
}

TEST_F(FeedBuilderTest, ADocumentIsSignedAnewAfterASecond) {
  const auto first = ask(3, 0);
  std::this_thread::sleep_for(FeedBuilder::share_for + 10ms);
  const auto second = ask(3, 0);
  EXPECT_EQ(store.readings, 2);
  EXPECT_NE(*first.front(), *second.front());
}

TEST_F(FeedBuilderTest, HoldsNoMoreDocumentsThanItMay) {
  for (std::int64_t since = 0; since <= static_cast<std::int64_t>(FeedBuilder::max_shared);
       ++since) {
    ask(since, 0);
  }
  const int before = store.readings;
  ask(static_cast<std::int64_t>(FeedBuilder::max_shared), 0);
  EXPECT_EQ(store.readings, before);
  ask(0, 0);
  EXPECT_EQ(store.readings, before + 1) << "the oldest was forgotten";
}

TEST_F(FeedBuilderTest, AFailureIsToldToAllWhoWaitAndToNobodyElse) {
  store.away = true;
  for (const auto& each : ask(3, 0, 5)) {
    ASSERT_FALSE(each);
    EXPECT_EQ(each.error().code, oauth::ErrorCode::temporarily_unavailable);
    EXPECT_EQ(each.error().cause, "storage_unavailable");
  }
  EXPECT_EQ(store.readings, 1);
  store.away = false;
  EXPECT_TRUE(ask(3, 0).front());
}

TEST_F(FeedBuilderTest, BrokenMachineryLeavesNobodyWaiting) {
  store.throws = true;
  const auto results = ask(3, 0, 3);
  ASSERT_EQ(results.size(), 2U) << "the third has the exception";
  for (const auto& each : results) EXPECT_EQ(each.error().code, oauth::ErrorCode::server_error);
}

TEST_F(FeedBuilderTest, AKeyThatTheListNamesDoesNotSignIt) {
  store.news.compromised_kids = {testing::test_key(0)->kid()};
  EXPECT_EQ(ask({}, 0).front().error().cause, "no_signing_key");
  keys.set(std::make_shared<const keys::KeySet>(testing::test_key(1),
                                                std::vector{testing::test_key(1)->public_key()}));
  EXPECT_TRUE(ask({}, 0).front());
}

TEST_F(FeedBuilderTest, KnowsThatNothingIsNewUntilTheNextGeneration) {
  EXPECT_FALSE(builder.knows_no_news(7, 0));
  ask({}, 0);
  EXPECT_TRUE(builder.knows_no_news(7, 0));
  EXPECT_FALSE(builder.knows_no_news(6, 0));
  EXPECT_FALSE(builder.knows_no_news(8, 0)) << "it may come from another database";
  EXPECT_FALSE(builder.knows_no_news(7, 1));
  store.news.more = true;
  ask(6, 1);
  EXPECT_FALSE(builder.knows_no_news(7, 1)) << "there is more behind";
}

TEST_F(FeedBuilderTest, TheDocumentIsAJwsOfItsOwnType) {
  store.news.not_before = {{"a \"client\"", sys_seconds(5s), sys_seconds(9s)},
                           {"", sys_seconds(6s), sys_seconds(8s)}};
  store.news.compromised_kids = {"k1", "k2"};
  const auto result = ask({}, 0);
  const auto& document = **result.front();
  EXPECT_TRUE(document.news);
  EXPECT_TRUE(document.full);
  EXPECT_EQ(document.seq, 7);
  const auto jws = jose::parse_compact(*document.jws);
  ASSERT_TRUE(jws) << jws.error();
  EXPECT_EQ(jws->typ, feed_document_typ);
  EXPECT_TRUE(testing::test_key(0)->public_key()->verify_rs256(jws->signing_input, jws->signature));
  auto payload = json::parse(jws->payload);
  EXPECT_GT(payload.at("iat").get<std::int64_t>(), 1700000000);
  payload.erase("iat");
  EXPECT_EQ(payload, json::parse(R"({"iss":"https://auth.example.com","seq":7,"since":0,
    "full":true,"more":false,"revoked":{"j1":2000000000},
    "not_before":{"a \"client\"":{"iat":5,"exp":9}},"not_before_all":{"iat":6,"exp":8},
    "kids":["k1","k2"]})"));
}

}  // namespace
}  // namespace grantd::endpoints
