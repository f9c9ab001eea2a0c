#include "server/service/signing.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/manual_clock.h"
#include "tests/unit/observe/stdout_pipe.h"

namespace grantd::service {
namespace {

using namespace std::chrono_literals;
using testing::ManualClock;

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(SigningEvents, AFaultIsAnAlarmOnceAMinuteAndCountedEachTime) {
  const ManualClock fixed;
  ManualClock clock;
  observe::Metrics metrics;
  std::string text;
  {
    const observe::StdoutPipe pipe;
    observe::Log log(fixed, observe::Level::info, observe::Format::json);
    SigningEvents events(clock, log, metrics);
    for (int i = 0; i < 3; ++i) events.faulty("kid-1");
    clock.advance(SigningEvents::alarm_interval);
    events.faulty("kid-1");
    log.flush();
    text = pipe.read();
  }
  EXPECT_EQ(count(text, R"("event":"signature_fault")"), 2U) << text;
  EXPECT_EQ(count(text, R"("level":"error")"), 2U);
  EXPECT_EQ(count(text, R"("kid":"kid-1")"), 2U);
  EXPECT_NE(text.find(R"("faults":1)"), std::string::npos);
  EXPECT_NE(text.find(R"("faults":3)"), std::string::npos) << "with those not told of";
  EXPECT_NE(metrics.text().find("grantd_signature_faults_total 4\n"), std::string::npos);
}

TEST(Signing, IsOpenSslsWhereNothingElseIsAskedFor) {
  const ManualClock clock;
  observe::Metrics metrics;
  std::string text;
  {
    const observe::StdoutPipe pipe;
    observe::Log log(clock, observe::Level::info, observe::Format::json);
    Signing signing(config::SignerKind::openssl, clock, log, metrics);
    EXPECT_NE(dynamic_cast<keys::OpenSslSigner*>(&signing.signer()), nullptr);
    log.flush();
    text = pipe.read();
  }
  EXPECT_EQ(count(text, R"("event":"signer","signer":"openssl")"), 1U) << text;
  EXPECT_EQ(count(text, R"("level":"warn")"), 0U);
  EXPECT_NE(metrics.text().find(R"(grantd_signer_info{signer="openssl"} 1)"), std::string::npos);
}

}  // namespace
}  // namespace grantd::service
