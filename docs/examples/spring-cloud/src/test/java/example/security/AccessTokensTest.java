package example.security;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.jwk.source.ImmutableJWKSet;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.security.oauth2.jwt.BadJwtException;
import org.springframework.security.oauth2.jwt.JwtDecoder;

class AccessTokensTest {

    private static final Instant NOW = Instant.now();
    private static RSAKey key;
    private Revocations revocations = Revocations.NONE;

    @BeforeAll
    static void makeKey() throws JOSEException {
        key = new RSAKeyGenerator(2048).keyID("current").generate();
    }

    private static JWTClaimsSet.Builder claims() {
        return new JWTClaimsSet.Builder()
                .issuer("https://issuer").audience("https://api").subject("caller")
                .claim("client_id", "user-service").claim("act", Map.of("sub", "user-service"))
                .jwtID("derived").claim("root_jti", "first")
                .issueTime(Date.from(NOW)).expirationTime(Date.from(NOW.plusSeconds(60)));
    }

    private static String token(JWSAlgorithm algorithm, String type, JWTClaimsSet.Builder claims)
            throws JOSEException {
        return token(new JWSHeader.Builder(algorithm).keyID("current"), type, claims);
    }

    private static String token(JWSHeader.Builder header, String type, JWTClaimsSet.Builder claims)
            throws JOSEException {
        var jwt = new SignedJWT(header.type(new JOSEObjectType(type)).build(), claims.build());
        jwt.sign(new RSASSASigner(key));
        return jwt.serialize();
    }

    private void refuses(String token) {
        JwtDecoder decoder = decoder();
        assertThrows(BadJwtException.class, () -> decoder.decode(token));
    }

    private JwtDecoder decoder() {
        return AccessTokens.decoder(new ImmutableJWKSet<>(new JWKSet(key.toPublicJWK())),
                "https://issuer", "https://api", () -> revocations);
    }

    @Test
    void aGoodTokenIsTaken() throws JOSEException {
        String good = token(JWSAlgorithm.RS256, "at+jwt", claims());
        assertEquals("caller", decoder().decode(good).getSubject());
    }

    @Test
    void otherTypesAndAlgorithmsAreRefused() throws JOSEException {
        refuses(token(JWSAlgorithm.RS256, "JWT", claims()));
        refuses(token(JWSAlgorithm.RS256, "revocations+jwt", claims()));
        refuses(token(JWSAlgorithm.PS256, "at+jwt", claims()));
    }

    @Test
    void aTokenWithoutKidIsRefused() throws JOSEException {
        refuses(token(new JWSHeader.Builder(JWSAlgorithm.RS256), "at+jwt", claims()));
    }

    @Test
    void otherIssuersAudiencesAndTimesAreRefused() throws JOSEException {
        Date past = Date.from(NOW.minusSeconds(1));
        refuses(token(JWSAlgorithm.RS256, "at+jwt", claims().issuer("https://other")));
        refuses(token(JWSAlgorithm.RS256, "at+jwt", claims().audience("https://other")));
        refuses(token(JWSAlgorithm.RS256, "at+jwt", claims().expirationTime(past)));
        refuses(token(JWSAlgorithm.RS256, "at+jwt", claims().expirationTime(null)));
        refuses(token(JWSAlgorithm.RS256, "at+jwt", claims().issueTime(null)));
        refuses(token(JWSAlgorithm.RS256, "at+jwt", claims().jwtID(null)));
    }

    @Test
    void whatTheFeedRevokedIsRefused() throws JOSEException {
        String token = token(JWSAlgorithm.RS256, "at+jwt", claims());
        long iat = NOW.getEpochSecond();
        var entry = new Revocations.NotBefore(iat, iat + 60);
        for (Revocations each : List.of(
                new Revocations(1, Map.of("derived", iat + 60), Map.of(), null, Set.of()),
                new Revocations(1, Map.of("first", iat + 60), Map.of(), null, Set.of()),
                new Revocations(1, Map.of(), Map.of("caller", entry), null, Set.of()),
                new Revocations(1, Map.of(), Map.of("user-service", entry), null, Set.of()),
                new Revocations(1, Map.of(), Map.of(), entry, Set.of()),
                new Revocations(1, Map.of(), Map.of(), null, Set.of("current")))) {
            revocations = each;
            refuses(token);
        }
    }
}
