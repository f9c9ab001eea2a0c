package example.security;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.SecurityContext;
import example.Settings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Map;
import java.util.function.Supplier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.oauth2.core.OAuth2Error;
import org.springframework.security.oauth2.core.OAuth2TokenValidator;
import org.springframework.security.oauth2.core.OAuth2TokenValidatorResult;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.MappedJwtClaimSetConverter;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

/**
 * How a token is checked: signature, {@code typ}, {@code iss}, {@code aud}, {@code exp},
 * revocation. What scope it must have stands in ResourceServer.
 */
@Configuration
class AccessTokens {

    @Bean
    JwtDecoder accessTokenDecoder(JWKSource<SecurityContext> jwks, Settings settings,
            RevocationFeed feed) {
        return decoder(jwks, settings.issuer(), settings.audience(), feed::current);
    }

    static JwtDecoder decoder(JWKSource<SecurityContext> jwks, String issuer, String audience,
            Supplier<Revocations> revocations) {
        // Spring's own check of times forgives a minute; clocks are kept by NTP, so forgive none.
        var times = new JwtTimestampValidator(Duration.ZERO);
        times.setAllowEmptyExpiryClaim(false);
        // RFC 9068 section 4; it also wants sub, client_id, iat and jti to be there.
        return rs256(jwks, "at+jwt", JwtValidators.createAtJwtValidator()
                .issuer(issuer)
                .audience(audience)
                .validators(checks -> {
                    checks.put("exp", times);
                    checks.put("revocation", jwt -> revoked(revocations.get(), jwt)
                            ? OAuth2TokenValidatorResult.failure(
                                    new OAuth2Error("invalid_token", "revoked", null))
                            : OAuth2TokenValidatorResult.success());
                })
                .build());
    }

    private static boolean revoked(Revocations revocations, Jwt jwt) {
        String kid = (String) jwt.getHeaders().get("kid");
        if (kid == null || jwt.getIssuedAt() == null) {
            return true; // with a leaked key, one would leave out the kid: every key is tried then
        }
        // Who the token is about, who asked for it, who acted on the way.
        Collection<String> parties = new ArrayList<>(Revocations.actors(jwt.getClaim("act")));
        parties.add(jwt.getSubject());
        parties.add(jwt.getClaimAsString("client_id"));
        return revocations.cover(kid, jwt.getId(), jwt.getClaimAsString("root_jti"),
                jwt.getIssuedAt().getEpochSecond(), parties);
    }

    /**
     * RS256 and nothing else, and this {@code typ}. Spring's default validators take {@code JWT}
     * alone; and where there is no {@code iat}, its converter invents one.
     */
    static JwtDecoder rs256(JWKSource<SecurityContext> jwks, String type,
            OAuth2TokenValidator<Jwt> claims) {
        NimbusJwtDecoder decoder = NimbusJwtDecoder.withJwkSource(jwks)
                .jwsAlgorithm(SignatureAlgorithm.RS256)
                .jwtProcessorCustomizer(processor -> processor.setJWSTypeVerifier(
                        new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType(type))))
                .build();
        var defaults = MappedJwtClaimSetConverter.withDefaults(Map.of());
        decoder.setClaimSetConverter(given -> {
            Map<String, Object> converted = defaults.convert(given);
            if (given.get("iat") == null) {
                converted.remove("iat");
            }
            return converted;
        });
        decoder.setJwtValidator(claims);
        return decoder;
    }
}
