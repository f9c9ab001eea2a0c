/// What verbs do inside their transaction, the same on every backend. For the backends alone.
///
/// The statements themselves are each backend's: the functions that are called with its Connection
/// are declared in its backend.h and found through it. They throw the backend's failures.
#pragma once

#include <algorithm>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/rules.h"
#include "storage/stores.h"

namespace grantd::storage::verbs {

/// `client` passed check_lists().
template <typename Connection>
StoreResult<void> create_client(Connection& connection, const ClientRecord& client,
                                const SecretRecord& secret, std::string_view actor) {
  if (!insert_client(connection, client)) return client_exists(client.id);
  if (has_secret(connection, secret.secret_id)) return secret_exists(secret.secret_id);
  insert_secret(connection, client.id, secret);
  insert_lists(connection, client);
  append_change(connection, ChangeKind::client_created, client.id, client.created_at, actor);
  return {};
}

template <typename Connection>
StoreResult<ClientRecord> update_client(Connection& connection, std::string_view id,
                                        const std::function<void(ClientRecord&)>& edit,
                                        sys_seconds now, std::string_view actor) {
  const auto before = load_client(connection, id);
  if (!before) return std::unexpected(before.error());
  auto client = edited(before->client, edit, now);
  if (!client) return client;
  replace_client(connection, *client);
  delete_lists(connection, client->id);
  insert_lists(connection, *client);
  append_change(connection, ChangeKind::client_updated, client->id, now, actor);
  return client;
}

template <typename Connection>
StoreResult<void> disable_client(Connection& connection, const NotBefore& not_before,
                                 std::string_view actor) {
  const std::string& id = not_before.client_id;
  if (!set_enabled(connection, id, false, not_before.at)) return client_not_found(id);
  put_not_before(connection, not_before);
  append_change(connection, ChangeKind::client_disabled, id, not_before.at, actor);
  return {};
}

template <typename Connection>
StoreResult<void> enable_client(Connection& connection, std::string_view id, sys_seconds now,
                                std::string_view actor) {
  if (!set_enabled(connection, id, true, now)) return client_not_found(id);
  append_change(connection, ChangeKind::client_enabled, id, now, actor);
  return {};
}

template <typename Connection>
StoreResult<void> delete_client(Connection& connection, const NotBefore& not_before,
                                std::string_view actor) {
  const std::string& id = not_before.client_id;
  if (!delete_client_row(connection, id)) return client_not_found(id);
  put_not_before(connection, not_before);
  append_change(connection, ChangeKind::client_deleted, id, not_before.at, actor);
  return {};
}

template <typename Connection>
StoreResult<void> add_secret(Connection& connection, std::string_view client_id,
                             const SecretRecord& secret, std::string_view actor) {
  const auto client = load_client(connection, client_id);
  if (!client) return std::unexpected(client.error());
  if (has_secret(connection, secret.secret_id)) return secret_exists(secret.secret_id);
  if (auto room = check_room_for_secret(*client); !room) return room;
  insert_secret(connection, client_id, secret);
  append_change(connection, ChangeKind::secret_added, change_id(client_id, secret.secret_id),
                secret.created_at, actor);
  return {};
}

template <typename Connection>
StoreResult<void> remove_secret(
    Connection& connection, std::string_view client_id, std::string_view secret_id,
    const std::function<std::expected<void, std::string>(const ClientWithSecrets&)>& decide,
    sys_seconds now, std::string_view actor) {
  const auto client = load_client(connection, client_id);
  if (!client) return std::unexpected(client.error());
  if (auto checked = check_removal(*client, secret_id, decide); !checked) return checked;
  delete_secret(connection, secret_id);
  append_change(connection, ChangeKind::secret_removed, change_id(client_id, secret_id), now,
                actor);
  return {};
}

template <typename Connection>
StoreResult<void> set_not_before(Connection& connection, const NotBefore& not_before,
                                 std::string_view actor) {
  if (put_not_before(connection, not_before)) {
    append_change(connection, kind_of(not_before), not_before.client_id, not_before.at, actor);
  }
  return {};
}

template <typename Connection>
StoreResult<std::vector<KeyRecord>> update_keys(
    Connection& connection,
    const std::function<
        std::expected<KeyStore::Update, std::string>(const std::vector<KeyRecord>&)>& decide,
    sys_seconds now, std::string_view actor) {
  auto decided = decide(read_keys(connection));
  if (!decided) return std::unexpected(StoreError{StoreErrorCode::refused, decided.error()});
  std::ranges::sort(decided->put, {}, order_of_writing);
  for (const KeyRecord& key : decided->put) put_key(connection, key);
  for (const auto& key : decided->wrap) put_wrapped_key(connection, key);
  for (const std::string& kid : decided->destroy) delete_wrapped_key(connection, kid);
  for (const auto& [kind, kid] : decided->changes) {
    const auto seq = append_change(connection, kind, kid, now, actor);
    if (kind == ChangeKind::key_compromised) mark_compromised(connection, kid, seq);
  }
  return read_keys(connection);
}

}  // namespace grantd::storage::verbs
