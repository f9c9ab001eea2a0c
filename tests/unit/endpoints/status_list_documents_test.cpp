#include "server/endpoints/status_list_documents.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "server/jose/base64url.h"
#include "server/tokens/status_reference.h"
#include "tests/support/inflate.h"
#include "tests/support/manual_clock.h"
#include "tests/support/on_loop.h"
#include "tests/support/test_keys.h"

namespace grantd::endpoints {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// Counts what it signs; holds each up until it is released.
class CountingSigner final : public keys::Signer {
 public:
  boost::asio::awaitable<std::expected<std::string, keys::SigningFailed>> sign(
      const jose::RsaPrivateKey& key, std::string_view signing_input) override {
    ++count;
    while (held) std::this_thread::sleep_for(1ms);
    if (fails) throw std::runtime_error("no memory");
    co_return co_await signer_.sign(key, signing_input);
  }
  std::atomic<int> count{0};
  std::atomic<bool> held{false};
  std::atomic<bool> fails{false};

 private:
  keys::OpenSslSigner signer_;
};

struct StatusListDocument : ::testing::Test {
  StatusListDocument() {
    publish({0});
    lists.know({1, testing::ManualClock::start + 1h, 64});
  }
  ~StatusListDocument() override { pool.join(); }

  /// The first of them signs.
  void publish(const std::vector<std::size_t>& numbers) {
    std::vector<std::shared_ptr<const jose::RsaPublicKey>> published;
    published.reserve(numbers.size());
    for (const auto number : numbers) published.push_back(testing::test_key(number)->public_key());
    keys.set(std::make_shared<const keys::KeySet>(testing::test_key(numbers.front()),
                                                  std::move(published)));
  }
  void revoke(std::uint64_t index) {
    lists.revoke("0123456789abcdef0123456789abcdef" + tokens::jti_suffix({1, index}),
                 testing::ManualClock::start + 1h);
  }
  oauth::Result<StatusListDocuments::DocumentPtr> get() {
    return testing::on_loop(documents.get(1));
  }
  std::string bits() {
    const auto document = get().value();
    const auto& jws = *document->plain;
    const auto first = jws.find('.') + 1;
    const auto payload = jose::base64url_decode(jws.substr(first, jws.rfind('.') - first)).value();
    const auto lst = json::parse(payload).at("status_list").at("lst").get<std::string>();
    return testing::inflate(jose::base64url_decode(lst).value());
  }

  testing::ManualClock clock;
  BlockingPool pool{2, 16};
  tokens::StatusLists lists;
  Snapshot<keys::KeySet> keys;
  CountingSigner signer;
  StatusListDocuments documents{{"https://auth.example.com", lists, keys, signer, pool, clock},
                                30s};
};

TEST_F(StatusListDocument, IsRenderedOnceForAllWhoAskAtOnce) {
  signer.held = true;
  std::set<const void*> seen;
  std::mutex mutex;
  {
    std::vector<std::jthread> loops;
    loops.reserve(4);
    for (int i = 0; i < 4; ++i) {
      loops.emplace_back([&] {
        const auto document = get();
        const std::lock_guard lock(mutex);
        seen.insert(document.value().get());
      });
    }
    std::this_thread::sleep_for(20ms);
    signer.held = false;
  }
  EXPECT_EQ(seen.size(), 1U);
  EXPECT_EQ(signer.count, 1);
  EXPECT_EQ(testing::inflate(*get().value()->gzip), *get().value()->plain);
}

TEST_F(StatusListDocument, IsRenderedAnewWhereABitWasSetButNotForEveryBitAtOnce) {
  EXPECT_EQ(bits(), std::string(8, '\0'));
  revoke(0);
  EXPECT_EQ(bits(), std::string(8, '\0'));
  clock.advance(StatusListDocuments::least_age);
  EXPECT_EQ(bits(), '\x01' + std::string(7, '\0'));
  clock.advance(1s);
  EXPECT_EQ(bits(), '\x01' + std::string(7, '\0'));
  EXPECT_EQ(signer.count, 2);
}

TEST_F(StatusListDocument, IsRenderedAnewWhileItIsValidForTwoMoreTtls) {
  const auto first = get().value();
  clock.advance(30s * (StatusListDocuments::validity_in_ttls - 2) - 1s);
  EXPECT_EQ(get().value(), first);
  clock.advance(1s);
  EXPECT_NE(get().value()->issued_at, first->issued_at);
}

TEST_F(StatusListDocument, IsRenderedAnewAfterAReloadOfTheTtlAndAClockSetBack) {
  EXPECT_EQ(get().value()->ttl, 30s);
  documents.set_ttl(10s);
  EXPECT_EQ(get().value()->ttl, 10s);
  clock.step(-1h);
  EXPECT_EQ(get().value()->issued_at, testing::ManualClock::start - 1h);
}

TEST_F(StatusListDocument, StaysWithItsKeyWhileThatIsPublished) {
  const auto kid = get().value()->kid;
  publish({1, 0});
  EXPECT_EQ(get().value()->kid, kid);
  publish({1});  // retired as compromised
  EXPECT_EQ(get().value()->kid, testing::test_key(1)->kid());
}

TEST_F(StatusListDocument, WithoutAKeyThereIsNoneNow) {
  keys.set(std::make_shared<const keys::KeySet>(
      nullptr, std::vector<std::shared_ptr<const jose::RsaPublicKey>>{}));
  EXPECT_EQ(get().error().code, oauth::ErrorCode::temporarily_unavailable);
  publish({0});
  EXPECT_TRUE(get());
}

TEST_F(StatusListDocument, AFailureReachesThoseWhoWaitAndTheNextTriesAgain) {
  signer.fails = true;
  EXPECT_EQ(get().error().code, oauth::ErrorCode::server_error);
  signer.fails = false;
  EXPECT_TRUE(get());
}

TEST_F(StatusListDocument, AFullQueueMeansNoneNow) {
  BlockingPool full(1, 0);
  StatusListDocuments none({"https://auth.example.com", lists, keys, signer, full, clock}, 30s);
  EXPECT_EQ(testing::on_loop(none.get(1)).error().cause, "rendering_queue_full");
}

}  // namespace
}  // namespace grantd::endpoints
