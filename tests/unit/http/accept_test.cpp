#include "server/http/accept.h"

#include <gtest/gtest.h>

#include <string>

namespace grantd::http {
namespace {

constexpr std::string_view jwt = "application/token-introspection+jwt";
const std::string named(jwt);

bool asks(std::string_view accept) { return asks_for(accept, jwt, "application/json"); }

TEST(Rfc9110Accept, WhoNamesATypeAsksForIt) {
  EXPECT_TRUE(asks(named));
  EXPECT_TRUE(asks("Application/Token-Introspection+JWT"));
  EXPECT_TRUE(asks(" \t, text/html ,\t" + named + " ; q=0.3 ,"));
  EXPECT_TRUE(asks(named + ", */*"));
  EXPECT_TRUE(asks(named + ", application/json"));
  EXPECT_TRUE(asks("application/json;q=0.5, " + named + ";q=0.5"));
  EXPECT_TRUE(asks(named + ";charset=utf-8;q=0.9, application/json;q=0.8"));
}

TEST(Rfc9110Accept, ARangeAloneAsksForNothing) {
  for (const auto* accept : {"", "*/*", "application/*", "application/json", "text/html, */*;q=0.1",
                             "application/jwt", "application/token-introspection"}) {
    EXPECT_FALSE(asks(accept)) << accept;
  }
}

TEST(Rfc9110Accept, TheGreaterWeightWins) {
  EXPECT_FALSE(asks(named + ";q=0.5, application/json"));
  EXPECT_FALSE(asks(named + ";q=0.5, */*"));
  EXPECT_FALSE(asks(named + ";q=0.899, application/*;q=0.9"));
  EXPECT_TRUE(asks(named + ";q=0.901, application/*;q=0.9"));
}

TEST(Rfc9110Accept, TheClosestRangeCountsForTheUsualType) {
  EXPECT_TRUE(asks(named + ";q=0.5, application/json;q=0.1, */*"));
  EXPECT_TRUE(asks("*/*, " + named + ";q=0.5, application/*;q=0.2"));
  EXPECT_FALSE(asks(named + ";q=0.5, */*;q=0.1, application/json;q=0.6"));
}

TEST(Rfc9110Accept, AWeightOfZeroForbidsIt) {
  EXPECT_FALSE(asks(named + ";q=0"));
  EXPECT_FALSE(asks(named + ";q=0.000, application/json;q=0"));
}

TEST(Rfc9110Accept, AnElementThatCannotBeReadIsPassedOver) {
  for (const auto* weight : {"q=", "q=2", "q=1.001", "q=0.1234", "q=.5", "q=-1", "q=0,5x", "q=a"}) {
    EXPECT_FALSE(asks(named + ";" + weight)) << weight;
    EXPECT_TRUE(asks(named + ", application/json;" + weight)) << weight;
  }
}

TEST(Rfc9110Accept, WhatIsQuotedIsNoElement) {
  EXPECT_FALSE(asks("text/x;p=\"," + named + ",\""));
  EXPECT_FALSE(asks("text/x;p=\"\\\"," + named + ",\""));
  EXPECT_TRUE(asks("text/x;p=\"a;q=0\"," + named));
  EXPECT_FALSE(asks("text/x;p=\"," + named));
}

}  // namespace
}  // namespace grantd::http
