#include "server/http/framing.h"

#include <algorithm>
#include <array>

#include "server/base/text.h"

namespace grantd::http {
namespace {

constexpr std::size_t max_host_bytes = 255 + 6;  // a DNS name, a colon and a port

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// unreserved, sub-delims and the '%' of an escape (RFC 3986 §3.2.2).
bool is_name_character(char c) {
  return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
         std::string_view("-._~!$&'()*+,;=%").find(c) != std::string_view::npos;
}

/// What may stand within a line, by octet: a head is mostly runs of it.
constexpr std::array<bool, 256> make_allowed(bool in_request_line) {
  std::array<bool, 256> allowed{};
  for (std::size_t octet = 0; octet < allowed.size(); ++octet) {
    allowed.at(octet) = in_request_line ? octet >= 0x20 && octet < 0x7f
                                        : octet == '\t' || (octet >= 0x20 && octet != 0x7f);
  }
  return allowed;
}
constexpr auto allowed_in_request_line = make_allowed(true);
constexpr auto allowed_in_field_line = make_allowed(false);

const std::array<bool, 256>& allowed_in_line(std::size_t number) {
  return number == 0 ? allowed_in_request_line : allowed_in_field_line;
}

/// How many octets at the beginning of `text` are allowed.
std::size_t run_of(const std::array<bool, 256>& allowed, std::string_view text) {
  std::size_t run = 0;
  while (run < text.size() && allowed[static_cast<unsigned char>(text[run])]) ++run;
  return run;
}

}  // namespace

HeadScanner::State HeadScanner::next(unsigned char octet) const {
  if (state_ == State::line_feed_due) {
    if (octet != '\n') return State::malformed;
    return line_is_empty_ ? State::complete : State::line_begins;
  }
  if (octet == '\r') {
    const bool nothing_yet = lines_ == 0 && line_is_empty_;
    return nothing_yet ? State::malformed : State::line_feed_due;
  }
  const bool blank = octet == ' ' || octet == '\t';
  if (state_ == State::line_begins && blank) return State::malformed;
  return allowed_in_line(lines_)[octet] ? State::in_line : State::malformed;
}

HeadScanner::Verdict HeadScanner::scan(std::string_view more) {
  while (!more.empty() && state_ != State::complete && state_ != State::malformed) {
    const std::size_t run = state_ == State::in_line ? run_of(allowed_in_line(lines_), more) : 0;
    size_ += run;
    more.remove_prefix(run);
    if (more.empty()) break;
    state_ = next(static_cast<unsigned char>(more.front()));
    ++size_;
    more.remove_prefix(1);
    if (state_ == State::line_begins) {
      ++lines_;
      line_is_empty_ = true;
    } else if (state_ == State::in_line) {
      line_is_empty_ = false;
    }
  }
  if (state_ == State::complete) return Verdict::complete;
  return state_ == State::malformed ? Verdict::malformed : Verdict::more;
}

std::optional<Target> split_target(std::string_view target) {
  const bool visible =
      std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
  if (target.empty() || !visible) return std::nullopt;
  if (target.front() != '/') {
    const std::size_t scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return std::nullopt;
    const std::string_view scheme = target.substr(0, scheme_end);
    if (!equal_ignoring_case(scheme, "https") && !equal_ignoring_case(scheme, "http")) {
      return std::nullopt;
    }
    target.remove_prefix(scheme_end + 3);
    const std::size_t authority_end = std::min(target.find_first_of("/?"), target.size());
    if (!valid_host(target.substr(0, authority_end))) return std::nullopt;
    target.remove_prefix(authority_end);
  }
  const std::size_t path_end = std::min(target.find('?'), target.size());
  Target split{target.substr(0, path_end), {}};
  if (path_end < target.size()) split.query = target.substr(path_end + 1);
  if (split.path.empty()) split.path = "/";
  return split;
}

bool valid_host(std::string_view host) {
  if (host.empty() || host.size() > max_host_bytes) return false;
  std::size_t name_end = 0;
  if (host.front() == '[') {
    name_end = host.find(']');
    if (name_end == std::string_view::npos || name_end < 3) return false;
    const auto literal = host.substr(1, name_end - 1);
    if (!std::ranges::all_of(
            literal, [](char c) { return hex_digit_value(c) >= 0 || c == ':' || c == '.'; })) {
      return false;
    }
    ++name_end;
  } else {
    name_end = std::min(host.find(':'), host.size());
    if (name_end == 0 || !std::ranges::all_of(host.substr(0, name_end), is_name_character)) {
      return false;
    }
  }
  const std::string_view port = host.substr(name_end);
  return port.empty() ||
         (port.front() == ':' && port.size() <= 6 && std::ranges::all_of(port.substr(1), is_digit));
}

}  // namespace grantd::http
