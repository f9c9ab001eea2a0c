#include "config/storage_url.h"

#include <algorithm>
#include <array>
#include <memory>

#include "config/codecs.h"
#include "server/base/libpq.h"

namespace grantd::config {
namespace {

using Keywords = std::map<std::string, std::string>;

constexpr std::string_view expected_url =
    "sqlite:PATH, or postgresql://USER@HOST/DATABASE without a password";

constexpr std::string_view expected_without_libpq = "sqlite:PATH, or that library";

// Those of libpq's that say where the database is and how it is reached. What decides how grantd
// uses a session (options, client_encoding, replication …) or bears a secret is not a user's to
// give.
constexpr auto allowed_keywords = std::to_array<std::string_view>({"user",
                                                                   "host",
                                                                   "hostaddr",
                                                                   "port",
                                                                   "dbname",
                                                                   "sslmode",
                                                                   "sslrootcert",
                                                                   "sslcert",
                                                                   "sslkey",
                                                                   "sslcrl",
                                                                   "sslcrldir",
                                                                   "sslsni",
                                                                   "ssl_min_protocol_version",
                                                                   "ssl_max_protocol_version",
                                                                   "channel_binding",
                                                                   "target_session_attrs",
                                                                   "application_name",
                                                                   "keepalives",
                                                                   "keepalives_idle",
                                                                   "keepalives_interval",
                                                                   "keepalives_count",
                                                                   "gssencmode",
                                                                   "krbsrvname",
                                                                   "require_auth"});

/// On a standby grantd would read what is old, and take it for the present.
constexpr auto allowed_session_attrs = std::to_array<std::string_view>({"read-write", "primary"});

struct Free {
  void operator()(PQconninfoOption* options) const noexcept { libpq().PQconninfoFree(options); }
};

/// "a,,b" or "a,": libpq would take the distribution's socket for it.
bool has_empty_element(const std::string& list) {
  return list.starts_with(',') || list.ends_with(',') || list.find(",,") != std::string::npos;
}

// A URL of another database may bear a password: its scheme alone is repeated.
std::string found_url(const Json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  if (text == nullptr || text->starts_with(sqlite_prefix)) return found_text(value);
  const auto colon = text->find(':');
  if (colon == std::string::npos) return "a string without a scheme";
  return "a URL with the scheme " + found_text(text->substr(0, colon));
}

// SQLite gives names with a leading colon a meaning of their own (":memory:"), and "//" would read
// as a host.
bool is_database_path(std::string_view path) {
  return is_path_text(path) && !path.starts_with(':') &&
         !(path.starts_with("//") && !path.starts_with("///"));
}

void read_url(const Json& value, const std::string& label, Config& config, Faults& faults) {
  const auto* text = value.get_ptr<const std::string*>();
  auto& storage = config.storage;
  if (text != nullptr && text->starts_with(postgres_prefix)) {
    auto keywords = parse_postgres_url(*text);
    if (!keywords) {
      const auto expected = load_libpq() ? expected_url : expected_without_libpq;
      faults.push_back({label, keywords.error(), std::string(expected)});
      return;
    }
    storage.url = *text;
    storage.backend = StorageBackend::postgresql;
    storage.sqlite_path.clear();
    storage.postgres = std::move(*keywords);
    return;
  }
  const bool sqlite = text != nullptr && text->starts_with(sqlite_prefix);
  if (!sqlite || !is_database_path(std::string_view(*text).substr(sqlite_prefix.size()))) {
    faults.push_back({label, found_url(value), std::string(expected_url)});
    return;
  }
  storage.url = *text;
  storage.backend = StorageBackend::sqlite;
  storage.sqlite_path =
      (config.file.parent_path() / text->substr(sqlite_prefix.size())).lexically_normal();
  storage.postgres.clear();
}

}  // namespace

std::expected<Keywords, std::string> parse_postgres_url(const std::string& url) {
  if (const auto library = load_libpq(); !library) {
    return std::unexpected("a URL of PostgreSQL, but " + library.error());
  }
  // libpq's message may repeat a part of the URL, which may be a password: it is not passed on.
  const std::unique_ptr<PQconninfoOption, Free> options(
      libpq().PQconninfoParse(url.c_str(), nullptr));
  if (options == nullptr) return std::unexpected("a URL that PostgreSQL's library cannot read");
  Keywords keywords;
  for (const auto* each = options.get(); each->keyword != nullptr; ++each) {
    if (each->val == nullptr) continue;
    const std::string keyword = each->keyword;
    if (keyword == "password") {
      return std::unexpected("a URL with a password, which belongs in storage.password_file");
    }
    if (std::ranges::find(allowed_keywords, keyword) == allowed_keywords.end()) {
      return std::unexpected("a URL with the parameter " + keyword + ", which grantd sets itself");
    }
    keywords.emplace(keyword, each->val);
  }
  if (has_empty_element(keywords["host"])) {
    return std::unexpected("a URL whose list of hosts has an empty element");
  }
  for (const auto* needed : {"host", "user", "dbname"}) {
    if (keywords[needed].empty()) return std::unexpected(std::string("a URL without ") + needed);
  }
  const auto attrs = keywords.find("target_session_attrs");
  if (attrs != keywords.end() &&
      std::ranges::find(allowed_session_attrs, attrs->second) == allowed_session_attrs.end()) {
    return std::unexpected("a URL with target_session_attrs other than read-write and primary");
  }
  return keywords;
}

Field storage_url(Words words) {
  Field made;
  made.words = std::move(words);
  made.expected = expected_url;
  made.schema = {{"type", "string"}, {"pattern", "^(sqlite:[^:]|postgresql://)"}};
  made.read = read_url;
  made.write = [](const Config& config) -> OrderedJson {
    const auto& storage = config.storage;
    if (storage.backend == StorageBackend::postgresql) return storage.url;
    return std::string(sqlite_prefix) + storage.sqlite_path.string();
  };
  made.copy = [](const Config& from, Config& to) {
    to.storage.url = from.storage.url;
    to.storage.backend = from.storage.backend;
    to.storage.sqlite_path = from.storage.sqlite_path;
    to.storage.postgres = from.storage.postgres;
  };
  return made;
}

}  // namespace grantd::config
