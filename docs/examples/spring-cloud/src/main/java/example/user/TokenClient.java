package example.user;

import static example.user.ProfileTokens.EXCHANGE;
import static example.user.ProfileTokens.OWN;

import example.Settings;
import java.time.Clock;
import java.time.Duration;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.http.client.HttpComponentsClientHttpRequestFactory;
import org.springframework.http.converter.FormHttpMessageConverter;
import org.springframework.security.oauth2.client.ClientCredentialsOAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.DelegatingOAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.TokenExchangeOAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.endpoint.AbstractOAuth2AuthorizationGrantRequest;
import org.springframework.security.oauth2.client.endpoint.OAuth2AccessTokenResponseClient;
import org.springframework.security.oauth2.client.endpoint.OAuth2ClientCredentialsGrantRequest;
import org.springframework.security.oauth2.client.endpoint.RestClientClientCredentialsTokenResponseClient;
import org.springframework.security.oauth2.client.endpoint.RestClientTokenExchangeTokenResponseClient;
import org.springframework.security.oauth2.client.endpoint.TokenExchangeGrantRequest;
import org.springframework.security.oauth2.client.http.OAuth2ErrorResponseErrorHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.registration.InMemoryClientRegistrationRepository;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.ClientAuthenticationMethod;
import org.springframework.security.oauth2.core.OAuth2AccessToken;
import org.springframework.security.oauth2.core.endpoint.OAuth2AccessTokenResponse;
import org.springframework.security.oauth2.core.http.converter.OAuth2AccessTokenResponseHttpMessageConverter;
import org.springframework.web.client.RestClient;

/** How user-service gets tokens from grantd: the two grants, over the one outbound HTTP client. */
@Configuration
@Profile("user-service")
class TokenClient {

    private static final long MOST_SECONDS_BEFORE_END = 30;

    @Bean
    ClientRegistrationRepository registrations(Settings settings) {
        return new InMemoryClientRegistrationRepository(
                registration(OWN, AuthorizationGrantType.CLIENT_CREDENTIALS, settings),
                registration(EXCHANGE, AuthorizationGrantType.TOKEN_EXCHANGE, settings));
    }

    private static ClientRegistration registration(String id, AuthorizationGrantType grant,
            Settings settings) {
        return ClientRegistration.withRegistrationId(id)
                .authorizationGrantType(grant)
                .tokenUri(settings.endpoint("/token"))
                .clientId(settings.clientId())
                .clientSecret(settings.clientSecret())
                .clientAuthenticationMethod(ClientAuthenticationMethod.CLIENT_SECRET_BASIC)
                .scope("profiles:read")
                .build();
    }

    @Bean
    ProfileTokens profileTokens(ClientRegistrationRepository registrations, Settings settings,
            CloseableHttpClient httpClient) {
        RestClient grantd = RestClient.builder()
                .requestFactory(new HttpComponentsClientHttpRequestFactory(httpClient))
                .configureMessageConverters(converters -> converters
                        .addCustomConverter(new FormHttpMessageConverter())
                        .addCustomConverter(new OAuth2AccessTokenResponseHttpMessageConverter()))
                .defaultStatusHandler(new OAuth2ErrorResponseErrorHandler())
                .build();

        var credentials = new RestClientClientCredentialsTokenResponseClient();
        credentials.setRestClient(grantd);
        credentials.setParametersCustomizer(
                form -> form.set("resource", settings.profileAudience()));
        var exchanges = new RestClientTokenExchangeTokenResponseClient();
        exchanges.setRestClient(grantd);
        exchanges.setParametersCustomizer(
                form -> form.set("resource", settings.profileAudience()));
        return new ProfileTokens(registrations,
                provider(credentials, exchanges, Clock.systemUTC()));
    }

    static OAuth2AuthorizedClientProvider provider(
            OAuth2AccessTokenResponseClient<OAuth2ClientCredentialsGrantRequest> credentials,
            OAuth2AccessTokenResponseClient<TokenExchangeGrantRequest> exchanges, Clock clock) {
        var own = new ClientCredentialsOAuth2AuthorizedClientProvider();
        own.setAccessTokenResponseClient(endingEarly(credentials));
        own.setClockSkew(Duration.ZERO);
        own.setClock(clock);
        var exchange = new TokenExchangeOAuth2AuthorizedClientProvider();
        exchange.setAccessTokenResponseClient(endingEarly(exchanges));
        exchange.setClockSkew(Duration.ZERO);
        exchange.setClock(clock);
        return new DelegatingOAuth2AuthorizedClientProvider(own, exchange);
    }

    /**
     * Writes down an end before the real one: by a fifth of the token's life, 30 s at most.
     * Spring's own margin is a fixed one, 60 s, with which a token that lives for less would never
     * be cached.
     */
    private static <T extends AbstractOAuth2AuthorizationGrantRequest>
            OAuth2AccessTokenResponseClient<T> endingEarly(
            OAuth2AccessTokenResponseClient<T> client) {
        return request -> {
            OAuth2AccessTokenResponse response = client.getTokenResponse(request);
            OAuth2AccessToken token = response.getAccessToken();
            long life = Duration.between(token.getIssuedAt(), token.getExpiresAt()).toSeconds();
            return OAuth2AccessTokenResponse.withResponse(response)
                    .expiresIn(life - Math.min(life / 5, MOST_SECONDS_BEFORE_END)).build();
        };
    }
}
