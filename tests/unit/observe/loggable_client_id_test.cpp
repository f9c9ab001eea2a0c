#include <gtest/gtest.h>

#include <string>

#include "server/observe/log.h"

namespace grantd::observe {
namespace {

TEST(LoggableClientId, BlanksWhatCouldBeASecret) {
  for (const std::string& id : {
           std::string("gds_abcdefghijkl_short"),
           std::string("my secret is gds_"),
           std::string("eyJhbGciOiJSUzI1NiJ9"),
           std::string("Bearer eyJ"),
           std::string(32, 'x'),
           "two words " + std::string(32, 'x'),
           std::string(32, 'x') + " first",
           std::string("0123456789abcdef0123456789abcdef"),
           std::string("aaaaaaaaaaaaaaaa\nbbbbbbbbbbbbbbbb"),
           std::string("123e4567-e89b-12d3-a456-42661417400g"),
           std::string("123e4567-e89b-12d3-a456-4266141740000"),
           std::string("x123e4567-e89b-12d3-a456-426614174000"),
           std::string(100'000, 'x'),
       }) {
    EXPECT_EQ(loggable_client_id(id), "[redacted]") << id.substr(0, 64);
  }
}

TEST(LoggableClientId, KeepsWhatAnOperatorNeedsToSee) {
  for (const std::string& id :
       {std::string(), std::string("billing"), std::string("a client with several short words"),
        std::string(31, 'x'), std::string("123e4567-e89b-12d3-a456-426614174000"),
        std::string("team 123E4567-E89B-12D3-A456-426614174000")}) {
    EXPECT_EQ(loggable_client_id(id), id);
  }
}

TEST(LoggableClientId, IsCutTo64Characters) {
  std::string id;
  while (id.size() < 1000) id += "word ";
  EXPECT_EQ(loggable_client_id(id), id.substr(0, 64));
}

}  // namespace
}  // namespace grantd::observe
