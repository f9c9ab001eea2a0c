#include "storage/postgres/rows.h"

#include <algorithm>
#include <charconv>

#include "server/base/text.h"
#include "storage/postgres/failure.h"

namespace grantd::storage::postgres {
namespace {

[[noreturn]] void not_readable(const std::string& what) {
  throw Failure(Failure::Kind::answered, {}, "the database's answer holds " + what);
}

std::int64_t parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) not_readable("no integer");
  return value;
}

}  // namespace

std::size_t Rows::size() const {
  return static_cast<std::size_t>(libpq().PQntuples(result_.get()));
}

std::size_t Rows::affected() const {
  const std::string_view count = libpq().PQcmdTuples(result_.get());
  return count.empty() ? 0 : static_cast<std::size_t>(parse_integer(count));
}

std::string_view Rows::command() const { return libpq().PQcmdStatus(result_.get()); }

bool Rows::is_null(std::size_t row, std::size_t column) const {
  return libpq().PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}

std::int64_t Rows::integer(std::size_t row, std::size_t column) const {
  return parse_integer(text(row, column));
}

std::string_view Rows::text(std::size_t row, std::size_t column) const {
  const int r = static_cast<int>(row);
  const int c = static_cast<int>(column);
  // libpq gives a null pointer where there is no such row or column.
  const char* value = libpq().PQgetvalue(result_.get(), r, c);
  if (value == nullptr) not_readable("fewer rows or columns than were asked for");
  return {value, static_cast<std::size_t>(libpq().PQgetlength(result_.get(), r, c))};
}

Digest Rows::digest(std::size_t row, std::size_t column) const {
  const std::string found = octets(row, column);
  Digest digest{};
  if (found.size() != digest.size()) not_readable("a digest of another length");
  std::ranges::transform(found, digest.begin(),
                         [](char octet) { return static_cast<std::uint8_t>(octet); });
  return digest;
}

std::string Rows::octets(std::size_t row, std::size_t column) const {
  std::string_view hex = text(row, column);
  if (!hex.starts_with("\\x") || hex.size() % 2 != 0) not_readable("no octets in hex");
  hex.remove_prefix(2);
  std::string octets;
  octets.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_digit_value(hex[i]);
    const int low = hex_digit_value(hex[i + 1]);
    if (high < 0 || low < 0) not_readable("no octets in hex");
    octets.push_back(static_cast<char>((high << 4) | low));
  }
  return octets;
}

std::optional<sys_seconds> Rows::optional_time(std::size_t row, std::size_t column) const {
  if (is_null(row, column)) return std::nullopt;
  return time(row, column);
}

}  // namespace grantd::storage::postgres
