// draft-ietf-oauth-status-list-21; R142.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <thread>

#include "storage/sqlite/sqlite_storage.h"
#include "tests/support/exchange.h"
#include "tests/support/status_list.h"

namespace grantd::testing {
namespace {

using namespace std::chrono_literals;

const json lists_for_profiles = {{"audiences", {{profiles, {{"status_list", true}}}}}};
const json everybody_but_lists = json::array({"introspection", "feed"});

class TokenStatusList : public ::testing::Test {
 protected:
  explicit TokenStatusList(const json& more = json::object(), bool turnable_clock = false)
      : server({.config = merged(more), .turnable_clock = turnable_clock}) {
    add_chain_of_services(server);
    server.add_client("billing", {"--scope", "profiles:read", "--audience", profiles, "--audience",
                                  users, "--default-audience", profiles});
  }

  static json merged(const json& more) {
    auto config = lists_for_profiles;
    config.merge_patch(more);
    return config;
  }
  static std::string jti(const std::string& token) { return decode(token).claims.at("jti"); }
  [[nodiscard]] std::set<std::uint64_t> revoked(const std::string& uri) const {
    return fetch_status_list(server, uri).revoked();
  }
  /// A served list may be the one from before for a moment.
  bool comes_to_be_revoked(const std::string& uri, const std::set<std::uint64_t>& indexes) {
    return TestServer::eventually([&] { return revoked(uri) == indexes; });
  }

  TestServer server;
};

TEST_F(TokenStatusList, OnlyTokensForAudiencesThatAskCarryAStatus) {  // R142
  const auto claims = decode(server.token_for("billing")).claims;
  const auto& status = claims.at("status");
  EXPECT_EQ(status.size(), 1U);
  EXPECT_EQ(status.at("status_list"),
            json({{"idx", 0}, {"uri", "https://auth.example.com/status/1"}}));
  EXPECT_EQ(claims.at("jti").get<std::string>().substr(32), ".1.0");

  const auto other = decode(server.token_for("billing", "&resource=" + form_encode(users))).claims;
  EXPECT_FALSE(other.contains("status"));
  // It has an entry all the same: a token derived from it may ask.
  EXPECT_EQ(other.at("jti").get<std::string>().substr(32), ".1.1");
}

TEST_F(TokenStatusList, IsASignedDocumentThatSaysWhatTheDraftWants) {  // R142
  const auto entry = status_entry(server.token_for("billing"));
  const auto response = server.get(path_of(entry.uri));
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(response.header("Content-Type"), "application/statuslist+jwt");
  EXPECT_EQ(response.header("Cache-Control"), "public, max-age=30");
  EXPECT_TRUE(verifies(response.body, server.jwks()));

  const auto list = parse_status_list(response.body);
  EXPECT_EQ(list.token.header.at("typ"), "statuslist+jwt");
  EXPECT_EQ(list.token.header.at("alg"), "RS256");
  const auto& claims = list.token.claims;
  EXPECT_EQ(claims.at("iss"), "https://auth.example.com");
  EXPECT_EQ(claims.at("sub"), entry.uri);
  EXPECT_EQ(claims.at("ttl"), 30);
  EXPECT_EQ(claims.at("exp").get<int>() - claims.at("iat").get<int>(), 180);
  EXPECT_EQ(claims.at("status_list").at("bits"), 1);
  EXPECT_EQ(list.octets, std::string(1'048'576 / 8, '\0'));
  // It is no access token.
  EXPECT_FALSE(server.is_active(response.body, "billing"));
}

TEST_F(TokenStatusList, ARevocationFlipsItsOwnBitAndNoOther) {  // R142
  std::vector<std::string> tokens;
  tokens.reserve(12);
  for (int i = 0; i < 12; ++i) tokens.push_back(server.token_for("billing"));
  const auto entry = status_entry(tokens[9]);
  EXPECT_EQ(revoked(entry.uri), std::set<std::uint64_t>{});
  ASSERT_EQ(server.revoke(tokens[9], "billing").status, 200);
  EXPECT_TRUE(comes_to_be_revoked(entry.uri, {entry.index}));
  ASSERT_EQ(server.revoke(tokens[2], "billing").status, 200);
  EXPECT_TRUE(comes_to_be_revoked(entry.uri, {entry.index, status_entry(tokens[2]).index}));
}

TEST_F(TokenStatusList, AJtiAloneIsEnoughToRevoke) {  // R142
  const auto token = server.token_for("billing");
  const auto entry = status_entry(token);
  const auto done = server.command_json({"token", "revoke", jti(token)});
  EXPECT_EQ(done.at("reaches"), json({"introspection", "feed", "status_list"}));
  EXPECT_TRUE(comes_to_be_revoked(entry.uri, {entry.index}));
  EXPECT_FALSE(server.is_active(token, "billing"));
  // An entry that nobody was given yet.
  const auto unused = jti(token).substr(0, 32) + ".1.99999";
  EXPECT_EQ(server.command_json({"token", "revoke", unused}).at("reaches"), everybody_but_lists);
}

TEST_F(TokenStatusList, WhatIsRevokedWhileTheServerIsDownIsRevokedWhenItIsBack) {  // R142
  const auto token = server.token_for("billing");
  const auto entry = status_entry(token);
  server.stop();
  server.command_json({"token", "revoke", jti(token)});
  server.start();
  EXPECT_EQ(revoked(entry.uri), std::set<std::uint64_t>{entry.index});
}

TEST_F(TokenStatusList, ADerivedTokenRefersToTheFirstOfItsChain) {  // R142
  const auto root = server.token_for("caller");
  ASSERT_FALSE(decode(root).claims.contains("status"));
  const auto derived = exchanged(server, "user-service", root);
  const auto entry = status_entry(derived);
  EXPECT_EQ(jti(root).substr(32), ".1." + std::to_string(entry.index));
  EXPECT_EQ(jti(derived).size(), 32U);
  // Another exchange of the same token refers to the same entry.
  EXPECT_EQ(status_entry(exchanged(server, "user-service", root)), entry);

  // Revoking the derived one ends it alone: nobody else's bit.
  const auto done = server.command_json({"token", "revoke", jti(derived)});
  EXPECT_EQ(done.at("reaches"), everybody_but_lists);
  EXPECT_TRUE(TestServer::eventually([&] { return !server.is_active(derived, "user-service"); }));
  EXPECT_EQ(revoked(entry.uri), std::set<std::uint64_t>{});

  server.command_json({"token", "revoke", jti(root)});
  EXPECT_TRUE(comes_to_be_revoked(entry.uri, {entry.index}));
}

TEST_F(TokenStatusList, RevocationsOfManyReachNoListAndTheCommandSaysSo) {  // R142
  const auto token = server.token_for("billing");
  const auto kid = decode(token).header.at("kid").get<std::string>();
  const auto entry = status_entry(token);
  for (const auto& arguments : {std::vector<std::string>{"token", "revoke", "--client", "billing"},
                                std::vector<std::string>{"token", "revoke", "--all"},
                                std::vector<std::string>{"client", "disable", "billing"},
                                std::vector<std::string>{"key", "retire", kid, "--now"}}) {
    EXPECT_EQ(server.command_json(arguments).at("reaches"), everybody_but_lists) << arguments[1];
  }
  EXPECT_TRUE(TestServer::eventually([&] {
    return decode(server.get(path_of(entry.uri)).body).header.at("kid") != kid;
  })) << "a list is never signed with a key that is out of the JWKS";
  EXPECT_EQ(revoked(entry.uri), std::set<std::uint64_t>{});
}

TEST_F(TokenStatusList, ARevocationStandsInTheServedListWithinASecond) {  // R142
  const auto entry = status_entry(server.token_for("billing"));
  std::vector<std::chrono::milliseconds> by_endpoint;
  std::vector<std::chrono::milliseconds> by_command;
  TlsClient client = server.connect();
  const auto wait_for = [&](std::uint64_t index) {
    const auto began = std::chrono::steady_clock::now();
    while (!parse_status_list(client.request("GET", path_of(entry.uri)).body).is_revoked(index)) {
      if (std::chrono::steady_clock::now() > began + 10s) break;
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 began);
  };
  for (int i = 0; i < 8; ++i) {
    const auto one = server.token_for("billing");
    EXPECT_EQ(server.revoke(one, "billing").status, 200);
    by_endpoint.push_back(wait_for(status_entry(one).index));
    const auto other = server.token_for("billing");
    server.command_json({"token", "revoke", jti(other)});
    by_command.push_back(wait_for(status_entry(other).index));
  }
  for (auto* measured : {&by_endpoint, &by_command}) {
    std::ranges::sort(*measured);
    EXPECT_LT(measured->back(), 1s);
    std::cout << (measured == &by_endpoint ? "POST /revoke" : "grantd token revoke")
              << " until it stands in the served list: median "
              << (*measured)[measured->size() / 2].count() << " ms, greatest "
              << measured->back().count() << " ms\n";
  }
}

TEST_F(TokenStatusList, IsRevalidatedByItsTagAndCompressedWhereAsked) {  // R142
  const auto entry = status_entry(server.token_for("billing"));
  const auto path = path_of(entry.uri);
  const auto plain = server.get(path);
  EXPECT_EQ(plain.header("Vary"), "Accept-Encoding");
  EXPECT_FALSE(plain.has_header("Content-Encoding"));
  const auto again = server.get(path, {{"If-None-Match", plain.header("ETag")}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(again.header("ETag"), plain.header("ETag"));

  const Headers gzip{{"Accept-Encoding", "br, gzip;q=0.5"}};
  const auto packed = server.get(path, gzip);
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_EQ(inflate(packed.body), plain.body);
  EXPECT_NE(packed.header("ETag"), plain.header("ETag"));
  EXPECT_EQ(server.get(path, {{"Accept-Encoding", "gzip;q=0"}}).body, plain.body);

  TlsClient client = server.connect();
  client.send_raw("HEAD " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto head = client.read_response(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), std::to_string(plain.body.size()));

  ASSERT_EQ(server.command_json({"token", "revoke", "--all"}).at("reaches"), everybody_but_lists);
  EXPECT_EQ(server.get(path, {{"If-None-Match", plain.header("ETag")}}).status, 304);
}

TEST_F(TokenStatusList, WhatIsNoListIsNotFound) {  // R142
  status_entry(server.token_for("billing"));
  for (const auto* path : {"/status/2", "/status/0", "/status/01", "/status/+1", "/status/1x",
                           "/status/", "/status/1/", "/status/1/2", "/status/%31",
                           "/status/18446744073709551616", "/status/9223372036854775807"}) {
    const auto response = server.get(path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(json::parse(response.body).at("error"), "invalid_request") << path;
  }
  const auto posted = server.connect().request("POST", "/status/1", {}, "x");
  EXPECT_EQ(posted.status, 405);
  EXPECT_EQ(posted.header("Allow"), "GET, HEAD");
  // What was is not kept (the draft's "historical resolution"), and must not be answered with what
  // is.
  EXPECT_EQ(server.get("/status/1?time=1686925000").status, 501);
  EXPECT_EQ(server.get("/status/1?timeout=1").status, 200);
  EXPECT_TRUE(server.last_request_logs("endpoint", "status_list"));
}

TEST_F(TokenStatusList, AllListsAreNamedInOneDocument) {  // R142
  const auto metadata = json::parse(server.get("/.well-known/oauth-authorization-server").body);
  EXPECT_EQ(metadata.at("status_list_aggregation_endpoint"), "https://auth.example.com/status");
  EXPECT_EQ(json::parse(server.get("/status").body), json({{"status_lists", json::array()}}));
  const auto entry = status_entry(server.token_for("billing"));
  const auto response = server.get("/status");
  EXPECT_EQ(response.header("Content-Type"), "application/json");
  EXPECT_EQ(json::parse(response.body), json({{"status_lists", {entry.uri}}}));
  EXPECT_EQ(server.get("/status", {{"If-None-Match", response.header("ETag")}}).status, 304);
}

TEST_F(TokenStatusList, AnotherProcesssListIsServedWithItsRevocations) {  // R142
  const auto opened = storage::sqlite::SqliteStorage::open(
      {.path = server.directory() / "grantd.db"}, storage::sqlite::SqliteStorage::Create::no);
  auto& other = **opened;
  const auto now = floor_seconds(std::chrono::system_clock::now());
  const auto block = other.reserve_status_block(now + 1h, 1024, 8).value();
  const auto uri = "https://auth.example.com/status/" + std::to_string(block.list.id);
  EXPECT_EQ(fetch_status_list(server, uri).octets, std::string(128, '\0'));
  const auto other_jti = std::string(32, 'a') + "." + std::to_string(block.list.id) + ".5";
  ASSERT_TRUE(other.revoke({other_jti, now + 1h}, now, "client:billing"));
  EXPECT_TRUE(comes_to_be_revoked(uri, {5}));
}

class TokenStatusListInShortWindows : public TokenStatusList {
 protected:
  TokenStatusListInShortWindows()
      : TokenStatusList({{"status_lists", {{"window", "10m"}}}}, true) {}
};

TEST_F(TokenStatusListInShortWindows, AListEndsWhenItsLastTokenHasExpiredEverywhere) {  // R142
  if (!clock_can_be_turned) GTEST_SKIP() << "no libfaketime under a sanitizer";
  const auto token = server.token_for("billing");
  const auto entry = status_entry(token);
  const sys_seconds expires{std::chrono::seconds(decode(token).claims.at("exp").get<int>())};
  const sys_seconds ends{(expires.time_since_epoch() / 10min + 1) * 10min};
  server.turn_clock(ends - 10s);
  EXPECT_EQ(server.get(path_of(entry.uri)).status, 200);
  // A verifier whose clock is late by the skew still takes the last token.
  server.turn_clock(ends + 10s);
  EXPECT_EQ(server.get(path_of(entry.uri)).status, 200);
  server.turn_clock(ends + 35s);
  EXPECT_EQ(server.get(path_of(entry.uri)).status, 404);
  EXPECT_EQ(json::parse(server.get("/status").body).at("status_lists").size(), 0U);
  EXPECT_NE(status_entry(server.token_for("billing")).uri, entry.uri);
}

TEST_F(TokenStatusListInShortWindows, AServedListIsAlwaysValidForTwoMoreTtls) {  // R142
  if (!clock_can_be_turned) GTEST_SKIP() << "no libfaketime under a sanitizer";
  const auto token = server.token_for("billing");
  const sys_seconds began{std::chrono::seconds(decode(token).claims.at("iat").get<int>())};
  for (auto passed = 0s; passed < 5min; passed += 20s) {
    server.turn_clock(began + passed);
    const auto list = fetch_status_list(server, status_entry(token).uri);
    const sys_seconds expires{std::chrono::seconds(list.token.claims.at("exp").get<int>())};
    EXPECT_GE(expires - (began + passed), 60s) << passed.count();
  }
}

class TokenStatusListInSmallBlocks : public TokenStatusList {
 protected:
  TokenStatusListInSmallBlocks()
      : TokenStatusList({{"status_lists", {{"capacity", 1024}, {"block", 64}}}}) {}

  /// `count` more tokens, over some connections at once; fails where one has an entry that any
  /// token had before.
  void issue(int count) {
    constexpr int connections = 4;
    std::vector<std::vector<StatusEntry>> got(connections);
    {
      std::vector<std::jthread> threads;
      threads.reserve(connections);
      for (auto& mine : got) {
        threads.emplace_back([&] { mine = entries(count / connections); });
      }
    }
    for (const auto& mine : got) {
      EXPECT_EQ(mine.size(), static_cast<std::size_t>(count / connections));
      for (const auto& entry : mine) {
        EXPECT_TRUE(all.insert(entry).second) << entry.uri << " " << entry.index;
        EXPECT_LT(entry.index, 1024U);
      }
    }
  }

  [[nodiscard]] std::vector<StatusEntry> entries(int count) const {
    const Headers headers{{"Content-Type", "application/x-www-form-urlencoded"},
                          {"Authorization", basic("billing", server.secret("billing"))}};
    TlsClient client = server.connect();
    std::vector<StatusEntry> mine;
    constexpr int max_refusals = 20;
    for (int refusals = 0; std::ssize(mine) < count;) {
      const auto response = client.request("POST", "/token", headers, client_credentials);
      // A disk that stands still for longest_wait: none is at hand, so come again.
      if (response.status == 503 && ++refusals < max_refusals) {
        std::this_thread::sleep_for(100ms);
        continue;
      }
      if (response.status != 200) break;
      mine.push_back(status_entry(json::parse(response.body).at("access_token")));
    }
    return mine;
  }

  std::set<StatusEntry> all;
};

TEST_F(TokenStatusListInSmallBlocks, TwentyThousandTokensOfThreeRunsHaveNoEntryTwice) {  // R142
  issue(8000);
  server.kill();
  server.start();
  issue(8000);
  server.stop();
  server.start();
  issue(4000);
  EXPECT_EQ(all.size(), 20'000U);
  // A full list is followed by another; what a killed run had reserved is lost, no more.
  std::set<std::string> uris;
  for (const auto& entry : all) uris.insert(entry.uri);
  EXPECT_GE(uris.size(), 20U);
  EXPECT_LE(uris.size(), 22U);
  EXPECT_EQ(json::parse(server.get("/status").body).at("status_lists").size(), uris.size());
}

TEST_F(TokenStatusListInSmallBlocks, WithStorageAwayOnlyTokensThatNeedAnEntryAreRefused) {  // R142
  const auto elsewhere = "&resource=" + form_encode(users);
  ASSERT_EQ(jti(server.token_for("billing", elsewhere)).substr(32), ".1.0");
  std::filesystem::rename(server.directory() / "grantd.db", server.directory() / "away.db");
  // Until what was reserved is used up.
  HttpResponse last;
  for (int i = 0; i < 200 && last.status != 503; ++i) last = server.token("billing");
  ASSERT_EQ(last.status, 503);
  EXPECT_EQ(json::parse(last.body).at("error"), "temporarily_unavailable");
  EXPECT_TRUE(server.last_request_logs("reason", "no_status_entry"));
  EXPECT_TRUE(last.has_header("Retry-After"));

  const auto without = server.token_for("billing", elsewhere);
  EXPECT_EQ(jti(without).size(), 32U);
  std::filesystem::rename(server.directory() / "away.db", server.directory() / "grantd.db");
  EXPECT_TRUE(TestServer::eventually([&] { return server.token("billing").status == 200; }));
}

TEST(TokenStatusListOff, NoTokenHasAnEntryWhereNoAudienceAsks) {  // R142
  TestServer server;
  server.add_client("c1");
  const auto claims = decode(server.token_for("c1")).claims;
  EXPECT_EQ(claims.at("jti").get<std::string>().size(), 32U);
  EXPECT_FALSE(claims.contains("status"));
  EXPECT_EQ(json::parse(server.get("/status").body).at("status_lists").size(), 0U);
}

TEST(TokenStatusListOff, AReloadSwitchesItOnAndATokenFromBeforeStillHasADerivedOneWithAnEntry) {
  // R142
  TestServer server;
  add_chain_of_services(server);
  const auto root = server.token_for("caller");
  auto config = server.config();
  config.merge_patch(lists_for_profiles);
  config["status_lists"]["ttl"] = "7s";
  server.write_config(config);
  server.signal(SIGHUP);
  ASSERT_TRUE(TestServer::eventually([&] { return !server.log_lines("reload").empty(); }));

  const auto derived = exchanged(server, "user-service", root);
  const auto entry = status_entry(derived);
  const auto jti = decode(derived).claims.at("jti").get<std::string>();
  EXPECT_EQ(jti.substr(32), ".1." + std::to_string(entry.index));
  EXPECT_EQ(fetch_status_list(server, entry.uri).token.claims.at("ttl"), 7);
  server.command_json({"token", "revoke", jti});
  EXPECT_TRUE(TestServer::eventually(
      [&] { return fetch_status_list(server, entry.uri).is_revoked(entry.index); }));
}

}  // namespace
}  // namespace grantd::testing
