// RFC 6749 §3.2, §3.3, §4.4, §5 and the transport below it (RFC 9110, RFC 9112); R1 to R12, R32 to
// R55.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

class Rfc6749TokenEndpoint : public ::testing::Test {
 protected:
  Rfc6749TokenEndpoint() { server.add_client("c1"); }

  void expect_error(const HttpResponse& response, const std::string& error, int status = 400) {
    EXPECT_EQ(response.status, status) << response.body;
    const auto body = json::parse(response.body);
    EXPECT_EQ(body.at("error"), error);
    EXPECT_EQ(response.header("Cache-Control"), "no-store");         // R51
    EXPECT_EQ(response.header("Content-Type"), "application/json");  // R51
    const auto description = body.value("error_description", "");
    for (const char c : description) {  // R52
      EXPECT_TRUE(c >= ' ' && c <= '~' && c != '"' && c != '\\') << description;
    }
  }
  HttpResponse post(const std::string& form) { return server.post("/token", form, "c1"); }

  TestServer server;
};

TEST_F(Rfc6749TokenEndpoint, GetWithCredentialsIs405WithAllow) {  // R1
  const auto response = server.get("/token?grant_type=client_credentials",
                                   {{"Authorization", basic("c1", server.secret("c1"))}});
  expect_error(response, "invalid_request", 405);
  EXPECT_EQ(response.header("Allow"), "POST");
  EXPECT_EQ(response.body.find("access_token"), std::string::npos);
}

TEST_F(Rfc6749TokenEndpoint, OtherMethodsAre405) {  // R2
  for (const auto* method : {"PUT", "DELETE", "PATCH", "OPTIONS", "FOO"}) {
    EXPECT_EQ(server.connect().request(method, "/token").status, 405) << method;
  }
}

TEST_F(Rfc6749TokenEndpoint, JsonOrNoMediaTypeIsInvalidRequest) {  // R3, R5
  auto connection = server.connect();
  const Headers credentials{{"Authorization", basic("c1", server.secret("c1"))}};
  expect_error(connection.request("POST", "/token", credentials, client_credentials),
               "invalid_request");
  auto as_json = credentials;
  as_json.emplace_back("Content-Type", "application/json");
  expect_error(
      connection.request("POST", "/token", as_json, R"({"grant_type":"client_credentials"})"),
      "invalid_request");
}

TEST_F(Rfc6749TokenEndpoint, AMediaTypeWithCharsetWorks) {  // R4
  const auto response = server.connect().request(
      "POST", "/token",
      {{"Authorization", basic("c1", server.secret("c1"))},
       {"Content-Type", "application/x-www-form-urlencoded;charset=UTF-8"}},
      client_credentials);
  EXPECT_EQ(response.status, 200) << response.body;
}

TEST_F(Rfc6749TokenEndpoint, ClearTextOnTheTlsPortGetsNoToken) {  // R6
  TlsClient plain("127.0.0.1", server.port(), std::string());
  plain.send_raw(
      "POST /token HTTP/1.1\r\nHost: a\r\nAuthorization: " + basic("c1", server.secret("c1")) +
      "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\n\r\n" +
      client_credentials);
  EXPECT_EQ(plain.read_to_close().find("access_token"), std::string::npos);
}

TEST_F(Rfc6749TokenEndpoint, AnOversizeBodyIs413AndTheNextRequestFine) {  // R8
  expect_error(post(client_credentials + "&x=" + std::string(20000, 'a')), "invalid_request", 413);
  EXPECT_EQ(post(client_credentials).status, 200);
}

TEST_F(Rfc6749TokenEndpoint, AChunkedBodyWorks) {  // R9
  auto connection = server.connect();
  connection.send_raw(
      "POST /token HTTP/1.1\r\nHost: a\r\nAuthorization: " + basic("c1", server.secret("c1")) +
      "\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Transfer-Encoding: chunked\r\n\r\n"
      "b\r\ngrant_type=\r\n12\r\nclient_credentials\r\n0\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 200);
}

TEST_F(Rfc6749TokenEndpoint, AmbiguousFramingIs400AndTheConnectionCloses) {  // R10
  for (const std::string framing :
       {"Content-Length: 29\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 29\r\nContent-Length: 29\r\n", "Content-Length: 29, 29\r\n",
        "Content-Length: +29\r\n", "Transfer-Encoding: gzip, chunked\r\n"}) {
    auto connection = server.connect();
    connection.send_raw("POST /token HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n" +
                        client_credentials);
    const auto answer = connection.read_to_close();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400")) << framing << answer;
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "more than one answer: " << framing;
  }
}

TEST_F(Rfc6749TokenEndpoint, AnUnknownPathIs404) {  // R11
  expect_error(server.get("/nothing"), "invalid_request", 404);
  expect_error(server.get("/token/"), "invalid_request", 404);
  expect_error(server.get("/metrics"), "invalid_request", 404);
}

TEST_F(Rfc6749TokenEndpoint, NoGrantTypeIsInvalidRequest) {  // R32, R46
  expect_error(post(""), "invalid_request");
  expect_error(post("grant_type="), "invalid_request");
}

TEST_F(Rfc6749TokenEndpoint, AnyOtherGrantTypeIsUnsupported) {  // R33, R87
  for (const std::string type : {"password", "authorization_code", "refresh_token", "x",
                                 "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"}) {
    expect_error(post("grant_type=" + type), "unsupported_grant_type");
  }
}

TEST_F(Rfc6749TokenEndpoint, AnEmptyScopeIsOmitted) {  // R35, R40
  const auto response = post(client_credentials + "&scope=");
  EXPECT_EQ(json::parse(response.body).at("scope"), "api:read api:write");
}

TEST_F(Rfc6749TokenEndpoint, AnUnknownParameterIsIgnored) {  // R36
  EXPECT_EQ(post(client_credentials + "&foo=bar&foo=baz").status, 200);
}

TEST_F(Rfc6749TokenEndpoint, RepeatedParametersAreInvalidRequest) {  // R37
  expect_error(post(client_credentials + "&" + client_credentials), "invalid_request");
  expect_error(post(client_credentials + "&scope=api%3Aread&scope=api%3Awrite"), "invalid_request");
  expect_error(post(client_credentials + "&client_id=c1&client_id=c1"), "invalid_request");
  expect_error(post(client_credentials + "&client_secret=a&client_secret=b"), "invalid_request");
}

TEST_F(Rfc6749TokenEndpoint, AScopeThatIsNotTheClientsIsInvalidScope) {  // R38, R39, R43
  for (const auto* scope : {"admin", "API:READ", "api:read+admin"}) {
    expect_error(post(client_credentials + "&scope=" + scope), "invalid_scope");
  }
}

TEST_F(Rfc6749TokenEndpoint, MalformedScopesAreInvalidScope) {  // R42
  for (const auto* scope : {"%22", "%5C", "a%09b", "%C3%A4", "a%0Ab"}) {
    expect_error(post(client_credentials + "&scope=" + scope), "invalid_scope");
  }
}

TEST_F(Rfc6749TokenEndpoint, InvalidUtf8AndNulAre400) {  // R45
  for (const auto* value : {"%FF", "%C0%AF", "%00", "%ED%A0%80"}) {
    expect_error(post(client_credentials + "&scope=" + value), "invalid_request");
  }
}

TEST_F(Rfc6749TokenEndpoint, TheGrantedScopeIsAlwaysInTheResponse) {  // R41, R44
  const auto one = json::parse(post(client_credentials + "&scope=api%3Awrite+api%3Aread").body);
  const auto other =
      json::parse(post(client_credentials + "&scope=api%3Aread+api%3Awrite+api%3Aread").body);
  EXPECT_EQ(one.at("scope"), other.at("scope"));
  EXPECT_EQ(json::parse(post(client_credentials + "&scope=api%3Aread").body).at("scope"),
            "api:read");
}

TEST_F(Rfc6749TokenEndpoint, TheResponseIsThatOfTheRfc) {  // R47, R48, R49, R50
  const auto response = post(client_credentials);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Type"), "application/json");
  EXPECT_EQ(response.header("Cache-Control"), "no-store");
  EXPECT_EQ(response.header("Pragma"), "no-cache");
  EXPECT_FALSE(response.header("X-Request-Id").empty());
  const auto body = json::parse(response.body);
  EXPECT_EQ(body.at("token_type"), "Bearer");
  ASSERT_TRUE(body.at("expires_in").is_number_integer());
  const auto claims = decode(body.at("access_token")).claims;
  EXPECT_EQ(body.at("expires_in"), claims.at("exp").get<int>() - claims.at("iat").get<int>());
  EXPECT_EQ(body.size(), 4U) << "no refresh_token, no id_token";
}

TEST_F(Rfc6749TokenEndpoint, AThousandTokensHaveAThousandJtis) {  // R53
  auto connection = server.connect();
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto response =
        connection.request("POST", "/token",
                           {{"Authorization", basic("c1", server.secret("c1"))},
                            {"Content-Type", "application/x-www-form-urlencoded"}},
                           client_credentials);
    seen.insert(decode(json::parse(response.body).at("access_token")).claims.at("jti"));
  }
  EXPECT_EQ(seen.size(), 1000U);
}

TEST_F(Rfc6749TokenEndpoint, TheRequestIdIsAlsoInTheLogLine) {
  const auto id = post(client_credentials).header("X-Request-Id");
  EXPECT_TRUE(TestServer::eventually([&] {
    for (const auto& line : server.log_lines("request")) {
      if (line.at("request_id") == id) {
        EXPECT_EQ(line.at("endpoint"), "token");
        EXPECT_EQ(line.at("client_id"), "c1");
        EXPECT_EQ(line.at("status"), 200);
        return true;
      }
    }
    return false;
  }));
}

TEST_F(Rfc6749TokenEndpoint, IssuingWritesNothingToStorage) {
  const auto before = std::filesystem::last_write_time(server.directory() / "grantd.db-wal");
  const auto size = std::filesystem::file_size(server.directory() / "grantd.db-wal");
  for (int i = 0; i < 20; ++i) static_cast<void>(server.token_for("c1"));
  // Last-used times are written every few seconds, off this path: at most one batch in between.
  const auto after = std::filesystem::file_size(server.directory() / "grantd.db-wal");
  EXPECT_TRUE(before == std::filesystem::last_write_time(server.directory() / "grantd.db-wal") ||
              after <= size + 3 * 4120);
}

}  // namespace
}  // namespace grantd::testing
