#include "storage/migrator.h"

#include <gtest/gtest.h>

namespace grantd::storage {
namespace {

const std::vector<Migration> known{{1, "0001_initial", "", "aa", 1},
                                   {2, "0002_second", "", "bb", 1},
                                   {3, "0003_third", "", "cc", 2}};

AppliedMigration applied(const Migration& migration) {
  return {migration.number, std::string(migration.name), std::string(migration.checksum),
          migration.compatible_from};
}

TEST(MigrationPlan, AnEmptyDatabaseGetsAllInOrder) {
  const auto plan = plan_migrations(known, {});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 3U);
  EXPECT_EQ((*plan)[0].number, 1);
  EXPECT_EQ((*plan)[2].number, 3);
}

TEST(MigrationPlan, OnlyWhatIsMissingIsApplied) {
  const std::vector<AppliedMigration> some{applied(known[0]), applied(known[1])};
  const auto plan = plan_migrations(known, some);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 1U);
  EXPECT_EQ(plan->front().name, "0003_third");
}

TEST(MigrationPlan, AChangedMigrationIsRefusedByName) {
  std::vector<AppliedMigration> some{applied(known[0]), applied(known[1])};
  some[1].checksum = "changed";
  const auto plan = plan_migrations(known, some);
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().find("0002_second"), std::string::npos);
}

TEST(MigrationPlan, ANewerDatabaseThatDemandsNoMoreIsFine) {
  std::vector<AppliedMigration> all;
  all.reserve(known.size() + 2);
  for (const Migration& each : known) all.push_back(applied(each));
  all.push_back({4, "0004_newer", "dd", 3});
  const auto plan = plan_migrations(known, all);
  ASSERT_TRUE(plan) << plan.error();
  EXPECT_TRUE(plan->empty());
}

TEST(MigrationPlan, ANewerDatabaseThatDemandsMoreIsRefused) {
  std::vector<AppliedMigration> all;
  all.reserve(known.size() + 2);
  for (const Migration& each : known) all.push_back(applied(each));
  all.push_back({4, "0004_newer", "dd", 4});
  all.push_back({5, "0005_newest", "ee", 1});
  const auto plan = plan_migrations(known, all);
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().find("0004_newer"), std::string::npos);
}

TEST(MigrationPlan, AHoleIsNotFilledAfterwards) {
  const std::vector<AppliedMigration> some{applied(known[0]), applied(known[2])};
  const auto plan = plan_migrations(known, some);
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().find("0002_second"), std::string::npos);
}

TEST(MigrationPlan, TheEmbeddedOnesAscendAndNameTheirLevel) {
  int last = 0;
  for (const Migration& each : sqlite_migrations()) {
    EXPECT_EQ(each.number, ++last);
    EXPECT_EQ(each.checksum.size(), 64U);
    EXPECT_GE(each.compatible_from, 1);
    EXPECT_LE(each.compatible_from, each.number);
    EXPECT_FALSE(each.sql.empty());
  }
  EXPECT_GE(last, 1);
}

}  // namespace
}  // namespace grantd::storage
