// Forms, HTTP Basic, scopes and audiences, the check of a secret: everything before the signature.
#include <string>
#include <vector>

#include "server/base/random.h"
#include "server/clients/credentials.h"
#include "server/clients/peppers.h"
#include "server/clients/secret.h"
#include "server/jose/mac.h"
#include "server/oauth/audience.h"
#include "server/oauth/form.h"
#include "server/oauth/scope.h"
#include "server/oauth/token_request.h"
#include "tests/bench/pieces/pieces.h"
#include "tests/support/test_server.h"

namespace grantd::pieces {
namespace {

constexpr auto short_form = "grant_type=client_credentials";
constexpr auto long_form =
    "grant_type=client_credentials&scope=profile%3Aread+profile%3Awrite"
    "&resource=https%3A%2F%2Fprofile.example.com";
// An at+jwt of one audience and two scopes is about that long.
constexpr std::size_t token_characters = 850;

void add_form(const std::string& name, const std::string& body) {
  add("form parser, " + name, [body](benchmark::State& state) {
    require(oauth::Form::parse(body).has_value(), "the form was refused");
    while (state.KeepRunning()) {
      auto form = oauth::Form::parse(body);
      benchmark::DoNotOptimize(form);
    }
  });
}

void parse_token_request(benchmark::State& state) {
  const auto form = oauth::Form::parse(long_form);
  require(form && oauth::TokenRequest::make(*form), "the request was refused");
  while (state.KeepRunning()) {
    auto request = oauth::TokenRequest::make(*form);
    benchmark::DoNotOptimize(request);
  }
}

void read_basic(benchmark::State& state) {
  SystemRandom random;
  const auto secret = clients::generate_secret(random);
  const auto authorization = testing::basic("user-service", std::string(secret.text.view()));
  require(clients::client_secret_basic(authorization).has_value(), "the header was refused");
  while (state.KeepRunning()) {
    auto presented = clients::client_secret_basic(authorization);
    benchmark::DoNotOptimize(presented);
  }
}

void parse_scopes(benchmark::State& state) {
  while (state.KeepRunning()) {
    auto scopes = oauth::parse_scope("profile:read profile:write");
    benchmark::DoNotOptimize(scopes);
  }
}

/// Of a client with ten scopes and three audiences, two and one asked for; the audience has a list.
void check_scope(benchmark::State& state) {
  const std::vector<std::string> scopes{"cart:read",    "cart:write",   "mail:read",   "mail:write",
                                        "orders:read",  "orders:send",  "prices:read", "stock:read",
                                        "profile:read", "profile:write"};
  const std::vector<std::string> audiences{"https://orders.example.com", "https://mail.example.com",
                                           "https://profile.example.com"};
  const oauth::Allowance allowance{scopes, audiences, {}};
  const oauth::Asked asked{{"profile:read", "profile:write"}, {"https://profile.example.com"}};
  oauth::AudiencePolicies policies;
  policies["https://profile.example.com"].scopes = {"profile:read", "profile:write"};
  require(oauth::grant_target(asked, allowance, policies).has_value(), "the scopes were refused");
  while (state.KeepRunning()) {
    auto granted = oauth::grant_target(asked, allowance, policies);
    benchmark::DoNotOptimize(granted);
  }
}

/// As clients::Authenticator does it: the secret's id, the digest, the comparison.
void check_secret(benchmark::State& state) {
  SystemRandom random;
  const auto peppers = clients::Peppers::parse(clients::Peppers::generate_line(random).view());
  const auto secret = clients::generate_secret(random);
  const auto stored = peppers->digest_with_current(secret.text.view());
  const auto pepper_id = peppers->current().pepper_id;
  bool right = true;
  while (state.KeepRunning()) {
    const auto id = clients::secret_id_in(secret.text.view());
    const auto digest = peppers->digest(pepper_id, secret.text.view());
    right = right && id == secret.secret_id && jose::equal_in_constant_time(*digest, stored);
    benchmark::DoNotOptimize(right);
  }
  require(right, "the secret was refused");
}

}  // namespace

void add_protocol() {
  add_form("one parameter", short_form);
  add_form("grant_type, scope, resource", long_form);
  add_form("a token of 850 characters", "token=" + std::string(token_characters, 'e'));
  add("token request out of its form", parse_token_request);
  add("HTTP Basic", read_basic);
  add("scope parser, two scopes", parse_scopes);
  add("scope and audience check, 2 of 10 and 1 of 3", check_scope);
  add("secret check (HMAC-SHA-256, constant time)", check_secret);
}

}  // namespace grantd::pieces
