// The HAProxy that the tests of several nodes stand on: does it send clients where it should?
#include "tests/support/haproxy.h"

#include <gtest/gtest.h>

#include "tests/support/free_port.h"
#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

TestServer::Options on_fixed_ports() {
  return {.config = {{"listen", {{"port", free_port()}}}, {"ops", {{"port", free_port()}}}}};
}

TEST(Haproxy, SendsClientsToWhatIsReadyAlone) {
  TestServer first(on_fixed_ports());
  TestServer second(on_fixed_ports());
  Haproxy haproxy;
  const auto is_up = [&](const std::string& name) {
    return TestServer::eventually([&] { return haproxy.is_up(name); });
  };
  // Each has a CA of its own: who verifies tells who it is.
  const auto reaches = [&](const TestServer& server) {
    try {
      return TlsClient("127.0.0.1", haproxy.port(), server.ca_file())
                 .request("GET", "/.well-known/jwks.json")
                 .status == 200;
    } catch (const std::runtime_error&) {
      return false;
    }
  };
  haproxy.add("first", first.port(), first.ops_port());
  ASSERT_TRUE(is_up("first"));
  EXPECT_TRUE(reaches(first));
  EXPECT_FALSE(reaches(second));
  haproxy.add("second", second.port(), second.ops_port());
  ASSERT_TRUE(is_up("second"));
  EXPECT_TRUE(TestServer::eventually([&] { return reaches(second); }));

  haproxy.drain("second");
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(reaches(first));
  haproxy.remove("second");
  first.kill();
  EXPECT_TRUE(TestServer::eventually([&] { return !haproxy.is_up("first"); }));
  first.start();
  ASSERT_TRUE(is_up("first"));
  EXPECT_TRUE(reaches(first));
}

}  // namespace
}  // namespace grantd::testing
