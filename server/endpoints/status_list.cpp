#include "server/endpoints/status_list.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "server/base/text.h"
#include "server/endpoints/document.h"
#include "server/http/content_coding.h"
#include "server/http/error_response.h"
#include "server/oauth/doubt.h"
#include "server/tokens/claims.h"
#include "server/tokens/status_reference.h"

namespace grantd::endpoints {
namespace {

using oauth::Error;
using oauth::ErrorCode;
using FoundList = storage::StoreResult<std::optional<storage::StatusList>>;
using LiveLists = storage::StoreResult<std::vector<storage::StatusList>>;

http::Response no_such_list() {
  return http::error_response({ErrorCode::not_found,
                               "there is no such status list, or it has ended",
                               "unknown_status_list"});
}

/// The draft's historical resolution: what was must not be answered with what is.
bool asks_for_the_past(std::string_view query) {
  return query.starts_with("time=") || query.find("&time=") != std::string_view::npos;
}

http::Response no_history() {
  return http::error_response({ErrorCode::not_implemented,
                               "status lists are served as they are now", "status_in_the_past"});
}

Error cannot_be_read(std::string_view cause) {
  return {ErrorCode::temporarily_unavailable, "status lists cannot be read now, try again",
          std::string(cause)};
}

http::Response list_response(const http::Request& http,
                             const StatusListDocuments::Document& rendered) {
  const bool gzip = http::accepts_gzip(http.accept_encoding);
  // A strong tag is of one representation: the same octets in another coding have another.
  const auto tag = '"' + rendered.tag + (gzip ? "-gzip\"" : "\"");
  auto response = document(http, gzip ? rendered.gzip : rendered.plain, tag, rendered.ttl);
  response.content_type = "application/statuslist+jwt";
  response.headers.push_back({"Vary", "Accept-Encoding"});
  if (gzip && response.status == 200) response.headers.push_back({"Content-Encoding", "gzip"});
  return response;
}

http::Response aggregation(const http::Request& http, std::string_view issuer,
                           const std::vector<storage::StatusList>& lists,
                           std::chrono::seconds ttl) {
  std::string body = R"({"status_lists":[)";
  for (const auto& list : lists) {
    if (!body.ends_with('[')) body += ',';
    append_json_string(body, tokens::status_list_uri(issuer, list.id));
  }
  body += "]}";
  const auto tag = '"' + std::to_string(std::hash<std::string>{}(body)) + '"';
  return document(http, std::make_shared<const std::string>(std::move(body)), tag, ttl);
}

std::function<FoundList()> finding(storage::StatusListStore& store, std::uint64_t id) {
  return [&store, id] { return store.find_status_list(id); };
}

std::function<LiveLists()> listing(storage::StatusListStore& store, sys_seconds now) {
  return [&store, now] { return store.live_status_lists(now); };
}

/// One reader more, for as long as it lives.
class Reading {
 public:
  explicit Reading(std::atomic<int>& count) : count_(count), number_(++count) {}
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() { --count_; }
  [[nodiscard]] int number() const { return number_; }

 private:
  std::atomic<int>& count_;
  const int number_;
};

}  // namespace

boost::asio::awaitable<http::Response> StatusListEndpoint::handle(const http::Request& http) const {
  if (asks_for_the_past(http.query)) co_return no_history();
  const auto segment = http.path.substr(http.path.rfind('/') + 1);
  const auto id = tokens::parse_status_list_id(segment);
  if (!id) co_return no_such_list();
  // Here, so that nothing is read in vain; once more where the rendering may have taken long.
  if (const auto current = check_current(); !current) {
    co_return http::error_response(current.error());
  }
  if (!with_.lists.find(*id)) {
    const auto known = co_await make_known(*id);
    if (!known) co_return http::error_response(known.error());
  }
  if (!is_alive(*id)) co_return no_such_list();

  const auto rendered = co_await with_.documents.get(*id);
  if (!rendered) co_return http::error_response(rendered.error());
  if (const auto current = check_current(); !current) {
    co_return http::error_response(current.error());
  }
  co_return list_response(http, **rendered);
}

boost::asio::awaitable<http::Response> StatusListEndpoint::aggregate(
    const http::Request& http) const {
  const Reading reading(reading_);
  if (reading.number() > max_reading) {
    co_return http::error_response(cannot_be_read("too_many_reading"));
  }
  const auto lists = co_await with_.pool.run(listing(with_.store, dead_if_expired_at()));
  if (!lists) co_return http::error_response(cannot_be_read("storage_queue_full"));
  if (!*lists) co_return http::error_response(cannot_be_read("storage_unavailable"));
  co_return aggregation(http, with_.issuer, **lists, with_.documents.ttl());
}

oauth::Result<void> StatusListEndpoint::check_current() const {
  const auto doubt = with_.freshness.doubts_current(with_.clock.steady());
  if (doubt) return std::unexpected(oauth::must_not_answer(*doubt));
  return {};
}

boost::asio::awaitable<oauth::Result<void>> StatusListEndpoint::make_known(std::uint64_t id) const {
  const Reading reading(reading_);
  if (reading.number() > max_reading) co_return std::unexpected(cannot_be_read("too_many_reading"));
  const auto found = co_await with_.pool.run(finding(with_.store, id));
  if (!found) co_return std::unexpected(cannot_be_read("storage_queue_full"));
  if (!*found) co_return std::unexpected(cannot_be_read("storage_unavailable"));
  if (const auto& list = **found) with_.lists.know({list->id, list->expires_at, list->capacity});
  co_return oauth::Result<void>();
}

bool StatusListEndpoint::is_alive(std::uint64_t id) const {
  const auto list = with_.lists.find(id);
  return list && list->expires_at > dead_if_expired_at();
}

/// Verifiers whose clocks are late take tokens for that much longer.
sys_seconds StatusListEndpoint::dead_if_expired_at() const {
  return floor_seconds(with_.clock.now()) - with_.policy.get()->clock_skew;
}

}  // namespace grantd::endpoints
