/// The arguments of one statement ($1, $2 …), as libpq takes them. Everything is copied.
///
/// A text with a NUL in it is refused with a Failure: PostgreSQL stores none, and libpq would cut
/// it off there.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/records.h"

namespace grantd::storage::postgres {

/// A BYTEA.
struct Octets {
  std::string_view view{};
};

class Parameters {
 public:
  void add(std::string_view text);
  void add(const char* text) { add(std::string_view(text)); }
  void add(const std::string& text) { add(std::string_view(text)); }
  /// For SMALLINT and BIGINT columns: 0 or 1.
  void add(bool value) { add_text(value ? "1" : "0"); }
  template <std::signed_integral T>
  void add(T value) {
    add_text(std::to_string(value));
  }
  template <std::unsigned_integral T>
    requires(sizeof(T) < sizeof(std::int64_t))
  void add(T value) {
    add_text(std::to_string(value));
  }
  void add(Octets octets);
  void add(const Digest& digest);
  void add(sys_seconds time) { add(time.time_since_epoch().count()); }
  void add(std::chrono::seconds duration) { add(duration.count()); }
  template <typename T>
  void add(const std::optional<T>& value) {
    if (value) {
      add(*value);
    } else {
      values_.emplace_back();
    }
  }
  /// Arrays: BIGINT[] (times too), TEXT[] and BYTEA[], for unnest().
  void add(const std::vector<std::int64_t>& values);
  void add(const std::vector<sys_seconds>& values);
  void add(const std::vector<std::string>& values);
  void add(const std::vector<std::string_view>& values);
  void add(const std::vector<Digest>& values);

  [[nodiscard]] int count() const { return static_cast<int>(values_.size()); }
  /// As PQsendQueryPrepared takes them; valid until the next add().
  struct Arrays {
    std::vector<const char*> values{};
    std::vector<int> lengths{};
    std::vector<int> formats{};  // 1: binary
  };
  [[nodiscard]] Arrays arrays() const;

 private:
  struct Value {
    std::optional<std::string> content{};  // absent: NULL
    bool binary{false};
  };

  void add_text(std::string text) { values_.push_back({std::move(text), false}); }

  std::vector<Value> values_;
};

}  // namespace grantd::storage::postgres
