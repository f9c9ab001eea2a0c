// RFC 6749 §2.3, §3.2.1, App. B; R13 to R31.
#include <gtest/gtest.h>

#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

class Rfc6749ClientAuthentication : public ::testing::Test {
 protected:
  Rfc6749ClientAuthentication() {
    server.add_client("c1");
    server.add_client("c2");
    server.add_client("poster", {"--auth-method", "client_secret_post", "--audience", api});
  }

  HttpResponse with_header(const std::string& authorization,
                           const std::string& form = client_credentials) {
    return server.post("/token", form, {}, {{"Authorization", authorization}});
  }

  void expect_denied(const HttpResponse& response) {
    EXPECT_EQ(response.status, 401) << response.body;
    EXPECT_EQ(json::parse(response.body).at("error"), "invalid_client");
    EXPECT_EQ(response.header("WWW-Authenticate"), "Basic realm=\"grantd\"");
    EXPECT_EQ(response.header("Cache-Control"), "no-store");
  }

  void expect_invalid_request(const HttpResponse& response) {
    EXPECT_EQ(response.status, 400) << response.body;
    EXPECT_EQ(json::parse(response.body).at("error"), "invalid_request");
  }

  std::string last_reason() {
    EXPECT_TRUE(TestServer::eventually([&] { return !server.log_lines("request").empty(); }));
    return server.log_lines("request").back().value("reason", "");
  }

  std::string import_secret(const std::string& client, const std::string& secret) {
    write_text(server.directory() / "imported", secret + "\n");
    return server
        .command_json({"secret", "add", client, "--from-file", server.directory() / "imported"})
        .at("secret_id");
  }

  TestServer server;
};

TEST_F(Rfc6749ClientAuthentication, NoCredentialsAreInvalidClient) {  // R20
  expect_denied(server.post("/token", client_credentials));
  expect_denied(server.post("/token", client_credentials + "&client_id=c1"));
}

TEST_F(Rfc6749ClientAuthentication, AWrongSecretInTheHeaderIs401WithAChallenge) {  // R17
  expect_denied(with_header(basic("c1", server.secret("c2"))));
}

TEST_F(Rfc6749ClientAuthentication, AnUnknownClientGetsTheSameAnswerAsAWrongSecret) {  // R18
  const auto wrong = with_header(basic("c1", server.secret("c2")));
  const auto unknown = with_header(basic("nobody", server.secret("c2")));
  EXPECT_EQ(wrong.status, unknown.status);
  EXPECT_EQ(wrong.body, unknown.body);
  EXPECT_EQ(wrong.header("WWW-Authenticate"), unknown.header("WWW-Authenticate"));
  EXPECT_EQ(wrong.headers.size(), unknown.headers.size());
}

TEST_F(Rfc6749ClientAuthentication, AWrongSecretInTheBodyIsInvalidClient) {  // R19
  expect_denied(server.post("/token", client_credentials + "&client_id=poster&client_secret=x"));
}

TEST_F(Rfc6749ClientAuthentication, AnEmptySecretIsInvalidClient) {  // R30
  expect_denied(with_header(basic("c1", "")));
  expect_denied(server.post("/token", client_credentials + "&client_id=poster&client_secret="));
}

TEST_F(Rfc6749ClientAuthentication, APublicClientGetsNoToken) {  // R31
  expect_denied(server.post("/token", client_credentials + "&client_id=c1"));
}

TEST_F(Rfc6749ClientAuthentication, MalformedHeadersAreDeniedNeverA5xx) {  // R16
  for (const auto* header : {"Basic", "Basic ", "Basic !!!", "Basic YWJj", "Basic YTolenpi",
                             "Bearer abc", "Digest x", "x"}) {
    expect_denied(with_header(header));
  }
}

TEST_F(Rfc6749ClientAuthentication, TwoMethodsInOneRequestAreInvalidRequest) {  // R21, R22
  const auto header = basic("c1", server.secret("c1"));
  expect_invalid_request(
      with_header(header, client_credentials + "&client_secret=" + server.secret("c1")));
  expect_invalid_request(with_header(header, client_credentials + "&client_assertion=x"));
}

TEST_F(Rfc6749ClientAuthentication, AnAssertionIsNotAdvertisedAndRefused) {  // R66, R87
  expect_denied(server.post(
      "/token", client_credentials +
                    "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%"
                    "3Ajwt-bearer&client_assertion=" +
                    server.token_for("c1")));
}

TEST_F(Rfc6749ClientAuthentication, AClientIdInTheBodyMustBeTheHeaders) {  // R23
  const auto header = basic("c1", server.secret("c1"));
  EXPECT_EQ(with_header(header, client_credentials + "&client_id=c1").status, 200);
  expect_invalid_request(with_header(header, client_credentials + "&client_id=c2"));
}

TEST_F(Rfc6749ClientAuthentication, CredentialsInTheQueryAreRefused) {  // R24
  expect_invalid_request(
      server.post("/token?client_id=poster&client_secret=x", client_credentials, "c1"));
  expect_invalid_request(server.post("/token?client%5Fsecret=x", client_credentials, "c1"));
}

TEST_F(Rfc6749ClientAuthentication, AMethodOtherThanTheRegisteredOneIsInvalidClient) {  // R26
  expect_denied(with_header(basic("poster", server.secret("poster"))));
  EXPECT_EQ(last_reason(), "method_not_allowed_for_client");
  expect_denied(server.post(
      "/token", client_credentials + "&client_id=c1&client_secret=" + server.secret("c1")));
}

TEST_F(Rfc6749ClientAuthentication, ClientSecretPostWorks) {  // R25
  EXPECT_EQ(server
                .post("/token", client_credentials +
                                    "&client_id=poster&client_secret=" + server.secret("poster"))
                .status,
            200);
}

TEST_F(Rfc6749ClientAuthentication, TheSchemeIsCaseInsensitive) {  // R27
  const auto header = basic("c1", server.secret("c1"));
  EXPECT_EQ(with_header("basic" + header.substr(5)).status, 200);
  EXPECT_EQ(with_header("BASIC" + header.substr(5)).status, 200);
}

TEST_F(Rfc6749ClientAuthentication, IdAndSecretAreFormDecodedOnce) {  // R13, R15
  server.add_client("a b:c%d&e+f", {"--audience", api});
  const std::string secret = "a+b%2Bc:d&e=f'~*()!@#$^{}[]|\\;<>?,./";
  import_secret("a b:c%d&e+f", secret);
  EXPECT_EQ(with_header(basic("a b:c%d&e+f", secret)).status, 200);
  expect_denied(with_header(basic("a b:c%d&e+f", "a+b+c:d&e=f'~*()!@#$^{}[]|\\;<>?,./")));
}

TEST_F(Rfc6749ClientAuthentication, EveryOctetMayBePercentEncoded) {  // R14
  const auto encode_all = [](std::string_view text) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
      out += {'%', digits[static_cast<unsigned char>(c) >> 4U],
              digits[static_cast<unsigned char>(c) & 15U]};
    }
    return out;
  };
  const auto form = "grant_type=client_credentials&client_id=" + encode_all("poster") +
                    "&client_secret=" + encode_all(server.secret("poster"));
  EXPECT_EQ(server.post("/token", form).status, 200);
}

TEST_F(Rfc6749ClientAuthentication, OverlappingSecretsBothWorkAndARemovedOneFails) {  // R29
  const auto old_secret = server.secret("c1");
  const auto added = server.command_json({"secret", "add", "c1", "--label", "new"});
  const auto new_secret = added.at("client_secret").get<std::string>();
  EXPECT_TRUE(
      TestServer::eventually([&] { return with_header(basic("c1", new_secret)).status == 200; }));
  EXPECT_EQ(with_header(basic("c1", old_secret)).status, 200);

  server.command_json({"secret", "remove", "c1", old_secret.substr(4, 12)});
  EXPECT_TRUE(
      TestServer::eventually([&] { return with_header(basic("c1", old_secret)).status == 401; }));
  EXPECT_EQ(with_header(basic("c1", new_secret)).status, 200);
}

TEST_F(Rfc6749ClientAuthentication, TheLogSaysWhyWhileTheAnswerStaysBare) {
  expect_denied(with_header(basic("c1", server.secret("c2"))));
  EXPECT_EQ(last_reason(), "wrong_secret");
  expect_denied(with_header(basic("nobody", "x")));
  EXPECT_TRUE(TestServer::eventually([&] { return last_reason() == "unknown_client"; }));
  server.command_json({"client", "disable", "c1"});
  EXPECT_TRUE(TestServer::eventually([&] {
    return with_header(basic("c1", server.secret("c1"))).status == 401 &&
           last_reason() == "disabled_client";
  }));
}

TEST_F(Rfc6749ClientAuthentication, AnUnregisteredIdIsCutAndASecretInItBlanked) {  // R55
  expect_denied(with_header(basic(server.secret("c1"), "c1")));
  expect_denied(with_header(basic("new\nline", "c1")));
  expect_denied(with_header(basic(std::string(30, 'x') + " " + std::string(60, 'y'), "c1")));
  EXPECT_TRUE(TestServer::eventually([&] { return server.log_lines("request").size() >= 3; }));
  EXPECT_EQ(server.log().find(server.secret("c1")), std::string::npos);
  for (const auto& line : server.log_lines("request")) {
    EXPECT_LE(line.value("client_id", "").size(), 64U);
  }
}

class Rfc6749Throttling : public ::testing::Test {
 protected:
  Rfc6749Throttling() {
    server.add_client("c1");
    server.add_client("c2");
  }
  HttpResponse attempt(const std::string& id, const std::string& secret) {
    return server.post("/token", client_credentials, {}, {{"Authorization", basic(id, secret)}});
  }
  TestServer server{{.config = {{"limits", {{"auth_failures", 3}}}}}};
};

TEST_F(Rfc6749Throttling, ManyWrongSecretsGet429WithTheSameBody) {  // R28
  const auto first = attempt("c1", "wrong");
  EXPECT_EQ(first.status, 401);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(attempt("c1", "wrong").status, 401);
  const auto throttled = attempt("c1", "wrong");
  EXPECT_EQ(throttled.status, 429);
  EXPECT_TRUE(throttled.has_header("Retry-After"));
  EXPECT_EQ(throttled.body, first.body);
}

TEST_F(Rfc6749Throttling, UnknownClientsAreThrottledAlike) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(attempt("nobody", "wrong").status, 401);
  EXPECT_EQ(attempt("nobody", "wrong").status, 429);
}

TEST_F(Rfc6749Throttling, TheRightSecretAlwaysWorksAndResetsNothing) {
  for (int i = 0; i < 4; ++i) static_cast<void>(attempt("c1", "wrong"));
  EXPECT_EQ(attempt("c1", server.secret("c1")).status, 200);
  EXPECT_EQ(attempt("c1", "wrong").status, 429);
  EXPECT_EQ(attempt("c2", "wrong").status, 401);
}

}  // namespace
}  // namespace grantd::testing
