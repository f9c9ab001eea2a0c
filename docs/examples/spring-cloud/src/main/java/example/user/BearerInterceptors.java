package example.user;

import feign.RequestInterceptor;
import feign.RequestTemplate;
import org.springframework.context.annotation.Bean;
import org.springframework.http.HttpHeaders;
import org.springframework.security.authentication.AuthenticationCredentialsNotFoundException;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.oauth2.jwt.Jwt;

/**
 * The Feign clients' interceptors. The classes bear no @Configuration: each belongs to the one
 * client that names it. Feign asks the interceptor again for each try, so a try after a 401 has a
 * new token.
 */
final class BearerInterceptors {

    private BearerInterceptors() {}

    static class OnBehalfOfCaller {
        @Bean
        RequestInterceptor bearer(ProfileTokens tokens) {
            return request -> setBearer(request, tokens.exchanged(callersToken()));
        }
    }

    static class AsService {
        @Bean
        RequestInterceptor bearer(ProfileTokens tokens) {
            return request -> setBearer(request, tokens.own());
        }
    }

    /** The token that this request came with, also on an executor's thread: see Executors. */
    private static Jwt callersToken() {
        var authentication = SecurityContextHolder.getContext().getAuthentication();
        if (authentication != null && authentication.getPrincipal() instanceof Jwt jwt) {
            return jwt;
        }
        throw new AuthenticationCredentialsNotFoundException("no caller's token on this thread");
    }

    private static void setBearer(RequestTemplate request, String token) {
        request.removeHeader(HttpHeaders.AUTHORIZATION); // the try before left its own
        request.header(HttpHeaders.AUTHORIZATION, "Bearer " + token);
    }
}
