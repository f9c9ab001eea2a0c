// `config show` and what a reload applies.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/unit/config/fixture.h"

namespace grantd::config::test {
namespace {

using namespace std::chrono_literals;

TEST(ConfigShow, HasTheFilesOwnShapeAndReadsBackAsItself) {
  const auto config = read(with(
      R"("keys": {"rotate_every": "never"}, "tokens": {"lifetime": "90s"},
         "audiences": {"https://api.example.com": {"scopes": ["b", "a"]}},
         "limits": {"request_body": "2KiB", "idle_timeout": "1500ms"})"));
  ASSERT_TRUE(config);
  const auto shown = show(*config);
  EXPECT_NE(shown.find(R"("rotate_every": "never")"), std::string::npos) << shown;
  EXPECT_NE(shown.find(R"("lifetime": "90s")"), std::string::npos) << shown;
  EXPECT_NE(shown.find(R"("idle_timeout": "1500ms")"), std::string::npos) << shown;
  EXPECT_NE(shown.find(R"("url": "sqlite:/etc/grantd/grantd.db")"), std::string::npos) << shown;

  const auto again = parse(shown, "/elsewhere/grantd.json", {});
  ASSERT_TRUE(again) << described(again.error());
  EXPECT_EQ(show(*again), shown);
  EXPECT_EQ(again->audiences, config->audiences);
}

TEST(ConfigReload, AppliesWhatNeedsNoRestart) {
  const auto running = read(with("")).value();
  const auto next = read(R"({
      "issuer": "https://auth.example.com",
      "listen": {"tls": {"certificate_file": "new.crt", "private_key_file": "new.key"}},
      "keys": {"rotate_every": "never", "publish_before": "1h", "jwks_max_age": "10m",
               "signing_key": "0123456789012345678901234567890123456789012"},
      "tokens": {"lifetime": "1m", "max_lifetime": "2m", "clock_skew": "1m"},
      "audiences": {"urn:a": {}},
      "limits": {"request_body": "1KiB", "request_header": "1KiB", "handshake_timeout": "1s",
                 "request_timeout": "1s", "idle_timeout": "1s", "connections": 1,
                 "auth_failures": 1, "failure_delay": "1ms"},
      "log": {"level": "error"}})")
                        .value();
  const auto plan = plan_reload(running, next);
  EXPECT_TRUE(plan.needs_restart.empty());
  EXPECT_EQ(show(plan.effective), show(next));
}

TEST(ConfigReload, KeepsAndNamesWhatNeedsARestart) {
  const auto running = read(with("")).value();
  const auto next = read(R"({
      "issuer": "https://other.example.com",
      "listen": {"address": "::", "port": 1, "workers": 1,
                 "tls": {"certificate_file": "new.crt", "private_key_file": "new.key"}},
      "ops": {"address": "::1", "port": 2},
      "storage": {"url": "sqlite:other.db", "pepper_file": "other"},
      "keys": {"directory": "other"},
      "tokens": {"lifetime": "1m"},
      "log": {"level": "debug", "format": "text"}})")
                        .value();
  const auto plan = plan_reload(running, next);
  EXPECT_EQ(plan.needs_restart,
            (std::vector<std::string>{"issuer", "listen.address", "listen.port", "listen.workers",
                                      "ops.address", "ops.port", "storage.url",
                                      "storage.pepper_file", "keys.directory", "log.format"}));
  auto expected = running;
  expected.listen.certificate_file = next.listen.certificate_file;
  expected.listen.private_key_file = next.listen.private_key_file;
  expected.tokens.lifetime = 1min;
  expected.log.level = LogLevel::debug;
  EXPECT_EQ(show(plan.effective), show(expected));
  EXPECT_EQ(plan.effective.storage.url, running.storage.url);
}

TEST(ConfigReload, OfTheSameValuesSpelledOtherwiseNeedsNoRestart) {
  const auto running = read(with(R"("keys": {"directory": "keys"})")).value();
  const auto next = read(with(R"("keys": {"directory": "/etc/grantd/./keys"})")).value();
  EXPECT_TRUE(plan_reload(running, next).needs_restart.empty());
}

}  // namespace
}  // namespace grantd::config::test
