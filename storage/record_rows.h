/// Records out of the rows of any backend. `Row` answers for column numbers from 0: string, text,
/// integer, boolean, time, optional_time, digest, is_null. For the backends alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "storage/names.h"
#include "storage/records.h"

namespace grantd::storage {

/// Without its lists. Columns: id, name, auth_method, token_lifetime_s, enabled, created_at,
/// updated_at, token_format, exchange_mode, exchange_max_depth. Empty where a word is unknown.
template <typename Row>
[[nodiscard]] std::optional<ClientRecord> read_client(const Row& row) {
  const auto method = auth_method(row.text(2));
  const auto format = token_format(row.text(7));
  const auto mode = exchange_mode(row.text(8));
  if (!method || !format || !mode) return std::nullopt;
  ClientRecord client;
  client.id = row.string(0);
  client.name = row.string(1);
  client.auth_method = *method;
  if (!row.is_null(3)) client.token_lifetime = std::chrono::seconds{row.integer(3)};
  client.enabled = row.boolean(4);
  client.created_at = row.time(5);
  client.updated_at = row.time(6);
  client.token_format = *format;
  client.exchange.mode = *mode;
  client.exchange.max_depth = static_cast<std::uint32_t>(row.integer(9));
  return client;
}

/// Columns: kind, value; of the table client_exchange, whose CHECK knows these kinds alone.
template <typename Row>
void read_exchange(const Row& row, ExchangePolicy& exchange) {
  const auto kind = row.text(0);
  auto& list = kind == "audience" ? exchange.audiences
               : kind == "scope"  ? exchange.scopes
                                  : exchange.issuers;
  list.push_back(row.string(1));
}

/// Columns: secret_id, label, pepper_id, digest, imported, created_at, expires_at, last_used_at.
template <typename Row>
[[nodiscard]] SecretRecord read_secret(const Row& row) {
  SecretRecord secret;
  secret.secret_id = row.string(0);
  secret.label = row.string(1);
  secret.pepper_id = row.string(2);
  secret.digest = row.digest(3);
  secret.imported = row.boolean(4);
  secret.created_at = row.time(5);
  secret.expires_at = row.optional_time(6);
  secret.last_used_at = row.optional_time(7);
  return secret;
}

/// Columns: kid, public_jwk, origin, published_at, signs_from, signing_since, rotates_at,
/// retires_at, removed_at, max_lifetime_s, compromised. Empty where a word is unknown.
template <typename Row>
[[nodiscard]] std::optional<KeyRecord> read_key(const Row& row) {
  const auto origin = key_origin(row.text(2));
  if (!origin) return std::nullopt;
  KeyRecord key;
  key.kid = row.string(0);
  key.public_jwk = row.string(1);
  key.origin = *origin;
  key.published_at = row.time(3);
  key.signs_from = row.time(4);
  key.signing_since = row.optional_time(5);
  key.rotates_at = row.optional_time(6);
  key.retires_at = row.optional_time(7);
  key.removed_at = row.optional_time(8);
  key.max_lifetime = std::chrono::seconds{row.integer(9)};
  key.compromised = row.boolean(10);
  return key;
}

/// Columns: list_id, expires_at, capacity, next_index.
template <typename Row>
[[nodiscard]] StatusList read_status_list(const Row& row) {
  return {static_cast<std::uint64_t>(row.integer(0)), row.time(1),
          static_cast<std::uint32_t>(row.integer(2)), static_cast<std::uint32_t>(row.integer(3))};
}

}  // namespace grantd::storage
