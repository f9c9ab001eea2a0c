// What each kind of value takes and refuses.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/unit/config/fixture.h"

namespace grantd::config::test {
namespace {

using namespace std::chrono_literals;

std::string with_issuer(const std::string& issuer) {
  return R"({"issuer": ")" + issuer +
         R"(", "listen": {"tls": {"certificate_file": "c", "private_key_file": "k"}}})";
}

TEST(ConfigDefaults, AreThoseOfTheContract) {
  const auto config = read(with(""));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->issuer, "https://auth.example.com");
  EXPECT_EQ(config->listen.address, "0.0.0.0");
  EXPECT_EQ(config->listen.port, 8443);
  EXPECT_EQ(config->listen.workers, 0U);
  EXPECT_EQ(config->ops.address, "127.0.0.1");
  EXPECT_EQ(config->ops.port, 9443);
  EXPECT_EQ(config->storage.url, "sqlite:grantd.db");
  EXPECT_EQ(config->keys.rotate_every, std::chrono::seconds(30 * 24h));
  EXPECT_EQ(config->keys.publish_before, 15min);
  EXPECT_EQ(config->keys.jwks_max_age, 5min);
  EXPECT_EQ(config->keys.signing_key, std::nullopt);
  EXPECT_EQ(config->tokens.lifetime, 5min);
  EXPECT_EQ(config->tokens.max_lifetime, 1h);
  EXPECT_EQ(config->tokens.clock_skew, 30s);
  EXPECT_TRUE(config->audiences.empty());
  EXPECT_EQ(config->limits.request_body_bytes, 16U * 1024);
  EXPECT_EQ(config->limits.request_header_bytes, 8U * 1024);
  EXPECT_EQ(config->limits.handshake_timeout, 5s);
  EXPECT_EQ(config->limits.request_timeout, 10s);
  EXPECT_EQ(config->limits.idle_timeout, 60s);
  EXPECT_EQ(config->limits.connections, 10'000U);
  EXPECT_EQ(config->limits.auth_failures, 60U);
  EXPECT_EQ(config->limits.failure_delay, 10ms);
  EXPECT_EQ(config->log.level, LogLevel::info);
  EXPECT_EQ(config->log.format, LogFormat::json);
}

TEST(ConfigPaths, RelativeOnesStartFromTheFilesDirectory) {
  const auto config =
      read(with(R"("storage": {"url": "sqlite:data/../grantd.db", "pepper_file": "/run/pepper"},
                   "keys": {"directory": "./keys"})"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->file, file);
  EXPECT_EQ(config->listen.certificate_file, "/etc/grantd/tls/server.crt");
  EXPECT_EQ(config->listen.private_key_file, "/etc/grantd/tls/server.key");
  EXPECT_EQ(config->storage.sqlite_path, "/etc/grantd/grantd.db");
  EXPECT_EQ(config->storage.url, "sqlite:data/../grantd.db");
  EXPECT_EQ(config->storage.pepper_file, "/run/pepper");
  EXPECT_EQ(config->keys.directory, "/etc/grantd/keys");
}

TEST(ConfigPaths, EmptyOnesAndControlCharactersAreFaults) {
  for (const auto* path : {R"("")", R"("a\u0000b")", R"("a\nb")", "5", "null"}) {
    const auto faults = faults_of(with(R"("keys": {"directory": )" + std::string(path) + "}"));
    EXPECT_EQ(faults.size(), 1U) << path;
    EXPECT_TRUE(fault_at(faults, "keys.directory")) << path;
  }
}

TEST(Rfc8414Issuer, IsRefusedWhereItIsNoPlainHttpsUri) {
  for (const auto* issuer : {"",
                             "http://auth.example.com",
                             "HTTPS://auth.example.com",
                             "auth.example.com",
                             "https://",
                             "https:///path",
                             "https://a.example?x",
                             "https://a.example/#f",
                             "https://user@a.example",
                             "https://user:pass@a.example",
                             "https://a.example/%61",
                             "https://a.example/../b",
                             "https://a.example/./b",
                             "https://a.example//b",
                             "https://a.example/b/..",
                             "https://a.example:",
                             "https://a.example:0",
                             "https://a.example:65536",
                             "https://a.example/a b",
                             " https://a.example"}) {
    const auto faults = faults_of(with_issuer(issuer));
    EXPECT_EQ(faults.size(), 1U) << issuer;
    EXPECT_TRUE(fault_at(faults, "issuer")) << issuer;
  }
  EXPECT_TRUE(
      fault_at(faults_of(with_issuer("https://a.example/" + std::string(512, 'a'))), "issuer"));
}

TEST(Rfc8414Issuer, IsKeptByteForByte) {
  for (const auto* issuer : {"https://auth.example.com", "https://auth.example.com/",
                             "https://a.example:8443/tenant/1", "https://Auth.Example.com/A/",
                             "https://[::1]:8443", "https://127.0.0.1:8443", "https://localhost"}) {
    const auto config = read(with_issuer(issuer));
    ASSERT_TRUE(config) << issuer;
    EXPECT_EQ(config->issuer, issuer);
  }
}

TEST(ConfigDurations, RefuseWhatIsNoDurationWithinItsBounds) {
  for (const auto* lifetime :
       {R"("250ms")", R"("1000ms")", R"("0s")", R"("31d")", R"("5")", R"("5 m")", R"("-5m")",
        R"("")", R"("5M")", "300", "null", R"(["5m"])"}) {
    const auto faults = faults_of(
        with(R"("tokens": {"max_lifetime": "30d", "lifetime": )" + std::string(lifetime) + "}"));
    EXPECT_EQ(faults.size(), 1U) << lifetime;
    EXPECT_TRUE(fault_at(faults, "tokens.lifetime")) << lifetime;
  }
}

TEST(ConfigDurations, TakeMillisecondsWhereTimersDo) {
  const auto config =
      read(with(R"("limits": {"handshake_timeout": "250ms", "failure_delay": "0ms"})"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->limits.handshake_timeout, 250ms);
  EXPECT_EQ(config->limits.failure_delay, 0ms);
  EXPECT_TRUE(fault_at(faults_of(with(R"("limits": {"handshake_timeout": "99ms"})")),
                       "limits.handshake_timeout"));
}

TEST(ConfigSizes, AreBounded) {
  const auto config =
      read(with(R"("limits": {"request_body": "1MiB", "request_header": "1024B"})"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->limits.request_body_bytes, 1024U * 1024);
  EXPECT_EQ(config->limits.request_header_bytes, 1024U);
  for (const auto* size : {R"("1023B")", R"("2MiB")", "4096", R"("4096")", R"("16kb")"}) {
    const auto faults = faults_of(with(R"("limits": {"request_body": )" + std::string(size) + "}"));
    EXPECT_EQ(faults.size(), 1U) << size;
    EXPECT_TRUE(fault_at(faults, "limits.request_body")) << size;
  }
}

TEST(ConfigNumbers, AreWholeAndBounded) {
  EXPECT_EQ(read(with(R"("ops": {"port": 0})"))->ops.port, 0);
  EXPECT_EQ(read(with(R"("ops": {"port": 65535})"))->ops.port, 65535);
  for (const auto* port : {"65536", "-1", "1.0", "1e3", R"("9443")", "true", "null", "[9443]",
                           "18446744073709551616"}) {
    const auto faults = faults_of(with(R"("ops": {"port": )" + std::string(port) + "}"));
    EXPECT_EQ(faults.size(), 1U) << port;
    EXPECT_TRUE(fault_at(faults, "ops.port")) << port;
  }
  EXPECT_TRUE(fault_at(faults_of(with(R"("limits": {"connections": 0})")), "limits.connections"));
  EXPECT_TRUE(
      fault_at(faults_of(with(R"("limits": {"connections": 1000001})")), "limits.connections"));
}

TEST(ConfigAddresses, AreAddressesAndNoNames) {
  EXPECT_EQ(read(with(R"("ops": {"address": "::1"})"))->ops.address, "::1");
  for (const auto* address : {"localhost", "", "127.0.0.1:80", "[::1]", "256.0.0.1", "::1%eth0"}) {
    EXPECT_TRUE(fault_at(faults_of(with(R"("ops": {"address": ")" + std::string(address) + "\"}")),
                         "ops.address"))
        << address;
  }
}

TEST(ConfigKeys, AlgorithmAndPinnedKeyAreChecked) {
  EXPECT_TRUE(fault_at(faults_of(with(R"("keys": {"algorithm": "HS256"})")), "keys.algorithm"));
  const std::string kid(43, 'k');
  EXPECT_EQ(read(with(R"("keys": {"signing_key": ")" + kid + "\"}"))->keys.signing_key, kid);
  for (const auto& wrong : {std::string(42, 'k'), std::string(44, 'k'), std::string(42, 'k') + "=",
                            std::string("AUTO"), std::string()}) {
    EXPECT_TRUE(fault_at(faults_of(with(R"("keys": {"signing_key": ")" + wrong + "\"}")),
                         "keys.signing_key"))
        << wrong;
  }
}

TEST(ConfigKeys, RotationMayBeLeftToTheOperator) {
  EXPECT_EQ(read(with(R"("keys": {"rotate_every": "never"})"))->keys.rotate_every, std::nullopt);
  EXPECT_EQ(read(with(R"("keys": {"rotate_every": "15m"})"))->keys.rotate_every, 15min);
  EXPECT_TRUE(
      fault_at(faults_of(with(R"("keys": {"rotate_every": "Never"})")), "keys.rotate_every"));
}

TEST(ConfigAudiences, SayWhatIsParticularToThem) {
  const auto config = read(with(R"("audiences": {
      "https://api.example.com": {"scopes": ["api:read", "api:write"], "typ": "JWT"},
      "urn:none": {"scopes": []}, "urn:any": {}})"));
  ASSERT_TRUE(config);
  ASSERT_EQ(config->audiences.size(), 3U);
  const auto& api = config->audiences.at("https://api.example.com");
  EXPECT_EQ(api.scopes, (std::vector<std::string>{"api:read", "api:write"}));
  EXPECT_EQ(api.typ, "JWT");
  EXPECT_EQ(config->audiences.at("urn:none").scopes, std::vector<std::string>{});
  EXPECT_EQ(config->audiences.at("urn:any").scopes, std::nullopt);
  EXPECT_EQ(config->audiences.at("urn:any").typ, "at+jwt");
}

TEST(ConfigAudiences, AreAbsoluteUrisWithoutFragment) {
  for (const auto* uri :
       {"", "api", "/api", "//api.example.com", "https://a.example/#f", "a b:c"}) {
    const auto faults = faults_of(with(R"("audiences": {")" + std::string(uri) + "\": {}}"));
    ASSERT_EQ(faults.size(), 1U) << uri;
    EXPECT_EQ(faults[0].path, "audiences") << uri;
    EXPECT_NE(faults[0].expected.find("absolute URI"), std::string::npos) << uri;
  }
}

TEST(ConfigAudiences, RefuseWhatIsNoScopeAndWhatStandsTwice) {
  for (const auto* scopes : {R"("a")", R"([""])", R"(["a b"])", R"(["a\"b"])", R"(["a\\b"])",
                             R"(["ä"])", R"(["a", "a"])", "[5]", "null"}) {
    const auto faults =
        faults_of(with(R"("audiences": {"urn:a": {"scopes": )" + std::string(scopes) + "}}"));
    EXPECT_EQ(faults.size(), 1U) << scopes;
    EXPECT_TRUE(fault_at(faults, R"(audiences["urn:a"].scopes)")) << scopes;
  }
}

TEST(ConfigAudiences, RefuseUnknownTypesKeysAndShapes) {
  const auto faults = faults_of(with(
      R"("audiences": {"urn:a": {"typ": "jwt"}, "urn:b": {"scope": []}, "urn:c": ["api:read"]})"));
  EXPECT_EQ(described(faults),
            "audiences[\"urn:a\"].typ: found \"jwt\", expected \"at+jwt\" or \"JWT\"\n"
            "audiences[\"urn:b\"]: found the unknown key \"scope\", expected one of \"scopes\", "
            "\"typ\", \"claims\", \"status_list\", \"format\", \"encryption\"\n"
            "audiences[\"urn:c\"]: found [\"api:read\"], expected an object with one of "
            "\"scopes\", \"typ\", \"claims\", \"status_list\", \"format\", \"encryption\"\n");
}

TEST(ConfigAudiences, MayAskForClaimsStatusFormAndEncryption) {
  const auto config = read(with(R"("audiences": {"urn:a": {
      "claims": {"tenant": "eu", "may_act": {"sub": "gateway"}}, "status_list": true,
      "format": "opaque", "encryption": {"jwks_file": "a.json", "alg": "ECDH-ES+A256KW"}}})"));
  ASSERT_TRUE(config);
  const auto& audience = config->audiences.at("urn:a");
  EXPECT_EQ(audience.claims.at("tenant"), R"("eu")");
  EXPECT_EQ(audience.claims.at("may_act"), R"({"sub":"gateway"})");
  EXPECT_TRUE(audience.status_list);
  EXPECT_EQ(audience.format, TokenFormat::opaque);
  ASSERT_TRUE(audience.encryption);
  EXPECT_EQ(audience.encryption->jwks_file.filename(), "a.json");
  EXPECT_TRUE(audience.encryption->jwks_file.has_parent_path());
}

TEST(ConfigAudiences, RefuseClaimsThatGrantdSetsItself) {
  for (const auto* claims : {R"({"exp": 1})", R"({"act": {}})", R"({"": 1})", R"({"a b": 1})",
                             R"(["tenant"])", R"({"status": 1})"}) {
    const auto faults =
        faults_of(with(R"("audiences": {"urn:a": {"claims": )" + std::string(claims) + "}}"));
    EXPECT_EQ(faults.size(), 1U) << claims;
    EXPECT_TRUE(fault_at(faults, R"(audiences["urn:a"].claims)")) << claims;
  }
}

TEST(ConfigAudiences, RefuseHalfAnEncryption) {
  for (const auto* encryption :
       {R"({"alg": "RSA-OAEP-256"})", R"({"jwks_file": "a"})", "true",
        R"({"jwks_file": "a", "alg": "RSA1_5"})",
        R"({"jwks_file": "a", "alg": "RSA-OAEP-256", "enc": "A128GCM"})"}) {
    const auto faults = faults_of(
        with(R"("audiences": {"urn:a": {"encryption": )" + std::string(encryption) + "}}"));
    EXPECT_TRUE(fault_at(faults, R"(audiences["urn:a"].encryption)")) << encryption;
  }
}

TEST(ConfigExchange, NamesForeignIssuersWithTheirKeysAndWhatMarksTheirSubjects) {
  const auto config = read(with(R"("exchange": {"issuers": {
      "https://idp.example.com": {"jwks_file": "idp.json", "subject_prefix": "idp|"}}})"));
  ASSERT_TRUE(config);
  const auto& issuer = config->exchange.issuers.at("https://idp.example.com");
  EXPECT_EQ(issuer.jwks_file.filename(), "idp.json");
  EXPECT_EQ(issuer.subject_prefix, "idp|");
}

TEST(ConfigExchange, LeavesNeitherKeysNorPrefixToADefault) {
  const auto faults = faults_of(with(R"("exchange": {"issuers": {
      "https://idp.example.com": {}, "http://idp.example.com":
      {"jwks_file": "idp.json", "subject_prefix": ""}}})"));
  EXPECT_EQ(faults.size(), 3U);
  EXPECT_TRUE(fault_at(faults, R"(exchange.issuers["https://idp.example.com"].jwks_file)"));
  EXPECT_TRUE(fault_at(faults, R"(exchange.issuers["https://idp.example.com"].subject_prefix)"));
  EXPECT_TRUE(fault_at(faults, "exchange.issuers"));
}

TEST(ConfigTransactionTokens, NeedATrustDomainWhereTheyAreEnabled) {
  EXPECT_TRUE(fault_at(faults_of(with(R"("transaction_tokens": {"enabled": true})")),
                       "transaction_tokens.trust_domain"));
  const auto config = read(with(
      R"("transaction_tokens": {"enabled": true, "trust_domain": "https://trust.example.com"})"));
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->transaction_tokens.enabled);
}

TEST(ConfigStatusLists, HaveACapacityOfWholeOctetsAndBlocksThatFit) {
  EXPECT_TRUE(
      fault_at(faults_of(with(R"("status_lists": {"capacity": 1025})")), "status_lists.capacity"));
  EXPECT_TRUE(fault_at(faults_of(with(R"("status_lists": {"capacity": 1024, "block": 2048})")),
                       "status_lists.block"));
}

TEST(ConfigLog, TakesItsFewWords) {
  const auto config = read(with(R"("log": {"level": "debug", "format": "text"})"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->log.level, LogLevel::debug);
  EXPECT_EQ(config->log.format, LogFormat::text);
  const auto fault = fault_at(faults_of(with(R"("log": {"level": "trace"})")), "log.level");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->expected, R"("debug", "info", "warn" or "error")");
}

}  // namespace
}  // namespace grantd::config::test
