/// One request out of the octets of a connection (RFC 9112), without any I/O.
///
/// Heads are checked by `framing.h` first and parsed by Beast then, which also decodes the body.
/// All memory that held the request is overwritten when the parser goes.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>

#include "server/http/message.h"
#include "server/http/read_buffer.h"
#include "server/oauth/error.h"

namespace grantd::http {

class RequestParser {
 public:
  static constexpr std::size_t max_header_fields = 100;

  RequestParser(std::size_t max_header_bytes, std::size_t max_body_bytes);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  enum class Progress { more, done };
  /// Takes from `input` what belongs to this request; what is left over begins the next one.
  /// After an error the connection cannot be used for another request.
  [[nodiscard]] std::expected<Progress, oauth::Error> feed(ReadBuffer& input);

  /// Whether the peer waits for "100 Continue" (RFC 9110 §10.1.1); true once.
  [[nodiscard]] bool take_expectation();

  /// What a done parser has read; lives as long as the parser. `peer`, `request_id` and `read_at`
  /// are the caller's to set.
  [[nodiscard]] Request request() const;
  /// Whether the peer keeps the connection open for another request.
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool is_http_1_0() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grantd::http
