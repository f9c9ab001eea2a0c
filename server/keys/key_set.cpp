#include "server/keys/key_set.h"

#include <algorithm>
#include <utility>

#include "server/jose/base64url.h"
#include "server/jose/mac.h"

namespace grantd::keys {

KeySet::KeySet(std::shared_ptr<const jose::RsaPrivateKey> signing,
               std::vector<std::shared_ptr<const jose::RsaPublicKey>> published)
    : signing_(std::move(signing)), published_(std::move(published)) {
  std::string jwks = R"({"keys":[)";
  for (const auto& key : published_) {
    if (jwks.back() != '[') jwks += ',';
    jwks += key->jwk();
  }
  jwks += "]}";
  jwks_etag_ = '"' + jose::base64url(jose::sha256(jwks)) + '"';
  jwks_ = std::make_shared<const std::string>(std::move(jwks));
}

std::shared_ptr<const jose::RsaPublicKey> KeySet::find(std::string_view kid) const {
  // A handful of keys: no map is faster.
  const auto found =
      std::ranges::find_if(published_, [kid](const auto& key) { return key->kid() == kid; });
  return found == published_.end() ? nullptr : *found;
}

}  // namespace grantd::keys
