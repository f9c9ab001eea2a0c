#include "server/endpoints/revocations.h"

#include <algorithm>
#include <utility>

#include "server/endpoints/document.h"
#include "server/http/content_coding.h"

namespace grantd::endpoints {
namespace {

using Woken = WakeHub::Woken;

oauth::Error serves_nothing() {
  return {oauth::ErrorCode::access_denied, "the client serves no resource", "serves_no_resource"};
}

/// One reader more in the gauge, for as long as it waits.
class Waiting {
 public:
  explicit Waiting(observe::Metrics& metrics) : metrics_(metrics) { metrics_.feed_waiting(+1); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { metrics_.feed_waiting(-1); }

 private:
  observe::Metrics& metrics_;
};

}  // namespace

RevocationsEndpoint::RevocationsEndpoint(Dependencies dependencies, Settings settings)
    : with_(dependencies), settings_(std::make_shared<const Settings>(settings)) {}

void RevocationsEndpoint::set(Settings settings) {
  settings_.set(std::make_shared<const Settings>(settings));
}

boost::asio::awaitable<http::Response> RevocationsEndpoint::handle(const http::Request& http) {
  auto [request, client_id] =
      co_await request_without_form(http, with_.authenticator, with_.metrics);
  if (!request) co_return failure(request.error(), std::move(client_id));
  if (request->client->client.serves.empty()) {
    co_return failure(serves_nothing(), std::move(client_id));
  }
  const auto query = FeedQuery::parse(http.query);
  if (!query) co_return failure(query.error(), std::move(client_id));

  const auto answered = co_await answer(*query, http.read_at);
  if (!answered.document) co_return failure(answered.document.error(), std::move(client_id));
  co_return response(http, **answered.document, answered.hurried, std::move(client_id));
}

boost::asio::awaitable<RevocationsEndpoint::Answer> RevocationsEndpoint::answer(
    FeedQuery query, SteadyTime read_at) const {
  const auto settings = settings_.get();
  const auto until = read_at + std::min<std::chrono::milliseconds>(query.wait, settings->max_wait);
  bool may_wait = query.since && with_.clock.steady() < until;
  Answer answer;
  for (;;) {
    // Before looking: what is revoked from here on ends the wait at once.
    const auto generation = with_.hub.generation();
    if (!may_wait || !with_.builder.knows_no_news(*query.since, generation)) {
      answer.document =
          co_await with_.builder.document(query.since, generation, settings->max_entries);
      if (!may_wait || !answer.document || (*answer.document)->news) co_return answer;
    }
    const auto woken = co_await wait(generation, until, settings->max_waiting);
    if (woken == Woken::too_many) answer.hurried = "too_many_waiting";
    if (woken == Woken::closed) answer.hurried = "stopping";
    may_wait = woken == Woken::by_news;
  }
}

boost::asio::awaitable<Woken> RevocationsEndpoint::wait(std::uint64_t generation, SteadyTime until,
                                                        std::size_t max_waiting) const {
  const Waiting waiting(with_.metrics);
  co_return co_await with_.hub.wait(generation, until, max_waiting);
}

http::Response RevocationsEndpoint::response(const http::Request& http,
                                             const FeedDocument& document, std::string_view hurried,
                                             std::string client_id) const {
  // Weak: the same cursor stands for the same revocations, signed at another moment.
  const auto tag = '"' + std::to_string(document.seq) + '"';
  http::Response response;
  response.content_type = "application/revocations+jwt";
  response.headers.push_back({"ETag", "W/" + tag});
  response.headers.push_back({"Cache-Control", "no-cache, private"});
  response.headers.push_back({"Vary", "Accept-Encoding"});
  response.log.client_id = std::move(client_id);
  response.log.reason = hurried;
  if (is_held(http.if_none_match, tag)) {
    response.status = 304;
    with_.metrics.feed_answered(observe::FeedAnswer::not_modified);
    return response;
  }
  if (document.gzip && http::accepts_gzip(http.accept_encoding)) {
    response.headers.push_back({"Content-Encoding", "gzip"});
    response.shared_body = document.gzip;
  } else {
    response.shared_body = document.jws;
  }
  with_.metrics.feed_answered(document.full   ? observe::FeedAnswer::full
                              : document.news ? observe::FeedAnswer::news
                                              : observe::FeedAnswer::empty);
  return response;
}

}  // namespace grantd::endpoints
