/// The answer to one statement, in PostgreSQL's text format. Rows and columns count from 0.
///
/// What does not read as the type that was asked for is thrown as Failure: the schema is another
/// than this binary's. Texts are valid as long as their Rows.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/libpq.h"
#include "storage/records.h"

namespace grantd::storage::postgres {

class Rows {
 public:
  /// Takes the result over.
  explicit Rows(PGresult* result) : result_(result) {}

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// Rows that an INSERT, UPDATE or DELETE touched.
  [[nodiscard]] std::size_t affected() const;
  [[nodiscard]] const PGresult* result() const { return result_.get(); }
  /// What was done, such as "COMMIT".
  [[nodiscard]] std::string_view command() const;

  [[nodiscard]] bool is_null(std::size_t row, std::size_t column) const;
  [[nodiscard]] std::int64_t integer(std::size_t row, std::size_t column) const;
  /// An integer column that holds 0 or 1.
  [[nodiscard]] bool boolean(std::size_t row, std::size_t column) const {
    return integer(row, column) != 0;
  }
  [[nodiscard]] std::string_view text(std::size_t row, std::size_t column) const;
  [[nodiscard]] std::string string(std::size_t row, std::size_t column) const {
    return std::string(text(row, column));
  }
  /// BYTEA columns.
  [[nodiscard]] Digest digest(std::size_t row, std::size_t column) const;
  [[nodiscard]] std::string octets(std::size_t row, std::size_t column) const;
  [[nodiscard]] sys_seconds time(std::size_t row, std::size_t column) const {
    return sys_seconds{std::chrono::seconds{integer(row, column)}};
  }
  [[nodiscard]] std::optional<sys_seconds> optional_time(std::size_t row, std::size_t column) const;

 private:
  struct Clear {
    void operator()(PGresult* result) const { libpq().PQclear(result); }
  };

  std::unique_ptr<PGresult, Clear> result_;
};

}  // namespace grantd::storage::postgres
