package example.net;

import feign.Client;
import feign.hc5.ApacheHttp5Client;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.core5.http.io.SocketConfig;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * The one HTTP client for every outbound call, of Feign and of the RestClients that talk to grantd.
 * So TLS trust, time-outs, the bounded pool and retries are decided here and nowhere else.
 */
@Configuration
public class Outbound {

    private static final int MAX_CONNECTIONS_PER_HOST = 16;
    private static final int MAX_CONNECTIONS = 40;
    private static final Timeout CONNECT = Timeout.ofSeconds(1);
    private static final Timeout HANDSHAKE = Timeout.ofSeconds(2);
    private static final Timeout RESPONSE = Timeout.ofSeconds(3);
    private static final Timeout FREE_CONNECTION = Timeout.ofSeconds(1);

    @Bean
    CloseableHttpClient httpClient(SslBundles bundles) {
        var connections = PoolingHttpClientConnectionManagerBuilder.create()
                .setTlsSocketStrategy(new DefaultClientTlsStrategy(
                        bundles.getBundle("outbound").createSslContext()))
                .setMaxConnPerRoute(MAX_CONNECTIONS_PER_HOST)
                .setMaxConnTotal(MAX_CONNECTIONS)
                .setDefaultSocketConfig(SocketConfig.custom().setSoTimeout(HANDSHAKE).build())
                .setDefaultConnectionConfig(ConnectionConfig.custom()
                        .setConnectTimeout(CONNECT)
                        .setSocketTimeout(RESPONSE)
                        // A pooled connection may have died with the server's last restart.
                        .setValidateAfterInactivity(TimeValue.ofMilliseconds(200))
                        .setTimeToLive(TimeValue.ofMinutes(5))
                        .build())
                .build();
        return HttpClients.custom()
                .setConnectionManager(connections)
                .setDefaultRequestConfig(RequestConfig.custom()
                        .setConnectionRequestTimeout(FREE_CONNECTION)
                        .setResponseTimeout(RESPONSE)
                        .build())
                .setRetryStrategy(new JitteredRetry())
                .disableRedirectHandling() // a bearer token follows nobody's redirect
                .disableCookieManagement()
                .disableAuthCaching()
                .evictIdleConnections(TimeValue.ofSeconds(30))
                .build();
    }

    /** Without this bean Feign makes a client of its own, which trusts the JVM's list of CAs. */
    @Bean
    Client feignClient(CloseableHttpClient httpClient) {
        return new ApacheHttp5Client(httpClient);
    }
}
