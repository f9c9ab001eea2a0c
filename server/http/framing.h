/// What a request head must look like before anything in it is believed (RFC 9112 §2.2, §3, §5,
/// §6).
///
/// Stricter than recipients have to be: whatever two HTTP implementations could read in two ways is
/// refused, because a proxy in front may read it the other way (request smuggling). Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace grantd::http {

/// Finds the end of a head as its octets come, and refuses bare CR or LF, control characters,
/// octets above ASCII in the request line, and lines that go on in the next one (obs-fold).
class HeadScanner {
 public:
  enum class Verdict { more, complete, malformed };

  /// Looks at what has come behind the octets it was shown before.
  [[nodiscard]] Verdict scan(std::string_view more);
  /// Octets of the head, its empty line included, once complete.
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  enum class State { line_begins, in_line, line_feed_due, complete, malformed };
  [[nodiscard]] State next(unsigned char octet) const;

  State state_{State::line_begins};
  std::size_t size_{0};
  std::size_t lines_{0};
  bool line_is_empty_{true};
};

struct Target {
  std::string_view path{};
  std::string_view query{};  // behind the '?'
};

/// Origin-form ("/token?x=1") and absolute-form ("https://host/token", RFC 9112 §3.2.2), nothing
/// else; none for control characters, octets above ASCII, or a fragment.
[[nodiscard]] std::optional<Target> split_target(std::string_view target);

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), not empty, without user information.
[[nodiscard]] bool valid_host(std::string_view host);

}  // namespace grantd::http
