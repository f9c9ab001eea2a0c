package example.security;

import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.proc.SecurityContext;
import example.Settings;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.springframework.http.MediaType;
import org.springframework.http.client.HttpComponentsClientHttpRequestFactory;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.stereotype.Component;
import org.springframework.web.client.RestClient;

/**
 * Follows grantd's revocation feed by long poll on one daemon thread, so that a revocation is known
 * here within a second while no request waits for grantd. While grantd is away, the last state
 * counts, and the cursor sees to it that nothing is missed when it comes back.
 */
@Component
public class RevocationFeed implements SmartLifecycle {

    private static final Logger log = LoggerFactory.getLogger(RevocationFeed.class);
    private static final int WAIT_SECONDS = 30;
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(WAIT_SECONDS + 10);
    private static final Duration FRESH = Duration.ofSeconds(60);
    private static final long FIRST_PAUSE_MILLIS = 250;
    private static final long LONGEST_PAUSE_MILLIS = 5_000;

    private final Settings settings;
    private final RestClient grantd;
    private final JwtDecoder documents;
    private final Thread thread = new Thread(this::follow, "revocation-feed");

    private volatile Revocations current = Revocations.NONE;
    private volatile Instant lastAnswer = Instant.EPOCH;
    private volatile boolean running;

    RevocationFeed(Settings settings, CloseableHttpClient httpClient,
            JWKSource<SecurityContext> jwks) {
        this.settings = settings;
        var requests = new HttpComponentsClientHttpRequestFactory(httpClient);
        requests.setReadTimeout(ANSWER_TIMEOUT);
        this.grantd = RestClient.builder().requestFactory(requests).build();
        this.documents = AccessTokens.rs256(jwks, "revocations+jwt",
                new JwtIssuerValidator(settings.issuer()));
    }

    public Revocations current() {
        return current;
    }

    /** Whether the whole set was had once; the JWKS is loaded then, too: it verified the answer. */
    public boolean loaded() {
        return !lastAnswer.equals(Instant.EPOCH);
    }

    /** Whether grantd answered within the last minute. */
    public boolean fresh() {
        return lastAnswer.plus(FRESH).isAfter(Instant.now());
    }

    private void follow() {
        boolean loaded = false;
        boolean more = false;
        int failures = 0;
        while (running) {
            long began = System.nanoTime();
            try {
                // After a failure the answer must not wait: it is to show soon that all is well again.
                Jwt document = documents.decode(ask(loaded, !more && failures == 0));
                current = current.merge(document.getClaims(), Instant.now().getEpochSecond());
                more = Boolean.TRUE.equals(document.getClaim("more"));
                if (!more) {
                    lastAnswer = Instant.now();
                }
                if (!loaded || failures > 0) {
                    log.info("revocation feed at seq {}", current.seq());
                }
                boolean waited = System.nanoTime() - began > FIRST_PAUSE_MILLIS * 1_000_000;
                if (loaded && !more && failures == 0 && !waited) {
                    pause(0); // a server with too many waiting readers answers at once
                }
                loaded = true;
                failures = 0;
            } catch (RuntimeException e) { // whatever it was: the feed must go on
                if (running && failures++ == 0) {
                    log.warn("revocation feed lost, trying again: {}", e.getMessage());
                }
                pause(failures);
            }
        }
    }

    /** The first question has no cursor and gets the whole set; the next ones wait for a change. */
    private String ask(boolean loaded, boolean mayWait) {
        String wait = mayWait ? "&wait=" + WAIT_SECONDS : "";
        String query = loaded ? "?since=" + current.seq() + wait : "";
        return grantd.get()
                .uri(settings.endpoint("/revocations" + query))
                .headers(headers -> headers.setBasicAuth(
                        settings.clientId(), settings.clientSecret()))
                .accept(MediaType.valueOf("application/revocations+jwt"))
                .retrieve().body(String.class);
    }

    private static void pause(int failures) {
        long most = Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS << Math.min(failures, 10));
        try {
            Thread.sleep(ThreadLocalRandom.current().nextLong(most / 2, most + 1));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // stop() has cleared running
        }
    }

    @Override
    public void start() {
        running = true;
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void stop() {
        running = false;
        thread.interrupt();
    }

    @Override
    public boolean isRunning() {
        return running;
    }
}
