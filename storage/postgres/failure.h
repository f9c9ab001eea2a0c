/// What goes wrong between this process and PostgreSQL. Never leaves storage/postgres: Database
/// turns it into a StoreError.
#pragma once

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

#include "storage/stores.h"

namespace grantd::storage::postgres {

class Failure : public std::runtime_error {
 public:
  enum class Kind {
    answered,     // the server refused a statement and goes on
    lost,         // the connection ended
    silent,       // no answer within the deadline; the connection is given up
    away,         // no connection could be made, or none was free in time
    unconfirmed,  // COMMIT was sent, and whether it holds (on the standby too) is not known
  };

  /// `sqlstate` is five characters or empty. `message` is one line without a secret.
  Failure(Kind kind, std::string_view sqlstate, const std::string& message);

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// PostgreSQL's five characters (its manual, Appendix A); empty where no server spoke.
  [[nodiscard]] std::string_view sqlstate() const noexcept {
    return {sqlstate_.data(), sqlstate_[0] == '\0' ? 0 : sqlstate_.size()};
  }
  /// `exists` where a unique constraint was hurt, `limit` where another constraint was or a text
  /// cannot be stored (NUL, no UTF-8), else `unavailable`.
  [[nodiscard]] StoreError error() const;

  /// The transaction was undone for the sake of another: the same again may pass.
  [[nodiscard]] bool lost_a_race() const;
  /// Nothing was committed, and on another connection the same may pass.
  [[nodiscard]] bool calls_for_fresh_connection() const;
  /// What was read went to somebody already: it must not come a second time.
  void forbid_repeating() noexcept { repeatable_ = false; }

 private:
  Kind kind_;
  bool repeatable_{true};
  std::array<char, 5> sqlstate_{};
};

}  // namespace grantd::storage::postgres
