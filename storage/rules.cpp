#include "storage/rules.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace grantd::storage {
namespace {

std::unexpected<StoreError> fail(StoreErrorCode code, std::string detail) {
  return std::unexpected(StoreError{code, std::move(detail)});
}

/// A value that stands in the list twice; null where none does.
const std::string* find_repeated(const std::vector<std::string>& list) {
  std::vector<const std::string*> sorted;
  sorted.reserve(list.size());
  for (const std::string& value : list) sorted.push_back(&value);
  const auto text = [](const std::string* value) -> const std::string& { return *value; };
  std::ranges::sort(sorted, {}, text);
  const auto found = std::ranges::adjacent_find(sorted, {}, text);
  return found == sorted.end() ? nullptr : *found;
}

}  // namespace

std::unexpected<StoreError> client_not_found(std::string_view id) {
  return fail(StoreErrorCode::not_found, "no client " + std::string(id));
}

std::unexpected<StoreError> client_exists(std::string_view id) {
  return fail(StoreErrorCode::exists, "client " + std::string(id) + " exists already");
}

std::unexpected<StoreError> secret_exists(std::string_view secret_id) {
  return fail(StoreErrorCode::exists, "secret " + std::string(secret_id) + " exists already");
}

std::unexpected<StoreError> pepper_exists(std::string_view pepper_id) {
  return fail(StoreErrorCode::exists,
              "pepper " + std::string(pepper_id) + " is known with another check value");
}

std::optional<std::int64_t> position_in(const std::vector<std::string>& list,
                                        std::string_view wanted) {
  const auto found = std::ranges::find(list, wanted);
  if (found == list.end()) return std::nullopt;
  return found - list.begin();
}

StoreResult<void> check_lists(const ClientRecord& client) {
  for (const auto* list :
       {&client.scopes, &client.audiences, &client.serves, &client.exchange.audiences,
        &client.exchange.scopes, &client.exchange.issuers}) {
    if (const auto* repeated = find_repeated(*list)) {
      return fail(StoreErrorCode::limit, "a list of the client names " + *repeated + " twice");
    }
  }
  // What the columns cannot express would else be lost in silence.
  for (const std::string& audience : client.default_audiences) {
    if (position_in(client.audiences, audience)) continue;
    return fail(StoreErrorCode::limit,
                "default audience " + audience + " is not among the client's audiences");
  }
  return {};
}

StoreResult<ClientRecord> edited(const ClientRecord& before,
                                 const std::function<void(ClientRecord&)>& edit, sys_seconds now) {
  ClientRecord client = before;
  edit(client);
  client.id = before.id;
  client.enabled = before.enabled;
  client.created_at = before.created_at;
  client.updated_at = now;
  if (auto checked = check_lists(client); !checked) return std::unexpected(checked.error());
  return client;
}

StoreResult<void> check_room_for_secret(const ClientWithSecrets& client) {
  if (client.secrets.size() < max_secrets_per_client) return {};
  return fail(StoreErrorCode::limit, "client " + client.client.id + " has " +
                                         std::to_string(max_secrets_per_client) +
                                         " secrets already");
}

StoreResult<void> check_removal(
    const ClientWithSecrets& client, std::string_view secret_id,
    const std::function<std::expected<void, std::string>(const ClientWithSecrets&)>& decide) {
  if (std::ranges::find(client.secrets, secret_id, &SecretRecord::secret_id) ==
      client.secrets.end()) {
    return fail(StoreErrorCode::not_found,
                "client " + client.client.id + " has no secret " + std::string(secret_id));
  }
  if (const auto decided = decide(client); !decided) {
    return fail(StoreErrorCode::refused, decided.error());
  }
  return {};
}

int order_of_writing(const KeyRecord& key) {
  constexpr int leaves = 0;
  constexpr int signs = 1;
  constexpr int waits = 2;
  if (key.retires_at || key.compromised) return leaves;
  return key.signing_since ? signs : waits;
}

std::vector<PendingRevocation> each_jti_once(std::span<const PendingRevocation> group) {
  std::vector<PendingRevocation> asked;
  asked.reserve(group.size());
  std::unordered_map<std::string_view, std::size_t> places(group.size());  // of the group's texts
  for (const PendingRevocation& each : group) {
    const auto [known, is_new] = places.emplace(each.revocation.jti, asked.size());
    if (is_new) {
      asked.push_back(each);
      continue;
    }
    auto& expires_at = asked[known->second].revocation.expires_at;
    expires_at = std::max(expires_at, each.revocation.expires_at);
  }
  return asked;
}

std::string change_id(std::string_view client_id, std::string_view secret_id) {
  return std::string(client_id) + '/' + std::string(secret_id);
}

ChangeKind kind_of(const NotBefore& not_before) {
  return not_before.client_id.empty() ? ChangeKind::all_revoked : ChangeKind::client_revoked;
}

bool is_gap(std::int64_t after, std::int64_t newest, std::optional<std::int64_t> oldest) {
  if (after == newest) return false;
  if (after > newest) return true;  // an older copy of the database was restored
  return !oldest || *oldest > after + 1;
}

NewsBuilder::NewsBuilder(std::optional<std::int64_t> since, std::int64_t newest,
                         std::size_t max_entries)
    : newest_(newest), after_(since && *since <= newest ? *since : 0), max_entries_(max_entries) {
  news_.full = !since || *since > newest;
}

bool NewsBuilder::has_room(std::int64_t seq) {
  if (seq != last_ && news_.revocations.size() + news_.not_before.size() >= max_entries_) {
    news_.more = true;
    return false;
  }
  last_ = seq;
  return true;
}

bool NewsBuilder::take(std::int64_t seq, Revocation revocation) {
  if (!has_room(seq)) return false;
  news_.revocations.push_back(std::move(revocation));
  return true;
}

bool NewsBuilder::take(std::int64_t seq, NotBefore not_before) {
  if (!has_room(seq)) return false;
  news_.not_before.push_back(std::move(not_before));
  return true;
}

void NewsBuilder::compromised(std::string kid, std::int64_t seq) {
  news_.compromised_kids.push_back(std::move(kid));
  if (seq > after_) news_.kids_changed = true;
}

RevocationFeedStore::News NewsBuilder::finish() {
  if (news_.more) {
    news_.seq = last_;
  } else {
    news_.seq = news_.full || last_ > 0 || news_.kids_changed ? newest_ : after_;
  }
  return std::move(news_);
}

}  // namespace grantd::storage
