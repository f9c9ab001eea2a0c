// The revocation feed, GET /revocations: an extension of grantd's own (docs/operations.md).
#include <algorithm>
#include <chrono>

#include "tests/support/feed_reader.h"
#include "tests/support/inflate.h"

namespace grantd::testing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

std::string error_of(const HttpResponse& response) {
  return json::parse(response.body).at("error");
}

class RevocationFeedInSmallPages : public RevocationFeed {
 protected:
  static constexpr std::size_t page = 100;
  RevocationFeedInSmallPages() : RevocationFeed({{"limits", {{"feed_entries", page}}}}) {}

  /// As many revocations as it says, as `grantd token revoke` would store them: "many1" and so on.
  void revoke_many(std::size_t count) {
    sql("WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT " +
        std::to_string(count) +
        ") INSERT INTO revocation (jti, expires_at, seq) SELECT 'many' || n, 4000000000,"
        " n + (SELECT value FROM counter WHERE name = 'change') FROM number;"
        "UPDATE counter SET value = value + " +
        std::to_string(count) + " WHERE name = 'change'");
  }
};

TEST_F(RevocationFeed, IsNotForThoseWhoAreNotKnown) {
  EXPECT_EQ(server.get("/revocations").status, 401);
  const auto wrong = server.get("/revocations", {{"Authorization", basic("orders", "wrong")}});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(error_of(wrong), "invalid_client");
  EXPECT_EQ(server.get("/revocations", {{"Authorization", basic("nobody", "x")}}).status, 401);
  const auto bearer = "Bearer " + server.token_for("billing");
  EXPECT_EQ(server.get("/revocations", {{"Authorization", bearer}}).status, 401);
  server.add_client("posting", {"--serves", orders, "--auth-method", "client_secret_post"});
  FeedReader posting(server, "posting");
  EXPECT_EQ(posting.get("").status, 401) << "a GET has no body for the secret";
  EXPECT_EQ(server.post("/revocations", "", "orders").status, 405);
}

TEST_F(RevocationFeed, IsNotForClientsThatServeNothing) {
  FeedReader billing(server, "billing");
  const auto refused = billing.get("");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(error_of(refused), "access_denied");
  EXPECT_TRUE(TestServer::eventually([&] {
    const auto lines = server.log_lines("request");
    return std::ranges::any_of(
        lines, [](const json& line) { return line.value("reason", "") == "serves_no_resource"; });
  }));
}

TEST_F(RevocationFeed, RefusesWhatIsNoCursorAndNoTime) {
  auto mine = reader();
  for (const auto* query :
       {"?since=", "?since=-1", "?since=+1", "?since=1x", "?since=0x1", "?since=1.0",
        "?since=9223372036854775808", "?since=1&since=2", "?since=1&wait=", "?wait=1s",
        "?wait=1&wait=1", "?since=%zz", "?since=1&token=x", "?client_secret=x"}) {
    const auto refused = mine.get(query);
    EXPECT_EQ(refused.status, 400) << query;
    EXPECT_EQ(error_of(refused), "invalid_request") << query;
  }
  EXPECT_EQ(mine.get("?since=0&wait=0&else=1&else=2").status, 200) << "others are passed over";
}

TEST_F(RevocationFeed, IsASignedDocumentThatNobodyElseMayKeep) {
  const auto token = revoked_token();
  auto mine = reader();
  const auto response = mine.get("");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Type"), "application/revocations+jwt");
  EXPECT_EQ(response.header("Cache-Control"), "no-cache, private");
  EXPECT_FALSE(response.header("ETag").empty());
  EXPECT_TRUE(verifies(response.body, server.jwks()));
  const auto [header, claims] = decode(response.body);
  EXPECT_EQ(header, json({{"alg", "RS256"},
                          {"kid", server.jwks().at("keys").at(0).at("kid")},
                          {"typ", "revocations+jwt"}}));
  const auto token_claims = decode(token).claims;
  EXPECT_EQ(claims.at("iss"), "https://auth.example.com");
  EXPECT_EQ(claims.at("since"), 0);
  EXPECT_EQ(claims.at("full"), true);
  EXPECT_EQ(claims.at("more"), false);
  EXPECT_EQ(claims.at("not_before"), json::object());
  EXPECT_EQ(claims.at("kids"), json::array());
  EXPECT_FALSE(claims.contains("not_before_all"));
  ASSERT_EQ(claims.at("revoked").size(), 1U);
  const auto kept_until = claims.at("revoked").at(token_claims.at("jti")).get<std::int64_t>();
  EXPECT_GE(kept_until, token_claims.at("exp").get<std::int64_t>());
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_NEAR(claims.at("iat").get<double>(), std::chrono::duration<double>(now).count(), 30);
}

TEST_F(RevocationFeed, AFreshReaderGetsAllThatIsRevoked) {
  server.add_client("second");
  server.add_client("third");
  const auto by_client = server.token_for("billing");
  const auto of_second = server.token_for("second");
  const auto of_third = server.token_for("third");
  const auto by_command = server.token_for("third");
  server.command_json({"token", "revoke", by_command});
  server.command_json({"client", "disable", "second"});
  EXPECT_EQ(server.revoke(by_client, "billing").status, 200);

  auto mine = reader();
  mine.catch_up();
  EXPECT_TRUE(mine.refuses(by_client));
  EXPECT_TRUE(mine.refuses(by_command));
  EXPECT_TRUE(mine.refuses(of_second));
  EXPECT_FALSE(mine.refuses(of_third));
  server.command_json({"token", "revoke", "--all"});
  auto later = reader();
  EXPECT_TRUE(later.learns([&](const FeedReader& knows) { return knows.refuses(of_third); }));
}

TEST_F(RevocationFeed, AReaderThatWasAwayMissesNothing) {
  auto mine = reader();
  mine.catch_up();
  const auto first = revoked_token();
  const auto second = revoked_token();
  const auto of_billing = server.token_for("billing");
  server.command_json({"client", "disable", "billing"});
  const auto leaked = server.jwks().at("keys").at(0).at("kid").get<std::string>();
  server.command_json({"key", "retire", leaked, "--now"});
  server.stop();
  // As if the reader had been away for longer than `change` is kept.
  sql("DELETE FROM change");
  server.start();
  mine.reconnect();
  const auto told = mine.ask();
  EXPECT_EQ(told.at("full"), false);
  EXPECT_TRUE(mine.revoked.contains(decode(first).claims.at("jti")));
  EXPECT_TRUE(mine.revoked.contains(decode(second).claims.at("jti")));
  EXPECT_TRUE(mine.not_before.contains("billing"));
  EXPECT_TRUE(mine.kids.contains(leaked));
  EXPECT_TRUE(mine.refuses(of_billing));
}

TEST_F(RevocationFeed, AReaderOfADatabaseThatWasRestoredStartsAnew) {
  const auto token = revoked_token();
  auto mine = reader();
  mine.catch_up();
  const auto response = mine.get("?since=1000000&wait=3600");
  const auto claims = decode(response.body).claims;
  EXPECT_EQ(claims.at("full"), true);
  EXPECT_TRUE(claims.at("revoked").contains(decode(token).claims.at("jti")));
  EXPECT_LT(claims.at("seq").get<std::int64_t>(), 1000000);
}

TEST_F(RevocationFeed, WithoutNewsTheCursorStaysAndTheAnswerComesWhenTheWaitIsOver) {
  auto mine = reader();
  mine.catch_up();
  const auto before = mine.cursor();
  server.add_client("irrelevant");
  const auto began = steady_clock::now();
  const auto told = mine.ask(1);
  EXPECT_GE(steady_clock::now() - began, 900ms);
  EXPECT_EQ(told.at("seq"), before);
  EXPECT_EQ(told.at("since"), before);
  EXPECT_EQ(told.at("full"), false);
  EXPECT_EQ(told.at("revoked"), json::object());
}

TEST_F(RevocationFeed, WithoutNewsAReaderThatHoldsTheAnswerGetsNoBody) {
  revoked_token();
  auto mine = reader();
  const auto first = mine.get("");
  const auto tag = first.header("ETag");
  const auto since = "?since=" + std::to_string(decode(first.body).claims.at("seq").get<int>());
  for (const auto& query : {std::string(), since, since + "&wait=1"}) {
    const auto again = mine.get(query, {{"If-None-Match", tag}});
    EXPECT_EQ(again.status, 304) << query;
    EXPECT_TRUE(again.body.empty());
    EXPECT_EQ(again.header("ETag"), tag);
  }
  revoked_token();
  const auto news = mine.get(since, {{"If-None-Match", tag}});
  EXPECT_EQ(news.status, 200);
  EXPECT_NE(news.header("ETag"), tag);
  const auto metrics = server.metrics();
  EXPECT_NE(metrics.find("grantd_feed_answers_total{answer=\"not_modified\"} 3"),
            std::string::npos);
  EXPECT_NE(metrics.find("grantd_feed_answers_total{answer=\"full\"} 1"), std::string::npos);
  EXPECT_NE(metrics.find("grantd_feed_answers_total{answer=\"news\"} 1"), std::string::npos);
}

TEST_F(RevocationFeedInSmallPages, WhatDoesNotFitIsToldInPages) {
  revoke_many(2 * page + 50);
  auto mine = reader();
  const auto first = mine.ask();
  EXPECT_EQ(first.at("full"), true);
  EXPECT_EQ(first.at("more"), true);
  EXPECT_EQ(first.at("revoked").size(), page);
  const auto second = mine.ask(10);  // does not wait: there is more
  EXPECT_EQ(second.at("full"), false);
  EXPECT_EQ(second.at("more"), true);
  const auto third = mine.ask();
  EXPECT_EQ(third.at("more"), false);
  EXPECT_EQ(third.at("revoked").size(), 50U);
  EXPECT_EQ(mine.revoked.size(), 2 * page + 50);
}

TEST_F(RevocationFeedInSmallPages, AreCompressedForThoseWhoTakeItWhereThatIsWorthIt) {
  revoke_many(page);
  auto mine = reader();
  const auto plain = mine.get("");
  EXPECT_FALSE(plain.has_header("Content-Encoding"));
  EXPECT_EQ(plain.header("Vary"), "Accept-Encoding");
  const auto zipped = mine.get("", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(zipped.header("Content-Encoding"), "gzip");
  EXPECT_EQ(zipped.header("ETag"), plain.header("ETag"));
  EXPECT_LT(zipped.body.size(), plain.body.size());
  EXPECT_EQ(decode(inflate(zipped.body)).claims.at("revoked"),
            decode(plain.body).claims.at("revoked"));
  mine.catch_up();
  const auto nothing =
      mine.get("?since=" + std::to_string(mine.cursor()), {{"Accept-Encoding", "gzip"}});
  EXPECT_FALSE(nothing.has_header("Content-Encoding"));
}

TEST_F(RevocationFeed, WithoutStorageSaysSoRatherThanThatNothingIsNew) {
  auto mine = reader();
  mine.catch_up();
  const auto database = server.directory() / "grantd.db";
  const auto away = server.directory() / "away.db";
  std::filesystem::rename(database, away);
  // What was read a moment before is still told for a second.
  EXPECT_TRUE(TestServer::eventually([&] { return mine.get("?since=0").status == 503; }));
  const auto response = mine.get("?since=0&wait=1");
  EXPECT_TRUE(response.has_header("Retry-After"));
  EXPECT_EQ(error_of(response), "temporarily_unavailable");
  std::filesystem::rename(away, database);
  EXPECT_TRUE(TestServer::eventually([&] { return mine.get("?since=0").status == 200; }));
}

}  // namespace
}  // namespace grantd::testing
