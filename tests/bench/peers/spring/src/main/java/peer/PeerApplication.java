package peer;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.source.ImmutableJWKSet;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.proc.SecurityContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.RSAPublicKeySpec;
import java.time.Duration;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.security.converter.RsaKeyConverters;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.ClientAuthenticationMethod;
import org.springframework.security.oauth2.server.authorization.OAuth2Authorization;
import org.springframework.security.oauth2.server.authorization.OAuth2AuthorizationService;
import org.springframework.security.oauth2.server.authorization.OAuth2TokenType;
import org.springframework.security.oauth2.server.authorization.client.InMemoryRegisteredClientRepository;
import org.springframework.security.oauth2.server.authorization.client.RegisteredClient;
import org.springframework.security.oauth2.server.authorization.client.RegisteredClientRepository;
import org.springframework.security.oauth2.server.authorization.settings.TokenSettings;

/**
 * Spring Authorization Server as tests/bench/peers.py loads it: one client in memory, client_credentials
 * by client_secret_basic, an RS256 JWT. What would only make it slower than it can be is left away: the
 * secret is compared as it is, and authorizations are not kept.
 */
@SpringBootApplication
public class PeerApplication {
  public static void main(String[] arguments) {
    SpringApplication.run(PeerApplication.class, arguments);
  }

  @Bean
  RegisteredClientRepository clients(
      @Value("${peer.client-id}") String id, @Value("${peer.client-secret-file}") Path secretFile)
      throws IOException {
    return new InMemoryRegisteredClientRepository(
        RegisteredClient.withId(id)
            .clientId(id)
            .clientSecret(Files.readString(secretFile).strip())
            .clientAuthenticationMethod(ClientAuthenticationMethod.CLIENT_SECRET_BASIC)
            .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS)
            .scope("profile:read")
            .tokenSettings(
                TokenSettings.builder().accessTokenTimeToLive(Duration.ofHours(1)).build())
            .build());
  }

  @Bean
  JWKSource<SecurityContext> keys(@Value("${peer.signing-key-file}") Path file)
      throws IOException, GeneralSecurityException, JOSEException {
    try (var pem = Files.newInputStream(file)) {
      var key = (RSAPrivateCrtKey) RsaKeyConverters.pkcs8().convert(pem);
      var numbers = new RSAPublicKeySpec(key.getModulus(), key.getPublicExponent());
      var publicKey = (RSAPublicKey) KeyFactory.getInstance("RSA").generatePublic(numbers);
      return new ImmutableJWKSet<>(
          new JWKSet(
              new RSAKey.Builder(publicKey).privateKey(key).keyIDFromThumbprint().build()));
    }
  }

  /** No slow hash: bcrypt would cost a hundred signatures a request, and "{noop}" is soon replaced by it. */
  @Bean
  PasswordEncoder plainSecrets() {
    return new PasswordEncoder() {
      @Override
      public String encode(CharSequence secret) {
        return secret.toString();
      }

      @Override
      public boolean matches(CharSequence secret, String stored) {
        return MessageDigest.isEqual(
            secret.toString().getBytes(StandardCharsets.UTF_8),
            stored.getBytes(StandardCharsets.UTF_8));
      }
    };
  }

  /** Keeps nothing: the one in memory would hold every token that was ever issued. */
  @Bean
  OAuth2AuthorizationService authorizations() {
    return new OAuth2AuthorizationService() {
      @Override
      public void save(OAuth2Authorization authorization) {}

      @Override
      public void remove(OAuth2Authorization authorization) {}

      @Override
      public OAuth2Authorization findById(String id) {
        return null;
      }

      @Override
      public OAuth2Authorization findByToken(String token, OAuth2TokenType type) {
        return null;
      }
    };
  }
}
