/// What happens to keys, into the log and the metrics. Called by the maintenance thread, and once
/// before it runs.
#pragma once

#include "server/keys/key_ring.h"
#include "server/observe/log.h"
#include "server/observe/metrics.h"

namespace grantd::service {

class KeyEvents {
 public:
  KeyEvents(observe::Log& log, observe::Metrics& metrics) : log_(log), metrics_(metrics) {}
  void report(const keys::KeyEvent& event);

 private:
  observe::Log& log_;
  observe::Metrics& metrics_;
};

}  // namespace grantd::service
