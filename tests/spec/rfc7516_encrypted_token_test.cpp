// Encrypted access tokens (RFC 7516, RFC 7519 §11.2, RFC 9068 §6): for audiences whose tokens must
// not be read on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "server/jose/base64url.h"
#include "tests/support/exchange.h"
#include "tests/support/jwe_reader.h"

namespace grantd::testing {
namespace {

const std::string inactive = R"({"active":false})";
const std::string well_known = "/.well-known/oauth-authorization-server";
const std::string jwks_name = "profile.jwks.json";

json audience_config(const std::string& alg, const std::string& file = jwks_name) {
  return {{"encryption", {{"jwks_file", file}, {"alg", alg}}}};
}

class Rfc7516EncryptedToken : public ::testing::Test {
 protected:
  Rfc7516EncryptedToken() : server({.start = false}) {}

  /// A server whose audience `profiles` is `reader`'s.
  void serve(const JweReader& reader) {
    write_jwks(reader.jwks());
    server.config()["audiences"][profiles] = audience_config(reader.jwk().at("alg"));
    server.write_config(json(server.config()));
    server.start();
    server.add_client("caller", {"--scope", "profiles:read", "--audience", profiles, "--audience",
                                 api, "--default-audience", profiles});
    server.add_client("profile-service", {"--serves", profiles, "--exchange-audience", audit});
  }
  void write_jwks(const std::string& text) const {
    write_text(server.directory() / jwks_name, text, 0644);
  }
  /// Whether the reload went through.
  bool reload() {
    const auto done = [&] {
      return server.log_lines("reload").size() + server.log_lines("reload_failed").size();
    };
    const auto before = done();
    const auto failed = server.log_lines("reload_failed").size();
    server.signal(SIGHUP);
    EXPECT_TRUE(TestServer::eventually([&] { return done() == before + 1; }));
    return server.log_lines("reload_failed").size() == failed;
  }
  void expect_readable_by(const JweReader& reader) {
    serve(reader);
    const auto jwe = server.token_for("caller");
    EXPECT_EQ(std::ranges::count(jwe, '.'), 4);
    const auto [header, content] = reader.open(jwe);
    EXPECT_EQ(header.at("alg"), reader.jwk().at("alg"));
    EXPECT_EQ(header.at("enc"), "A256GCM");
    EXPECT_EQ(header.at("kid"), reader.jwk().at("kid"));
    EXPECT_EQ(header.at("cty"), "JWT");
    EXPECT_EQ(header.at("typ"), "at+jwt");
    EXPECT_EQ(header.contains("epk"), header.at("alg") == "ECDH-ES+A256KW");
    EXPECT_TRUE(verifies(content, server.jwks()));
    const auto inner = decode(content);
    EXPECT_EQ(inner.header.at("typ"), "at+jwt");
    EXPECT_EQ(inner.claims.at("aud"), profiles);
    EXPECT_EQ(inner.claims.at("sub"), "caller");
  }
  /// The signed token inside.
  [[nodiscard]] std::string opened(const JweReader& reader) const {
    return reader.open(server.token_for("caller")).content;
  }
  [[nodiscard]] json metadata() const { return json::parse(server.get(well_known).body); }

  TestServer server;
};

TEST_F(Rfc7516EncryptedToken, ItsReaderFindsTheSignedTokenInsideByRsa) {
  expect_readable_by(JweReader::rsa("r1"));
}

TEST_F(Rfc7516EncryptedToken, ItsReaderFindsTheSignedTokenInsideByEllipticCurves) {
  expect_readable_by(JweReader::ec("e1"));
}

TEST_F(Rfc7516EncryptedToken, NothingOfItCanBeReadOnTheWay) {
  const auto reader = JweReader::ec("e1");
  serve(reader);
  const auto jwe = server.token_for("caller");
  for (std::size_t begin = jwe.find('.') + 1; begin < jwe.size();) {
    const auto end = std::min(jwe.find('.', begin), jwe.size());
    const auto part = jose::base64url_decode(jwe.substr(begin, end - begin)).value();
    EXPECT_EQ(part.find("caller"), std::string::npos);
    begin = end + 1;
  }
}

TEST_F(Rfc7516EncryptedToken, OtherAudiencesGetWhatTheyEverGot) {
  serve(JweReader::ec("e1"));
  EXPECT_EQ(std::ranges::count(server.token_for("caller", "&resource=" + api), '.'), 2);
}

TEST_F(Rfc7516EncryptedToken, OneTokenCannotBeEncryptedForSeveral) {  // R137
  serve(JweReader::ec("e1"));
  EXPECT_EQ(error_of(server.token("caller", "&resource=" + api + "&resource=" + profiles)),
            "400 invalid_target");
}

TEST_F(Rfc7516EncryptedToken, GrantdCannotReadItBack) {  // R133
  const auto reader = JweReader::ec("e1");
  serve(reader);
  const auto jwe = server.token_for("caller");
  EXPECT_EQ(server.introspect(jwe, "caller").body, inactive);
  EXPECT_EQ(server.introspect(jwe, "profile-service").body, inactive);
  EXPECT_EQ(error_of(exchange(server, "profile-service", jwe)), "400 invalid_request");
  EXPECT_EQ(server.command_json({"token", "inspect", jwe}).at("reason"), "encrypted_token");
  EXPECT_EQ(server.command({"token", "revoke", jwe}).status, 1);
}

TEST_F(Rfc7516EncryptedToken, ItsHolderCannotRevokeItAndIsToldSo) {  // RFC 7009 §2.2.1
  serve(JweReader::ec("e1"));
  const auto jwe = server.token_for("caller");
  EXPECT_EQ(error_of(server.revoke(jwe, "caller")), "400 unsupported_token_type");
  EXPECT_EQ(server.revoke("a.b.c.d.e", "caller").status, 200) << "garbage is no JWE";  // R128
}

TEST_F(Rfc7516EncryptedToken, WhatIsInsideIsATokenLikeAnyOther) {
  const auto reader = JweReader::ec("e1");
  serve(reader);
  const auto inner = opened(reader);
  EXPECT_TRUE(server.is_active(inner, "profile-service"));
  EXPECT_EQ(exchange(server, "profile-service", inner).status, 200);
  const std::string jti = decode(inner).claims.at("jti");
  ASSERT_EQ(server.command({"token", "revoke", jti}).status, 0);
  EXPECT_TRUE(TestServer::eventually(
      [&] { return server.introspect(inner, "profile-service").body == inactive; }));
}

TEST_F(Rfc7516EncryptedToken, ADerivedTokenIsEncryptedToo) {  // R138
  const auto reader = JweReader::rsa("r1");
  serve(reader);
  server.add_client("user-service", {"--serves", api, "--exchange-audience", profiles});
  const auto root = server.token_for("caller", "&resource=" + api);
  const auto inner = reader.open(exchanged(server, "user-service", root)).content;
  EXPECT_EQ(decode(inner).claims.at("act"), json({{"sub", "user-service"}}));
}

TEST_F(Rfc7516EncryptedToken, AHandleHasNoContentToEncrypt) {
  serve(JweReader::rsa("r1"));
  server.add_client("opaque", {"--audience", profiles, "--token-format", "opaque"});
  EXPECT_TRUE(server.token_for("opaque").starts_with("gdt_"));
}

TEST_F(Rfc7516EncryptedToken, ANewFirstKeyIsInForceAfterAReload) {
  const auto old_key = JweReader::rsa("2026-11");
  const auto new_key = JweReader::rsa("2026-12");
  serve(old_key);
  const auto before = server.token_for("caller");

  write_jwks(new_key.jwks({old_key.jwk()}));
  EXPECT_EQ(old_key.open(server.token_for("caller")).header.at("kid"), "2026-11")
      << "nothing changes before the reload";
  ASSERT_TRUE(reload());
  const auto after = server.token_for("caller");
  EXPECT_EQ(new_key.open(after).header.at("kid"), "2026-12");
  EXPECT_EQ(old_key.open(before).header.at("kid"), "2026-11") << "the reader finds each by its kid";
  const auto told = server.log_lines("encryption_key");
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told.back().at("audience"), profiles);
  EXPECT_EQ(told.back().at("kid"), "2026-12");
}

TEST_F(Rfc7516EncryptedToken, AFaultyKeyFileLeavesWhatRunsInForceAndNamesTheAudience) {
  const auto reader = JweReader::ec("e1");
  serve(reader);
  auto private_jwk = reader.jwk();
  private_jwk["d"] = "AQ";
  auto off_curve = reader.jwk();
  off_curve["y"] = off_curve["x"];
  auto signing = reader.jwk();
  signing["use"] = "sig";
  std::size_t faults = 0;
  for (const auto& jwks : {json{{"keys", {private_jwk}}}.dump(), json{{"keys", {off_curve}}}.dump(),
                           json{{"keys", {signing}}}.dump(), std::string("{")}) {
    write_jwks(jwks);
    EXPECT_FALSE(reload()) << jwks;
    const auto told = server.log_lines("reload_fault");
    ASSERT_EQ(told.size(), ++faults);
    const std::string fault = told.back().at("fault");
    EXPECT_TRUE(fault.starts_with("audiences[\"" + profiles + "\"].encryption.jwks_file: "))
        << fault;
    EXPECT_EQ(server.command({"config", "check"}).status, 2);
    EXPECT_EQ(reader.open(server.token_for("caller")).header.at("kid"), "e1");
  }
  write_jwks(reader.jwks());
  EXPECT_TRUE(reload());
}

TEST_F(Rfc7516EncryptedToken, AMissingKeyFileIsAFaultThatNamesTheAudience) {
  server.config()["audiences"][profiles] = audience_config("RSA-OAEP-256", "missing.json");
  server.write_config(json(server.config()));
  const auto refused = server.command({"config", "check"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE((refused.out + refused.err).find(profiles), std::string::npos);
}

TEST_F(Rfc7516EncryptedToken, IsAdvertisedWhereAnAudienceWantsIt) {  // R87
  serve(JweReader::ec("e1"));
  EXPECT_EQ(metadata().at("access_token_encryption_alg_values_supported"),
            json({"ECDH-ES+A256KW"}));
  EXPECT_EQ(metadata().at("access_token_encryption_enc_values_supported"), json({"A256GCM"}));

  server.config()["audiences"].erase(profiles);
  server.write_config(json(server.config()));
  ASSERT_TRUE(reload());
  EXPECT_FALSE(metadata().contains("access_token_encryption_alg_values_supported"));
  EXPECT_FALSE(metadata().contains("access_token_encryption_enc_values_supported"));
  EXPECT_EQ(std::ranges::count(server.token_for("caller"), '.'), 2);
}

TEST_F(Rfc7516EncryptedToken, TooLargeATokenIsNotIssued) {
  server.config()["tokens"]["warn_size"] = "512B";
  server.config()["tokens"]["max_size"] = "1KiB";
  serve(JweReader::rsa("r1"));
  EXPECT_EQ(server.token("caller", "&resource=" + api).status, 200);
  EXPECT_EQ(error_of(server.token("caller")), "400 invalid_request")
      << "encrypted it is a third larger";
}

}  // namespace
}  // namespace grantd::testing
