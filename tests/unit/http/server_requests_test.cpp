#include <string>
#include <string_view>

#include "tests/unit/http/server_fixture.h"

namespace grantd::http {
namespace {

class Rfc9112Server : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    Limits small;
    small.max_body_bytes = 1000;
    small.max_header_bytes = 2000;
    start_with(small);
  }

  /// The answer to octets behind which the server is expected to close.
  HttpResponse refused(const std::string& octets) const {
    const auto client = connect();
    client->send_raw(octets);
    HttpResponse response = client->read_response();
    EXPECT_EQ(response.header("Connection"), "close");
    EXPECT_EQ(response.header("Content-Type"), "application/json");
    EXPECT_EQ(response.header("X-Request-Id").size(), 32U);
    EXPECT_TRUE(response.body.starts_with(R"({"error":"invalid_request")")) << response.body;
    EXPECT_EQ(client->read_to_close(), "");
    return response;
  }
};

TEST_F(Rfc9112Server, KeepsTheConnectionAndNamesEachRequest) {
  const auto client = connect();
  const HttpResponse first = client->request("GET", "/hello");
  const HttpResponse second = client->request("GET", "/hello");

  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, "hello");
  EXPECT_EQ(first.header("Content-Length"), "5");
  EXPECT_FALSE(first.has_header("Connection"));
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(first.header("X-Request-Id").size(), 32U);
  EXPECT_NE(first.header("X-Request-Id"), second.header("X-Request-Id"));
}

TEST_F(Rfc9112Server, HandlersSeeTheRequestAsItWasSent) {
  const auto response =
      connect()->request("POST", "/echo?a=%20", {{"Authorization", "Basic eA=="}}, "the body");

  EXPECT_EQ(response.body, "Basic eA==|a=%20|127.0.0.1|the body");
}

TEST_F(Rfc9112Server, PipelinedRequestsAreAnsweredInOrder) {
  const auto client = connect();
  std::string octets;
  for (int i = 0; i < 50; ++i) {
    octets +=
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n" + std::to_string(10 + i);
  }
  client->send_raw(octets);

  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(client->read_response().body, "||127.0.0.1|" + std::to_string(10 + i));
  }
}

TEST_F(Rfc9112Server, RequestsOfEverySizeAroundAReadComeWhole) {
  const auto client = connect();
  for (std::size_t size = 850; size <= 1000; ++size) {
    const std::string body(size, static_cast<char>('a' + size % 26));
    ASSERT_EQ(client->request("POST", "/echo", {}, body).body, "||127.0.0.1|" + body);
  }
}

TEST_F(Rfc9112Server, ARequestInManyRecordsIsOneRequest) {
  const auto client = connect();
  for (const char octet : std::string_view("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")) {
    client->send_raw({&octet, 1});
  }

  EXPECT_EQ(client->read_response().body, "hello");
}

TEST_F(Rfc9112Server, APeerThatEndsItsSideBehindItsRequestIsAnswered) {
  for (const auto& client : {connect(), connect_plain()}) {
    client->send_raw("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    client->end_sending();

    EXPECT_EQ(client->read_response().body, "hello");
    EXPECT_EQ(client->read_to_close(), "");
  }
}

TEST_F(Rfc9112Server, HeadIsGetWithoutItsContent) {
  const auto client = connect();
  const HttpResponse head = client->request("HEAD", "/hello");

  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "5");
  EXPECT_EQ(client->request("GET", "/hello").body, "hello");
}

TEST_F(Rfc9112Server, ChunkedBodiesArePutTogether) {  // R9
  const auto client = connect();
  client->send_raw(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n");

  EXPECT_EQ(client->read_response().body, "||127.0.0.1|abcde");
  EXPECT_EQ(client->request("GET", "/hello").status, 200);
}

TEST_F(Rfc9112Server, UnknownPathsAndWrongMethods) {  // R1, R2, R11, R12
  const auto client = connect();

  EXPECT_EQ(client->request("GET", "/nothing").status, 404);
  const HttpResponse get = client->request("GET", "/echo");
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.header("Allow"), "POST");
  const HttpResponse post = client->request("POST", "/hello");
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.header("Allow"), "GET, HEAD");
  EXPECT_EQ(client->request("DELETE", "/echo").status, 405);
  EXPECT_EQ(client->request("OPTIONS", "*").status, 404);
  EXPECT_EQ(client->request("BREW", "/hello").status, 405);
  EXPECT_EQ(client->request("GET", "/hello").status, 200);
}

TEST_F(Rfc9112Server, AbsoluteFormIsUnderstood) {
  EXPECT_EQ(connect()->request("GET", "https://elsewhere:1/hello?x").status, 200);
}

TEST_F(Rfc9112Server, ExpectationIsAnsweredBeforeTheBodyIsSent) {
  const auto client = connect();
  client->send_raw(
      "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client->read_response().status, 100);
  client->send_raw("ab");
  EXPECT_EQ(client->read_response().body, "||127.0.0.1|ab");
}

TEST_F(Rfc9112Server, AmbiguousFramingIsRefusedAndNothingBehindItIsRead) {  // R10
  const std::string next = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  for (const std::string& fields :
       {"Content-Length: 5\r\n" + chunked, chunked + "Content-Length: 5\r\n",
        std::string("Content-Length: 5\r\nContent-Length: 6\r\n"),
        std::string("Content-Length: 5\r\nContent-Length: 5\r\n"),
        std::string("Transfer-Encoding: gzip, chunked\r\n"), chunked + chunked,
        std::string("Transfer-Encoding: \x0b"
                    "chunked\r\n"),
        std::string("Transfer-Encoding:\r\n chunked\r\n")}) {
    const auto response =
        refused("POST /echo HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n0\r\n\r\n" + next);
    EXPECT_EQ(response.status, 400) << fields;
  }
  EXPECT_EQ(refused("POST /echo HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n" + next).status, 400);
  EXPECT_EQ(refused("POST /echo HTTP/1.1\r\nHost: a\r\n" + chunked + "\r\nz\r\n" + next).status,
            400);
}

TEST_F(Rfc9112Server, HostIsMissingRepeatedOrNotOne) {
  EXPECT_EQ(refused("GET /hello HTTP/1.1\r\n\r\n").status, 400);
  EXPECT_EQ(refused("GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status, 400);
  EXPECT_EQ(refused("GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n").status, 400);
}

TEST_F(Rfc9112Server, RepeatedCredentialsAndWhatIsNotHttpAreRefused) {
  EXPECT_EQ(
      refused("GET /hello HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n")
          .status,
      400);
  EXPECT_EQ(refused("GET /hello HTTP/3.0\r\nHost: a\r\n\r\n").status, 400);
  EXPECT_EQ(refused("nonsense\r\n\r\n").status, 400);
  EXPECT_EQ(refused("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n").status, 400);
}

TEST_F(Rfc9112Server, AnAnnouncedBodyOverTheLimitIsRefusedUnread) {  // R8
  EXPECT_EQ(refused("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n").status, 413);
}

TEST_F(Rfc9112Server, TheRefusalReachesAClientThatIsStillSending) {
  EXPECT_EQ(refused("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" +
                    std::string(500000, 'x'))
                .status,
            413);
}

TEST_F(Rfc9112Server, AChunkedBodyOverTheLimitIsRefused) {
  EXPECT_EQ(refused("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "200\r\n" +
                    std::string(512, 'x') + "\r\n200\r\n")
                .status,
            413);
}

TEST_F(Rfc9112Server, AHeaderOverTheLimitIsRefused) {
  EXPECT_EQ(
      refused("GET /hello HTTP/1.1\r\nHost: a\r\nX: " + std::string(3000, 'x') + "\r\n\r\n").status,
      431);
  EXPECT_EQ(refused("GET /" + std::string(3000, 'x')).status, 431);
}

TEST_F(Rfc9112Server, ANewLimitHoldsFromTheNextRequestOn) {
  const auto client = connect();
  EXPECT_EQ(client->request("POST", "/echo", {}, std::string(100, 'x')).status, 200);
  Limits smaller;
  smaller.max_body_bytes = 10;
  limits.set(std::make_shared<Limits>(smaller));

  EXPECT_EQ(client->request("POST", "/echo", {}, std::string(100, 'x')).status, 413);
}

TEST_F(Rfc9112Server, ConnectionsCloseWhereThePeerWantsIt) {
  const auto client = connect();
  EXPECT_EQ(client->request("GET", "/hello", {{"Connection", "close"}}).header("Connection"),
            "close");
  EXPECT_EQ(client->read_to_close(), "");

  const auto old = connect();
  old->send_raw("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old->read_response().body, "hello");
  EXPECT_EQ(old->read_to_close(), "");

  const auto old_keeping = connect();
  old_keeping->send_raw("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(old_keeping->read_response().header("Connection"), "keep-alive");
  EXPECT_EQ(old_keeping->request("GET", "/hello").status, 200);
}

TEST_F(Rfc9112Server, AHandlerThatThrowsIsAServerErrorThatSaysNothing) {
  const auto client = connect();
  for (const char* kind : {"hunter2", "system", "int"}) {
    const HttpResponse response = client->request("POST", "/broken", {}, kind);
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body, R"({"error":"server_error"})");
  }
  EXPECT_EQ(client->request("GET", "/hello").status, 200);
}

TEST_F(Rfc9112Server, EachAnswerIsCountedUnderItsEndpoint) {
  const auto client = connect();
  EXPECT_EQ(client->request("GET", "/hello").status, 200);
  EXPECT_EQ(client->request("GET", "/nothing").status, 404);
  EXPECT_EQ(refused("nonsense\r\n\r\n").status, 400);
  EXPECT_EQ(connect_plain()->request("GET", "/hello").status, 200);
  stop();

  EXPECT_TRUE(metric(R"(grantd_requests_total{endpoint="hello",status="200"} 1)"))
      << metrics.text();
  EXPECT_TRUE(metric(R"(grantd_requests_total{endpoint="none",status="404"} 1)"));
  EXPECT_TRUE(metric(R"(grantd_requests_total{endpoint="none",status="400"} 1)"));
}

TEST_F(Rfc9112Server, PlainListenersSpeakTheSameHttp) {
  const auto client = connect_plain();
  EXPECT_EQ(client->request("POST", "/echo", {}, "x").body, "||127.0.0.1|x");
  EXPECT_EQ(client->request("HEAD", "/hello").header("Content-Length"), "5");
  client->send_raw("nonsense\r\n\r\n");
  EXPECT_EQ(client->read_response().status, 400);
  EXPECT_EQ(client->read_to_close(), "");
}

TEST_F(Rfc9112Server, ADocumentLargerThanOneRecordComesWhole) {
  const auto client = connect();
  EXPECT_EQ(client->request("GET", "/big").body, *big_body);
  EXPECT_EQ(client->request("GET", "/hello").status, 200);
}

}  // namespace
}  // namespace grantd::http
