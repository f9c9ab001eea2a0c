#include "server/tokens/reference_tokens.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <mutex>

#include "server/jose/base64url.h"
#include "server/jose/mac.h"
#include "server/tokens/resolver.h"

namespace grantd::tokens {
namespace {

namespace asio = boost::asio;
using storage::StoreErrorCode;
using storage::StoreResult;

constexpr sys_seconds now{std::chrono::seconds{1'800'000'000}};
constexpr std::string_view issuer = "https://auth.example.com";

/// A map in place of a database; away where told to be.
class MapStore final : public storage::ReferenceTokenStore {
 public:
  StoreResult<void> put_reference_tokens(std::span<const storage::ReferenceToken> tokens) override {
    const std::lock_guard lock(mutex);
    ++commits;
    if (away) return unavailable();
    for (const auto& token : tokens) kept[token.digest] = token;
    return {};
  }
  StoreResult<std::optional<storage::ReferenceToken>> find_reference_token(
      const storage::Digest& digest) override {
    const std::lock_guard lock(mutex);
    ++reads;
    if (away) return unavailable();
    const auto found = kept.find(digest);
    if (found == kept.end()) return std::nullopt;
    return found->second;
  }
  StoreResult<std::size_t> sweep_reference_tokens(sys_seconds, std::size_t) override { return 0U; }

  static std::unexpected<storage::StoreError> unavailable() {
    return std::unexpected(storage::StoreError{StoreErrorCode::unavailable, "away"});
  }

  std::mutex mutex;
  std::map<storage::Digest, storage::ReferenceToken> kept;
  bool away{false};
  int commits{0};
  int reads{0};
};

std::string claims(sys_seconds expires_at = now + std::chrono::seconds(300)) {
  return R"({"iss":"https://auth.example.com","sub":"billing","client_id":"billing","aud":"a:b",)"
         R"("iat":1799999999,"exp":)" +
         std::to_string(expires_at.time_since_epoch().count()) + R"(,"jti":")" +
         std::string(32, 'a') + R"("})";
}

class ReferenceTokensTest : public ::testing::Test {
 protected:
  /// What `work` gives, run to its end on a loop of its own.
  template <typename T>
  static T run(asio::awaitable<T> work) {
    asio::io_context loop;
    std::optional<T> result;
    asio::co_spawn(loop, keep(std::move(work), result), asio::detached);
    loop.run();
    return std::move(*result);
  }
  template <typename T>
  static asio::awaitable<void> keep(asio::awaitable<T> work, std::optional<T>& result) {
    result.emplace(co_await std::move(work));
  }

  std::string issue(const std::string& text = claims(), const std::string& typ = "at+jwt") {
    return run(references.issue(typ, text, now + std::chrono::seconds(300))).value();
  }
  /// The subject, or the reason why there is none.
  std::string resolve(std::string_view token, Kind kind = Kind::access_token) {
    const auto resolved = run(resolver.resolve(token, now, kind));
    return resolved ? resolved->claims().subject : resolved.error().reason;
  }

  SystemRandom random;
  BlockingPool pool{2, 64};
  MapStore store;
  ReferenceTokens references{store, pool, random};
  Snapshot<keys::KeySet> keys{std::make_shared<const keys::KeySet>(
      nullptr, std::vector<std::shared_ptr<const jose::RsaPublicKey>>{})};
  Resolver resolver{std::string(issuer), keys, references};
};

TEST(Handle, IsToldFromWhatOnlyLooksLikeOne) {
  SystemRandom random;
  const auto handle = generate_handle(random);
  EXPECT_TRUE(is_handle(handle));
  EXPECT_FALSE(is_handle(handle.substr(0, 46)));
  EXPECT_FALSE(is_handle(handle + "A"));
  EXPECT_FALSE(is_handle("gds_" + handle.substr(4)));
  EXPECT_FALSE(is_handle("gdt_" + std::string(43, '=')));
  EXPECT_FALSE(is_handle("gdt_" + std::string(42, 'A') + "B")) << "stray bits: a second name";
  EXPECT_FALSE(is_handle(""));
}

TEST_F(ReferenceTokensTest, OnlyTheDigestIsKept) {
  const auto handle = issue();
  ASSERT_EQ(store.kept.size(), 1U);
  EXPECT_EQ(store.kept.begin()->first, jose::sha256(handle));
  EXPECT_EQ(store.kept.begin()->second.claims, claims());
}

TEST_F(ReferenceTokensTest, AHandleStandsForItsClaims) {
  EXPECT_EQ(resolve(issue()), "billing");
  EXPECT_EQ(resolve(issue(claims(), "JWT")), "billing");
}

TEST_F(ReferenceTokensTest, WhatItStandsForIsVerifiedLikeAJwt) {
  EXPECT_EQ(resolve(issue(claims(now))), "expired");
  EXPECT_EQ(resolve(issue(claims(), "txntoken+jwt")), "wrong_typ");
  EXPECT_EQ(resolve(issue(), Kind::transaction_token), "wrong_typ");
  EXPECT_EQ(resolve(issue("{}")), "missing_or_mistyped_claim");
  auto foreign = claims();
  foreign.replace(foreign.find("auth"), 4, "evil");
  EXPECT_EQ(resolve(issue(foreign)), "wrong_issuer");
}

TEST_F(ReferenceTokensTest, OnlyAWholeHandleIsLookedUp) {
  const auto handle = issue();
  EXPECT_EQ(resolve(handle + "A"), "malformed_handle");
  EXPECT_EQ(resolve("gdt_"), "malformed_handle");
  EXPECT_EQ(resolve("a.b.c"), "malformed_base64url");
  EXPECT_EQ(store.reads, 0);
  SystemRandom other;
  EXPECT_EQ(resolve(generate_handle(other)), "unknown_handle");
  EXPECT_EQ(store.reads, 1);
}

TEST_F(ReferenceTokensTest, WhatCannotBeStoredIsNotHandedOut) {
  store.away = true;
  const auto refused = run(references.issue("at+jwt", claims(), now));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, oauth::ErrorCode::temporarily_unavailable);
  EXPECT_EQ(refused.error().cause, "storage_unavailable");
}

TEST_F(ReferenceTokensTest, WhatCannotBeLookedUpIsNotInactive) {
  const auto handle = issue();
  store.away = true;
  const auto resolved = run(resolver.resolve(handle, now));
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().why, Unresolved::Why::unavailable);
}

TEST_F(ReferenceTokensTest, AFullQueueIsToldAndNothingIsWritten) {
  BlockingPool full(1, 0);
  ReferenceTokens refusing(store, full, random);
  const auto refused = run(refusing.issue("at+jwt", claims(), now));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().cause, "storage_queue_full");
  EXPECT_EQ(store.commits, 0);
}

TEST_F(ReferenceTokensTest, ManyAtOnceShareTheirCommits) {
  constexpr int requests = 50;
  asio::io_context loop;
  std::vector<std::optional<oauth::Result<std::string>>> results(requests);
  {
    const std::lock_guard hold(store.mutex);  // the first commit waits until all are there
    for (auto& result : results) {
      asio::co_spawn(loop, keep(references.issue("at+jwt", claims(), now), result), asio::detached);
    }
    loop.poll();
  }
  loop.run();
  for (const auto& result : results) ASSERT_TRUE(result && *result);
  EXPECT_EQ(store.kept.size(), std::size_t{requests});
  EXPECT_LE(store.commits, 3);
}

TEST_F(ReferenceTokensTest, AnEncryptedTokenIsForItsReaderAlone) {
  const auto jwe = jose::base64url(R"({"alg":"RSA-OAEP-256","enc":"A256GCM"})") + ".AA.AA.AA.AA";
  const auto resolved = run(resolver.resolve(jwe, now));
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().why, Unresolved::Why::encrypted);
}

}  // namespace
}  // namespace grantd::tokens
