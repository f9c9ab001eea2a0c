#include "server/http/content_coding.h"

#include <gtest/gtest.h>

#include <string>

namespace grantd::http {
namespace {

TEST(Rfc9110AcceptEncoding, GzipIsTakenWhereItIsNamed) {
  EXPECT_TRUE(accepts_gzip("gzip"));
  EXPECT_TRUE(accepts_gzip("GZip"));
  EXPECT_TRUE(accepts_gzip("x-gzip"));
  EXPECT_TRUE(accepts_gzip("br, deflate,gzip"));
  EXPECT_TRUE(accepts_gzip("gzip;q=0.001"));
  EXPECT_TRUE(accepts_gzip(" , br\t;q=1.000 ,\tgzip ; Q=1. ,"));
}

TEST(Rfc9110AcceptEncoding, AWeightOfZeroForbidsIt) {
  EXPECT_FALSE(accepts_gzip("gzip;q=0"));
  EXPECT_FALSE(accepts_gzip("gzip; q=0.000"));
  EXPECT_FALSE(accepts_gzip("*, gzip;q=0"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0, *"));
  EXPECT_FALSE(accepts_gzip("gzip, gzip;q=0"));
}

TEST(Rfc9110AcceptEncoding, AStarStandsForWhatIsNotNamed) {
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_TRUE(accepts_gzip("br;q=0.1, *;q=0.5"));
  EXPECT_TRUE(accepts_gzip("*;q=0, gzip"));
  EXPECT_FALSE(accepts_gzip("*;q=0"));
}

TEST(Rfc9110AcceptEncoding, WhoNamesNoneOrAnotherGetsNone) {
  EXPECT_FALSE(accepts_gzip(""));
  EXPECT_FALSE(accepts_gzip("identity"));
  EXPECT_FALSE(accepts_gzip("br, zstd"));
  EXPECT_FALSE(accepts_gzip("gzipped"));
  EXPECT_FALSE(accepts_gzip("identity;q=0"));
}

TEST(Rfc9110AcceptEncoding, WhatIsNoWeightAsksForNothing) {
  for (const auto* weight : {"2", "1.001", "0.0001", "-1", ".5", "0,5", "1e0", "", "0x1"}) {
    EXPECT_FALSE(accepts_gzip(std::string("gzip;q=") + weight)) << weight;
  }
  EXPECT_FALSE(accepts_gzip("gzip;level=9"));
  EXPECT_FALSE(accepts_gzip("gzip;q"));
  EXPECT_FALSE(accepts_gzip("gzip;q=1;x=2"));
}

}  // namespace
}  // namespace grantd::http
