#include "server/clients/registration.h"

#include <algorithm>
#include <set>

#include "server/base/text.h"
#include "server/jose/strict_json.h"
#include "server/oauth/audience.h"
#include "server/oauth/extra_claims.h"
#include "server/oauth/scope.h"

namespace grantd::clients {
namespace {

using Faults = std::vector<std::string>;

// Well below what our own reader of claims takes: a token that it could not read could not be
// revoked.
constexpr std::size_t max_claim_depth = 16;

template <typename IsSound>
void check_list(Faults& faults, std::string_view what, const std::vector<std::string>& list,
                std::size_t max_entries, std::string_view expected, IsSound is_sound) {
  if (list.size() > max_entries) {
    faults.push_back(std::string(what) + ": found " + std::to_string(list.size()) +
                     ", expected at most " + std::to_string(max_entries));
  }
  std::set<std::string_view> seen;
  for (const auto& entry : list) {
    if (!is_sound(entry)) {
      faults.push_back(std::string(what) + ": found \"" + entry + "\", expected " +
                       std::string(expected));
    } else if (!seen.insert(entry).second) {
      faults.push_back(std::string(what) + ": \"" + entry + "\" stands twice");
    }
  }
}

constexpr std::string_view uri = "an absolute URI without fragment (RFC 8707 section 2)";
constexpr std::string_view scope_token = "a scope-token (RFC 6749 section 3.3)";

void check_exchange(Faults& faults, const storage::ExchangePolicy& exchange) {
  check_list(faults, "exchange audience", exchange.audiences, max_registered_audiences, uri,
             oauth::is_resource_uri);
  check_list(faults, "exchange scope", exchange.scopes, oauth::max_scopes, scope_token,
             oauth::is_scope_token);
  check_list(faults, "exchange issuer", exchange.issuers, max_registered_audiences, uri,
             oauth::is_resource_uri);
  if (exchange.max_depth < 1 || exchange.max_depth > max_exchange_depth) {
    faults.push_back("exchange depth: found " + std::to_string(exchange.max_depth) +
                     ", expected 1 to " + std::to_string(max_exchange_depth));
  }
}

}  // namespace

bool is_client_id(std::string_view text) {
  return !text.empty() && text.size() <= max_client_id_length && text.front() != '-' &&
         text.front() != ' ' && text.back() != ' ' &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

Faults faults_of_text(std::string_view what, std::string_view text, std::size_t max_bytes) {
  Faults faults;
  if (text.size() > max_bytes) {
    faults.push_back(std::string(what) + ": found " + std::to_string(text.size()) +
                     " bytes, expected at most " + std::to_string(max_bytes));
  }
  const bool has_control =
      std::ranges::any_of(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
  if (has_control || !is_utf8(text)) {
    faults.push_back(std::string(what) +
                     ": found a control character or octets that are not UTF-8, expected text");
  }
  return faults;
}

Faults faults(const storage::ClientRecord& client, std::chrono::seconds max_lifetime) {
  Faults found;
  if (!is_client_id(client.id)) {
    found.emplace_back(
        "client id: expected 1 to 255 visible ASCII characters and inner spaces, no leading '-'");
  }
  const auto name_faults = faults_of_text("name", client.name, max_name_bytes);
  found.insert(found.end(), name_faults.begin(), name_faults.end());

  check_list(found, "scope", client.scopes, oauth::max_scopes, scope_token, oauth::is_scope_token);
  check_list(found, "audience", client.audiences, max_registered_audiences, uri,
             oauth::is_resource_uri);
  check_list(found, "default audience", client.default_audiences, oauth::max_audiences,
             "one of the client's audiences", [&](const std::string& audience) {
               return std::ranges::find(client.audiences, audience) != client.audiences.end();
             });
  check_list(found, "serves", client.serves, max_registered_audiences, uri, oauth::is_resource_uri);

  check_exchange(found, client.exchange);
  for (const auto& [name, value] : client.claims) {
    if (!oauth::is_extra_claim_name(name) || value.size() > oauth::max_claim_value_bytes ||
        !jose::parse_object("{\"claim\":" + value + "}", max_claim_depth)) {
      found.push_back("claim: found \"" + name + "\", expected " +
                      std::string(oauth::extra_claim_name_expected) + ", its value at most " +
                      std::to_string(oauth::max_claim_value_bytes) +
                      " bytes of JSON, no member twice, nested at most " +
                      std::to_string(max_claim_depth) + " deep");
    }
  }
  if (client.claims.size() > oauth::max_extra_claims) {
    found.push_back("claim: found " + std::to_string(client.claims.size()) + ", expected at most " +
                    std::to_string(oauth::max_extra_claims));
  }

  if (client.token_lifetime &&
      (*client.token_lifetime < std::chrono::seconds(1) || *client.token_lifetime > max_lifetime)) {
    found.push_back("token lifetime: found " + format_duration(*client.token_lifetime) +
                    ", expected 1s to tokens.max_lifetime (" + format_duration(max_lifetime) + ")");
  }
  return found;
}

bool is_valid(const storage::SecretRecord& secret, sys_seconds now) {
  return !secret.expires_at || now < *secret.expires_at;
}

bool safe_to_remove(const std::vector<storage::SecretRecord>& secrets, std::string_view secret_id,
                    sys_seconds now) {
  const auto candidate = std::ranges::find(secrets, secret_id, &storage::SecretRecord::secret_id);
  if (candidate == secrets.end()) return false;
  const bool quiet = !candidate->last_used_at ||
                     now - *candidate->last_used_at >= std::chrono::seconds(unused_for);
  // A secret that was handed out just now and not used yet is being rolled out, not given up.
  const bool settled =
      now - candidate->created_at >= std::chrono::seconds(unused_for) || !is_valid(*candidate, now);
  return quiet && settled && std::ranges::any_of(secrets, [&](const auto& other) {
           return other.secret_id != secret_id && is_valid(other, now) && other.last_used_at;
         });
}

}  // namespace grantd::clients
