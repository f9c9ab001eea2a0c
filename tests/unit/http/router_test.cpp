#include "server/http/router.h"

#include <gtest/gtest.h>

namespace grantd::http {
namespace {

Route route(std::string path, std::string_view endpoint, Method method,
            Route::Covers covers = Route::Covers::path) {
  Route made;
  made.path = std::move(path);
  made.endpoint = endpoint;
  made.method = method;
  made.covers = covers;
  return made;
}

const Router router({route("/status", "all", Method::get),
                     route("/status/", "one", Method::get, Route::Covers::children),
                     route("/token", "token", Method::post)});

std::string_view endpoint(std::string_view path, Method method = Method::get) {
  return router.find(method, path).endpoint;
}

TEST(Router, AParentCoversExactlyOneSegmentMore) {
  EXPECT_EQ(endpoint("/status"), "all");
  EXPECT_EQ(endpoint("/status/17"), "one");
  EXPECT_EQ(endpoint("/status/%2e%2e"), "one");
  EXPECT_EQ(endpoint("/status/"), "none");
  EXPECT_EQ(endpoint("/status/17/"), "none");
  EXPECT_EQ(endpoint("/status/1/7"), "none");
  EXPECT_EQ(endpoint("/statu/17"), "none");
}

TEST(Rfc9110Router, AChildThatDoesNotTakeTheMethodSaysWhichItTakes) {
  const auto match = router.find(Method::post, "/status/17");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.endpoint, "one");
  EXPECT_EQ(match.allow, "GET, HEAD");
  EXPECT_NE(router.find(Method::head, "/status/17").route, nullptr);
}

}  // namespace
}  // namespace grantd::http
