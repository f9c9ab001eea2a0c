package example.security;

import java.util.Map;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * Ready once keys and revocations are loaded; not ready where grantd has been silent for a minute,
 * so that a load balancer prefers others. Requests that come all the same are checked against the
 * last state.
 */
@RestController
class Healthz {

    private final RevocationFeed feed;

    Healthz(RevocationFeed feed) {
        this.feed = feed;
    }

    @GetMapping("/healthz")
    ResponseEntity<Map<String, String>> healthz() {
        return feed.fresh() ? ResponseEntity.ok(Map.of("status", "ok"))
                : ResponseEntity.status(503).body(Map.of("error", "not_ready"));
    }
}
