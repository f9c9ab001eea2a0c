#include "server/keys/private_keys.h"

#include <utility>

namespace grantd::keys {

void PrivateKeys::add(PrivateKey key) {
  with_file_.insert(key->kid());
  all_.insert(key->kid());
  held_.insert_or_assign(key->kid(), std::move(key));
}

void PrivateKeys::replace_files(const std::vector<PrivateKey>& keys) {
  with_file_.clear();
  for (const auto& key : keys) add(key);
}

void PrivateKeys::drop_dead(const Records& records, WallTime now) {
  for (const auto& record : records) {
    if (is_published(record, now)) continue;
    held_.erase(record.kid);
    all_.erase(record.kid);
    with_file_.erase(record.kid);
  }
}

PrivateKeys::PrivateKey PrivateKeys::find(std::string_view kid) const {
  const auto found = held_.find(kid);
  return found == held_.end() ? nullptr : found->second;
}

std::vector<std::string> PrivateKeys::missing(const Records& records) const {
  std::vector<std::string> kids;
  for (const auto& record : records) {
    if (is_live(record) && !held_.contains(record.kid)) kids.push_back(record.kid);
  }
  return kids;
}

}  // namespace grantd::keys
