#include "server/service/key_events.h"

namespace grantd::service {
namespace {

using Kind = keys::KeyEvent::Kind;

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::published:
      return "key_published";
    case Kind::signs:
      return "key_signs";
    case Kind::retired:
      return "key_retired";
    case Kind::removed:
      return "key_removed";
    case Kind::file_skipped:
      return "key_file_skipped";
    case Kind::warning:
      return "key_warning";
  }
  std::unreachable();
}

}  // namespace

void KeyEvents::report(const keys::KeyEvent& event) {
  const bool routine = event.kind != Kind::file_skipped && event.kind != Kind::warning;
  if (event.kind == Kind::file_skipped) metrics_.key_load_failed();
  log_.event(routine ? observe::Level::info : observe::Level::warn, name(event.kind),
             {{"kid", std::string_view(event.kid)}, {"detail", std::string_view(event.detail)}});
}

}  // namespace grantd::service
