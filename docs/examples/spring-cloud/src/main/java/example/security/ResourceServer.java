package example.security;

import example.Settings;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.server.resource.web.authentication.BearerTokenAuthenticationFilter;
import org.springframework.security.web.SecurityFilterChain;

/** Which scope each path needs. A path that is not named here is closed. */
@Configuration
public class ResourceServer {

    @Bean
    SecurityFilterChain security(HttpSecurity http, JwtDecoder decoder, Settings settings,
            RevocationFeed feed) throws Exception {
        return http
                .addFilterBefore((request, response, chain) -> refuseUntil(
                        feed.loaded(), request, response, chain), BearerTokenAuthenticationFilter.class)
                .authorizeHttpRequests(paths -> paths
                        .dispatcherTypeMatchers(DispatcherType.ERROR).permitAll()
                        .requestMatchers("/healthz").permitAll()
                        .requestMatchers("/users/**").hasAuthority("SCOPE_users:read")
                        .requestMatchers("/profiles/**").hasAuthority("SCOPE_profiles:read")
                        .requestMatchers("/actuator/**").hasAuthority("SCOPE_metrics:read")
                        .anyRequest().denyAll())
                .oauth2ResourceServer(server -> server
                        .jwt(jwt -> jwt.decoder(decoder))
                        .protectedResourceMetadata(metadata -> metadata // RFC 9728, public
                                .protectedResourceMetadataCustomizer(document -> document
                                        .resource(settings.audience())
                                        .authorizationServer(settings.issuer())
                                        .tlsClientCertificateBoundAccessTokens(false)))
                        .authenticationEntryPoint((request, response, why) ->
                                refuse(response, 401, "invalid_token"))
                        .accessDeniedHandler((request, response, why) ->
                                refuse(response, 403, "insufficient_scope")))
                .sessionManagement(session -> session
                        .sessionCreationPolicy(SessionCreationPolicy.STATELESS))
                .csrf(AbstractHttpConfigurer::disable) // no cookie carries authority here
                .logout(AbstractHttpConfigurer::disable)
                .requestCache(AbstractHttpConfigurer::disable)
                .build();
    }

    /** Before the first revocations are here, a revoked token would pass: nobody is let in. */
    private static void refuseUntil(boolean loaded, ServletRequest request,
            ServletResponse response, FilterChain chain) throws IOException, ServletException {
        if (loaded || ((HttpServletRequest) request).getServletPath().equals("/healthz")) {
            chain.doFilter(request, response);
        } else {
            answer((HttpServletResponse) response, 503, "not_ready");
        }
    }

    /** RFC 6750 section 3. Why a token is bad is nobody's business outside. */
    private static void refuse(HttpServletResponse response, int status, String error)
            throws IOException {
        response.setHeader(HttpHeaders.WWW_AUTHENTICATE, "Bearer error=\"" + error + "\"");
        answer(response, status, error);
    }

    private static void answer(HttpServletResponse response, int status, String error)
            throws IOException {
        response.setStatus(status);
        response.setContentType(MediaType.APPLICATION_JSON_VALUE);
        response.setCharacterEncoding(StandardCharsets.UTF_8);
        response.getWriter().write("{\"error\":\"" + error + "\"}");
    }
}
