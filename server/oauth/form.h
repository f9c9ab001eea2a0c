/// application/x-www-form-urlencoded (RFC 6749 App. B, WHATWG URL §5), parsed once and strictly.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/oauth/error.h"

namespace grantd::oauth {

inline constexpr std::size_t max_form_parameters = 64;

/// The decoded parameters of a request body. Holds client secrets: its memory is cleansed.
class Form {
 public:
  /// Refused with invalid_request: a bad percent-encoding, octets that are no UTF-8, a NUL, more
  /// than max_form_parameters parameters.
  [[nodiscard]] static Result<Form> parse(std::string_view body);

  /// A parameter that may stand once. Empty counts as absent (RFC 6749 §3.2); repeated is
  /// invalid_request, also where all but one are empty.
  [[nodiscard]] Result<std::optional<std::string_view>> single(std::string_view name) const;

  /// The values of a parameter that may repeat, in order, empty ones left out.
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;

  /// Whether a parameter of that name stands in the body at all, also an empty one.
  [[nodiscard]] bool has(std::string_view name) const;

  Form(Form&&) noexcept = default;
  Form& operator=(Form&&) = delete;
  Form(const Form&) = delete;
  Form& operator=(const Form&) = delete;
  ~Form();

 private:
  struct Parameter {
    std::string_view name{};
    std::string_view value{};
  };
  Form() = default;
  // On the heap: moving the form must not move the octets that the views point to.
  std::vector<char> decoded_;
  std::vector<Parameter> parameters_;
};

/// Decodes one name or value: '+' is a space, %XX an octet. Nothing where an encoding is broken.
[[nodiscard]] std::optional<std::string> form_decode(std::string_view text);

/// Whether the raw query string of a POST names a parameter that must never stand in a URI:
/// client_secret, client_assertion, token, subject_token, actor_token (RFC 6749 §2.3.1, RFC 7009
/// §2.1, RFC 8693 §2.1).
[[nodiscard]] bool query_has_credentials(std::string_view query);

/// Whether a Content-Type is application/x-www-form-urlencoded, with or without parameters.
[[nodiscard]] bool is_form_content_type(std::string_view content_type);

}  // namespace grantd::oauth
