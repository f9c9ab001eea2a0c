/// What every kind of public JWK shares: its members as octets, and the checks before OpenSSL sees
/// them (RFC 7517 §4, RFC 7518 §6). Private to jose/. Pure.
#pragma once

#include <cstddef>
#include <expected>
#include <nlohmann/json.hpp>
#include <string>

#include "server/jose/rsa_key.h"

namespace grantd::jose {

inline constexpr std::size_t max_jwk_depth = 4;

/// A key that was published with its private half has leaked: it is refused, not passed over.
/// Error: a sentence that names the member.
[[nodiscard]] std::expected<void, std::string> refuse_private_members(const nlohmann::json& jwk);

/// The octets of a base64url member, never none. Error: a sentence that names the member.
[[nodiscard]] std::expected<std::string, std::string> octets_member(const nlohmann::json& jwk,
                                                                    const char* member);

/// Modulus and exponent as big-endian octets: min_rsa_bits to max_rsa_bits, odd e of 3 or more and
/// at most 64 bits. Error: what was found and what is expected.
[[nodiscard]] std::expected<EvpKey, std::string> rsa_evp_key(const std::string& n,
                                                             const std::string& e);

/// The same out of a JWK's members n and e, both without leading zeros (RFC 7518 §2).
struct RsaNumbers {
  std::string n{};
  std::string e{};
};
[[nodiscard]] std::expected<RsaNumbers, std::string> rsa_numbers(const nlohmann::json& jwk);

}  // namespace grantd::jose
