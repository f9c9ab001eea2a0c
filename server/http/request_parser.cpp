#include "server/http/request_parser.h"

#include <array>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstring>
#include <memory_resource>
#include <optional>

#include "server/base/secret.h"
#include "server/base/text.h"
#include "server/http/framing.h"
#include "server/http/spare_block.h"

namespace grantd::http {
namespace {

namespace beast = boost::beast;
using beast::http::field;
using oauth::ErrorCode;
using Failure = std::unexpected<oauth::Error>;

Failure malformed(const char* description, const char* cause) {
  return Failure({ErrorCode::invalid_request, description, cause});
}

Failure header_too_large() {
  return Failure(
      {ErrorCode::header_fields_too_large, "the request header is too large", "header_too_large"});
}

Failure body_too_large() {
  return Failure({ErrorCode::content_too_large, "the request body is too large", "body_too_large"});
}

/// Overwrites what it gets back: header fields hold credentials.
class CleansingMemory final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    explicit_bzero(memory, bytes);
    std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

/// An ordinary request's fields fit in; more comes from the heap.
constexpr std::size_t arena_bytes = 2048;

/// "0 CRLF CRLF": less never ends a chunked body, and Beast asserts when it resumes with less.
constexpr std::size_t least_chunked_bytes = 5;

struct Arena {
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { explicit_bzero(bytes.data(), bytes.size()); }
  std::array<std::byte, arena_bytes> bytes{};
};

/// The fields that decide, each where it stands once. Views into the parser's fields.
struct Seen {
  std::optional<std::string_view> host{};
  std::optional<std::string_view> authorization{};
  std::optional<std::string_view> content_type{};
  std::optional<std::string_view> content_length{};
  std::optional<std::string_view> transfer_encoding{};
  std::optional<std::string_view> expect{};
  std::string_view accept{};
  std::string_view accept_encoding{};
  std::string_view if_none_match{};
  bool repeated{false};
};

void see_once(std::optional<std::string_view>& slot, std::string_view value, bool& repeated) {
  if (slot) repeated = true;
  slot = value;
}

}  // namespace

class RequestParser::Impl {
 public:
  Impl(std::size_t max_header_bytes, std::size_t max_body_bytes)
      : max_header_bytes_(max_header_bytes), max_body_bytes_(max_body_bytes) {
    // The head is measured here, before Beast sees it; its own limit must not fire first.
    parser_.header_limit(static_cast<std::uint32_t>(max_header_bytes_ + 1));
    parser_.body_limit(max_body_bytes_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { cleanse(parser_.get().body()); }

  static void* operator new(std::size_t);
  static void operator delete(void* block) noexcept;

  std::expected<Progress, oauth::Error> feed(ReadBuffer& input) {
    if (!head_done_) {
      if (!skip_empty_line(input)) return Progress::more;
      const auto verdict = scanner_.scan(input.view().substr(scanner_.size()));
      if (verdict == HeadScanner::Verdict::malformed) {
        return malformed("the request is not well-formed HTTP", "malformed_request");
      }
      if (scanner_.size() > max_header_bytes_) return header_too_large();
      if (verdict == HeadScanner::Verdict::more) return Progress::more;
      const auto head = parse_head(input);
      if (!head) return Failure(head.error());
    }
    return parse_body(input);
  }

  bool take_expectation() { return std::exchange(continue_expected_, false); }

  Request request() const {
    const auto& message = parser_.get();
    Request request;
    switch (message.method()) {  // NOLINT(clang-diagnostic-switch-enum): all others are `other`
      case beast::http::verb::get:
        request.method = Method::get;
        break;
      case beast::http::verb::head:
        request.method = Method::head;
        break;
      case beast::http::verb::post:
        request.method = Method::post;
        break;
      default:
        request.method = Method::other;
    }
    request.path = target_.path;
    request.query = target_.query;
    request.authorization = seen_.authorization.value_or("");
    request.has_authorization = seen_.authorization.has_value();
    request.content_type = seen_.content_type.value_or("");
    request.accept = seen_.accept;
    request.accept_encoding = seen_.accept_encoding;
    request.if_none_match = seen_.if_none_match;
    request.body = message.body();
    return request;
  }

  bool keep_alive() const { return parser_.keep_alive(); }
  bool is_http_1_0() const { return parser_.get().version() == 10; }

 private:
  using Allocator = std::pmr::polymorphic_allocator<char>;
  using Parser = beast::http::request_parser<beast::http::string_body, Allocator>;

  /// One empty line before a request is forgiven (RFC 9112 §2.2). False: not enough to tell.
  bool skip_empty_line(ReadBuffer& input) {
    if (!may_skip_line_) return true;
    if (input.view() == "\r") return false;
    if (input.view().starts_with("\r\n")) input.consume(2);
    may_skip_line_ = false;
    return !input.empty();
  }

  std::expected<void, oauth::Error> parse_head(ReadBuffer& input) {
    beast::error_code ec;
    parser_.eager(false);
    const std::size_t head_bytes = scanner_.size();
    const std::size_t parsed = parser_.put({input.view().data(), head_bytes}, ec);
    input.consume(head_bytes);
    const bool over_limit = ec == beast::http::error::body_limit;
    if (!over_limit && (ec || parsed != head_bytes)) {
      return malformed("the request is not well-formed HTTP", "malformed_request");
    }
    if (const auto fields = look_at_fields(); !fields) return fields;
    if (const auto framing = check_framing(); !framing) return framing;
    if (const auto target = check_target(); !target) return target;
    if (over_limit) return body_too_large();
    // A body that grows would leave copies of itself behind.
    if (parser_.chunked()) parser_.get().body().reserve(max_body_bytes_);
    parser_.eager(true);
    head_done_ = true;
    continue_expected_ = seen_.expect.has_value() && input.empty() && !parser_.is_done();
    return {};
  }

  std::expected<void, oauth::Error> look_at_fields() {
    std::size_t count = 0;
    for (const auto& header : parser_.get()) {
      if (++count > max_header_fields) return header_too_large();
      see(header.name(), {header.value().data(), header.value().size()});
    }
    if (seen_.repeated) {
      return malformed("a header field that may stand once is repeated", "repeated_header");
    }
    return {};
  }

  void see(field name, std::string_view value) {
    switch (name) {  // NOLINT(clang-diagnostic-switch-enum): the rest means nothing here
      case field::host:
        return see_once(seen_.host, value, seen_.repeated);
      case field::authorization:
        return see_once(seen_.authorization, value, seen_.repeated);
      case field::content_type:
        return see_once(seen_.content_type, value, seen_.repeated);
      case field::content_length:
        return see_once(seen_.content_length, value, seen_.repeated);
      case field::transfer_encoding:
        return see_once(seen_.transfer_encoding, value, seen_.repeated);
      case field::expect:
        return see_once(seen_.expect, value, seen_.repeated);
      case field::accept:
        if (seen_.accept.empty()) seen_.accept = value;
        return;
      case field::accept_encoding:
        if (seen_.accept_encoding.empty()) seen_.accept_encoding = value;
        return;
      case field::if_none_match:
        if (seen_.if_none_match.empty()) seen_.if_none_match = value;
        return;
      default:
        return;
    }
  }

  /// RFC 9112 §6.1, §6.3; RFC 9110 §10.1.1.
  std::expected<void, oauth::Error> check_framing() {
    if (seen_.transfer_encoding) {
      const bool understood = equal_ignoring_case(*seen_.transfer_encoding, "chunked");
      if (seen_.content_length || is_http_1_0() || !understood) {
        return malformed("the framing of the request is ambiguous", "ambiguous_framing");
      }
    }
    const auto& length = seen_.content_length;
    if (length && length->find_first_not_of("0123456789") != std::string_view::npos) {
      return malformed("the framing of the request is ambiguous", "ambiguous_framing");
    }
    if (seen_.expect && is_http_1_0()) seen_.expect.reset();
    if (seen_.expect && !equal_ignoring_case(*seen_.expect, "100-continue")) {
      return malformed("the expectation cannot be met", "unknown_expectation");
    }
    return {};
  }

  /// RFC 9112 §3.2; RFC 9110 §7.2.
  std::expected<void, oauth::Error> check_target() {
    if (!seen_.host ? !is_http_1_0() : !valid_host(*seen_.host)) {
      return malformed("the Host header field is missing or not valid", "bad_host");
    }
    const auto& message = parser_.get();
    const std::string_view sent(message.target().data(), message.target().size());
    if (sent == "*" && message.method() == beast::http::verb::options) {
      target_.path = sent;
      return {};
    }
    const auto target = split_target(sent);
    if (!target) return malformed("the request target is not valid", "bad_target");
    target_ = *target;
    return {};
  }

  std::expected<Progress, oauth::Error> parse_body(ReadBuffer& input) {
    while (!parser_.is_done()) {
      if (input.size() < (parser_.chunked() ? least_chunked_bytes : 1)) return Progress::more;
      beast::error_code ec;
      const std::size_t parsed = parser_.put({input.view().data(), input.size()}, ec);
      input.consume(parsed);
      if (ec == beast::http::error::body_limit) return body_too_large();
      if (ec && ec != beast::http::error::need_more) {
        return malformed("the request body is not well-formed HTTP", "malformed_body");
      }
      if (parsed > 0) continue;
      // A chunk's extension or the trailer, which Beast wants in one piece.
      if (input.size() > max_header_bytes_) return header_too_large();
      return Progress::more;
    }
    return Progress::done;
  }

  const std::size_t max_header_bytes_;
  const std::size_t max_body_bytes_;
  Arena arena_;  // before what lies in it
  CleansingMemory heap_;
  std::pmr::monotonic_buffer_resource memory_{arena_.bytes.data(), arena_.bytes.size(), &heap_};
  Parser parser_{std::piecewise_construct, std::tuple<>{}, std::make_tuple(Allocator(&memory_))};
  HeadScanner scanner_;
  Seen seen_;
  Target target_;
  bool may_skip_line_{true};
  bool head_done_{false};
  bool continue_expected_{false};
};

void* RequestParser::Impl::operator new(std::size_t) { return SpareBlock<sizeof(Impl)>::take(); }
void RequestParser::Impl::operator delete(void* block) noexcept {
  SpareBlock<sizeof(Impl)>::give(block);
}

RequestParser::RequestParser(std::size_t max_header_bytes, std::size_t max_body_bytes)
    : impl_(std::make_unique<Impl>(max_header_bytes, max_body_bytes)) {}
RequestParser::~RequestParser() = default;

std::expected<RequestParser::Progress, oauth::Error> RequestParser::feed(ReadBuffer& input) {
  return impl_->feed(input);
}
bool RequestParser::take_expectation() { return impl_->take_expectation(); }
Request RequestParser::request() const { return impl_->request(); }
bool RequestParser::keep_alive() const { return impl_->keep_alive(); }
bool RequestParser::is_http_1_0() const { return impl_->is_http_1_0(); }

}  // namespace grantd::http
