package example.security;

import com.nimbusds.jose.KeySourceException;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.Resource;
import com.nimbusds.jose.util.ResourceRetriever;
import example.Settings;
import java.net.MalformedURLException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.client.HttpComponentsClientHttpRequestFactory;
import org.springframework.web.client.RestClient;

/**
 * grantd's public keys: cached, refreshed in the background before that is due, fetched anew for an
 * unknown kid though not more than twice in the cool-down, kept for as long as grantd is away.
 */
@Configuration
class Keys {

    private static final Logger log = LoggerFactory.getLogger(Keys.class);
    private static final Duration CACHED = Duration.ofMinutes(5); // grantd's keys.jwks_max_age
    private static final Duration REFRESHED_AHEAD = Duration.ofMinutes(1);
    private static final Duration REFRESH_TAKES = Duration.ofSeconds(10);
    private static final Duration COOL_DOWN = Duration.ofSeconds(5);

    @Bean
    JWKSource<SecurityContext> jwks(Settings settings, CloseableHttpClient httpClient)
            throws MalformedURLException {
        RestClient grantd = RestClient.builder()
                .requestFactory(new HttpComponentsClientHttpRequestFactory(httpClient)).build();
        String address = settings.endpoint("/.well-known/jwks.json");
        ResourceRetriever retriever = url -> new Resource(
                grantd.get().uri(address).retrieve().body(String.class), "application/jwk-set+json");
        JWKSource<SecurityContext> cached = JWKSourceBuilder
                .<SecurityContext>create(URI.create(address).toURL(), retriever)
                .cache(CACHED.toMillis(), REFRESH_TAKES.toMillis())
                .refreshAheadCache(REFRESHED_AHEAD.toMillis(), false)
                .rateLimited(COOL_DOWN.toMillis())
                .outageTolerantForever()
                .build();
        return (selector, context) -> {
            try {
                return cached.get(selector, context);
            } catch (KeySourceException e) {
                // In the cool-down, or grantd is away: a key that is not in the set is an unknown
                // key. Without one the caller gets a 401; thrown on, this would be a 500.
                log.debug("no key: {}", e.getMessage());
                return List.of();
            }
        };
    }
}
