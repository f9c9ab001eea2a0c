#include "server/oauth/form.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "server/base/text.h"

namespace grantd::oauth {
namespace {

/// grant_type, scope, resource and one more.
constexpr std::size_t usual_parameters = 4;

Error malformed(std::string_view description) {
  return {ErrorCode::invalid_request, std::string(description), "malformed_form"};
}

/// Appends the decoded octets; false where a percent-encoding is broken.
template <typename Container>
bool decode_into(Container& out, std::string_view text) {
  // Each is looked for again only where it was passed, so that all is read twice at most.
  std::size_t plus = text.find('+');
  std::size_t percent = text.find('%');
  for (std::size_t at = 0;;) {
    const std::size_t plain_end = std::min({plus, percent, text.size()});
    out.insert(out.end(), text.begin() + at, text.begin() + plain_end);
    if (plain_end == text.size()) return true;
    if (plain_end == plus) {
      out.push_back(' ');
      at = plain_end + 1;
      plus = text.find('+', at);
      continue;
    }
    if (text.size() - plain_end < 3) return false;
    const int high = hex_digit_value(text[plain_end + 1]);
    const int low = hex_digit_value(text[plain_end + 2]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
    at = plain_end + 3;
    percent = text.find('%', at);
  }
}

bool is_clean(std::string_view text) {
  return text.find('\0') == std::string_view::npos && is_utf8(text);
}

}  // namespace

Form::~Form() {
  if (!decoded_.empty()) explicit_bzero(decoded_.data(), decoded_.size());
}

Result<Form> Form::parse(std::string_view body) {
  Form form;
  // Decoding never makes text longer: the buffer never moves, and the views into it stay valid.
  form.decoded_.reserve(body.size());
  form.parameters_.reserve(usual_parameters);
  while (!body.empty()) {
    const auto end = std::min(body.find('&'), body.size());
    const auto pair = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (pair.empty()) continue;
    if (form.parameters_.size() == max_form_parameters) {
      return std::unexpected(malformed("the request has more than 64 parameters"));
    }

    const auto equals = std::min(pair.find('='), pair.size());
    const auto name_at = form.decoded_.size();
    const bool name_sound = decode_into(form.decoded_, pair.substr(0, equals));
    const auto value_at = form.decoded_.size();
    const bool value_sound =
        equals == pair.size() || decode_into(form.decoded_, pair.substr(equals + 1));
    if (!name_sound || !value_sound) {
      return std::unexpected(malformed("the body has a malformed percent-encoding"));
    }
    const char* data = form.decoded_.data();
    const Parameter parameter{{data + name_at, value_at - name_at},
                              {data + value_at, form.decoded_.size() - value_at}};
    if (!is_clean(parameter.name) || !is_clean(parameter.value)) {
      return std::unexpected(malformed("the body has a NUL or octets that are not UTF-8"));
    }
    form.parameters_.push_back(parameter);
  }
  return form;
}

Result<std::optional<std::string_view>> Form::single(std::string_view name) const {
  std::optional<std::string_view> found;
  for (const auto& parameter : parameters_) {
    if (parameter.name != name) continue;
    if (found) {
      return std::unexpected(Error{ErrorCode::invalid_request,
                                   "the parameter " + std::string(name) + " is repeated",
                                   "repeated_parameter"});
    }
    found = parameter.value;
  }
  if (found && found->empty()) found.reset();
  return found;
}

std::vector<std::string_view> Form::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& parameter : parameters_) {
    if (parameter.name == name && !parameter.value.empty()) values.push_back(parameter.value);
  }
  return values;
}

bool Form::has(std::string_view name) const {
  return std::ranges::any_of(parameters_, [&](const auto& p) { return p.name == name; });
}

std::optional<std::string> form_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  if (!decode_into(out, text)) return std::nullopt;
  return out;
}

bool query_has_credentials(std::string_view query) {
  static constexpr std::array<std::string_view, 5> forbidden{
      "client_secret", "client_assertion", "token", "subject_token", "actor_token"};
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto name = form_decode(pair.substr(0, pair.find('=')));
    if (name && std::ranges::find(forbidden, *name) != forbidden.end()) return true;
  }
  return false;
}

bool is_form_content_type(std::string_view content_type) {
  static constexpr std::string_view expected = "application/x-www-form-urlencoded";
  const auto type = content_type.substr(0, content_type.find(';'));
  const auto last = type.find_last_not_of(" \t");
  const auto trimmed = type.substr(0, last == std::string_view::npos ? 0 : last + 1);
  return equal_ignoring_case(trimmed, expected);
}

}  // namespace grantd::oauth
