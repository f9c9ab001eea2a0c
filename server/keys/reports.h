/// What the key ring tells its observer. Private to keys/.
///
/// One thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/keys/custody.h"
#include "server/keys/key_ring.h"

namespace grantd::keys {

class Reports {
 public:
  explicit Reports(KeyRing::Observer observer) : observer_(std::move(observer)) {}

  void report(const KeyEvent& event) const { observer_(event); }
  void report(KeyEvent::Kind kind, std::string kid, std::string detail) const {
    observer_({kind, std::move(kid), std::move(detail)});
  }
  void report_all(KeyEvent::Kind kind, const std::vector<std::string>& details) const {
    for (const auto& detail : details) report(kind, {}, detail);
  }
  void report_all(KeyEvent::Kind kind, const std::vector<KeyCustody::Note>& notes) const {
    for (const auto& note : notes) report(kind, note.kid, note.detail);
  }

  /// Conditions that last: the operator hears of each once, when it begins.
  [[nodiscard]] bool begins(const std::string& condition) { return open_.insert(condition).second; }
  void ends(std::string_view condition) {
    if (const auto found = open_.find(condition); found != open_.end()) open_.erase(found);
  }

  /// Whether storage does; the operator hears of it where it did not, once until it does.
  bool storage_answers(const storage::StoreError* error) {
    if (error != nullptr && storage_fault_.empty()) {
      report(KeyEvent::Kind::warning, {},
             "storage: " + error->detail + "; the keys in force stay in force");
    }
    storage_fault_ = error == nullptr ? std::string() : "storage: " + error->detail;
    return error == nullptr;
  }
  /// Empty while it answers.
  [[nodiscard]] const std::string& storage_fault() const { return storage_fault_; }

 private:
  KeyRing::Observer observer_;
  std::string storage_fault_;
  Kids open_;
};

}  // namespace grantd::keys
