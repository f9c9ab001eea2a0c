#include "storage/names.h"

#include <array>

namespace grantd::storage {
namespace {

constexpr std::array all_change_kinds{
    ChangeKind::client_created, ChangeKind::client_updated,  ChangeKind::client_disabled,
    ChangeKind::client_enabled, ChangeKind::client_deleted,  ChangeKind::secret_added,
    ChangeKind::secret_removed, ChangeKind::token_revoked,   ChangeKind::client_revoked,
    ChangeKind::all_revoked,    ChangeKind::key_published,   ChangeKind::key_signing,
    ChangeKind::key_retired,    ChangeKind::key_compromised, ChangeKind::key_changed,
};

constexpr std::array all_auth_methods{AuthMethod::client_secret_basic,
                                      AuthMethod::client_secret_post};

constexpr std::array all_token_formats{TokenFormat::jwt, TokenFormat::opaque};

constexpr std::array all_exchange_modes{ExchangeMode::delegation, ExchangeMode::impersonation};

constexpr std::array all_key_origins{KeyOrigin::standby, KeyOrigin::operator_brought};

template <typename Values>
auto find_by_name(const Values& values, std::string_view wanted)
    -> std::optional<typename Values::value_type> {
  for (const auto value : values) {
    if (name(value) == wanted) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::client_created:
      return "client_created";
    case ChangeKind::client_updated:
      return "client_updated";
    case ChangeKind::client_disabled:
      return "client_disabled";
    case ChangeKind::client_enabled:
      return "client_enabled";
    case ChangeKind::client_deleted:
      return "client_deleted";
    case ChangeKind::secret_added:
      return "secret_added";
    case ChangeKind::secret_removed:
      return "secret_removed";
    case ChangeKind::token_revoked:
      return "token_revoked";
    case ChangeKind::client_revoked:
      return "client_revoked";
    case ChangeKind::all_revoked:
      return "all_revoked";
    case ChangeKind::key_published:
      return "key_published";
    case ChangeKind::key_signing:
      return "key_signing";
    case ChangeKind::key_retired:
      return "key_retired";
    case ChangeKind::key_compromised:
      return "key_compromised";
    case ChangeKind::key_changed:
      return "key_changed";
  }
  std::unreachable();
}

std::optional<ChangeKind> change_kind(std::string_view name) {
  return find_by_name(all_change_kinds, name);
}

std::optional<AuthMethod> auth_method(std::string_view name) {
  return find_by_name(all_auth_methods, name);
}

std::optional<TokenFormat> token_format(std::string_view name) {
  return find_by_name(all_token_formats, name);
}

std::optional<ExchangeMode> exchange_mode(std::string_view name) {
  return find_by_name(all_exchange_modes, name);
}

std::string_view name(KeyOrigin origin) {
  switch (origin) {
    case KeyOrigin::standby:
      return "standby";
    case KeyOrigin::operator_brought:
      return "operator";
  }
  std::unreachable();
}

std::optional<KeyOrigin> key_origin(std::string_view name) {
  return find_by_name(all_key_origins, name);
}

}  // namespace grantd::storage
