#include "server/keys/database_custody.h"

#include <algorithm>
#include <utility>

namespace grantd::keys {
namespace {

using storage::StoreResult;
using Update = storage::KeyStore::Update;
using Rows = std::vector<WrappedKey>;

/// Kids of keys whose private half has no business in the database any more.
bool is_dead(const Records& known, std::string_view kid, WallTime now) {
  const auto* const record = find_record(known, kid);
  return record != nullptr && !is_published(*record, now);
}

std::string words_of(const storage::StoreError& error) { return "storage: " + error.detail; }

}  // namespace

class DatabaseCustody::Unlocked final : public Session {
 public:
  explicit Unlocked(const DatabaseCustody& custody) : custody_(custody) {}

  /// Record and private half are written together: a crash leaves nothing behind.
  std::vector<std::string> recover(const Records&) override { return {}; }

  std::expected<Content, Fault> load(const Records& known, WallTime now) override {
    const auto rows = custody_.store_.load_wrapped_keys();
    if (!rows) return std::unexpected(Fault{Fault::Kind::away, words_of(rows.error())});
    Content content;
    if (custody_.warning_) content.warnings.push_back({{}, *custody_.warning_});
    for (const auto& row : *rows) {
      // One that came with a record behind `known` is read when that is.
      if (find_record(known, row.kid) == nullptr) continue;
      if (is_dead(known, row.kid, now)) {
        content.left_behind.insert(row.kid);
        continue;
      }
      auto key = custody_.keys_->unwrap(row);
      if (key) {
        content.keys.push_back(std::move(*key));
        continue;
      }
      if (key.error().lacks_line) content.closed.insert(row.kid);
      content.skipped.push_back({row.kid, std::move(key.error().detail)});
    }
    return content;
  }

  std::expected<PrivateKey, Missing> load_one(std::string_view kid) override {
    const auto rows = custody_.store_.load_wrapped_keys();
    if (!rows) return std::unexpected(Missing{Missing::Kind::away, words_of(rows.error())});
    const auto row = std::ranges::find(*rows, kid, &WrappedKey::kid);
    if (row == rows->end()) {
      return std::unexpected(Missing{
          Missing::Kind::lost, "the database holds no private half of key " + std::string(kid) +
                                   "; put it back with `grantd key import`"});
    }
    auto key = custody_.keys_->unwrap(*row);
    if (key) return std::move(*key);
    return std::unexpected(
        Missing{key.error().lacks_line ? Missing::Kind::closed : Missing::Kind::lost,
                std::move(key.error().detail)});
  }

  StoreResult<Records> publish(const jose::RsaPrivateKey& key, const Decide& decide, WallTime now,
                               std::string_view actor) override {
    const auto wrapped = custody_.keys_->wrap(key, custody_.random_);
    return custody_.store_.update_keys(
        [&](const Records& stored) {
          auto update = decide(stored);
          if (update) {
            update->wrap.push_back(wrapped);
            custody_.accompany(*update, now);
          }
          return update;
        },
        floor_seconds(now), actor);
  }

  std::vector<Note> put_away(const Kids& kids, WallTime now, std::string_view actor) override {
    const auto failed = [&](const std::string& detail) {
      std::vector<Note> failures;
      for (const auto& kid : kids) {
        failures.push_back({kid, "its private half was not deleted from the database: " + detail});
      }
      return failures;
    };
    const auto rows = custody_.store_.load_wrapped_keys();
    if (!rows) return failed(words_of(rows.error()));
    // Of several nodes that find it due one was first, mostly: no transaction for nothing.
    if (std::ranges::none_of(*rows, [&](const auto& row) { return kids.contains(row.kid); })) {
      return {};
    }
    const auto done = custody_.store_.update_keys(
        [&](const Records& stored) -> std::expected<Update, std::string> {
          Update update;
          for (const auto& kid : kids) {
            if (is_dead(stored, kid, now)) update.destroy.push_back(kid);
          }
          return update;
        },
        floor_seconds(now), actor);
    return done ? std::vector<Note>{} : failed(words_of(done.error()));
  }

 private:
  const DatabaseCustody& custody_;
};

DatabaseCustody::DatabaseCustody(storage::KeyStore& store, std::filesystem::path file,
                                 Random& random)
    : store_(store), file_(std::move(file)), random_(random) {
  words_.place = "the database";
  words_.unknown_to = "the database does not know";
  words_.none_usable =
      "the database knows keys, but none of their private halves can be used, and a new key is "
      "never made in silence; bring one back with `grantd key import`, or run `grantd key "
      "generate`";
}

std::expected<std::unique_ptr<DatabaseCustody>, std::string> DatabaseCustody::make(
    storage::KeyStore& store, std::filesystem::path wrapping_key_file, Random& random,
    Cover cover) {
  std::unique_ptr<DatabaseCustody> custody(
      new DatabaseCustody(store, std::move(wrapping_key_file), random));
  if (auto read = custody->read_file(cover); !read) return std::unexpected(std::move(read.error()));
  return custody;
}

std::expected<void, std::string> DatabaseCustody::read_file(Cover cover) {
  auto loaded = WrappingKeys::load(file_);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  if (cover == Cover::required) {
    const auto rows = store_.load_wrapped_keys();
    if (!rows) return std::unexpected(words_of(rows.error()));
    if (const auto covered = loaded->keys.covers(*rows); !covered) {
      return std::unexpected("keys.wrapping_key_file: " + file_.string() + ": " + covered.error());
    }
  }
  keys_ = std::move(loaded->keys);
  warning_ = std::move(loaded->warning);
  return {};
}

std::expected<std::unique_ptr<KeyCustody::Session>, KeyCustody::Fault> DatabaseCustody::open(
    std::chrono::milliseconds) {
  return std::make_unique<Unlocked>(*this);
}

std::expected<KeyCustody::Renewal, std::string> DatabaseCustody::renew() {
  auto before = std::move(keys_);
  auto warning = std::move(warning_);
  // Of a file that is refused, too.
  Renewal renewal([this, before = std::move(before), warning = std::move(warning)]() mutable {
    keys_ = std::move(before);
    warning_ = std::move(warning);
  });
  if (auto read = read_file(Cover::required); !read)
    return std::unexpected(std::move(read.error()));
  return renewal;
}

void DatabaseCustody::accompany(Update& update, WallTime now) const {
  for (const auto& key : update.put) {
    if (!is_published(key, now)) update.destroy.push_back(key.kid);
  }
}

StoreResult<DatabaseCustody::Rewrapped> DatabaseCustody::rewrap(WallTime now,
                                                                std::string_view actor) {
  const auto rows = store_.load_wrapped_keys();
  if (!rows) return std::unexpected(rows.error());
  Rewrapped result;
  result.current = keys_->current();
  Rows anew;
  for (const auto& row : *rows) {
    if (row.wrapping_key_id == keys_->current()) continue;
    const auto key = keys_->unwrap(row);
    if (key) {
      anew.push_back(keys_->wrap(**key, random_));
    } else {
      result.failures.push_back(key.error().detail);
    }
  }
  if (!anew.empty()) {
    const auto written = store_.update_keys(
        [&](const Records& stored) -> std::expected<Update, std::string> {
          Update update;
          for (const auto& row : anew) {
            // A half that was destroyed in between must not come back.
            if (is_dead(stored, row.kid, now)) {
              update.destroy.push_back(row.kid);
              continue;
            }
            update.wrap.push_back(row);
            update.changes.emplace_back(storage::ChangeKind::key_changed, row.kid);
          }
          result.rewrapped = update.wrap.size();
          return update;
        },
        floor_seconds(now), actor);
    if (!written) return std::unexpected(written.error());
  }
  const auto after = store_.load_wrapped_keys();
  if (!after) return std::unexpected(after.error());
  result.in_use = wrapping_keys_in_use(*after);
  return result;
}

}  // namespace grantd::keys
