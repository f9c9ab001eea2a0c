#include "server/cli/table_copy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server/base/hex.h"
#include "server/jose/running_sha256.h"

namespace grantd::cli {
namespace {

using storage::Cell;
using storage::Row;
using storage::StoreError;
using storage::StoreErrorCode;
using storage::StoreResult;
using storage::Table;
using storage::TableTarget;
using WrappedKey = storage::KeyStore::WrappedKey;

constexpr std::string_view wrapped_key_table = "wrapped_key";
/// Digested at once: a call of OpenSSL a row would cost more than the row.
constexpr std::size_t digest_at_once_bytes = std::size_t{64} * 1024;

/// Count and digest of one table while its rows go by.
class Measure {
 public:
  void add(const Table& table, Row row) {
    ++rows_;
    append_canonical(pending_, table, row);
    if (pending_.size() >= digest_at_once_bytes) digest_pending();
  }

  [[nodiscard]] CopiedTable finish(const Table& table) {
    digest_pending();
    const auto digest = digest_.finish();
    std::string hex;
    append_hex(hex, {reinterpret_cast<const char*>(digest.data()), digest.size()});
    return {std::string(table.name), rows_, std::move(hex)};
  }

 private:
  void digest_pending() {
    digest_.add(pending_);
    pending_.clear();
  }

  std::size_t rows_{0};
  std::string pending_;
  jose::RunningSha256 digest_;
};

WrappedKey wrapped_key_of(Row row) {
  const auto text = [&](std::size_t column) {
    return std::string(std::get<std::string_view>(row[column]));
  };
  return {text(0), text(1), text(2)};
}

std::array<Cell, 3> row_of(const WrappedKey& key) {
  return {std::string_view(key.kid), std::string_view(key.wrapping_key_id),
          std::string_view(key.wrapped)};
}

/// One run of the copy, inside the target's transaction.
class Copy {
 public:
  Copy(storage::TableSource& source, TableTarget::Filling& target, WrappedKeys wrapped)
      : source_(source), target_(target), wrapped_(std::move(wrapped)) {}

  /// Rows as they are given, but for `wrapped_key`: these come last, with the added ones among
  /// them.
  StoreResult<void> fill() {
    auto exported = source_.export_tables([this](const Table& table, Row row) {
      if (table.name == wrapped_key_table) {
        wrapped_.push_back(wrapped_key_of(row));
      } else {
        put(table, row);
      }
    });
    if (!exported) return exported;
    std::ranges::sort(wrapped_, {}, &WrappedKey::kid);
    const auto tables = storage::copied_tables();
    const auto table = std::ranges::find(tables, wrapped_key_table, &Table::name);
    for (const WrappedKey& key : wrapped_) put(*table, row_of(key));
    return {};
  }

  /// Whether what stands in the target is what was put there.
  StoreResult<std::vector<CopiedTable>> verify() {
    std::vector<CopiedTable> copied;
    wrapped_.clear();
    for (const Table& table : storage::copied_tables()) {
      Measure found;
      target_.read_back(table, [&](Row row) {
        found.add(table, row);
        if (table.name == wrapped_key_table) wrapped_.push_back(wrapped_key_of(row));
      });
      const auto before = measures_[index(table)].finish(table);
      auto after = found.finish(table);
      if (before.rows != after.rows || before.sha256 != after.sha256) {
        return std::unexpected(StoreError{
            StoreErrorCode::refused,
            "table " + after.name + " did not arrive as it left: " + std::to_string(before.rows) +
                " rows with digest " + before.sha256 + " became " + std::to_string(after.rows) +
                " with " + after.sha256});
      }
      copied.push_back(std::move(after));
    }
    return copied;
  }

  /// Once verified: as they were read back.
  [[nodiscard]] const WrappedKeys& wrapped() const { return wrapped_; }

 private:
  static std::size_t index(const Table& table) {
    return static_cast<std::size_t>(&table - storage::copied_tables().data());
  }

  void put(const Table& table, Row row) {
    measures_[index(table)].add(table, row);
    target_.put(table, row);
  }

  storage::TableSource& source_;
  TableTarget::Filling& target_;
  WrappedKeys wrapped_;
  std::vector<Measure> measures_{storage::copied_tables().size()};
};

}  // namespace

StoreResult<std::vector<CopiedTable>> copy_tables(
    storage::TableSource& source, TableTarget& target, const WrappedKeys& added,
    const std::function<std::expected<void, std::string>(const WrappedKeys&)>& check) {
  std::vector<CopiedTable> copied;
  const auto filled = target.fill_empty([&](TableTarget::Filling& filling) -> StoreResult<void> {
    Copy copy(source, filling, added);
    if (auto put = copy.fill(); !put) return put;
    auto verified = copy.verify();
    if (!verified) return std::unexpected(std::move(verified.error()));
    if (const auto good = check(copy.wrapped()); !good) {
      return std::unexpected(StoreError{StoreErrorCode::refused, good.error()});
    }
    copied = std::move(*verified);
    return {};
  });
  if (!filled) return std::unexpected(filled.error());
  return copied;
}

}  // namespace grantd::cli
