#include "server/service/key_custody.h"

#include <utility>

#include "server/keys/directory_custody.h"

namespace grantd::service {

std::expected<std::unique_ptr<keys::KeyCustody>, std::string> make_custody(
    const config::Config::Keys& settings, storage::KeyStore& store, Random& random,
    keys::DatabaseCustody::Cover cover) {
  switch (settings.store) {
    case config::KeyStoreKind::directory:
      return std::make_unique<keys::DirectoryCustody>(settings.directory, store);
    case config::KeyStoreKind::database:
      return keys::DatabaseCustody::make(store, settings.wrapping_key_file, random, cover);
  }
  std::unreachable();
}

}  // namespace grantd::service
