#include "storage/copy.h"

#include <utility>

namespace grantd::storage {
namespace {

constexpr auto integer = ColumnType::integer;
constexpr auto text = ColumnType::text;
constexpr auto octets = ColumnType::octets;

constexpr unsigned bits_per_octet = 8;

Table table(std::string_view name, std::size_t key_columns, std::vector<Column> columns) {
  std::string names;
  std::string key;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    names.append(i == 0 ? "" : ", ").append(columns[i].name);
    if (i < key_columns) key.append(i == 0 ? "" : ", ").append(columns[i].name);
  }
  auto select = "SELECT " + names + " FROM " + std::string(name) + " ORDER BY " + key;
  return {name, std::move(columns), key_columns, std::move(select)};
}

/// Clients first: much refers to them.
void append_client_tables(std::vector<Table>& tables) {
  tables.push_back(table("client", 1,
                         {{"id", text},
                          {"name", text},
                          {"auth_method", text},
                          {"token_lifetime_s", integer},
                          {"enabled", integer},
                          {"created_at", integer},
                          {"updated_at", integer},
                          {"token_format", text},
                          {"exchange_mode", text},
                          {"exchange_max_depth", integer}}));
  tables.push_back(
      table("client_scope", 2, {{"client_id", text}, {"position", integer}, {"scope", text}}));
  tables.push_back(table("client_audience", 2,
                         {{"client_id", text},
                          {"position", integer},
                          {"audience", text},
                          {"default_position", integer}}));
  tables.push_back(
      table("client_serves", 2, {{"client_id", text}, {"position", integer}, {"resource", text}}));
  tables.push_back(
      table("client_exchange", 3,
            {{"client_id", text}, {"kind", text}, {"position", integer}, {"value", text}}));
  tables.push_back(
      table("client_claim", 2, {{"client_id", text}, {"name", text}, {"value", text}}));
  tables.push_back(
      table("pepper", 1, {{"id", text}, {"check_mac", octets}, {"created_at", integer}}));
  // The secrets of one client stand together: PostgreSQL numbers them.
  tables.push_back(table("client_secret", 2,
                         {{"client_id", text},
                          {"secret_id", text},
                          {"label", text},
                          {"pepper_id", text},
                          {"digest", octets},
                          {"imported", integer},
                          {"created_at", integer},
                          {"expires_at", integer},
                          {"last_used_at", integer}}));
}

void append_key_tables(std::vector<Table>& tables) {
  tables.push_back(table("signing_key", 1,
                         {{"kid", text},
                          {"public_jwk", text},
                          {"origin", text},
                          {"published_at", integer},
                          {"signs_from", integer},
                          {"signing_since", integer},
                          {"rotates_at", integer},
                          {"retires_at", integer},
                          {"removed_at", integer},
                          {"max_lifetime_s", integer},
                          {"compromised", integer},
                          {"compromised_seq", integer}}));
  tables.push_back(
      table("wrapped_key", 1, {{"kid", text}, {"wrapping_key_id", text}, {"wrapped", octets}}));
}

std::vector<Table> make_tables() {
  std::vector<Table> tables;
  tables.push_back(table("counter", 1, {{"name", text}, {"value", integer}}));
  tables.push_back(
      table("change", 1,
            {{"seq", integer}, {"kind", text}, {"id", text}, {"at", integer}, {"actor", text}}));
  append_client_tables(tables);
  tables.push_back(
      table("revocation", 1, {{"jti", text}, {"expires_at", integer}, {"seq", integer}}));
  tables.push_back(
      table("not_before", 1,
            {{"client_id", text}, {"at", integer}, {"expires_at", integer}, {"seq", integer}}));
  append_key_tables(tables);
  tables.push_back(table("status_list", 1,
                         {{"list_id", integer},
                          {"expires_at", integer},
                          {"capacity", integer},
                          {"next_index", integer}}));
  tables.push_back(
      table("reference_token", 1,
            {{"digest", octets}, {"typ", text}, {"claims", text}, {"expires_at", integer}}));
  return tables;
}

void append_eight_octets(std::string& into, std::uint64_t value) {
  for (unsigned shift = sizeof(value) * bits_per_octet; shift > 0;) {
    shift -= bits_per_octet;
    into.push_back(static_cast<char>((value >> shift) & 0xffU));
  }
}

}  // namespace

std::span<const Table> copied_tables() {
  static const std::vector<Table> tables = make_tables();
  return tables;
}

void append_canonical(std::string& into, const Table& table, Row row) {
  for (std::size_t column = 0; column < row.size(); ++column) {
    const Cell& cell = row[column];
    if (const auto* number = std::get_if<std::int64_t>(&cell)) {
      into.push_back('i');
      append_eight_octets(into, static_cast<std::uint64_t>(*number));
    } else if (const auto* content = std::get_if<std::string_view>(&cell)) {
      into.push_back(table.columns[column].type == octets ? 'o' : 't');
      append_eight_octets(into, content->size());
      into.append(*content);
    } else {
      into.push_back('n');
    }
  }
}

}  // namespace grantd::storage
