// What a request presents to authenticate its client: HTTP Basic, and the form's parameters.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/clients/credentials.h"
#include "server/clients/peppers.h"
#include "server/clients/registration.h"
#include "server/clients/secret.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace grantd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(clients::client_secret_basic(text));
  static_cast<void>(clients::secret_id_in(text));
  static_cast<void>(clients::fault_of_imported_secret(clients::without_final_newline(text)));
  static_cast<void>(clients::is_client_id(text));
  static_cast<void>(clients::Peppers::parse(text));
  if (const auto form = oauth::Form::parse(text)) {
    static_cast<void>(clients::client_secret_post(*form));
  }
  return 0;
}
