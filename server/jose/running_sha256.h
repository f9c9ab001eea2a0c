/// SHA-256 (FIPS 180-4) of a message that is too large to be had at once.
///
/// Used by one thread at a time.
#pragma once

#include <memory>
#include <string_view>

#include "server/jose/mac.h"

namespace grantd::jose {

class RunningSha256 {
 public:
  RunningSha256();
  ~RunningSha256();
  RunningSha256(RunningSha256&&) noexcept;
  RunningSha256& operator=(RunningSha256&&) noexcept;

  void add(std::string_view part);
  /// Of all parts in their order. Once: nothing can be added afterwards.
  [[nodiscard]] Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace grantd::jose
