/// The private halves that are at hand: in files, and in memory from files that were there before.
/// Private to keys/.
///
/// One thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/keys/key_directory.h"
#include "server/keys/publication.h"

namespace grantd::keys {

class PrivateKeys {
 public:
  using PrivateKey = KeyDirectory::PrivateKey;

  void add(PrivateKey key);
  /// These files are there now, and no others; what is in memory stays.
  void replace_files(const std::vector<PrivateKey>& keys);
  /// What can never sign again goes.
  void drop_dead(const Records& records, WallTime now);

  /// Null where it is not at hand.
  [[nodiscard]] PrivateKey find(std::string_view kid) const;
  [[nodiscard]] const Kids& with_file() const { return with_file_; }
  [[nodiscard]] const Kids& all() const { return all_; }
  /// The live keys of `records` that are not at hand.
  [[nodiscard]] std::vector<std::string> missing(const Records& records) const;

 private:
  std::map<std::string, PrivateKey, std::less<>> held_;
  Kids all_;  // the kids of held_
  Kids with_file_;
};

}  // namespace grantd::keys
