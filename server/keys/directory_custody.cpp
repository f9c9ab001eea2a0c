#include "server/keys/directory_custody.h"

#include <utility>

namespace grantd::keys {

using storage::StoreError;
using storage::StoreErrorCode;

class DirectoryCustody::Locked final : public Session {
 public:
  Locked(const KeyDirectory& directory, KeyDirectory::Lock lock, storage::KeyStore& store)
      : directory_(directory), lock_(std::move(lock)), store_(store) {}

  std::vector<std::string> recover(const Records& known) override {
    return directory_.recover(lock_, [&known](std::string_view kid) {
      const auto* const record = find_record(known, kid);
      return record != nullptr && !record->compromised;
    });
  }

  std::expected<Content, Fault> load(const Records& known, WallTime now) override {
    auto read = directory_.load(lock_);
    if (!read) return std::unexpected(Fault{Fault::Kind::gone, std::move(read.error())});
    Content content;
    for (auto& each : read->skipped) content.skipped.push_back({{}, std::move(each)});
    for (auto& each : read->warnings) content.warnings.push_back({{}, std::move(each)});
    for (auto& key : read->keys) {
      const auto* const record = find_record(known, key->kid());
      if (record == nullptr || is_published(*record, now)) {
        content.keys.push_back(std::move(key));
        continue;
      }
      content.left_behind.insert(key->kid());
      content.warnings.push_back(
          {key->kid(), "the file of a key that was removed is ignored, and goes to retired/"});
    }
    return content;
  }

  std::expected<PrivateKey, Missing> load_one(std::string_view kid) override {
    auto key = directory_.load_one(lock_, kid);
    if (!key) return std::unexpected(Missing{Missing::Kind::lost, std::move(key.error())});
    return std::move(*key);
  }

  storage::StoreResult<Records> publish(const jose::RsaPrivateKey& key, const Decide& decide,
                                        WallTime now, std::string_view actor) override {
    if (const auto written = directory_.write_new(lock_, key); !written) {
      return std::unexpected(StoreError{StoreErrorCode::unavailable, written.error()});
    }
    auto records = store_.update_keys(decide, floor_seconds(now), actor);
    if (!records) {
      // Where storage went away in the middle it may have stored the key: the next recovery
      // decides.
      if (records.error().code == StoreErrorCode::refused) directory_.discard_new(lock_, key.kid());
      return records;
    }
    if (const auto accepted = directory_.accept_new(lock_, key.kid()); !accepted) {
      return std::unexpected(StoreError{StoreErrorCode::unavailable, accepted.error()});
    }
    return records;
  }

  std::vector<Note> put_away(const Kids& kids, WallTime, std::string_view) override {
    std::vector<Note> failures;
    for (const auto& kid : kids) {
      if (const auto moved = directory_.move_to_retired(lock_, kid); !moved) {
        failures.push_back({kid, "its file was not moved to retired/: " + moved.error()});
      }
    }
    return failures;
  }

 private:
  const KeyDirectory& directory_;
  KeyDirectory::Lock lock_;
  storage::KeyStore& store_;
};

DirectoryCustody::DirectoryCustody(std::filesystem::path directory, storage::KeyStore& store)
    : directory_(std::move(directory)), store_(store) {
  const auto path = directory_.path().string();
  words_.place = path;
  words_.unknown_to = "neither storage nor " + path + " knows";
  words_.none_usable = "storage knows keys, but no file of theirs in " + path +
                       " can be used, and a new key is never made in silence; put the files back "
                       "(is a mount missing?), or run `grantd key generate`";
}

std::expected<std::unique_ptr<KeyCustody::Session>, KeyCustody::Fault> DirectoryCustody::open(
    std::chrono::milliseconds patience) {
  auto lock = directory_.lock(patience);
  if (!lock) {
    return std::unexpected(Fault{lock.error().busy ? Fault::Kind::busy : Fault::Kind::gone,
                                 std::move(lock.error().detail)});
  }
  return std::make_unique<Locked>(directory_, std::move(*lock), store_);
}

std::expected<void, std::string> DirectoryCustody::prepare() { return directory_.make(); }

}  // namespace grantd::keys
