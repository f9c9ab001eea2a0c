#include "storage/postgres/failure.h"

#include <algorithm>
#include <string>

namespace grantd::storage::postgres {

Failure::Failure(Kind kind, std::string_view sqlstate, const std::string& message)
    : std::runtime_error(sqlstate.empty() ? message
                                          : message + " (SQLSTATE " + std::string(sqlstate) + ")"),
      kind_(kind) {
  if (sqlstate.size() == sqlstate_.size()) std::ranges::copy(sqlstate, sqlstate_.begin());
}

StoreError Failure::error() const {
  const std::string_view state = sqlstate();
  StoreErrorCode code = StoreErrorCode::unavailable;
  if (kind_ == Kind::answered) {
    // unique_violation; duplicate_table, and duplicate_object for the type that goes with a table.
    if (state == "23505" || state == "42P07" || state == "42710") {
      code = StoreErrorCode::exists;
    } else if (state.starts_with("23") || state == "22021" || state == "22P05") {
      code = StoreErrorCode::limit;
    }
  }
  return {code, what()};
}

bool Failure::lost_a_race() const {
  return repeatable_ && kind_ == Kind::answered && (sqlstate() == "40001" || sqlstate() == "40P01");
}

bool Failure::calls_for_fresh_connection() const {
  if (!repeatable_) return false;
  if (kind_ == Kind::lost) return true;
  // A read-only server; a prepared statement that is gone, or whose tables a migration changed.
  return kind_ == Kind::answered &&
         (sqlstate() == "25006" || sqlstate() == "26000" || sqlstate() == "0A000");
}

}  // namespace grantd::storage::postgres
