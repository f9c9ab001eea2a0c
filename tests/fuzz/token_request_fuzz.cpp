// The body of POST /token: form, scope, resources.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "server/oauth/scope.h"
#include "server/oauth/token_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace grantd::oauth;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  static_cast<void>(query_has_credentials(body));
  static_cast<void>(is_form_content_type(body));
  static_cast<void>(is_resource_uri(body));
  const auto form = Form::parse(body);
  if (!form) return 0;
  const auto request = TokenRequest::make(*form);
  if (!request) return 0;
  if (request->grant_type.empty() || request->asked.audiences.size() > max_audiences) std::abort();
  for (const auto& scope : request->asked.scopes) {
    if (!is_scope_token(scope)) std::abort();
  }
  return 0;
}
