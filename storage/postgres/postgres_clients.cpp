#include <algorithm>

#include "storage/names.h"
#include "storage/postgres/backend.h"
#include "storage/postgres/row.h"
#include "storage/record_rows.h"
#include "storage/rules.h"
#include "storage/verbs.h"

namespace grantd::storage::postgres {
namespace {

/// The tables that a client is read from, in the order in which `parts_of` yields their rows.
enum class Part : std::int64_t { client, scope, audience, serves, exchange, claim, secret };

// A row of `parts_of`: whose, which part, its place, and the part's own columns.
constexpr std::size_t part_column = 1;
constexpr std::size_t first_own_column = 3;

/// All that is stored of clients in one statement, one round trip and one moment: the rows of
/// several tables behind one another, their columns as text. `where` bounds each of them.
std::string parts_of(std::string_view where_id, std::string_view where_client_id) {
  const auto own = std::string(where_client_id);
  return "SELECT * FROM ("
         "SELECT id AS client_id, 0 AS part, 0 AS place, id AS c0, name AS c1, auth_method AS c2,"
         " token_lifetime_s::text AS c3, enabled::text AS c4, created_at::text AS c5,"
         " updated_at::text AS c6, token_format AS c7, exchange_mode AS c8,"
         " exchange_max_depth::text AS c9 FROM client" +
         std::string(where_id) +
         " UNION ALL SELECT client_id, 1, position, scope, NULL, NULL, NULL, NULL, NULL, NULL,"
         " NULL, NULL, NULL FROM client_scope" +
         own +
         " UNION ALL SELECT client_id, 2, position, audience, default_position::text, NULL, NULL,"
         " NULL, NULL, NULL, NULL, NULL, NULL FROM client_audience" +
         own +
         " UNION ALL SELECT client_id, 3, position, resource, NULL, NULL, NULL, NULL, NULL, NULL,"
         " NULL, NULL, NULL FROM client_serves" +
         own +
         " UNION ALL SELECT client_id, 4, position, kind, value, NULL, NULL, NULL, NULL, NULL,"
         " NULL, NULL, NULL FROM client_exchange" +
         own +
         " UNION ALL SELECT client_id, 5, 0, name, value, NULL, NULL, NULL, NULL, NULL, NULL,"
         " NULL, NULL FROM client_claim" +
         own +
         " UNION ALL SELECT client_id, 6, created_at, secret_id, label, pepper_id, digest::text,"
         " imported::text, created_at::text, expires_at::text, last_used_at::text, NULL, NULL"
         " FROM client_secret" +
         own + ") AS parts ORDER BY client_id, part, place, c0";
}

const std::string& parts_of_one() {
  static const std::string sql = parts_of(" WHERE id = $1", " WHERE client_id = $1");
  return sql;
}

const std::string& parts_of_all() {
  static const std::string sql = parts_of("", "");
  return sql;
}

/// Gathers clients from the rows of `parts_of`.
class Collector {
 public:
  void take(const Rows& rows, std::size_t number) {
    const Part part{rows.integer(number, part_column)};
    const Row row(rows, number, first_own_column);
    if (part == Part::client) return begin(row);
    ClientRecord& client = clients_.back().client;
    switch (part) {
      case Part::client:
        return;
      case Part::scope:
        client.scopes.push_back(row.string(0));
        return;
      case Part::audience:
        client.audiences.push_back(row.string(0));
        if (!row.is_null(1)) defaults_.emplace_back(row.integer(1), row.string(0));
        return;
      case Part::serves:
        client.serves.push_back(row.string(0));
        return;
      case Part::exchange:
        read_exchange(row, client.exchange);
        return;
      case Part::claim:
        client.claims.emplace(row.string(0), row.string(1));
        return;
      case Part::secret:
        clients_.back().secrets.push_back(read_secret(row));
        return;
    }
    throw Failure(Failure::Kind::answered, "", "a client's part is unknown");
  }

  [[nodiscard]] std::vector<ClientWithSecrets> finish() {
    end();
    return std::move(clients_);
  }

 private:
  void begin(const Row& row) {
    end();
    auto client = read_client(row);
    if (!client) {
      throw Failure(Failure::Kind::answered, "",
                    "client " + row.string(0) +
                        " has an auth_method, token_format or exchange_mode that is unknown");
    }
    clients_.push_back({std::move(*client), {}});
  }

  void end() {
    std::ranges::sort(defaults_);
    for (auto& [position, audience] : defaults_) {
      clients_.back().client.default_audiences.push_back(std::move(audience));
    }
    defaults_.clear();
  }

  std::vector<ClientWithSecrets> clients_;
  std::vector<std::pair<std::int64_t, std::string>> defaults_;  // of the last client
};

void insert_list(Connection& connection, std::string_view sql, std::string_view client_id,
                 const std::vector<std::string>& values) {
  if (!values.empty()) connection.run(sql, client_id, values);
}

void insert_audiences(Connection& connection, const ClientRecord& client) {
  if (client.audiences.empty()) return;
  constexpr std::int64_t no_default = -1;
  std::vector<std::int64_t> default_positions;
  default_positions.reserve(client.audiences.size());
  for (const std::string& audience : client.audiences) {
    default_positions.push_back(
        position_in(client.default_audiences, audience).value_or(no_default));
  }
  connection.run(
      "INSERT INTO client_audience (client_id, position, audience, default_position)"
      " SELECT $1::text, number - 1, audience, nullif(default_position, -1)"
      " FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY"
      " AS list (audience, default_position, number)",
      client.id, client.audiences, default_positions);
}

void insert_exchange(Connection& connection, const ClientRecord& client, std::string_view kind,
                     const std::vector<std::string>& values) {
  if (values.empty()) return;
  connection.run(
      "INSERT INTO client_exchange (client_id, kind, position, value)"
      " SELECT $1::text, $2::text, number - 1, value"
      " FROM unnest($3::text[]) WITH ORDINALITY AS list (value, number)",
      client.id, kind, values);
}

void insert_claims(Connection& connection, const ClientRecord& client) {
  if (client.claims.empty()) return;
  std::vector<std::string> names;
  std::vector<std::string> values;
  for (const auto& [claim, value] : client.claims) {
    names.push_back(claim);
    values.push_back(value);
  }
  connection.run(
      "INSERT INTO client_claim (client_id, name, value)"
      " SELECT $1::text, name, value FROM unnest($2::text[], $3::text[]) AS list (name, value)",
      client.id, names, values);
}

}  // namespace

bool insert_client(Connection& connection, const ClientRecord& client) {
  return connection.run(
             "INSERT INTO client (id, name, auth_method, token_lifetime_s, enabled, created_at,"
             " updated_at, token_format, exchange_mode, exchange_max_depth)"
             " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
             client.id, client.name, name(client.auth_method), client.token_lifetime,
             client.enabled, client.created_at, client.updated_at, name(client.token_format),
             name(client.exchange.mode), client.exchange.max_depth) > 0;
}

void replace_client(Connection& connection, const ClientRecord& client) {
  connection.run(
      "UPDATE client SET name = $1, auth_method = $2, token_lifetime_s = $3, updated_at = $4,"
      " token_format = $5, exchange_mode = $6, exchange_max_depth = $7 WHERE id = $8",
      client.name, name(client.auth_method), client.token_lifetime, client.updated_at,
      name(client.token_format), name(client.exchange.mode), client.exchange.max_depth, client.id);
}

void insert_lists(Connection& connection, const ClientRecord& client) {
  insert_list(connection,
              "INSERT INTO client_scope (client_id, position, scope)"
              " SELECT $1::text, number - 1, value"
              " FROM unnest($2::text[]) WITH ORDINALITY AS list (value, number)",
              client.id, client.scopes);
  insert_audiences(connection, client);
  insert_list(connection,
              "INSERT INTO client_serves (client_id, position, resource)"
              " SELECT $1::text, number - 1, value"
              " FROM unnest($2::text[]) WITH ORDINALITY AS list (value, number)",
              client.id, client.serves);
  insert_exchange(connection, client, "audience", client.exchange.audiences);
  insert_exchange(connection, client, "scope", client.exchange.scopes);
  insert_exchange(connection, client, "issuer", client.exchange.issuers);
  insert_claims(connection, client);
}

void delete_lists(Connection& connection, std::string_view id) {
  connection.run("DELETE FROM client_scope WHERE client_id = $1", id);
  connection.run("DELETE FROM client_audience WHERE client_id = $1", id);
  connection.run("DELETE FROM client_serves WHERE client_id = $1", id);
  connection.run("DELETE FROM client_exchange WHERE client_id = $1", id);
  connection.run("DELETE FROM client_claim WHERE client_id = $1", id);
}

bool set_enabled(Connection& connection, std::string_view id, bool enabled, sys_seconds now) {
  return connection.run("UPDATE client SET enabled = $1, updated_at = $2 WHERE id = $3", enabled,
                        now, id) > 0;
}

bool delete_client_row(Connection& connection, std::string_view id) {
  // In the order in which record_secret_uses locks them: a cascade would take them in any, and
  // each could come to wait for the other.
  connection.run(
      "SELECT secret_id FROM client_secret WHERE client_id = $1 ORDER BY secret_id FOR UPDATE", id);
  return connection.run("DELETE FROM client WHERE id = $1", id) > 0;
}

StoreResult<ClientWithSecrets> load_client(Connection& connection, std::string_view id) {
  const auto rows = connection.query(parts_of_one(), id);
  if (rows.empty()) return client_not_found(id);
  Collector collector;
  for (std::size_t i = 0; i < rows.size(); ++i) collector.take(rows, i);
  return std::move(collector.finish().front());
}

StoreResult<ClientWithSecrets> Backend::find_client(std::string_view id) {
  auto found =
      database_->read_one([&](Connection& connection) { return load_client(connection, id); });
  // An id that no column could hold (a NUL, no UTF-8) is nobody's.
  if (!found && found.error().code == StoreErrorCode::limit) return client_not_found(id);
  return found;
}

StoreResult<std::vector<ClientRecord>> Backend::list_clients() {
  return database_->read([](Connection& connection) -> StoreResult<std::vector<ClientRecord>> {
    Collector collector;
    connection.each_row(parts_of_all(), [&collector](const Rows& rows, std::size_t row) {
      collector.take(rows, row);
    });
    std::vector<ClientRecord> clients;
    for (auto& each : collector.finish()) clients.push_back(std::move(each.client));
    return clients;
  });
}

StoreResult<void> Backend::create_client(const ClientRecord& client, const SecretRecord& secret,
                                         std::string_view actor) {
  if (auto checked = check_lists(client); !checked) return checked;
  return database_->write_in_order([&](Connection& connection) {
    return verbs::create_client(connection, client, secret, actor);
  });
}

StoreResult<ClientRecord> Backend::update_client(std::string_view id,
                                                 const std::function<void(ClientRecord&)>& edit,
                                                 sys_seconds now, std::string_view actor) {
  return database_->write_in_order([&](Connection& connection) {
    return verbs::update_client(connection, id, edit, now, actor);
  });
}

StoreResult<void> Backend::disable_client(const NotBefore& not_before, std::string_view actor) {
  return database_->write_in_order(
      [&](Connection& connection) { return verbs::disable_client(connection, not_before, actor); });
}

StoreResult<void> Backend::enable_client(std::string_view id, sys_seconds now,
                                         std::string_view actor) {
  return database_->write_in_order(
      [&](Connection& connection) { return verbs::enable_client(connection, id, now, actor); });
}

StoreResult<void> Backend::delete_client(const NotBefore& not_before, std::string_view actor) {
  return database_->write_in_order(
      [&](Connection& connection) { return verbs::delete_client(connection, not_before, actor); });
}

}  // namespace grantd::storage::postgres
