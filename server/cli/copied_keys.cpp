#include "server/cli/copied_keys.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/cli/context.h"
#include "server/keys/rotation.h"

namespace grantd::cli {
namespace {

/// For another command that holds the directory.
constexpr std::chrono::milliseconds lock_patience{5000};

using Records = std::vector<storage::KeyRecord>;

struct Pems {
  keys::KeyDirectory::Content content{};
  std::optional<keys::KeyDirectory::Lock> lock{};
};

/// Nothing where there is no directory: the source's keys may all be in its database.
Outcome<Pems> read_directory(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Pems{};
  const keys::KeyDirectory directory(path);
  auto lock = directory.lock(lock_patience);
  if (!lock) return could_not(lock.error().detail);
  auto content = directory.load(*lock);
  if (!content) return could_not(content.error());
  return Pems{std::move(*content), std::move(*lock)};
}

std::string describe_missing(const Records& missing, const std::filesystem::path& directory) {
  std::string kids;
  for (const auto& key : missing) kids += (kids.empty() ? "" : ", ") + key.kid;
  return "no private key is found of " + kids + ", which " +
         (missing.size() == 1 ? "signs or is to sign" : "sign or are to sign") + ": looked in " +
         directory.string() +
         "; name the old keys.directory with --keys, or retire what is lost (`grantd key retire`) in "
         "the old installation";
}

}  // namespace

Outcome<CopiedKeys> gather_keys(storage::KeyStore& source, const keys::WrappingKeys& wrapping,
                                const std::filesystem::path& directory, Random& random,
                                WallTime now) {
  auto pems = read_directory(directory);
  if (!pems) return std::unexpected(pems.error());
  const auto records = source.load_keys();
  if (!records) return store_failure(records.error(), "keys");
  const auto in_database = source.load_wrapped_keys();
  if (!in_database) return store_failure(in_database.error(), "keys");
  if (const auto covered = wrapping.covers(*in_database); !covered) {
    return could_not("keys.wrapping_key_file: " + covered.error());
  }

  CopiedKeys copied;
  Records missing;
  for (const auto& record : *records) {
    if (!keys::is_published(record, now) ||
        std::ranges::find(*in_database, record.kid, &keys::WrappedKey::kid) != in_database->end()) {
      continue;
    }
    const auto pem = std::ranges::find(pems->content.keys, record.kid,
                                       [](const auto& key) { return key->kid(); });
    if (pem != pems->content.keys.end()) {
      copied.wrapped.push_back(wrapping.wrap(**pem, random));
    } else if (keys::is_live(record)) {
      missing.push_back(record);
    }
  }
  copied.warnings = std::move(pems->content.skipped);
  if (!missing.empty()) {
    Failure failure{status_not_done, std::move(copied.warnings)};
    failure.sentences.push_back(describe_missing(missing, directory));
    return std::unexpected(std::move(failure));
  }
  for (const auto& key : pems->content.keys) {
    if (std::ranges::find(*records, key->kid(), &storage::KeyRecord::kid) != records->end()) {
      continue;
    }
    copied.warnings.push_back(directory.string() + " holds key " + key->kid() +
                              ", which the database does not know: it is not copied; `grantd key "
                              "import` brings it in");
  }
  copied.lock = std::move(pems->lock);
  return copied;
}

std::expected<void, std::string> check_unwrapping(const keys::WrappingKeys& wrapping,
                                                  const WrappedKeys& wrapped) {
  for (const auto& row : wrapped) {
    if (const auto key = wrapping.unwrap(row); !key) return std::unexpected(key.error().detail);
  }
  return {};
}

}  // namespace grantd::cli
