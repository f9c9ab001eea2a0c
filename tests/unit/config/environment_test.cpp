// GRANTD_* variables over the file's values.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "tests/unit/config/fixture.h"

namespace grantd::config::test {
namespace {

using namespace std::chrono_literals;

TEST(ConfigEnvironment, OverridesFileAndDefaults) {
  const auto config =
      read(with(R"("tokens": {"lifetime": "1m"})"), {{"GRANTD_ISSUER", "https://env.example.com"},
                                                     {"GRANTD_TOKENS__LIFETIME", "10m"},
                                                     {"GRANTD_KEYS__PUBLISH_BEFORE", "20m"},
                                                     {"GRANTD_LISTEN__PORT", "443"},
                                                     {"GRANTD_LIMITS__REQUEST_BODY", "4KiB"},
                                                     {"GRANTD_KEYS__ROTATE_EVERY", "never"},
                                                     {"GRANTD_LOG__FORMAT", "text"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->issuer, "https://env.example.com");
  EXPECT_EQ(config->tokens.lifetime, 10min);
  EXPECT_EQ(config->keys.publish_before, 20min);
  EXPECT_EQ(config->listen.port, 443);
  EXPECT_EQ(config->limits.request_body_bytes, 4096U);
  EXPECT_EQ(config->keys.rotate_every, std::nullopt);
  EXPECT_EQ(config->log.format, LogFormat::text);
}

TEST(ConfigEnvironment, ReplacesAFaultyValueOfTheFile) {
  EXPECT_TRUE(read(with(R"("tokens": {"lifetime": "soon"})"), {{"GRANTD_TOKENS__LIFETIME", "1m"}}));
}

TEST(ConfigEnvironment, BringsRequiredValuesInThreeLevels) {
  const auto config = read("{}", {{"GRANTD_ISSUER", "https://auth.example.com"},
                                  {"GRANTD_LISTEN__TLS__CERTIFICATE_FILE", "/run/tls.crt"},
                                  {"GRANTD_LISTEN__TLS__PRIVATE_KEY_FILE", "tls.key"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->listen.certificate_file, "/run/tls.crt");
  EXPECT_EQ(config->listen.private_key_file, "/etc/grantd/tls.key");
}

TEST(ConfigEnvironment, FaultsNameTheVariable) {
  for (const auto* port : {"", "port", " 443", "443 ", "+443", "-1", "1.5", "65536", "0x1bb",
                           "99999999999999999999999"}) {
    const auto faults = faults_of(with(""), {{"GRANTD_LISTEN__PORT", port}});
    EXPECT_EQ(faults.size(), 1U) << port;
    EXPECT_TRUE(fault_at(faults, "listen.port (from GRANTD_LISTEN__PORT)")) << port;
  }
}

TEST(ConfigEnvironment, DigitsStayTextWhereTextIsWanted) {
  EXPECT_EQ(read(with(""), {{"GRANTD_KEYS__DIRECTORY", "42"}})->keys.directory, "/etc/grantd/42");
  EXPECT_TRUE(fault_at(faults_of(with(""), {{"GRANTD_TOKENS__LIFETIME", "300"}}),
                       "tokens.lifetime (from GRANTD_TOKENS__LIFETIME)"));
}

TEST(ConfigEnvironment, OctetsThatAreNoUtf8AreAFault) {
  EXPECT_TRUE(fault_at(faults_of(with(""), {{"GRANTD_KEYS__DIRECTORY", "a\xff"}}),
                       "keys.directory (from GRANTD_KEYS__DIRECTORY)"));
}

TEST(ConfigEnvironment, UnknownVariableWithTwoUnderscoresIsAFault) {
  for (const auto* name :
       {"GRANTD_TOKENS__LIFETIMES", "GRANTD_TOKENS__", "GRANTD__ISSUER", "GRANTD_tokens__lifetime",
        "GRANTD_AUDIENCES__X", "GRANTD_LISTEN__TLS", "GRANTD_KEYS__PUBLISH__BEFORE"}) {
    const auto faults = faults_of(with(""), {{name, "1m"}});
    EXPECT_EQ(faults.size(), 1U) << name;
    EXPECT_TRUE(fault_at(faults, name)) << name;
  }
}

TEST(ConfigEnvironment, OtherVariablesAreLeftAlone) {
  EXPECT_TRUE(read(with(""), {{"GRANTD_CONFIG", "/etc/x.json"},
                              {"GRANTD_SERVICE_HOST", "10.0.0.1"},
                              {"GRANTD_PORT_8443_TCP", "tcp://10.0.0.1:8443"},
                              {"GRANTD_AUDIENCES", "{}"},
                              {"GRANTD_LISTEN", "5"},
                              {"OTHER__THING", "1"}}));
}

TEST(ConfigEnvironment, OfTheProcessIsFilteredByPrefix) {
  ASSERT_EQ(setenv("GRANTD_TOKENS__LIFETIME", "a=b", 1), 0);
  ASSERT_EQ(setenv("NOT_GRANTD_X", "1", 1), 0);
  const auto environment = process_environment();
  unsetenv("GRANTD_TOKENS__LIFETIME");
  unsetenv("NOT_GRANTD_X");
  EXPECT_EQ(environment.at("GRANTD_TOKENS__LIFETIME"), "a=b");
  EXPECT_FALSE(environment.contains("NOT_GRANTD_X"));
}

}  // namespace
}  // namespace grantd::config::test
