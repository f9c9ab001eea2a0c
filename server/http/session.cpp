#include "server/http/session.h"

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/core/demangle.hpp>
#include <boost/system/system_error.hpp>
#include <cstring>
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
using boost::asio::ip::tcp;
using oauth::ErrorCode;
using Need = tls::Stream::Need;
using Outcome = tls::Stream::Outcome;

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
  quiet_since_ = dependencies_.clock.steady();
  const After after = co_await serve();
  if (after == After::drop) co_return;
  stream_.close_writing();
  if (after == After::keep || aborted_) co_return;  // idle: nothing unread, no answer to lose
  stream_.rearm();
  arm(linger_limit);
  co_await stream_.discard(linger_bytes);
}

/// Request by request; `keep` where the connection ends between two of them.
awaitable<Session::After> Session::serve() {
  for (;;) {
    if (!input_.empty() || stream_.has_buffered()) {
      // A peer that sends without a pause must not hold up the others on this loop.
      disarm();
      co_await boost::asio::post(loop_.context, boost::asio::deferred);
    } else {
      if (!begin_idling()) co_return After::keep;
      const Outcome outcome = co_await stream_.ready(Need::readable);
      idle_ = false;
      if (outcome != Outcome::done) co_return After::keep;
    }
    const After after = co_await exchange();
    if (after != After::keep) co_return after;
    served_ = true;
  }
}

bool Session::begin_idling() {
  input_.release();
  const bool stopping = phase_.load(std::memory_order_relaxed) == Phase::stopping;
  if (stopping && served_ && !stream_.has_arrived()) return false;
  deadline_ = quiet_since_ + (stopping ? drain_first_request : limits_->idle_timeout);
  idle_ = true;
  return true;
}

awaitable<Session::After> Session::exchange() {
  disarm();
  limits_ = dependencies_.limits.get();
  RequestParser parser(limits_->max_header_bytes, limits_->max_body_bytes);
  begun_ = false;
  const auto need = take(parser);
  std::expected<bool, oauth::Error> received(true);
  if (!need) {
    received = std::unexpected(need.error());
  } else if (*need != Need::nothing) {
    received = co_await receive(parser, *need);
    disarm();
  }
  if (received && !*received) co_return After::drop;

  Exchange exchange;  // filled in member by member: docs/adr/0002
  exchange.request_id = random_id(dependencies_.random, request_id_bytes);
  exchange.read_at = dependencies_.clock.steady();
  Response response;
  if (received) {
    const Request request = begin(exchange, parser);
    const Router::Match match = listener_.router->find(request.method, request.path);
    exchange.endpoint = match.endpoint;
    if (match.route == nullptr) {
      response = refusal(match);
    } else {
      std::exception_ptr failure;
      try {
        response = co_await match.route->handler(request);
      } catch (...) {
        failure = std::current_exception();
      }
      if (failure) response = failed(*match.route, request, failure);
    }
  } else {
    stream_.rearm();
    response = error_response(received.error());
  }

  const bool serving = phase_.load(std::memory_order_relaxed) == Phase::serving;
  const bool keep_alive = exchange.keep_alive && serving;
  Unsent unsent;
  send(response, exchange, keep_alive, unsent);
  Outcome outcome = Outcome::done;
  if (unsent.need != Need::nothing) {
    arm(limits_->request_timeout);
    outcome = co_await send_rest(unsent);
    disarm();
  }
  if (response.sensitive) {
    cleanse(unsent.kept);
    cleanse(response.body);
  }
  record(response, exchange);
  if (outcome != Outcome::done) co_return After::drop;
  co_return keep_alive ? After::keep : After::close;
}

std::expected<Need, oauth::Error> Session::take(RequestParser& parser) {
  for (;;) {
    if (!input_.empty()) {
      begun_ = true;
      const auto progress = parser.feed(input_);
      if (!progress) return std::unexpected(progress.error());
      if (*progress == RequestParser::Progress::done) return Need::nothing;
    }
    const auto [need, bytes] = stream_.try_read(input_.prepare(ReadBuffer::chunk_bytes));
    if (need != Need::nothing) return need;
    input_.commit(bytes);
  }
}

awaitable<std::expected<bool, oauth::Error>> Session::receive(RequestParser& parser, Need need) {
  arm(limits_->request_timeout);
  while (need != Need::nothing) {
    Unsent told;
    if (parser.take_expectation()) told.content = continue_line;
    offer(told);
    Outcome outcome = co_await send_rest(told);
    if (outcome != Outcome::done) co_return false;
    outcome = co_await stream_.ready(need);
    if (outcome == Outcome::expired && begun_ && !aborted_) co_return std::unexpected(too_slow());
    if (outcome != Outcome::done) co_return false;
    const auto next = take(parser);
    if (!next) co_return std::unexpected(next.error());
    need = *next;
  }
  co_return true;
}

/// The request as the handler sees it.
Request Session::begin(Exchange& exchange, const RequestParser& parser) const {
  Request request = parser.request();
  request.peer = peer_;
  request.request_id = exchange.request_id;
  request.read_at = exchange.read_at;
  exchange.keep_alive = parser.keep_alive();
  exchange.http_1_0 = parser.is_http_1_0();
  exchange.head = request.method == Method::head;
  return request;
}

/// Only an operating system's error says no more than what went wrong; any other text could hold
/// what the client sent.
Response Session::failed(const Route& route, const Request& request,
                         const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    log_handler_failure(route, request, "boost::system::system_error", error.code().message());
  } catch (const std::system_error& error) {
    log_handler_failure(route, request, "std::system_error", error.code().message());
  } catch (const std::exception& error) {
    log_handler_failure(route, request, boost::core::demangle(typeid(error).name()), "");
  } catch (...) {
    log_handler_failure(route, request, "unknown", "");
  }
  return error_response({ErrorCode::server_error, "", "handler_failed"});
}

void Session::log_handler_failure(const Route& route, const Request& request, std::string_view type,
                                  std::string_view what) {
  dependencies_.log.event(observe::Level::error, "handler_failed",
                          {{"request_id", request.request_id},
                           {"endpoint", route.endpoint},
                           {"type", type},
                           {"error", what}});
}

void Session::send(const Response& response, const Exchange& exchange, bool keep_alive,
                   Unsent& unsent) {
  std::string& output = loop_.output;
  output.clear();  // nothing is there, unless memory ran out below the last time
  append_head(output, response, {exchange.request_id, loop_.date, keep_alive, exchange.http_1_0});
  if (has_content(response) && !exchange.head) unsent.content = response.content();
  if (output.size() + unsent.content.size() <= joined_write_bytes) {
    output += std::exchange(unsent.content, {});
  }
  unsent.head = output;
  offer(unsent);
  unsent.kept = unsent.head;  // others on the loop use the memory that it views
  unsent.head = unsent.kept;
  if (response.sensitive) explicit_bzero(output.data(), output.size());
  output.clear();
}

/// As much as the socket takes without waiting.
void Session::offer(Unsent& unsent) {
  for (std::string_view* part : {&unsent.head, &unsent.content}) {
    const auto [need, bytes] = stream_.try_write(*part);
    part->remove_prefix(bytes);
    unsent.need = need;
    if (need != Need::nothing) return;
  }
}

awaitable<Outcome> Session::send_rest(Unsent& unsent) {
  while (unsent.need != Need::nothing) {
    const Outcome outcome = co_await stream_.ready(unsent.need);
    if (outcome != Outcome::done) co_return outcome;
    offer(unsent);
  }
  co_return Outcome::done;
}

void Session::record(const Response& response, const Exchange& exchange) {
  quiet_since_ = dependencies_.clock.steady();
  if (!listener_.log_requests) return;
  const auto duration = quiet_since_ - exchange.read_at;
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
  if (!idle_ || stream_.has_arrived()) return;
  if (served_) return stream_.stop_waiting();
  arm(drain_first_request);
}

void Session::abort() {
  aborted_ = true;
  stream_.expire();
}

}  // namespace grantd::http
