#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "server/base/text.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/output.h"
#include "server/cli/reach.h"
#include "server/cli/revocation_span.h"
#include "server/jose/base64url.h"
#include "server/jose/jwe.h"
#include "server/jose/jws.h"
#include "server/jose/strict_json.h"
#include "server/keys/key_set.h"
#include "server/keys/rotation.h"
#include "server/tokens/reference_tokens.h"
#include "server/tokens/verifier.h"

namespace grantd::cli {
namespace {

constexpr std::size_t max_shown_depth = 32;
constexpr auto no_token =
    "expected a JWT (three parts of base64url with '.' between them) or a handle (gdt_…)";

struct RevokeOptions {
  Text token_or_jti{};
  Text client_id{};
  bool all{false};
};

/// '-' is read from stdin: what stands on a command line is kept in the shell's history.
std::string given_or_stdin(const std::string& argument) {
  if (argument != "-") return argument;
  std::string text(jose::max_compact_bytes + 2, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::cin.gcount()));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

struct Decoded {
  nlohmann::json header{};
  nlohmann::json claims{};
};

/// Of any issuer and algorithm; nothing of it may be believed.
Outcome<Decoded> decode(std::string_view token) {
  const auto first = token.find('.');
  const auto second = token.find('.', first == std::string_view::npos ? first : first + 1);
  if (token.size() > jose::max_compact_bytes || second == std::string_view::npos) {
    return makes_no_sense(no_token);
  }
  const auto header = jose::base64url_decode(token.substr(0, first));
  const auto claims = jose::base64url_decode(token.substr(first + 1, second - first - 1));
  if (!header || !claims) return makes_no_sense(no_token);
  auto header_object = jose::parse_object(*header, max_shown_depth);
  auto claims_object = jose::parse_object(*claims, max_shown_depth);
  if (!header_object || !claims_object) {
    return makes_no_sense("expected a JWT: its header and its claims are JSON objects");
  }
  return Decoded{std::move(*header_object), std::move(*claims_object)};
}

/// Every key that was ever published here; nothing is signed with it.
keys::KeySet verifying_keys(const std::vector<storage::KeyRecord>& records) {
  std::vector<std::shared_ptr<const jose::RsaPublicKey>> published;
  for (const auto& record : records) {
    if (auto key = jose::RsaPublicKey::from_jwk(record.public_jwk)) {
      published.push_back(std::move(*key));
    }
  }
  return {nullptr, std::move(published)};
}

/// A word on the signature alone.
std::string signature_verdict(std::string_view token, const keys::KeySet& keys) {
  const auto jws = jose::parse_compact(token);
  if (!jws) return jws.error();
  const auto key = keys.find(jws->kid);
  if (!key) return "unknown_kid";
  return key->verify_rs256(jws->signing_input, jws->signature) ? "valid" : "bad_signature";
}

/// Nothing where the key that signed may still be believed.
Text fault_of_key(std::string_view token, const std::vector<storage::KeyRecord>& records,
                  WallTime now) {
  const auto jws = jose::parse_compact(token);
  const auto key =
      jws ? std::ranges::find(records, jws->kid, &storage::KeyRecord::kid) : records.end();
  if (key == records.end()) return "unknown_kid";
  if (key->compromised) return "key_compromised";
  if (!keys::is_published(*key, now)) return "key_removed";
  return std::nullopt;
}

Outcome<Text> fault_of_revocation(Context& context, const tokens::Claims& claims) {
  for (const auto& [jti, word] :
       {std::pair(claims.jti, "revoked"), std::pair(claims.root_jti, "root_revoked")}) {
    const auto revoked = context.storage->find_revocation(jti);
    if (!revoked) return store_failure(revoked.error(), "revocations");
    if (*revoked) return word;
  }
  const auto not_before = context.storage->load_not_before(floor_seconds(context.now));
  if (!not_before) return store_failure(not_before.error(), "revocations");
  const auto principals = tokens::principals_of(claims);
  for (const auto& entry : *not_before) {
    if (claims.issued_at > entry.at) continue;
    if (entry.client_id.empty()) return "all_revoked";
    if (std::ranges::find(principals, entry.client_id) != principals.end()) return "client_revoked";
  }
  return Text{};
}

/// An access token or a transaction token.
std::expected<tokens::VerifiedToken, std::string> verify_any(std::string_view token,
                                                             const keys::KeySet& keys,
                                                             std::string_view issuer,
                                                             sys_seconds now) {
  auto verified = tokens::verify(token, keys, issuer, now);
  if (verified || verified.error() != "wrong_typ") return verified;
  return tokens::verify(token, keys, issuer, now, tokens::Kind::transaction_token);
}

/// Why it counts no more; nothing where it is active.
Outcome<Text> fault_of_token(Context& context, std::string_view token, const keys::KeySet& keys,
                             const std::vector<storage::KeyRecord>& records) {
  const auto verified = verify_any(token, keys, context.config.issuer, floor_seconds(context.now));
  if (!verified) return verified.error();
  if (auto fault = fault_of_key(token, records, context.now)) return fault;
  return fault_of_revocation(context, verified->claims());
}

void add_times(Document& document, const tokens::Claims& claims) {
  document["issued_at"] = rfc3339(claims.issued_at);
  document["expires_at"] = rfc3339(claims.expires_at);
}

/// What a handle stands for, as introspection would tell it.
Outcome<void> inspect_handle(const Invocation& invocation, const std::string& handle) {
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto found = context->storage->find_reference_token(tokens::digest_of_handle(handle));
  if (!found) return store_failure(found.error(), "handles");
  Document document = {{"active", false}, {"reason", "unknown_handle"}, {"format", "opaque"}};
  if (*found) {
    const auto& token = **found;
    const auto now = floor_seconds(context->now);
    const auto verified =
        tokens::verify_reference(token.claims, token.typ, context->config.issuer, now);
    auto fault = verified ? fault_of_revocation(*context, verified->claims())
                          : Outcome<Text>(verified.error());
    if (!fault) return std::unexpected(fault.error());
    document["active"] = !*fault;
    document["reason"] = *fault ? Document(**fault) : Document(nullptr);
    document["typ"] = token.typ;
    if (const auto claims = tokens::parse_claims(token.claims)) add_times(document, *claims);
    document["claims"] = Document::parse(token.claims);
  }
  print(invocation, document);
  return {};
}

/// Of an encrypted token only the outside can be told; whether it is active nobody knows here.
Outcome<void> inspect_encrypted(const Invocation& invocation, const std::string& token) {
  const auto header = jose::base64url_decode(token.substr(0, token.find('.')));
  print(invocation, {{"active", nullptr},
                     {"reason", "encrypted_token"},
                     {"format", "encrypted"},
                     {"header", Document::parse(header.value_or("{}"))}});
  return {};
}

Outcome<void> inspect(const Invocation& invocation, const std::string& argument) {
  const std::string token = given_or_stdin(argument);
  if (tokens::is_handle(token)) return inspect_handle(invocation, token);
  if (jose::looks_like_jwe(token)) return inspect_encrypted(invocation, token);
  const auto decoded = decode(token);
  if (!decoded) return std::unexpected(decoded.error());
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  const auto records = context->storage->load_keys();
  if (!records) return store_failure(records.error(), "keys");

  const auto keys = verifying_keys(*records);
  const auto fault = fault_of_token(*context, token, keys, *records);
  if (!fault) return std::unexpected(fault.error());
  Document document = {{"active", !*fault}, {"reason", nullptr}};
  if (*fault) document["reason"] = **fault;
  document["signature"] = signature_verdict(token, keys);
  if (const auto claims = tokens::parse_claims(decoded->claims.dump())) {
    add_times(document, *claims);
  }
  document["header"] = Document(decoded->header);
  document["claims"] = Document(decoded->claims);
  print(invocation, document);
  return {};
}

/// What is to be revoked: of a handle what it stands for.
Outcome<storage::Revocation> revocation_of_handle(Context& context, const std::string& handle) {
  const auto found = context.storage->find_reference_token(tokens::digest_of_handle(handle));
  if (!found) return store_failure(found.error(), "handles");
  if (!*found) {
    return could_not("this handle is not known here: it expired, or was never issued here");
  }
  const auto token = tokens::verify_reference((*found)->claims, (*found)->typ,
                                              context.config.issuer, sys_seconds{});
  if (!token) return could_not("this handle was not issued here (" + token.error() + ")");
  return storage::Revocation{token->claims().jti,
                             token->claims().expires_at + context.config.tokens.clock_skew};
}

/// What is to be revoked: of a token that was issued here its jti and `exp`, else the jti given.
Outcome<storage::Revocation> revocation_of(Context& context, const std::string& token_or_jti) {
  if (tokens::is_jti(token_or_jti)) {
    const auto age = greatest_token_age(context);
    if (!age) return std::unexpected(age.error());
    return storage::Revocation{token_or_jti, ceil_seconds(context.now) + *age};
  }
  if (tokens::is_handle(token_or_jti)) return revocation_of_handle(context, token_or_jti);
  if (jose::looks_like_jwe(token_or_jti)) {
    return could_not("an encrypted token does not say which it is: revoke it by its jti");
  }
  if (token_or_jti.find('.') == std::string::npos) {
    return makes_no_sense(
        "expected a JWT, a handle (gdt_…), or a jti: it starts with 32 lower-case hex digits");
  }
  const auto records = context.storage->load_keys();
  if (!records) return store_failure(records.error(), "keys");
  // The beginning of time: an expired token is told apart below.
  const auto token =
      verify_any(token_or_jti, verifying_keys(*records), context.config.issuer, sys_seconds{});
  if (!token) return could_not("this token was not issued here (" + token.error() + ")");
  return storage::Revocation{token->claims().jti,
                             token->claims().expires_at + context.config.tokens.clock_skew};
}

Outcome<void> revoke_token(const Invocation& invocation, Context& context,
                           const std::string& argument) {
  const auto revocation = revocation_of(context, given_or_stdin(argument));
  if (!revocation) return std::unexpected(revocation.error());
  const auto now = floor_seconds(context.now);
  const bool expired = revocation->expires_at <= now;
  if (expired) {
    say("this token has expired already: there is nothing to revoke");
  } else if (const auto done = context.storage->revoke(*revocation, now, context.actor); !done) {
    return store_failure(done.error(), "the token");
  }
  const auto reach = reach_of_jti(context, revocation->jti);
  if (!reach) return std::unexpected(reach.error());
  print(invocation, {{"jti", revocation->jti},
                     {"revoked", !expired},
                     {"kept_until", rfc3339(revocation->expires_at)},
                     {"reaches", expired ? Document::array() : *reach}});
  return {};
}

/// Everything issued until now, to one client or (empty) to all.
Outcome<void> revoke_issued(const Invocation& invocation, Context& context,
                            const std::string& client_id) {
  const auto not_before = not_before_now(context, client_id);
  if (!not_before) return std::unexpected(not_before.error());
  const auto done = context.storage->set_not_before(*not_before, context.actor);
  if (!done) return store_failure(done.error(), "the revocation");
  Document document = {{"client_id", client_id.empty() ? Document(nullptr) : Document(client_id)},
                       {"inactive_if_issued_until", rfc3339(not_before->at)},
                       {"kept_until", rfc3339(not_before->expires_at)},
                       {"reaches", reach_of_many()}};
  print(invocation, document);
  return {};
}

Outcome<void> revoke(const Invocation& invocation, const RevokeOptions& options) {
  const int targets =
      (options.token_or_jti ? 1 : 0) + (options.client_id ? 1 : 0) + (options.all ? 1 : 0);
  if (targets != 1) return makes_no_sense("expected one of TOKEN_OR_JTI, --client and --all");
  auto context = open_context(invocation);
  if (!context) return std::unexpected(context.error());
  if (options.token_or_jti) return revoke_token(invocation, *context, *options.token_or_jti);
  if (!options.client_id) return revoke_issued(invocation, *context, "");
  // The empty id stands for all clients in the storage.
  const auto client = context->storage->find_client(*options.client_id);
  if (!client) return store_failure(client.error(), "the client \"" + *options.client_id + "\"");
  return revoke_issued(invocation, *context, client->client.id);
}

}  // namespace

void add_token_commands(Tree& tree) {
  auto& group =
      tree.group("token", "access tokens that were issued", "grantd token inspect - < token.jwt");
  const auto token = std::make_shared<std::string>();
  tree.command(group, "inspect", "what a token says, whether it is active, and why not",
               "grantd token inspect - < token.jwt",
               [token](const Invocation& invocation) { return inspect(invocation, *token); })
      .argument("TOKEN", *token, "the JWT or handle, or '-' to read it from stdin");

  const auto options = std::make_shared<RevokeOptions>();
  auto revoking = tree.command(
      group, "revoke", "make a token inactive, or everything that was issued until now",
      "grantd token revoke --client billing",
      [options](const Invocation& invocation) { return revoke(invocation, *options); });
  revoking.optional_argument("TOKEN_OR_JTI", options->token_or_jti,
                             "the JWT, handle or jti, or '-' to read it from stdin");
  revoking.value("--client", "ID", options->client_id,
                 "all tokens of that client issued until now");
  revoking.flag("--all", options->all, "all tokens issued until now");
}

}  // namespace grantd::cli
