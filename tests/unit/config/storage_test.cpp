// storage.url, and what PostgreSQL asks of the rest of the configuration.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/config/fixture.h"

namespace grantd::config::test {
namespace {

constexpr std::string_view sound_url = "postgresql://grantd@db1,db2:5433/grantd";

std::string with_url(std::string_view url, std::string_view storage = "",
                     std::string_view keys = R"("store": "database", "wrapping_key_file": "w")") {
  return with(R"("storage": {"url": ")" + std::string(url) + '"' + std::string(storage) +
              R"(}, "keys": {)" + std::string(keys) + "}");
}

TEST(ConfigStorage, RefusesWhatIsNoDatabase) {
  for (const auto* url : {"sqlite:", "grantd.db", "sqlite::memory:", "sqlite://host/grantd.db",
                          "mysql://grantd@db/grantd", "postgres:grantd", "postgresql://[::1"}) {
    EXPECT_TRUE(fault_at(faults_of(with(R"("storage": {"url": ")" + std::string(url) + "\"}")),
                         "storage.url"))
        << url;
  }
}

TEST(ConfigStorage, TakesASqliteFile) {
  const auto config = read(with(R"("storage": {"url": "sqlite:///var/lib/grantd.db"})"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->storage.backend, StorageBackend::sqlite);
  EXPECT_EQ(config->storage.sqlite_path, "/var/lib/grantd.db");
  EXPECT_TRUE(config->storage.postgres.empty());
}

TEST(ConfigStorage, TakesPostgresqlWithSeveralHosts) {
  const auto config = read(with_url(sound_url));
  ASSERT_TRUE(config) << described(config.error());
  EXPECT_EQ(config->storage.backend, StorageBackend::postgresql);
  EXPECT_TRUE(config->storage.sqlite_path.empty());
  const auto& keywords = config->storage.postgres;
  EXPECT_EQ(keywords.at("host"), "db1,db2");
  EXPECT_EQ(keywords.at("port"), ",5433");
  EXPECT_EQ(keywords.at("user"), "grantd");
  EXPECT_EQ(keywords.at("dbname"), "grantd");
}

TEST(ConfigStorage, ObeysWhatTheUrlSaysOfTls) {
  const auto config = read(with_url("postgresql://grantd@db/grantd?sslmode=require"));
  ASSERT_TRUE(config) << described(config.error());
  EXPECT_EQ(config->storage.postgres.at("sslmode"), "require");
}

TEST(ConfigStorage, RefusesAPasswordInTheUrlAndDoesNotRepeatIt) {
  for (const auto* url : {"postgresql://grantd:hunter2@db/grantd",
                          "postgresql://grantd@db/grantd?password=hunter2"}) {
    const auto faults = faults_of(with_url(url));
    const auto fault = fault_at(faults, "storage.url");
    ASSERT_TRUE(fault) << url;
    EXPECT_NE(fault->found.find("storage.password_file"), std::string::npos) << fault->found;
    EXPECT_EQ(described(faults).find("hunter2"), std::string::npos);
  }
}

TEST(ConfigStorage, RefusesParametersThatChangeASessionsMeaning) {
  for (const auto* parameter : {"options=-c%20fsync%3Doff", "client_encoding=LATIN1", "passfile=/p",
                                "service=x", "unknown=1", "load_balance_hosts=random"}) {
    EXPECT_TRUE(fault_at(faults_of(with_url(std::string("postgresql://u@db/d?") + parameter)),
                         "storage.url"))
        << parameter;
  }
}

TEST(ConfigStorage, OnlyAServerThatTakesWritesWillDo) {
  for (const auto* role : {"any", "standby", "read-only", "prefer-standby"}) {
    EXPECT_TRUE(fault_at(
        faults_of(with_url(std::string("postgresql://u@db/d?target_session_attrs=") + role)),
        "storage.url"))
        << role;
  }
  for (const auto* role : {"read-write", "primary"}) {
    EXPECT_TRUE(read(with_url(std::string("postgresql://u@db/d?target_session_attrs=") + role)))
        << role;
  }
}

TEST(ConfigStorage, AUrlNamesEachHostTheUserAndTheDatabase) {
  for (const auto* url : {"postgresql://", "postgresql:///grantd", "postgresql://db/grantd",
                          "postgresql://grantd@db", "postgresql://grantd@db1,/grantd",
                          "postgresql://grantd@,db1/grantd", "postgresql://grantd@a,,b/grantd"}) {
    EXPECT_TRUE(fault_at(faults_of(with_url(url)), "storage.url")) << url;
  }
}

TEST(ConfigStorage, NodesOnPostgresqlShareTheirKeys) {
  EXPECT_TRUE(fault_at(faults_of(with_url(sound_url, "", "")), "keys.store"));
  EXPECT_TRUE(fault_at(faults_of(with_url(sound_url, "", R"("store": "database")")),
                       "keys.wrapping_key_file"));
  EXPECT_TRUE(
      fault_at(faults_of(with(R"("keys": {"wrapping_key_file": "w"})")), "keys.wrapping_key_file"));
  EXPECT_TRUE(read(with(R"("keys": {"store": "database", "wrapping_key_file": "w"})")));
}

TEST(ConfigStorage, AKeyIsKnownEverywhereBeforeItSigns) {
  const auto keys = [](const std::string& publish_before) {
    return R"("store": "database", "wrapping_key_file": "w", "jwks_max_age": "5m",
              "publish_before": ")" +
           publish_before + '"';
  };
  const std::string grace = R"(, "offline_grace": "30s")";
  EXPECT_TRUE(fault_at(faults_of(with_url(sound_url, grace, keys("330s"))), "keys.publish_before"));
  EXPECT_TRUE(read(with_url(sound_url, grace, keys("331s"))));
}

TEST(ConfigStorage, ANodeWithoutTheDatabaseStopsBeforeItsKeysAreStale) {
  EXPECT_TRUE(fault_at(faults_of(with_url(sound_url, R"(, "offline_grace": "601s")")),
                       "storage.offline_grace"));
  EXPECT_TRUE(read(with_url(sound_url, R"(, "offline_grace": "600s")")));
}

}  // namespace
}  // namespace grantd::config::test
