#include "storage/names.h"
#include "storage/record_rows.h"
#include "storage/rules.h"
#include "storage/sqlite/backend.h"
#include "storage/sqlite/client_document.h"
#include "storage/verbs.h"

namespace grantd::storage::sqlite {
namespace {

constexpr std::string_view all_client_columns =
    "SELECT id, name, auth_method, token_lifetime_s, enabled, created_at, updated_at, token_format,"
    " exchange_mode, exchange_max_depth FROM client ORDER BY id";
constexpr std::string_view client_columns_by_id =
    "SELECT id, name, auth_method, token_lifetime_s, enabled, created_at, updated_at, token_format,"
    " exchange_mode, exchange_max_depth FROM client WHERE id = ?";
constexpr std::string_view document_by_id =
    "SELECT id, name, auth_method, token_lifetime_s, enabled, created_at, updated_at, token_format,"
    " exchange_mode, exchange_max_depth, document FROM client WHERE id = ?";
constexpr int document_column = 10;

ClientRecord client_of(const Statement& row) {
  auto client = read_client(row);
  if (!client) {
    throw Failure(SQLITE_CORRUPT,
                  "client " + row.string(0) +
                      " has an auth_method, token_format or exchange_mode that is unknown");
  }
  return std::move(*client);
}

std::vector<std::string> read_list(Connection& connection, std::string_view sql,
                                   std::string_view id) {
  std::vector<std::string> list;
  auto rows = connection.query(sql, id);
  while (rows.step()) list.push_back(rows.string(0));
  return list;
}

void load_exchange(Connection& connection, ClientRecord& client) {
  auto rows = connection.query(
      "SELECT kind, value FROM client_exchange WHERE client_id = ? ORDER BY kind, position",
      client.id);
  while (rows.step()) read_exchange(rows, client.exchange);
}

void load_lists(Connection& connection, ClientRecord& client) {
  client.scopes =
      read_list(connection, "SELECT scope FROM client_scope WHERE client_id = ? ORDER BY position",
                client.id);
  client.audiences = read_list(
      connection, "SELECT audience FROM client_audience WHERE client_id = ? ORDER BY position",
      client.id);
  client.default_audiences = read_list(
      connection,
      "SELECT audience FROM client_audience WHERE client_id = ? AND default_position IS NOT NULL"
      " ORDER BY default_position",
      client.id);
  client.serves = read_list(
      connection, "SELECT resource FROM client_serves WHERE client_id = ? ORDER BY position",
      client.id);
  load_exchange(connection, client);
  auto claims =
      connection.query("SELECT name, value FROM client_claim WHERE client_id = ?", client.id);
  while (claims.step()) client.claims.emplace(claims.string(0), claims.string(1));
}

void insert_exchange(Connection& connection, const ClientRecord& client, std::string_view kind,
                     const std::vector<std::string>& values) {
  for (std::int64_t position = 0; const std::string& value : values) {
    connection.run(
        "INSERT INTO client_exchange (client_id, kind, position, value) VALUES (?, ?, ?, ?)",
        client.id, kind, position++, value);
  }
}

/// Errors: not_found.
StoreResult<ClientRecord> load_record(Connection& connection, std::string_view id) {
  std::optional<ClientRecord> client;
  {
    auto row = connection.query(client_columns_by_id, id);
    if (row.step()) client = client_of(row);
  }
  if (!client) return client_not_found(id);
  load_lists(connection, *client);
  return std::move(*client);
}

}  // namespace

void insert_lists(Connection& connection, const ClientRecord& client) {
  for (std::int64_t position = 0; const std::string& scope : client.scopes) {
    connection.run("INSERT INTO client_scope (client_id, position, scope) VALUES (?, ?, ?)",
                   client.id, position++, scope);
  }
  for (std::int64_t position = 0; const std::string& audience : client.audiences) {
    connection.run(
        "INSERT INTO client_audience (client_id, position, audience, default_position)"
        " VALUES (?, ?, ?, ?)",
        client.id, position++, audience, position_in(client.default_audiences, audience));
  }
  for (std::int64_t position = 0; const std::string& resource : client.serves) {
    connection.run("INSERT INTO client_serves (client_id, position, resource) VALUES (?, ?, ?)",
                   client.id, position++, resource);
  }
  insert_exchange(connection, client, "audience", client.exchange.audiences);
  insert_exchange(connection, client, "scope", client.exchange.scopes);
  insert_exchange(connection, client, "issuer", client.exchange.issuers);
  for (const auto& [name, value] : client.claims) {
    connection.run("INSERT INTO client_claim (client_id, name, value) VALUES (?, ?, ?)", client.id,
                   name, value);
  }
}

void delete_lists(Connection& connection, std::string_view id) {
  connection.run("DELETE FROM client_scope WHERE client_id = ?", id);
  connection.run("DELETE FROM client_audience WHERE client_id = ?", id);
  connection.run("DELETE FROM client_serves WHERE client_id = ?", id);
  connection.run("DELETE FROM client_exchange WHERE client_id = ?", id);
  connection.run("DELETE FROM client_claim WHERE client_id = ?", id);
}

bool insert_client(Connection& connection, const ClientRecord& client) {
  connection.run(
      "INSERT INTO client (id, name, auth_method, token_lifetime_s, enabled, created_at,"
      " updated_at, token_format, exchange_mode, exchange_max_depth)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
      client.id, client.name, name(client.auth_method), client.token_lifetime, client.enabled,
      client.created_at, client.updated_at, name(client.token_format), name(client.exchange.mode),
      std::int64_t{client.exchange.max_depth});
  return connection.changes() > 0;
}

void replace_client(Connection& connection, const ClientRecord& client) {
  connection.run(
      "UPDATE client SET name = ?, auth_method = ?, token_lifetime_s = ?, updated_at = ?,"
      " token_format = ?, exchange_mode = ?, exchange_max_depth = ? WHERE id = ?",
      client.name, name(client.auth_method), client.token_lifetime, client.updated_at,
      name(client.token_format), name(client.exchange.mode),
      std::int64_t{client.exchange.max_depth}, client.id);
}

bool set_enabled(Connection& connection, std::string_view id, bool enabled, sys_seconds now) {
  connection.run("UPDATE client SET enabled = ?, updated_at = ? WHERE id = ?", enabled, now, id);
  return connection.changes() > 0;
}

bool delete_client_row(Connection& connection, std::string_view id) {
  connection.run("DELETE FROM client WHERE id = ?", id);
  return connection.changes() > 0;
}

StoreResult<ClientWithSecrets> load_client(Connection& connection, std::string_view id) {
  auto client = load_record(connection, id);
  if (!client) return std::unexpected(client.error());
  return ClientWithSecrets{std::move(*client), load_secrets(connection, id)};
}

StoreResult<ClientWithSecrets> Backend::find_client(std::string_view id) {
  return database_->read([&](Connection& connection) { return load_client(connection, id); });
}

std::optional<StoreResult<ClientWithSecrets>> Backend::find_client_at_once(std::string_view id) {
  using Found = std::optional<StoreResult<ClientWithSecrets>>;
  return database_
      ->read_at_once([&](Connection& connection) -> Found {
        auto row = connection.query(document_by_id, id);
        if (!row.step()) return client_not_found(id);
        ClientWithSecrets client{client_of(row), {}};
        if (!read_document(row.text(document_column), client)) return std::nullopt;
        return client;
      })
      .value_or(std::nullopt);
}

StoreResult<std::vector<ClientRecord>> Backend::list_clients() {
  return database_->read([](Connection& connection) -> StoreResult<std::vector<ClientRecord>> {
    std::vector<ClientRecord> clients;
    auto rows = connection.query(all_client_columns);
    while (rows.step()) {
      clients.push_back(client_of(rows));
      load_lists(connection, clients.back());
    }
    return clients;
  });
}

StoreResult<void> Backend::create_client(const ClientRecord& client, const SecretRecord& secret,
                                         std::string_view actor) {
  if (auto checked = check_lists(client); !checked) return checked;
  return database_->write([&](Connection& connection) {
    return verbs::create_client(connection, client, secret, actor);
  });
}

StoreResult<ClientRecord> Backend::update_client(std::string_view id,
                                                 const std::function<void(ClientRecord&)>& edit,
                                                 sys_seconds now, std::string_view actor) {
  return database_->write([&](Connection& connection) {
    return verbs::update_client(connection, id, edit, now, actor);
  });
}

StoreResult<void> Backend::disable_client(const NotBefore& not_before, std::string_view actor) {
  return database_->write(
      [&](Connection& connection) { return verbs::disable_client(connection, not_before, actor); });
}

StoreResult<void> Backend::enable_client(std::string_view id, sys_seconds now,
                                         std::string_view actor) {
  return database_->write(
      [&](Connection& connection) { return verbs::enable_client(connection, id, now, actor); });
}

StoreResult<void> Backend::delete_client(const NotBefore& not_before, std::string_view actor) {
  return database_->write(
      [&](Connection& connection) { return verbs::delete_client(connection, not_before, actor); });
}

}  // namespace grantd::storage::sqlite
