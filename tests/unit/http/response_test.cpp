#include <gtest/gtest.h>

#include <string>

#include "server/http/error_response.h"
#include "server/http/response_writer.h"
#include "server/http/router.h"

namespace grantd::http {
namespace {

using oauth::ErrorCode;
using std::chrono::seconds;

std::string value_of(const Response& response, std::string_view name) {
  for (const Header& header : response.headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

TEST(Rfc6749ErrorResponse, IsJsonThatNobodyMayStore) {
  const Response response =
      error_response({ErrorCode::invalid_scope, "the scope is not known", "unknown_scope"});

  EXPECT_EQ(response.status, 400U);
  EXPECT_EQ(response.body,
            R"({"error":"invalid_scope","error_description":"the scope is not known"})");
  EXPECT_EQ(value_of(response, "Cache-Control"), "no-store");
  EXPECT_EQ(value_of(response, "Pragma"), "no-cache");
  EXPECT_EQ(response.log.error, "invalid_scope");
  EXPECT_EQ(response.log.reason, "unknown_scope");
}

TEST(Rfc6749ErrorResponse, CauseStaysInTheLog) {
  const Response response = error_response({ErrorCode::invalid_client, "", "wrong_secret"});

  EXPECT_EQ(response.body, R"({"error":"invalid_client"})");
  EXPECT_EQ(value_of(response, "WWW-Authenticate"), "Basic realm=\"grantd\"");
  EXPECT_EQ(value_of(response, "Retry-After"), "");
}

TEST(Rfc6749ErrorResponse, ThrottledAndUnavailableSayWhenToComeBack) {
  const Response throttled = error_response({ErrorCode::invalid_client_throttled, "", ""});
  EXPECT_EQ(throttled.status, 429U);
  EXPECT_EQ(value_of(throttled, "WWW-Authenticate"), "Basic realm=\"grantd\"");
  EXPECT_NE(value_of(throttled, "Retry-After"), "");

  const Response away = error_response({ErrorCode::temporarily_unavailable, "", ""});
  EXPECT_EQ(away.status, 503U);
  EXPECT_NE(value_of(away, "Retry-After"), "");
  EXPECT_EQ(value_of(away, "WWW-Authenticate"), "");
}

TEST(Rfc9110Response, HeadHoldsWhatEveryResponseBears) {
  Response response;
  response.body = "{}";
  std::string head;
  append_head(head, response, {"abc", "today", false, false});

  EXPECT_EQ(head,
            "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Type: application/json\r\n"
            "Content-Length: 2\r\nX-Request-Id: abc\r\nConnection: close\r\n\r\n");
}

TEST(Rfc9110Response, NoValueBeginsALineOfItsOwn) {
  Response response;
  response.headers.push_back({"X", "a\r\nSet-Cookie: b"});
  std::string head;
  append_head(head, response, {"abc", "today", true, false});

  EXPECT_NE(head.find("X: a  Set-Cookie: b\r\n"), std::string::npos);
}

TEST(Rfc9110Response, NotModifiedHasNoContent) {
  Response response;
  response.status = 304;
  response.body = "x";
  std::string head;
  append_head(head, response, {"abc", "today", true, false});

  EXPECT_FALSE(has_content(response));
  EXPECT_EQ(head.find("Content-"), std::string::npos);
}

TEST(Rfc9110Response, DatesAreImfFixdates) {
  EXPECT_EQ(imf_date(sys_seconds(seconds(784111777))), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(imf_date(sys_seconds(seconds(0))), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(Router, GetAlsoAnswersHeadAndAllowNamesBoth) {
  const Router router({{"/jwks", "jwks", Method::get, {}}, {"/token", "token", Method::post, {}}});

  EXPECT_NE(router.find(Method::get, "/jwks").route, nullptr);
  EXPECT_NE(router.find(Method::head, "/jwks").route, nullptr);
  const auto wrong = router.find(Method::post, "/jwks");
  EXPECT_EQ(wrong.route, nullptr);
  EXPECT_EQ(wrong.allow, "GET, HEAD");
  EXPECT_EQ(wrong.endpoint, "jwks");
  EXPECT_EQ(router.find(Method::head, "/token").allow, "POST");
  EXPECT_EQ(router.find(Method::other, "/token").allow, "POST");
}

TEST(Router, PathsAreMatchedWhole) {
  const Router router({{"/token", "token", Method::post, {}}});

  for (const char* path : {"/token/", "/Token", "/%74oken", "/tok", "//token", ""}) {
    const auto match = router.find(Method::post, path);
    EXPECT_EQ(match.route, nullptr) << path;
    EXPECT_EQ(match.allow, "") << path;
    EXPECT_EQ(match.endpoint, "none") << path;
  }
}

}  // namespace
}  // namespace grantd::http
