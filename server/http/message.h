/// Requests and responses as plain values: all that endpoints see of HTTP (RFC 9110).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/clock.h"

namespace grantd::http {

enum class Method { get, head, post, other };

/// One parsed request. The views are into the session's buffers: valid until the handler's
/// coroutine is done, not longer.
struct Request {
  Method method{Method::other};
  std::string_view path{};   // as sent, without the query
  std::string_view query{};  // behind the '?', as sent
  /// Credentials; the session refuses a repeated Authorization before anybody sees it.
  std::string_view authorization{};
  bool has_authorization{false};
  std::string_view content_type{};
  std::string_view accept{};
  std::string_view accept_encoding{};
  std::string_view if_none_match{};
  std::string_view body{};
  std::string_view peer{};  // the peer's address, without its port
  std::string_view request_id{};
  SteadyTime read_at{};  // when the last octet of the request was there
};

struct Header {
  std::string_view name{};  // a literal
  std::string value{};
};

/// What the request's log line says beside what the session knows itself.
struct LogFields {
  std::string client_id{};   // as authenticated, or cleaned by observe::loggable_client_id
  std::string_view error{};  // the wire's word; a literal
  std::string reason{};
  /// Of a token exchange: whose call it is, and the jti of the first token.
  std::string chain{};
  std::string root_jti{};
};

struct Response {
  unsigned status{200};
  std::string_view content_type{"application/json"};
  /// The body, unless `shared_body` is set: a document rendered once and sent many times.
  std::string body{};
  std::shared_ptr<const std::string> shared_body{};
  std::vector<Header> headers{};
  LogFields log{};
  /// The body holds a token: cleansed once it is written.
  bool sensitive{false};

  [[nodiscard]] std::string_view content() const {
    return shared_body ? std::string_view(*shared_body) : std::string_view(body);
  }
};

/// Runs on the connection's event loop; must not block.
using Handler = std::function<boost::asio::awaitable<Response>(const Request&)>;

}  // namespace grantd::http
