// Claims, the JWS around them, its signature and verification, and the look at what is revoked.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/base/blocking_pool.h"
#include "server/base/random.h"
#include "server/jose/jws.h"
#include "server/keys/key_set.h"
#include "server/keys/signer.h"
#include "server/tokens/claims.h"
#include "server/tokens/resolver.h"
#include "server/tokens/revocations.h"
#include "server/tokens/signing.h"
#include "tests/bench/pieces/pieces.h"
#include "tests/support/on_loop.h"
#include "tests/support/test_keys.h"

namespace grantd::pieces {
namespace {

namespace asio = boost::asio;

constexpr auto typ = "at+jwt";
constexpr std::chrono::hours lifetime{1};
constexpr std::size_t signature_octets = 256;

/// Answers at once with octets that are no signature: what is left is everything around it.
class NoSigner final : public keys::Signer {
 public:
  asio::awaitable<std::expected<std::string, keys::SigningFailed>> sign(
      const jose::RsaPrivateKey& /*key*/, std::string_view /*signing_input*/) override {
    co_return octets_;
  }

 private:
  const std::string octets_ = std::string(signature_octets, 's');
};

/// What stands behind a Resolver; JWTs never reach it.
class NoReferences final : public storage::ReferenceTokenStore {
 public:
  storage::StoreResult<void> put_reference_tokens(
      std::span<const storage::ReferenceToken> /*tokens*/) override {
    return {};
  }
  storage::StoreResult<std::optional<storage::ReferenceToken>> find_reference_token(
      const storage::Digest& /*digest*/) override {
    return std::nullopt;
  }
  storage::StoreResult<std::size_t> sweep_reference_tokens(sys_seconds /*now*/,
                                                           std::size_t /*max_rows*/) override {
    return std::size_t{0};
  }
};

tokens::Claims make_claims() {
  SystemRandom random;
  tokens::Claims claims;
  claims.issuer = "https://auth.example.com";
  claims.subject = "user-service";
  claims.client_id = "user-service";
  claims.audiences = {"https://profile.example.com"};
  claims.scopes = {"profile:read", "profile:write"};
  claims.issued_at = floor_seconds(SystemClock().now());
  claims.expires_at = claims.issued_at + lifetime;
  claims.jti = random_hex(random, tokens::jti_random_digits / 2);
  return claims;
}

std::shared_ptr<const keys::KeySet> key_set() {
  const auto& key = testing::test_key(0);
  return std::make_shared<const keys::KeySet>(key, std::vector{key->public_key()});
}

void make_jti(benchmark::State& state) {
  SystemRandom random;
  while (state.KeepRunning()) {
    auto jti = random_id(random, tokens::jti_random_digits / 2);
    benchmark::DoNotOptimize(jti);
  }
}

void render_claims(benchmark::State& state) {
  const auto claims = make_claims();
  while (state.KeepRunning()) {
    auto text = tokens::claims_json(claims);
    benchmark::DoNotOptimize(text);
  }
}

void render_signing_input(benchmark::State& state) {
  const auto text = tokens::claims_json(make_claims());
  const auto& kid = testing::test_key(0)->kid();
  while (state.KeepRunning()) {
    auto input = tokens::signing_input_of(kid, typ, text);
    benchmark::DoNotOptimize(input);
  }
}

// Parameters, not captures: a coroutine's lambda would be gone before it resumes.
asio::awaitable<bool> sign_repeatedly(benchmark::State& state, keys::Signer& signer) {
  const auto keys = key_set();
  const auto claims = tokens::claims_json(make_claims());
  bool all = true;
  while (state.KeepRunning()) {
    auto text = claims;
    auto signing = tokens::sign_compact(*keys, signer, typ, std::move(text));
    const auto token = co_await std::move(signing);
    all = all && token.has_value();
  }
  co_return all;
}

template <typename Signer>
void sign_token(benchmark::State& state) {
  Signer signer;
  require(testing::on_loop(sign_repeatedly(state, signer)), "no token");
}

std::string signed_token(const tokens::Claims& claims) {
  return tokens::sign_compact(*testing::test_key(0), typ, tokens::claims_json(claims)).value();
}

void verify_signature(benchmark::State& state) {
  const auto token = signed_token(make_claims());
  const auto jws = jose::parse_compact(token).value();
  const auto& key = *testing::test_key(0)->public_key();
  bool right = true;
  while (state.KeepRunning()) right = right && key.verify_rs256(jws.signing_input, jws.signature);
  require(right, "the signature was refused");
}

void parse_jws(benchmark::State& state) {
  const auto token = signed_token(make_claims());
  while (state.KeepRunning()) {
    auto jws = jose::parse_compact(token);
    benchmark::DoNotOptimize(jws);
  }
}

asio::awaitable<bool> resolve_repeatedly(benchmark::State& state, const tokens::Resolver& resolver,
                                         const std::string& token, sys_seconds now) {
  bool all = true;
  while (state.KeepRunning()) {
    const auto resolved = co_await resolver.resolve(token, now);
    all = all && resolved.has_value();
  }
  co_return all;
}

void resolve_token(benchmark::State& state) {
  const auto claims = make_claims();
  const auto token = signed_token(claims);
  const Snapshot<keys::KeySet> keys(key_set());
  NoReferences store;
  BlockingPool pool(1, 1);
  SystemRandom random;
  const tokens::ReferenceTokens references(store, pool, random);
  const tokens::Resolver resolver(claims.issuer, keys, references);
  require(testing::on_loop(resolve_repeatedly(state, resolver, token, claims.issued_at)),
          "the token was refused");
}

/// So many live ones. Made once: a row's body runs several times until its figure stands.
const tokens::Revocations& revocations_of(int live) {
  static std::map<int, tokens::Revocations> made;
  const auto [entry, is_new] = made.try_emplace(live);
  if (is_new) {
    SystemRandom random;
    const auto expires_at = floor_seconds(SystemClock().now()) + lifetime;
    for (int i = 0; i < live; ++i) {
      entry->second.revoke(random_hex(random, tokens::jti_random_digits / 2), expires_at);
    }
  }
  return entry->second;
}

/// Tokens that are live, asked for in turn, so that no look finds its line in the nearest cache.
void look_up_revocation(benchmark::State& state, int live) {
  constexpr std::size_t asked = 4096;
  SystemRandom random;
  const auto& revocations = revocations_of(live);
  std::vector<tokens::Claims> presented(asked, make_claims());
  for (auto& each : presented) each.jti = random_hex(random, tokens::jti_random_digits / 2);
  std::size_t next = 0;
  bool revoked = false;
  while (state.KeepRunning())
    revoked = revocations.is_revoked(presented[next++ % asked]) || revoked;
  require(!revoked, "a live token is revoked");
}

void add_revocations(const std::string& name, int live) {
  add("revocation lookup, " + name + " live",
      [live](benchmark::State& state) { look_up_revocation(state, live); });
}

}  // namespace

void add_tokens() {
  add("a jti (128 random bits)", make_jti);
  add("claims as JSON", render_claims);
  add("signing input (header, claims, base64url)", render_signing_input);
  add("JWS compact, with a signer that does not sign", sign_token<NoSigner>);
  add("JWS compact, RS256", sign_token<keys::OpenSslSigner>);
  add("RS256 verification, nothing else", verify_signature);
  add("JWS parser", parse_jws);
  add("token resolved: JWS, key, RS256 verification, claims", resolve_token);
  add_revocations("10", 10);
  add_revocations("1,000,000", 1'000'000);
}

}  // namespace grantd::pieces
