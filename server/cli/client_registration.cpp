#include "server/cli/client_registration.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "server/cli/context.h"
#include "server/clients/registration.h"
#include "storage/names.h"

namespace grantd::cli {
namespace {

Texts list(bool cleared, const Texts& given) {
  return cleared ? std::vector<std::string>{} : given;
}

std::vector<std::string> split(const std::string& scope) {
  std::vector<std::string> scopes;
  std::istringstream words(scope);
  for (std::string word; std::getline(words, word, ' ');) {
    if (!word.empty()) scopes.push_back(word);
  }
  return scopes;
}

/// NAME=JSON, such as `tenant="eu"`; a value that is no JSON is a fault, not a string: `true` and
/// `"true"` must not be mixed up by a shell's quotes.
std::map<std::string, std::string> read_claims(const std::vector<std::string>& given,
                                               std::vector<std::string>& faults) {
  std::map<std::string, std::string> claims;
  for (const auto& claim : given) {
    const auto equals = claim.find('=');
    const auto value = equals == std::string::npos ? std::string() : claim.substr(equals + 1);
    if (!nlohmann::json::accept(value)) {
      faults.push_back("--claim: found '" + claim +
                       "', expected NAME=JSON, such as 'tenant=\"eu\"'");
    } else {
      claims.insert_or_assign(claim.substr(0, equals), value);
    }
  }
  return claims;
}

/// A word of a few; a fault that names the option where it is none of them.
template <typename T>
std::optional<T> read_word(const Text& given, std::optional<T> (*known)(std::string_view),
                           std::string_view expected, std::vector<std::string>& faults) {
  if (!given) return std::nullopt;
  const auto word = known(*given);
  if (!word) faults.emplace_back(expected);
  return word;
}

void read_exchange(const RegistrationOptions& options, Registration& registration) {
  registration.exchange_audiences = list(options.no_exchange, options.exchange_audiences);
  registration.exchange_issuers =
      list(options.no_exchange || options.no_exchange_issuer, options.exchange_issuers);
  if (options.exchange_scope || options.no_exchange_scope || options.no_exchange) {
    registration.exchange_scopes = split(options.exchange_scope.value_or(""));
  }
  registration.exchange_mode =
      read_word(options.exchange_mode, storage::exchange_mode,
                "--exchange-mode: expected delegation or impersonation", registration.faults);
  if (!options.exchange_depth) return;
  std::uint32_t depth = 0;
  const auto& text = *options.exchange_depth;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), depth);
  if (error == std::errc{} && rest == text.data() + text.size()) {
    registration.exchange_depth = depth;
  } else {
    registration.faults.push_back("--exchange-depth: found '" + text + "', expected a number");
  }
}

void apply_to(storage::ExchangePolicy& exchange, const Registration& with) {
  if (with.exchange_audiences) exchange.audiences = *with.exchange_audiences;
  if (with.exchange_scopes) exchange.scopes = *with.exchange_scopes;
  if (with.exchange_issuers) exchange.issuers = *with.exchange_issuers;
  if (with.exchange_depth) exchange.max_depth = *with.exchange_depth;
  if (with.exchange_mode) exchange.mode = *with.exchange_mode;
}

}  // namespace

bool RegistrationOptions::says_nothing() const {
  const bool sets_text = name || scope || auth_method || token_lifetime || token_format ||
                         exchange_scope || exchange_depth || exchange_mode;
  const bool sets_list =
      audiences || default_audiences || serves || claims || exchange_audiences || exchange_issuers;
  const bool clears = no_scope || no_audience || no_default_audience || no_serves ||
                      no_token_lifetime || no_claim || no_exchange || no_exchange_scope ||
                      no_exchange_issuer;
  return !sets_text && !sets_list && !clears;
}

void Registration::apply_to(storage::ClientRecord& client) const {
  if (name) client.name = *name;
  if (scopes) client.scopes = *scopes;
  if (audiences) client.audiences = *audiences;
  if (default_audiences) client.default_audiences = *default_audiences;
  if (serves) client.serves = *serves;
  if (auth_method) client.auth_method = *auth_method;
  if (token_lifetime) client.token_lifetime = *token_lifetime;
  if (token_format) client.token_format = *token_format;
  if (claims) client.claims = *claims;
  grantd::cli::apply_to(client.exchange, *this);
  // What is granted by default may be asked for, too.
  if (!default_audiences) return;
  for (const auto& audience : *default_audiences) {
    if (std::ranges::find(client.audiences, audience) == client.audiences.end()) {
      client.audiences.push_back(audience);
    }
  }
}

Registration read(const RegistrationOptions& options) {
  Registration registration;
  registration.name = options.name;
  registration.audiences = list(options.no_audience, options.audiences);
  registration.default_audiences = list(options.no_default_audience, options.default_audiences);
  registration.serves = list(options.no_serves, options.serves);
  if (options.scope || options.no_scope) registration.scopes = split(options.scope.value_or(""));
  registration.auth_method = read_word(
      options.auth_method, storage::auth_method,
      "--auth-method: expected client_secret_basic or client_secret_post", registration.faults);
  registration.token_format =
      read_word(options.token_format, storage::token_format,
                "--token-format: expected jwt or opaque", registration.faults);
  if (options.claims || options.no_claim) {
    registration.claims =
        read_claims(options.claims.value_or(std::vector<std::string>{}), registration.faults);
  }
  read_exchange(options, registration);
  if (options.no_token_lifetime) registration.token_lifetime.emplace();
  if (options.token_lifetime) {
    const auto lifetime = whole_seconds("--token-lifetime", *options.token_lifetime);
    if (lifetime) {
      registration.token_lifetime = *lifetime;
    } else {
      registration.faults.push_back(lifetime.error().sentences.front());
    }
  }
  return registration;
}

Outcome<void> check(const Registration& registration, const storage::ClientRecord& client,
                    const config::Config& config) {
  auto faults = registration.faults;
  const auto of_record = clients::faults(client, config.tokens.max_lifetime);
  faults.insert(faults.end(), of_record.begin(), of_record.end());
  if (faults.empty()) return {};
  return std::unexpected(Failure{status_usage, std::move(faults)});
}

void add_registration_options(Command command, RegistrationOptions& options) {
  command.value("--name", "NAME", options.name, "for people");
  command.value("--scope", "SCOPES", options.scope, "the scopes it may ask for, space-separated");
  command.values("--audience", "URI", options.audiences, "an audience it may ask for");
  command.values("--default-audience", "URI", options.default_audiences,
                 "the audience of a token where none is asked for; one of its audiences");
  command.values("--serves", "URI", options.serves, "a resource whose tokens it may introspect");
  command.value("--auth-method", "METHOD", options.auth_method,
                "client_secret_basic (default) or client_secret_post");
  command.value("--token-lifetime", "DURATION", options.token_lifetime,
                "instead of tokens.lifetime, such as \"10m\"");
  command.value("--token-format", "FORMAT", options.token_format,
                "jwt (default), or opaque: handles that only grantd can read");
  command.values("--claim", "NAME=JSON", options.claims, "a fixed claim of its tokens");
  command.values("--exchange-audience", "URI", options.exchange_audiences,
                 "an audience into which it may exchange the tokens it is called with (RFC 8693)");
  command.value("--exchange-scope", "SCOPES", options.exchange_scope,
                "the scopes it may exchange at most; any of the subject token's where not given");
  command.values("--exchange-issuer", "ISSUER", options.exchange_issuers,
                 "a foreign issuer of exchange.issuers whose tokens it may exchange");
  command.value("--exchange-depth", "N", options.exchange_depth,
                "how many exchanges a chain may have, 1 to 16 (default 3)");
  command.value("--exchange-mode", "MODE", options.exchange_mode,
                "delegation (default: `act` names who acts) or impersonation");
}

void add_clearing_options(Command command, RegistrationOptions& options) {
  command.flag("--no-scope", options.no_scope, "no scopes any more");
  command.flag("--no-audience", options.no_audience, "no audiences any more");
  command.flag("--no-default-audience", options.no_default_audience,
               "no default audiences any more");
  command.flag("--no-serves", options.no_serves, "serves no resource any more");
  command.flag("--no-token-lifetime", options.no_token_lifetime, "tokens.lifetime holds again");
  command.flag("--no-claim", options.no_claim, "no fixed claims any more");
  command.flag("--no-exchange", options.no_exchange, "may not exchange any more");
  command.flag("--no-exchange-scope", options.no_exchange_scope,
               "may exchange any scope of the subject token again");
  command.flag("--no-exchange-issuer", options.no_exchange_issuer,
               "may not exchange foreign tokens any more");
  command.exclude("--no-exchange", "--exchange-audience");
  for (const std::string name : {"scope", "audience", "default-audience", "serves",
                                 "token-lifetime", "claim", "exchange-scope", "exchange-issuer"}) {
    command.exclude("--no-" + name, "--" + name);
  }
}

}  // namespace grantd::cli
