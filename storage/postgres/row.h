/// One row of an answer, from some column on, in the shape that storage/record_rows.h reads records
/// from. Valid as long as its Rows.
#pragma once

#include "storage/postgres/rows.h"

namespace grantd::storage::postgres {

class Row {
 public:
  Row(const Rows& rows, std::size_t row, std::size_t first_column = 0)
      : rows_(rows), row_(row), first_(first_column) {}

  [[nodiscard]] bool is_null(std::size_t column) const {
    return rows_.is_null(row_, first_ + column);
  }
  [[nodiscard]] std::int64_t integer(std::size_t column) const {
    return rows_.integer(row_, first_ + column);
  }
  [[nodiscard]] bool boolean(std::size_t column) const {
    return rows_.boolean(row_, first_ + column);
  }
  [[nodiscard]] std::string_view text(std::size_t column) const {
    return rows_.text(row_, first_ + column);
  }
  [[nodiscard]] std::string string(std::size_t column) const {
    return rows_.string(row_, first_ + column);
  }
  [[nodiscard]] Digest digest(std::size_t column) const {
    return rows_.digest(row_, first_ + column);
  }
  [[nodiscard]] std::string octets(std::size_t column) const {
    return rows_.octets(row_, first_ + column);
  }
  [[nodiscard]] sys_seconds time(std::size_t column) const {
    return rows_.time(row_, first_ + column);
  }
  [[nodiscard]] std::optional<sys_seconds> optional_time(std::size_t column) const {
    return rows_.optional_time(row_, first_ + column);
  }

 private:
  const Rows& rows_;
  std::size_t row_;
  std::size_t first_;
};

/// Every row as `read` reads it.
template <typename Read>
[[nodiscard]] auto read_all(const Rows& rows, const Read& read) {
  std::vector<decltype(read(Row(rows, 0)))> all;
  all.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) all.push_back(read(Row(rows, i)));
  return all;
}

}  // namespace grantd::storage::postgres
