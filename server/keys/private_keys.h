/// The private halves that are at hand: kept in custody, and in memory from what was there before.
/// Private to keys/.
///
/// One thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/keys/custody.h"

namespace grantd::keys {

class PrivateKeys {
 public:
  void add(PrivateKey key);
  /// In custody, but only other processes can open it: it may sign there, and is not lost.
  void add_closed(const std::string& kid);
  /// These are in custody now, and no others; what is in memory stays.
  void replace_kept(const KeyCustody::Content& content);
  /// What can never sign again goes.
  void drop_dead(const Records& records, WallTime now);

  /// Null where this process cannot sign with it.
  [[nodiscard]] PrivateKey find(std::string_view kid) const;
  [[nodiscard]] const Kids& kept() const { return kept_; }
  [[nodiscard]] const Kids& all() const { return all_; }
  /// Those of kept() that this process cannot sign with.
  [[nodiscard]] Kids closed() const;
  /// The live keys of `records` that this process cannot sign with.
  [[nodiscard]] std::vector<std::string> missing(const Records& records) const;

 private:
  std::map<std::string, PrivateKey, std::less<>> held_;
  Kids kept_;  // in custody, closed ones too
  Kids all_;   // those, and what is in memory alone
};

}  // namespace grantd::keys
