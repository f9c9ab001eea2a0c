// The real binary: `grantd client` and `grantd secret`.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/support/installation.h"

namespace grantd::testing {
namespace {

const std::regex generated_secret("gds_[a-z0-9]{12}_[A-Za-z0-9_-]{43}");
const std::regex rfc3339("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z");

class ClientCommand : public ::testing::Test {
 protected:
  [[nodiscard]] nlohmann::json secrets(const std::string& client) const {
    return installation.json({"secret", "list", client});
  }

  Installation installation;
};

class SecretCommand : public ClientCommand {
 protected:
  std::string file_with(const std::string& text, mode_t mode = 0600) {
    write_text(installation / "brought", text, mode);
    return (installation / "brought").string();
  }
};

TEST_F(ClientCommand, CreateShowsTheSecretOnceAndForAll) {
  const auto created = installation.json({"client", "create", "billing"});
  ASSERT_EQ(created.size(), 3U);
  const std::string secret = created.at("client_secret");
  EXPECT_TRUE(std::regex_match(secret, generated_secret));
  EXPECT_EQ(created.at("secret_id"), nlohmann::json(secret.substr(4, 12)));
  for (const Arguments& arguments :
       {Arguments{"client", "show", "billing"}, Arguments{"client", "list"},
        Arguments{"secret", "list", "billing"}}) {
    const auto result = installation.run(arguments);
    EXPECT_EQ((result.out + result.err).find(secret), std::string::npos);
  }
  EXPECT_EQ(read_text(installation / "grantd.db").find(secret), std::string::npos);
}

TEST_F(ClientCommand, CreateStoresEveryField) {
  installation.create_client(
      "a b",
      {"--name", "Bülling", "--scope", "api:read api:write", "--audience", "https://a.example",
       "--audience", "https://b.example", "--default-audience", "https://a.example", "--serves",
       "https://c.example", "--auth-method", "client_secret_post", "--token-lifetime", "10m"});
  const auto shown = installation.json({"client", "show", "a b"});
  EXPECT_EQ(shown.at("client_id"), "a b");
  EXPECT_EQ(shown.at("name"), "Bülling");
  EXPECT_EQ(shown.at("scope"), "api:read api:write");
  EXPECT_EQ(shown.at("audiences"), (nlohmann::json{"https://a.example", "https://b.example"}));
  EXPECT_EQ(shown.at("default_audiences"), nlohmann::json::array({"https://a.example"}));
  EXPECT_EQ(shown.at("serves"), nlohmann::json::array({"https://c.example"}));
  EXPECT_EQ(shown.at("auth_method"), "client_secret_post");
  EXPECT_EQ(shown.at("token_lifetime"), "10m");
  EXPECT_EQ(shown.at("enabled"), true);
  EXPECT_EQ(shown.at("secrets"), 1);
  EXPECT_TRUE(std::regex_match(shown.at("created_at").get<std::string>(), rfc3339));
}

TEST_F(ClientCommand, ADefaultAudienceIsAnAudience) {
  installation.create_client("billing", {"--default-audience", "https://a.example"});
  EXPECT_EQ(installation.json({"client", "show", "billing"}).at("audiences"),
            nlohmann::json::array({"https://a.example"}));
}

TEST_F(ClientCommand, CreateReportsAllFaultsAtOnce) {
  const auto result =
      installation.run({"client", "create", " x", "--scope", "a\"b", "--audience", "no-uri",
                        "--auth-method", "guess", "--token-lifetime", "2h"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(std::ranges::count(result.err, '\n'), 5) << result.err;
  EXPECT_EQ(installation.json({"client", "list"}).size(), 0U);
}

TEST_F(ClientCommand, AnIdWithALeadingDashIsNoId) {
  EXPECT_EQ(installation.run({"client", "create", "-x"}).status, 2);
  EXPECT_EQ(installation.run({"client", "create", "--", "-x"}).status, 2);
}

TEST_F(ClientCommand, AnIdThatIsACommandIsAnId) {
  installation.create_client("list");
  EXPECT_EQ(installation.json({"client", "show", "list"}).at("client_id"), "list");
}

TEST_F(ClientCommand, CreateOfAnExistingClientChangesNothing) {
  installation.create_client("billing", {"--name", "first"});
  const auto result = installation.run({"client", "create", "billing", "--name", "second"});
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(result.out.empty());
  EXPECT_EQ(installation.json({"client", "show", "billing"}).at("name"), "first");
}

TEST_F(ClientCommand, CreateWithoutAPepperMakesNone) {
  std::filesystem::remove(installation / "pepper");
  const auto result = installation.run({"client", "create", "billing"});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("openssl rand -hex 32"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(installation / "pepper"));
  EXPECT_EQ(installation.json({"client", "list"}).size(), 0U);
}

TEST_F(ClientCommand, APepperFileThatLacksOneInUseIsRefused) {
  installation.create_client("billing");
  write_text(installation / "pepper", std::string(64, 'a') + "\n");
  const auto result = installation.run({"client", "create", "other"});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find(secrets("billing").at(0).at("pepper")), std::string::npos)
      << result.err;
}

TEST_F(ClientCommand, ListIsOrderedById) {
  installation.create_client("b");
  installation.create_client("a");
  const auto list = installation.json({"client", "list"});
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list.at(0).at("client_id"), "a");
}

TEST_F(ClientCommand, UpdateReplacesWholeListsAndLeavesTheRest) {
  installation.create_client("billing", {"--name", "Billing", "--scope", "a b", "--audience",
                                         "https://a.example", "--token-lifetime", "10m"});
  const auto updated = installation.json({"client", "update", "billing", "--scope", "c"});
  EXPECT_EQ(updated.at("scope"), "c");
  EXPECT_EQ(updated.at("name"), "Billing");
  EXPECT_EQ(updated.at("audiences"), nlohmann::json::array({"https://a.example"}));
  EXPECT_EQ(updated.at("token_lifetime"), "10m");
}

TEST_F(ClientCommand, UpdateClearsWhatItIsToldTo) {
  installation.create_client("billing",
                             {"--scope", "a", "--default-audience", "https://a.example", "--serves",
                              "https://c.example", "--token-lifetime", "10m"});
  const auto updated =
      installation.json({"client", "update", "billing", "--no-audience", "--no-default-audience",
                         "--no-serves", "--scope=", "--no-token-lifetime"});
  EXPECT_EQ(updated.at("scope"), "");
  for (const std::string field : {"audiences", "default_audiences", "serves"}) {
    EXPECT_TRUE(updated.at(field).empty()) << field;
  }
  EXPECT_TRUE(updated.at("token_lifetime").is_null());
}

TEST_F(ClientCommand, UpdateWithNothingToChangeOrWithAContradictionIsAFaultOfUsage) {
  installation.create_client("billing");
  EXPECT_EQ(installation.run({"client", "update", "billing"}).status, 2);
  EXPECT_EQ(installation.run({"client", "update", "billing", "--scope", "a", "--no-scope"}).status,
            2);
}

TEST_F(ClientCommand, UpdateThatWouldTakeADefaultAudienceAwayIsRefused) {
  installation.create_client("billing", {"--default-audience", "https://a.example"});
  EXPECT_EQ(
      installation.run({"client", "update", "billing", "--audience", "https://b.example"}).status,
      2);
}

TEST_F(ClientCommand, DisableEnableAndDeleteSayWhatIsInForce) {
  installation.create_client("billing");
  const auto disabled = installation.json({"client", "disable", "billing"});
  EXPECT_TRUE(
      std::regex_match(disabled.at("inactive_if_issued_until").get<std::string>(), rfc3339));
  EXPECT_EQ(disabled.at("reaches"), nlohmann::json::array({"introspection", "feed"}));
  EXPECT_EQ(installation.json({"client", "show", "billing"}).at("enabled"), false);
  EXPECT_EQ(installation.run({"client", "disable", "billing"}).status, 0);
  EXPECT_EQ(installation.json({"client", "enable", "billing"}).at("enabled"), true);
  EXPECT_EQ(installation.json({"client", "delete", "billing"}).at("deleted"), true);
  EXPECT_EQ(installation.run({"client", "show", "billing"}).status, 1);
}

TEST_F(ClientCommand, WhatIsNotThereIsNotFound) {
  for (const Arguments& arguments :
       {Arguments{"client", "show", "nobody"},
        Arguments{"client", "update", "nobody", "--no-scope"},
        Arguments{"client", "disable", "nobody"}, Arguments{"client", "enable", "nobody"},
        Arguments{"client", "delete", "nobody"}, Arguments{"secret", "add", "nobody"},
        Arguments{"secret", "list", "nobody"}, Arguments{"secret", "remove", "nobody", "x"}}) {
    const auto result = installation.run(arguments);
    EXPECT_EQ(result.status, 1) << arguments[1];
    EXPECT_EQ(result.err, "grantd: the client \"nobody\" is not found\n");
  }
}

TEST_F(SecretCommand, ListHasTheColumnsOfTheContract) {
  installation.create_client("billing");
  (void)installation.json({"secret", "add", "billing", "--label", "new", "--expires-in", "30d"});
  const auto rows = secrets("billing");
  ASSERT_EQ(rows.size(), 2U);
  const auto added =
      *std::ranges::find_if(rows, [](const auto& row) { return row["label"] == "new"; });
  EXPECT_TRUE(std::regex_match(added.at("expires_at").get<std::string>(), rfc3339));
  EXPECT_TRUE(added.at("last_used_at").is_null());
  EXPECT_EQ(added.at("safe_to_remove"), false);
  EXPECT_TRUE(added.contains("secret_id") && added.contains("created_at") &&
              added.contains("pepper"));
  EXPECT_EQ(added.size(), 7U);
}

TEST_F(SecretCommand, AnEleventhSecretIsRefused) {
  installation.create_client("billing");
  for (int i = 0; i < 9; ++i) (void)installation.json({"secret", "add", "billing"});
  const auto result = installation.run({"secret", "add", "billing"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("at most 10"), std::string::npos);
  EXPECT_TRUE(result.out.empty());
}

TEST_F(SecretCommand, ABroughtSecretIsNeitherShownNorStored) {
  installation.create_client("billing");
  const std::string brought = "correct-horse-battery-staple-0123456789";
  const auto result =
      installation.run({"secret", "add", "billing", "--from-file", file_with(brought + "\n")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ((result.out + result.err).find(brought), std::string::npos);
  EXPECT_EQ(read_text(installation / "grantd.db").find(brought), std::string::npos);
  EXPECT_EQ(secrets("billing").size(), 2U);
}

TEST_F(SecretCommand, ABroughtSecretOfOurOwnFormKeepsItsId) {
  installation.create_client("billing");
  const std::string brought = "gds_abcdefghijkl_0123456789012345678901234567890123456789012";
  const auto added =
      installation.json({"secret", "add", "billing", "--from-file", file_with(brought)});
  EXPECT_EQ(added.at("secret_id"), "abcdefghijkl");
  EXPECT_EQ(
      installation.run({"secret", "add", "billing", "--from-file", file_with(brought)}).status, 1);
}

TEST_F(SecretCommand, AShortOrStrangeBroughtSecretMakesNoSense) {
  installation.create_client("billing");
  for (const std::string& text : {std::string(31, 'x') + "\n", std::string(256, 'x'),
                                  std::string(40, 'x') + " y", std::string(40, 'x') + "\n\n"}) {
    const auto result =
        installation.run({"secret", "add", "billing", "--from-file", file_with(text)});
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.err.find("xxxx"), std::string::npos);
  }
  EXPECT_EQ(secrets("billing").size(), 1U);
}

TEST_F(SecretCommand, AFileThatOthersCanReadIsRefusedAndOneOfTheGroupWarnedOf) {
  installation.create_client("billing");
  const std::string text(40, 'x');
  EXPECT_EQ(
      installation.run({"secret", "add", "billing", "--from-file", file_with(text, 0644)}).status,
      1);
  const auto warned =
      installation.run({"secret", "add", "billing", "--from-file", file_with(text, 0640)});
  EXPECT_EQ(warned.status, 0);
  EXPECT_NE(warned.err.find("group"), std::string::npos);
}

TEST_F(SecretCommand, ALabelOrDurationThatMakesNoSenseIsRefused) {
  installation.create_client("billing");
  EXPECT_EQ(installation.run({"secret", "add", "billing", "--label", "a\nb"}).status, 2);
  for (const std::string duration : {"", "0s", "1500ms", "soon", "-1d"}) {
    EXPECT_EQ(installation.run({"secret", "add", "billing", "--expires-in", duration}).status, 2);
  }
}

TEST_F(SecretCommand, TheLastUsableSecretGoesOnlyByForce) {
  installation.create_client("billing");
  const std::string id = secrets("billing").at(0).at("secret_id");
  const auto refused = installation.run({"secret", "remove", "billing", id});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("--force"), std::string::npos);
  EXPECT_EQ(installation.run({"secret", "remove", "billing", id, "--force"}).status, 0);
  EXPECT_TRUE(secrets("billing").empty());
}

TEST_F(SecretCommand, AnotherUsableSecretLetsOneGo) {
  installation.create_client("billing");
  const std::string id = secrets("billing").at(0).at("secret_id");
  (void)installation.json({"secret", "add", "billing"});
  EXPECT_EQ(installation.run({"secret", "remove", "billing", id}).status, 0);
  EXPECT_EQ(installation.run({"secret", "remove", "billing", id}).status, 1);
}

}  // namespace
}  // namespace grantd::testing
