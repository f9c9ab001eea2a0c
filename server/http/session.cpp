#include "server/http/session.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/core/demangle.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <system_error>
#include <typeinfo>
#include <utility>

#include "server/base/random.h"
#include "server/base/secret.h"
#include "server/http/error_response.h"

namespace grantd::http {
namespace {

using boost::asio::awaitable;
using boost::asio::use_awaitable;
using boost::asio::ip::tcp;
using oauth::ErrorCode;
using Outcome = tls::Stream::Outcome;

constexpr std::size_t read_chunk_bytes = 4096;
constexpr std::size_t request_id_bytes = 16;
/// Head and content up to this size go out as one TLS record; beyond, copying would cost more.
constexpr std::size_t joined_write_bytes = 16 * 1024;
constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

/// Empty where the peer is gone already. IPv4 in IPv6's clothes is IPv4: peers are counted by it.
std::string peer_address(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return {};
  const auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6())
        .to_string();
  }
  return address.to_string();
}

oauth::Error too_slow() {
  return {ErrorCode::request_timeout, "the request did not arrive in time", "request_timeout"};
}

Response handler_failed() {
  return error_response({ErrorCode::server_error, "", "handler_failed"});
}

/// No route: 404, or 405 where only the method is wrong (RFC 9110 §15.5.5, §15.5.6).
Response refusal(const Router::Match& match) {
  if (match.allow.empty()) {
    return error_response({ErrorCode::not_found, "there is nothing at this path", "unknown_path"});
  }
  Response refused = error_response(
      {ErrorCode::method_not_allowed, "this path does not take this method", "wrong_method"});
  refused.headers.push_back({"Allow", match.allow});
  return refused;
}

}  // namespace

Session::Session(const Server::Dependencies& dependencies, const Listener& listener,
                 EventLoop& loop, const std::atomic<Phase>& phase, tcp::socket socket)
    : dependencies_(dependencies),
      listener_(listener),
      loop_(loop),
      phase_(phase),
      peer_(peer_address(socket)),
      tls_(listener.tls == nullptr ? nullptr : listener.tls->get()),
      limits_(dependencies.limits.get()),
      stream_(std::move(socket), tls_.get()) {
  loop_.sessions.push_back(*this);
}

awaitable<void> Session::run() {
  arm(limits_->handshake_timeout);
  if (co_await stream_.handshake() != Outcome::done) {
    dependencies_.metrics.handshake_failed();
    co_return;
  }
  After after = After::keep;
  while (after == After::keep) {
    // Not behind `&&` in the condition: GCC 12 awaits there whatever stands before it.
    const bool begins = co_await next_request_begins();
    if (!begins) break;
    after = co_await exchange();
    served_ = true;
  }
  if (after == After::drop) co_return;
  stream_.close_writing();
  if (after == After::keep || aborted_) co_return;  // idle: nothing unread, no answer to lose
  stream_.rearm();
  arm(linger_limit);
  co_await stream_.discard(linger_bytes);
}

awaitable<bool> Session::next_request_begins() {
  if (!input_.empty() || stream_.has_buffered()) {
    // A peer that sends without a pause must not hold up the others on this loop.
    disarm();
    co_await boost::asio::post(co_await boost::asio::this_coro::executor, use_awaitable);
    co_return true;
  }
  input_.release();
  const bool stopping = phase_.load(std::memory_order_relaxed) == Phase::stopping;
  if (stopping && served_ && !stream_.has_arrived()) co_return false;
  limits_ = dependencies_.limits.get();
  arm(stopping ? drain_first_request : limits_->idle_timeout);
  idle_ = true;
  const Outcome outcome = co_await stream_.wait_readable();
  idle_ = false;
  co_return outcome == Outcome::done;
}

awaitable<Session::After> Session::exchange() {
  limits_ = dependencies_.limits.get();
  RequestParser parser(limits_->max_header_bytes, limits_->max_body_bytes);
  arm(limits_->request_timeout);
  const auto received = co_await receive(parser);
  disarm();
  if (received && !*received) co_return After::drop;

  Exchange exchange;  // filled in member by member: docs/adr/0002
  exchange.request_id = random_hex(dependencies_.random, request_id_bytes);
  exchange.read_at = dependencies_.clock.steady();
  if (!received) {
    stream_.rearm();
    Response refused = error_response(received.error());
    co_return co_await respond(std::move(refused), exchange);
  }
  Request request = parser.request();
  request.peer = peer_;
  request.request_id = exchange.request_id;
  request.read_at = exchange.read_at;
  exchange.keep_alive = parser.keep_alive();
  exchange.http_1_0 = parser.is_http_1_0();
  exchange.head = request.method == Method::head;
  const Router::Match match = listener_.router->find(request.method, request.path);
  exchange.endpoint = match.endpoint;
  if (match.route == nullptr) {
    Response refused = refusal(match);
    co_return co_await respond(std::move(refused), exchange);
  }
  Response response = co_await call(*match.route, request);
  co_return co_await respond(std::move(response), exchange);
}

awaitable<std::expected<bool, oauth::Error>> Session::receive(RequestParser& parser) {
  for (bool begun = false;;) {
    if (!input_.empty()) {
      begun = true;
      const auto progress = parser.feed(input_);
      if (!progress) co_return std::unexpected(progress.error());
      if (*progress == RequestParser::Progress::done) co_return true;
      if (parser.take_expectation()) {
        const Outcome told = co_await stream_.write(continue_line);
        if (told != Outcome::done) co_return false;
      }
    }
    const auto [outcome, bytes] = co_await stream_.read_some(input_.prepare(read_chunk_bytes));
    if (outcome == Outcome::expired && begun && !aborted_) {
      co_return std::unexpected(too_slow());
    }
    if (outcome != Outcome::done) co_return false;
    input_.commit(bytes);
  }
}

awaitable<Response> Session::call(const Route& route, const Request& request) {
  // Only an operating system's error says no more than what went wrong; any other text could hold
  // what the client sent.
  try {
    co_return co_await route.handler(request);
  } catch (const boost::system::system_error& error) {
    log_handler_failure(route, request, "boost::system::system_error", error.code().message());
  } catch (const std::system_error& error) {
    log_handler_failure(route, request, "std::system_error", error.code().message());
  } catch (const std::exception& error) {
    log_handler_failure(route, request, boost::core::demangle(typeid(error).name()), "");
  } catch (...) {
    log_handler_failure(route, request, "unknown", "");
  }
  co_return handler_failed();
}

void Session::log_handler_failure(const Route& route, const Request& request, std::string_view type,
                                  std::string_view what) {
  dependencies_.log.event(observe::Level::error, "handler_failed",
                          {{"request_id", request.request_id},
                           {"endpoint", route.endpoint},
                           {"type", type},
                           {"error", what}});
}

awaitable<Session::After> Session::respond(Response response, const Exchange& exchange) {
  const bool serving = phase_.load(std::memory_order_relaxed) == Phase::serving;
  const bool keep_alive = exchange.keep_alive && serving;
  std::string head;
  append_head(head, response, {exchange.request_id, loop_.date, keep_alive, exchange.http_1_0});
  const bool with_content = has_content(response) && !exchange.head;
  arm(limits_->request_timeout);
  const std::string_view content = with_content ? response.content() : std::string_view();
  const Outcome outcome = co_await send(head, content, response.sensitive);
  disarm();
  if (response.sensitive) cleanse(response.body);
  record(response, exchange);
  if (outcome != Outcome::done) co_return After::drop;
  co_return keep_alive ? After::keep : After::close;
}

awaitable<Outcome> Session::send(std::string& head, std::string_view content, bool sensitive) {
  const bool joined = head.size() + content.size() <= joined_write_bytes;
  if (joined) head += content;
  Outcome outcome = co_await stream_.write(head);
  if (sensitive) cleanse(head);
  if (outcome == Outcome::done && !joined) outcome = co_await stream_.write(content);
  co_return outcome;
}

void Session::record(const Response& response, const Exchange& exchange) {
  if (!listener_.log_requests) return;
  const auto duration = dependencies_.clock.steady() - exchange.read_at;
  dependencies_.metrics.request(exchange.endpoint, response.status, duration);
  dependencies_.log.request(
      {exchange.request_id, peer_, exchange.endpoint, response.log.client_id, response.status,
       response.log.error, response.log.reason, response.log.chain, response.log.root_jti,
       std::chrono::duration_cast<std::chrono::microseconds>(duration).count()});
}

void Session::arm(std::chrono::milliseconds limit) {
  deadline_ = dependencies_.clock.steady() + limit;
}

void Session::check_deadline(SteadyTime now) {
  if (now < deadline_) return;
  disarm();
  stream_.expire();
}

void Session::drain() {
  if (idle_ && !stream_.has_arrived()) {
    if (served_) return abort();
    arm(drain_first_request);
  }
}

void Session::abort() {
  aborted_ = true;
  stream_.expire();
}

}  // namespace grantd::http
