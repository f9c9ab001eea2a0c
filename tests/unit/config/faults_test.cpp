// What is said of a file that is wrong.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/config/fixture.h"

namespace grantd::config::test {
namespace {

TEST(ConfigFaults, AreReportedAllTogether) {
  EXPECT_EQ(described(faults_of(R"({
        "isuer": "https://auth.example.com",
        "listen": {"port": "8443", "tls": {"certificate_file": "tls/server.crt"}},
        "ops": "127.0.0.1:9443",
        "keys": {"publish_before": "1m", "algorithm": "none"},
        "tokens": {"lifetime": "2h"}, "tokens": {"lifetime": "2h"},
        "audiences": {"api": {}},
        "port": 8443})",
                                {{"GRANTD_LOG__LEVEL", "loud"}, {"GRANTD_LOG__LEVELS", "info"}})),
            R"(tokens: found the key twice, expected each key once
isuer: found an unknown key, expected one of issuer, listen, ops, storage, keys, tokens, audiences, exchange, transaction_tokens, status_lists, metadata, limits, log; did you mean "issuer"?
ops: found "127.0.0.1:9443", expected an object
port: found an unknown key, expected one of issuer, listen, ops, storage, keys, tokens, audiences, exchange, transaction_tokens, status_lists, metadata, limits, log; did you mean "listen.port"?
GRANTD_LOG__LEVELS: found an unknown variable, expected the name of a setting, such as GRANTD_TOKENS__LIFETIME; did you mean GRANTD_LOG__LEVEL?
issuer: found nothing, expected an https URI of at most 512 characters without userinfo, query, fragment, percent-encoding, dot or empty segments
listen.port: found "8443", expected a whole number from 0 to 65535
listen.tls.private_key_file: found nothing, expected a path
keys.algorithm: found "none", expected "RS256"
audiences: found the key "api", expected an absolute URI without a fragment, at most 255 characters
log.level (from GRANTD_LOG__LEVEL): found "loud", expected "debug", "info", "warn" or "error"
keys.publish_before: found "1m" where keys.jwks_max_age is "5m", expected at least keys.jwks_max_age, else a verifier's cached JWKS may lack the key that signs
tokens.lifetime: found "2h" where tokens.max_lifetime is "1h", expected at most tokens.max_lifetime, else no client without a lifetime of its own gets what is promised
)");
}

TEST(ConfigFaults, UnknownKeyGetsNoFarFetchedSuggestion) {
  const auto fault = fault_at(faults_of(with(R"("tokens": {"zzz": "5m"})")), "tokens.zzz");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->expected, "one of lifetime, max_lifetime, clock_skew, warn_size, max_size");
}

TEST(ConfigFaults, DottedKeyIsNoPath) {
  EXPECT_TRUE(fault_at(faults_of(with(R"("tokens.lifetime": "5m")")), R"(["tokens.lifetime"])"));
}

TEST(ConfigFaults, RepeatedKeysAreFoundAtEveryLevel) {
  const auto faults = faults_of(with(R"("log": {"level": "info", "level": "info"}, "log": {},
                        "audiences": {"urn:a": {"typ": "JWT", "t\u0079p": "JWT"}})"));
  EXPECT_EQ(faults.size(), 3U);
  EXPECT_TRUE(fault_at(faults, "log"));
  EXPECT_TRUE(fault_at(faults, "log.level"));
  EXPECT_TRUE(fault_at(faults, R"(audiences["urn:a"].typ)"));
}

TEST(ConfigFaults, UnsafeCombinationsAreNamed) {
  EXPECT_TRUE(
      fault_at(faults_of(with(R"("keys": {"jwks_max_age": "1h"})")), "keys.publish_before"));
  EXPECT_TRUE(fault_at(faults_of(with(R"("keys": {"rotate_every": "14m"})")), "keys.rotate_every"));
  EXPECT_TRUE(fault_at(faults_of(with(R"("tokens": {"max_lifetime": "1m"})")), "tokens.lifetime"));
  EXPECT_TRUE(read(with(R"("keys": {"publish_before": "5m", "jwks_max_age": "5m"},
                           "tokens": {"lifetime": "1h", "max_lifetime": "1h"})")));
  EXPECT_TRUE(read(with(R"("keys": {"publish_before": "7d", "rotate_every": "never"})")));
}

TEST(ConfigFaults, CombinationWithABrokenValueIsNotBlamedTwice) {
  const auto faults = faults_of(with(R"("tokens": {"max_lifetime": "soon"})"));
  EXPECT_EQ(faults.size(), 1U);
  EXPECT_TRUE(fault_at(faults, "tokens.max_lifetime"));
}

TEST(ConfigFaults, CombinationNamesTheVariableToBlame) {
  const auto faults = faults_of(with(""), {{"GRANTD_TOKENS__LIFETIME", "2h"}});
  EXPECT_TRUE(fault_at(faults, "tokens.lifetime (from GRANTD_TOKENS__LIFETIME)"));
}

TEST(ConfigFaults, WhatWasFoundIsCutAndBlanked) {
  const auto long_value = faults_of(with(R"("log": {"level": ")" + std::string(500, 'x') + "\"}"));
  ASSERT_EQ(long_value.size(), 1U);
  EXPECT_EQ(long_value[0].found.size(), 80U);

  const auto password =
      described(faults_of(with(R"("storage": {"url": "postgresql://grantd:hunter2@db/grantd"},
              "audiences": {"https://me:hunter2@a.example/#f": {}})"),
                          {{"GRANTD_ISSUER", "https://me:hunter2@auth.example.com"}}));
  EXPECT_EQ(password.find("hunter2"), std::string::npos) << password;
  EXPECT_NE(password.find("postgresql"), std::string::npos) << password;
}

TEST(ConfigFaults, ControlCharactersOfAKeyNeverReachTheTerminal) {
  const auto faults = faults_of(with(R"("\u001b[31m": 1)"));
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].path, R"(["\u001b[31m"])");
}

TEST(ConfigFaults, AreBoundedInNumber) {
  std::string members;
  for (int i = 0; i < 5000; ++i) {
    members += (i == 0 ? "\"k" : ", \"k") + std::to_string(i) + "\": 0";
  }
  const auto faults = faults_of(with(members));
  ASSERT_EQ(faults.size(), 101U);
  EXPECT_EQ(faults.back().found, "4900 more faults");
}

TEST(ConfigSyntax, FaultsHaveLineAndColumn) {
  EXPECT_EQ(described(faults_of("{\n  \"issuer\": tru\n}")),
            "/etc/grantd/grantd.json: found line 2, column 16: invalid literal, expected JSON; // "
            "and /* */ comments may stand in it\n");
  EXPECT_EQ(described(faults_of("{\"a\": 1,\n}")),
            "/etc/grantd/grantd.json: found line 2, column 1: unexpected '}', expected string "
            "literal\n");
  for (const auto* text : {"", "  ", "{", "{\"a\"", "[1", "{} {}", "{'a': 1}", "{\"a\": 01}",
                           "/* no end", "{\"a\": \"\xff\"}", "{\"a\": 1e999}", "nonsense"}) {
    const auto faults = faults_of(text);
    ASSERT_EQ(faults.size(), 1U) << text;
    EXPECT_EQ(faults[0].path, file) << text;
    EXPECT_TRUE(faults[0].found.starts_with("line 1, column ")) << faults[0].found;
  }
}

TEST(ConfigSyntax, FaultDoesNotRepeatTheText) {
  const auto faults = faults_of("{\"password\": \"hunter2\n\"}");
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(describe(faults[0]).find("hunter2"), std::string::npos);
}

TEST(ConfigSyntax, CommentsAndByteOrderMarkAreTaken) {
  const auto config =
      read("\xEF\xBB\xBF// head\n" +
           with("/* \"log\": 5, */ \"log\": {\"level\": \"warn\"} // end\n") + "/* foot */");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->log.level, LogLevel::warn);
}

TEST(ConfigSyntax, TextBehindANulIsNotOverlooked) {
  const std::string text = with("") + std::string("\0garbage", 8);
  const auto faults = faults_of(text);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_NE(faults[0].found.find("a NUL octet"), std::string::npos);
}

TEST(ConfigSyntax, DocumentThatIsNoObjectIsAFault) {
  for (const auto* text : {"[]", "null", "5", "\"issuer\""}) {
    const auto faults = faults_of(text);
    ASSERT_EQ(faults.size(), 1U) << text;
    EXPECT_EQ(faults[0].found, text);
    EXPECT_EQ(faults[0].expected, "an object");
  }
}

TEST(ConfigSyntax, DeepNestingIsRefusedBeforeAnythingIsBuilt) {
  for (const auto* opening : {"[", "{\"a\":"}) {
    std::string bomb;
    while (bomb.size() + 8 < max_file_bytes) bomb += opening;
    const auto faults = faults_of(bomb);
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_EQ(faults[0].found, "more than 16 levels of nesting");
  }
}

TEST(ConfigFile, OverTheLimitIsRefused) {
  EXPECT_TRUE(read(with("") + std::string(max_file_bytes - with("").size(), ' ')));
  const auto faults = faults_of(with("") + std::string(max_file_bytes, ' '));
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].expected, "at most 1048576 bytes");
}

class ConfigFileOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "grantd-config-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  std::filesystem::path directory;
};

TEST_F(ConfigFileOnDisk, IsLoadedAndNamesItsNeighbours) {
  std::ofstream(directory / "grantd.json") << with("");
  const auto config = load(directory / "grantd.json", {});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->file, directory / "grantd.json");
  EXPECT_EQ(config->keys.directory, directory / "keys");
}

TEST_F(ConfigFileOnDisk, MissingOrTooLargeIsOneFault) {
  const auto missing = load(directory / "grantd.json", {});
  ASSERT_FALSE(missing);
  ASSERT_EQ(missing.error().size(), 1U);
  EXPECT_EQ(missing.error()[0].path, (directory / "grantd.json").string());

  std::ofstream(directory / "large.json") << with("") << std::string(max_file_bytes, ' ');
  EXPECT_FALSE(load(directory / "large.json", {}));
}

}  // namespace
}  // namespace grantd::config::test
