#include "server/endpoints/feed_query.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "server/oauth/form.h"

namespace grantd::endpoints {
namespace {

using oauth::Error;
using oauth::ErrorCode;

Error invalid(std::string description, std::string_view reason) {
  return {ErrorCode::invalid_request, std::move(description), std::string(reason)};
}

/// Digits alone: std::from_chars would take a sign.
std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc()) return std::nullopt;
  return value;
}

oauth::Result<std::optional<std::int64_t>> parameter(const oauth::Form& form,
                                                     std::string_view name) {
  if (!form.has(name)) return std::nullopt;
  const auto text = form.single(name);
  if (!text) return std::unexpected(text.error());
  const auto value = number(text->value_or(std::string_view()));
  if (!value) {
    return std::unexpected(
        invalid(std::string(name) + " must be a whole number, at most 9223372036854775807",
                "malformed_" + std::string(name)));
  }
  return value;
}

}  // namespace

oauth::Result<FeedQuery> FeedQuery::parse(std::string_view query) {
  if (oauth::query_has_credentials(query)) {
    return std::unexpected(
        invalid("credentials and tokens belong into no URI: replace the ones sent",
                "credentials_in_query"));
  }
  const auto form = oauth::Form::parse(query);
  if (!form) return std::unexpected(invalid("the query is malformed", "malformed_query"));
  const auto since = parameter(*form, "since");
  if (!since) return std::unexpected(since.error());
  const auto wait = parameter(*form, "wait");
  if (!wait) return std::unexpected(wait.error());
  return FeedQuery{*since, std::chrono::seconds(std::min<std::int64_t>(
                               wait->value_or(0), max_feed_query_wait.count()))};
}

}  // namespace grantd::endpoints
