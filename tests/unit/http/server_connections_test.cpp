#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/system/error_code.hpp>
#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "tests/unit/http/server_fixture.h"

namespace grantd::http {
namespace {

using std::chrono::milliseconds;

class Connections : public ServerTest {};
class Drain : public ServerTest {
 protected:
  void wait_for_handlers(int count) const {
    while (handlers_running < count) std::this_thread::yield();
  }
};

TEST_F(Connections, ARequestThatDoesNotArriveInTimeIsAnswered408) {
  Limits tiny;
  tiny.request_timeout = milliseconds(100);
  start_with(tiny);

  for (const char* begun : {"GET /hello HT",
                            "POST /echo HTTP/1.1\r\nHost: a\r\n"
                            "Content-Length: 9\r\n\r\nab"}) {
    const auto client = connect();
    client->send_raw(begun);
    const HttpResponse response = client->read_response();
    EXPECT_EQ(response.status, 408);
    EXPECT_EQ(response.header("Connection"), "close");
    EXPECT_EQ(client->read_to_close(), "");
  }
  stop();
  EXPECT_TRUE(metric(R"(grantd_requests_total{endpoint="none",status="408"} 2)"));
}

TEST_F(Connections, AnIdleOneIsClosedWithoutAWord) {
  Limits tiny;
  tiny.idle_timeout = milliseconds(50);
  start_with(tiny);
  const auto fresh = connect();
  const auto used = connect();
  EXPECT_EQ(used->request("GET", "/hello").status, 200);

  EXPECT_EQ(fresh->read_to_close(), "");
  EXPECT_EQ(used->read_to_close(), "");
}

TEST_F(Connections, AHandshakeThatDoesNotEndIsCut) {
  Limits tiny;
  tiny.handshake_timeout = milliseconds(50);
  start_with(tiny);
  const TlsClient silent("127.0.0.1", port, "");

  EXPECT_EQ(const_cast<TlsClient&>(silent).read_to_close(), "");
  stop();
  EXPECT_TRUE(metric("grantd_tls_handshake_failures_total 1"));
}

TEST_F(Connections, AReaderThatDoesNotReadIsCutAndOthersAreServed) {
  Limits tiny;
  tiny.request_timeout = milliseconds(300);
  start_with(tiny, 1);
  TlsClient::Options slow;
  slow.receive_buffer_bytes = 4096;
  const auto reader = connect(slow);
  reader->send_raw("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");

  const auto other = connect();
  while (!metric(R"(grantd_requests_total{endpoint="big",status="200"} 1)")) {
    ASSERT_EQ(other->request("GET", "/hello").status, 200);
  }
  EXPECT_LT(reader->read_to_close().size(), big_bytes);
}

TEST_F(Connections, APeerThatVanishesTakesNobodyWithIt) {
  start(1);
  for (int i = 0; i < 5; ++i) {
    const auto client = connect();
    client->send_raw("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    client->vanish();
    connect_plain()->vanish();
  }
  EXPECT_EQ(connect()->request("GET", "/hello").status, 200);
}

TEST_F(Connections, APeerThatVanishesWhileItsHandlerRunsIsForgotten) {
  start(1);
  const auto client = connect();
  client->send_raw("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  while (handlers_running < 1) std::this_thread::yield();
  client->vanish();
  release = true;

  EXPECT_EQ(connect()->request("GET", "/hello").status, 200);
}

TEST_F(Connections, AboveTheLimitANewcomerIsClosedBeforeItsHandshake) {
  Limits two;
  two.max_connections = 2;
  start_with(two);
  auto first = connect();
  const auto second = connect();

  EXPECT_THROW(connect(), std::runtime_error);
  EXPECT_EQ(first->request("GET", "/hello").status, 200);
  EXPECT_TRUE(metric("grantd_connections_refused_total 1"));
  EXPECT_EQ(connect_plain()->request("GET", "/hello").status, 200);
  first.reset();
  for (bool admitted = false; !admitted;) {  // until the server has seen the close
    try {
      admitted = connect()->request("GET", "/hello").status == 200;
    } catch (const std::runtime_error&) {
      std::this_thread::yield();
    }
  }
}

TEST_F(Connections, RunningOutOfDescriptorsOnlyDelaysNewcomers) {
  start(1);
  const auto early = connect();
  EXPECT_EQ(early->request("GET", "/hello").status, 200);
  // UBSan opens a pipe to look at an object of a type that it meets for the first time.
  EXPECT_NE(boost::system::error_code(EMFILE, boost::system::system_category()).message(), "");
  log.event(observe::Level::error, "descriptors_run_out", {{"error", "of the test's doing"}});
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 200;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  std::vector<int> hoard;
  for (int fd = 0; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) hoard.push_back(fd);
  ASSERT_FALSE(hoard.empty());
  close(hoard.back());
  hoard.pop_back();
  TlsClient::Options later;
  later.ca_file = "";  // reading a file would need a descriptor
  TlsClient newcomer("127.0.0.1", plain_port, later);

  EXPECT_EQ(early->request("GET", "/hello").status, 200);
  for (const int fd : hoard) close(fd);
  EXPECT_EQ(newcomer.request("GET", "/hello").status, 200);
  EXPECT_EQ(connect()->request("GET", "/hello").status, 200);
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(Connections, ListensOnIpv6AndSaysWhyWhereItCannot) {
  start();
  Server other({clock, random, log, metrics, limits}, 1);
  const auto taken = other.listen({"127.0.0.1", port, &router, &contexts, true});
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().find("Address already in use"), std::string::npos) << taken.error();
  EXPECT_FALSE(other.listen({"localhost", 0, &router, &contexts, true}));

  const auto six = other.listen({"::", 0, &router, &contexts, true});
  ASSERT_TRUE(six) << six.error();
  std::thread running([&] { other.run({}); });
  EXPECT_EQ(TlsClient("::1", *six, ca_file()).request("POST", "/echo").body, "||::1|");
  EXPECT_EQ(TlsClient("127.0.0.1", *six, ca_file()).request("POST", "/echo").body, "||127.0.0.1|");
  other.stop();
  running.join();
}

TEST_F(Drain, IdleConnectionsGoAtOnceAndRequestsInFlightAreAnswered) {
  start();
  const auto idle = connect();
  EXPECT_EQ(idle->request("GET", "/hello").status, 200);
  const auto busy = connect();
  busy->send_raw("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  wait_for_handlers(1);

  server->stop();
  EXPECT_EQ(idle->read_to_close(), "");
  release = true;
  const HttpResponse response = busy->read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Connection"), "close");
  EXPECT_EQ(busy->read_to_close(), "");
  thread.join();
  EXPECT_THROW(connect(), std::runtime_error);
}

TEST_F(Drain, AConnectionAcceptedJustBeforeStillGetsItsFirstAnswer) {
  start();
  const auto fresh = connect();
  const auto busy = connect();
  busy->send_raw("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  wait_for_handlers(1);

  server->stop();
  EXPECT_EQ(fresh->request("GET", "/hello").header("Connection"), "close");
}

TEST_F(Drain, ConnectionsNobodyEverUsesDoNotHoldItUp) {
  start();
  const auto fresh = connect();
  const auto halfway = connect_plain();
  halfway->send_raw("GET ");
  EXPECT_EQ(connect()->request("GET", "/hello").status, 200);

  server->stop();
  EXPECT_EQ(fresh->read_to_close(), "");
  halfway->vanish();
  thread.join();
  EXPECT_TRUE(metric("grantd_connections 0"));
}

TEST_F(Drain, SignalsReloadAndStop) {
  start();
  EXPECT_EQ(connect()->request("GET", "/hello").status, 200);
  ASSERT_EQ(kill(getpid(), SIGHUP), 0);
  while (hangups == 0) std::this_thread::yield();
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  thread.join();
}

TEST_F(Drain, AfterSigtermConnectionsAreServedAndClosedBehindTheirNextAnswerUntilTheTimeIsUp) {
  Limits limits_with_drain;
  limits_with_drain.drain = std::chrono::milliseconds(300);
  start_with(limits_with_drain);
  const auto before = connect();
  EXPECT_TRUE(before->request("GET", "/hello").header("Connection").empty());
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  while (leavings == 0) std::this_thread::yield();
  EXPECT_EQ(before->request("GET", "/hello").header("Connection"), "close");
  EXPECT_EQ(connect()->request("GET", "/hello").header("Connection"), "close");
  thread.join();
  EXPECT_EQ(leavings, 1);
  EXPECT_THROW(connect(), std::runtime_error);
}

TEST_F(Drain, ASecondSignalEndsTheWaiting) {
  Limits limits_with_drain;
  limits_with_drain.drain = std::chrono::minutes(5);
  for (const int second : {SIGTERM, SIGINT}) {
    start_with(limits_with_drain);
    EXPECT_EQ(connect()->request("GET", "/hello").status, 200);
    const int before = leavings;
    ASSERT_EQ(kill(getpid(), SIGTERM), 0);
    while (leavings == before) std::this_thread::yield();
    ASSERT_EQ(kill(getpid(), second), 0);
    thread.join();
    server.reset();
  }
}

TEST_F(Drain, SigintStopsAtOnce) {
  Limits limits_with_drain;
  limits_with_drain.drain = std::chrono::minutes(5);
  start_with(limits_with_drain);
  EXPECT_EQ(connect()->request("GET", "/hello").status, 200);
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  thread.join();
  EXPECT_EQ(leavings, 0);
}

TEST_F(Drain, StoppingBeforeRunningAndTwiceIsFine) {
  Server stopped({clock, random, log, metrics, limits}, 2);
  stopped.stop();
  stopped.stop();
  stopped.run({});
  stopped.stop();
}

}  // namespace
}  // namespace grantd::http
