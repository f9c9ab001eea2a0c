#include "server/http/request_parser.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>

namespace grantd::http {
namespace {

using Progress = RequestParser::Progress;

constexpr std::size_t max_header_bytes = 1024;
constexpr std::size_t max_body_bytes = 64;

struct Connection {
  std::expected<Progress, oauth::Error> feed(std::string_view octets) {
    const auto room = input.prepare(octets.size());
    std::memcpy(room.data(), octets.data(), octets.size());
    input.commit(octets.size());
    return parser.feed(input);
  }

  ReadBuffer input{};
  RequestParser parser{max_header_bytes, max_body_bytes};
};

/// The reason for which the request is refused; empty where it is taken whole.
std::string refusal(std::string_view octets) {
  Connection connection;
  const auto progress = connection.feed(octets);
  if (!progress) return progress.error().cause;
  return *progress == Progress::done ? "" : "incomplete";
}

std::string post(std::string_view fields, std::string_view body = "") {
  return "POST /token HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

TEST(Rfc9112RequestParser, HandsOverWhatEndpointsNeed) {
  Connection connection;
  ASSERT_EQ(connection.feed("POST /token?x=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Basic Yg==\r\n"
                            "Content-Type: text/plain\r\nAccept: */*\r\nIf-None-Match: \"e\"\r\n"
                            "Accept-Encoding: gzip\r\n"
                            "Content-Length: 3\r\n\r\nabc"),
            Progress::done);
  const Request request = connection.parser.request();

  EXPECT_EQ(request.method, Method::post);
  EXPECT_EQ(request.path, "/token");
  EXPECT_EQ(request.query, "x=1");
  EXPECT_TRUE(request.has_authorization);
  EXPECT_EQ(request.authorization, "Basic Yg==");
  EXPECT_EQ(request.content_type, "text/plain");
  EXPECT_EQ(request.accept, "*/*");
  EXPECT_EQ(request.accept_encoding, "gzip");
  EXPECT_EQ(request.if_none_match, "\"e\"");
  EXPECT_EQ(request.body, "abc");
  EXPECT_TRUE(connection.parser.keep_alive());
}

TEST(Rfc9112RequestParser, ReadsTheSameOctetByOctet) {
  Connection connection;
  const std::string octets =
      post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n");
  for (std::size_t i = 0; i + 1 < octets.size(); ++i) {
    ASSERT_EQ(connection.feed(octets.substr(i, 1)), Progress::more) << i;
  }
  ASSERT_EQ(connection.feed(octets.substr(octets.size() - 1)), Progress::done);
  EXPECT_EQ(connection.parser.request().body, "abc");
}

TEST(Rfc9112RequestParser, LeavesTheNextRequestInTheBuffer) {
  Connection connection;
  ASSERT_EQ(connection.feed(post("Content-Length: 1\r\n", "xGET / HTTP/1.1\r\n")), Progress::done);
  EXPECT_EQ(connection.input.view(), "GET / HTTP/1.1\r\n");
}

TEST(Rfc9112RequestParser, OneEmptyLineBeforeARequestIsForgiven) {
  EXPECT_EQ(refusal("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "");
  EXPECT_EQ(refusal("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "malformed_request");
}

TEST(Rfc9112RequestParser, TrailersNeverBecomeHeaders) {
  Connection connection;
  ASSERT_EQ(connection.feed(post("Transfer-Encoding: chunked\r\n",
                                 "0\r\nAuthorization: Basic eA==\r\nContent-Type: a/b\r\n\r\n")),
            Progress::done);
  EXPECT_FALSE(connection.parser.request().has_authorization);
  EXPECT_EQ(connection.parser.request().content_type, "");
}

TEST(Rfc9112RequestParser, AmbiguousFramingIsRefused) {
  const std::string chunks = "0\r\n\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  for (const std::string& fields :
       {"Content-Length: 5\r\n" + chunked, chunked + "Content-Length: 5\r\n", chunked + chunked,
        std::string("Content-Length: 5\r\nContent-Length: 5\r\n"),
        std::string("Content-Length: 5\r\nContent-Length: 6\r\n"),
        std::string("Content-Length: 5, 5\r\n"), std::string("Content-Length: +5\r\n"),
        std::string("Content-Length: -1\r\n"), std::string("Content-Length: 0x5\r\n"),
        std::string("Content-Length: \r\n"),
        std::string("Content-Length: 99999999999999999999\r\n"),
        std::string("Transfer-Encoding: gzip, chunked\r\n"),
        std::string("Transfer-Encoding: chunked, identity\r\n"),
        std::string("Transfer-Encoding: identity\r\n"), std::string("Transfer-Encoding: \r\n"),
        std::string("Transfer-Encoding: xchunked\r\n"),
        std::string("Transfer-Encoding: \"chunked\"\r\n"),
        std::string("Transfer-Encoding : chunked\r\n"),
        std::string("Transfer-Encoding:\r\n chunked\r\n")}) {
    const std::string reason = refusal(post(fields, chunks));
    EXPECT_TRUE(reason == "ambiguous_framing" || reason == "malformed_request" ||
                reason == "repeated_header")
        << fields << " -> " << reason;
  }
  EXPECT_EQ(refusal("POST / HTTP/1.0\r\nHost: a\r\n" + chunked + "\r\n" + chunks),
            "ambiguous_framing");
}

TEST(Rfc9112RequestParser, BadChunksAreRefused) {
  for (const char* body : {"x\r\nab", "-1\r\na", "0x1\r\na\r\n0\r\n\r\n", "1 \r\na\r\n0\r\n\r\n",
                           "1\nq\n0\n\n\r\n", "1\r\nabc\r\n0\r\n\r\n", "\r\n0\r\n\r\n",
                           " 1\r\na\r\n", "fffffffffffffffff\r\n", "1\r\na0\r\n\r\n"}) {
    EXPECT_EQ(refusal(post("Transfer-Encoding: chunked\r\n", body)), "malformed_body") << body;
  }
}

TEST(Rfc9112RequestParser, HostMustStandOnceAndBeOne) {
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), "bad_host");
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "bad_host");
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "bad_host");
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), "repeated_header");
  EXPECT_EQ(refusal("GET / HTTP/1.0\r\n\r\n"), "");
}

TEST(Rfc9112RequestParser, RepeatedCredentialsAndTypesAreRefused) {
  EXPECT_EQ(refusal(post("Authorization: a\r\nauthorization: b\r\n")), "repeated_header");
  EXPECT_EQ(refusal(post("Content-Type: a/b\r\nContent-Type: a/b\r\n")), "repeated_header");
}

TEST(Rfc9112RequestParser, WhatIsNotHttpIsRefused) {
  for (const char* octets :
       {"\x16\x03\x01\x02", "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET /\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n"}) {
    EXPECT_EQ(refusal(octets), "malformed_request") << octets;
  }
}

TEST(Rfc9112RequestParser, TargetsThatNoEndpointCouldMeanAreRefused) {
  EXPECT_EQ(refusal("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"), "bad_target");
  EXPECT_EQ(refusal("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), "bad_target");
  EXPECT_EQ(refusal("GET token HTTP/1.1\r\nHost: a\r\n\r\n"), "bad_target");
  EXPECT_EQ(refusal("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), "");
}

TEST(Rfc9112RequestParser, LimitsHoldForWhatIsAnnouncedAndForWhatComes) {
  EXPECT_EQ(refusal(post("Content-Length: 65\r\n")), "body_too_large");
  EXPECT_EQ(refusal(post("Content-Length: 64\r\n", std::string(64, 'x'))), "");
  EXPECT_EQ(refusal(post("Transfer-Encoding: chunked\r\n", "41\r\nx")), "body_too_large");
  EXPECT_EQ(refusal(post("Transfer-Encoding: chunked\r\n",
                         "40\r\n" + std::string(64, 'x') + "\r\n1\r\n")),
            "body_too_large");
  EXPECT_EQ(refusal(post("X: " + std::string(max_header_bytes, 'x') + "\r\n")), "header_too_large");
  EXPECT_EQ(refusal("GET /" + std::string(max_header_bytes, 'x')), "header_too_large");
  EXPECT_EQ(refusal(post("Transfer-Encoding: chunked\r\n", "1;" + std::string(2000, 'x'))),
            "header_too_large");
  EXPECT_EQ(refusal(post("Transfer-Encoding: chunked\r\n", "0\r\nX: " + std::string(2000, 'x'))),
            "header_too_large");
  std::string fields;
  for (std::size_t i = 0; i < RequestParser::max_header_fields; ++i) fields += "a:\r\n";
  EXPECT_EQ(refusal(post(fields)), "header_too_large");
}

TEST(Rfc9112RequestParser, AHeadOfExactlyTheLimitIsTaken) {
  const std::string rest = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n";
  const auto head = [&](std::size_t bytes) {
    return "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(bytes - rest.size(), 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(refusal(head(max_header_bytes)), "");
  EXPECT_EQ(refusal(head(max_header_bytes + 1)), "header_too_large");
}

TEST(Rfc9112RequestParser, AnExpectationIsReportedOnceAndOnlyWhileTheBodyIsMissing) {
  Connection connection;
  ASSERT_EQ(connection.feed(post("Expect: 100-Continue\r\nContent-Length: 2\r\n")), Progress::more);
  EXPECT_TRUE(connection.parser.take_expectation());
  EXPECT_FALSE(connection.parser.take_expectation());
  ASSERT_EQ(connection.feed("ab"), Progress::done);
  EXPECT_FALSE(connection.parser.take_expectation());
}

TEST(Rfc9112RequestParser, AnotherExpectationIsRefused) {
  EXPECT_EQ(refusal(post("Expect: miracles\r\n")), "unknown_expectation");
}

TEST(Rfc9112RequestParser, ConnectionsCloseAsThePeerSays) {
  Connection connection;
  ASSERT_EQ(connection.feed("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            Progress::done);
  EXPECT_FALSE(connection.parser.keep_alive());
}

TEST(Rfc9112RequestParser, Http10ClosesUnlessAskedOtherwise) {
  Connection connection;
  ASSERT_EQ(connection.feed("GET / HTTP/1.0\r\n\r\n"), Progress::done);
  EXPECT_FALSE(connection.parser.keep_alive());
  EXPECT_TRUE(connection.parser.is_http_1_0());
}

}  // namespace
}  // namespace grantd::http
