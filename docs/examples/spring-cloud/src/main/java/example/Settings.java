package example;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.springframework.boot.context.properties.ConfigurationProperties;

/** The environment's contract as one value; application.yaml maps the variables. */
@ConfigurationProperties("example")
public record Settings(String issuer, String audience, String clientId, Path clientSecretFile,
        String profileUrl, String profileAudience) {

    /**
     * An address below the issuer, whether or not that ends in a slash: {@code endpoint("/token")}.
     */
    public String endpoint(String path) {
        return issuer.replaceFirst("/$", "") + path;
    }

    /** Read at each call and held nowhere in this record, whose toString() may reach a log. */
    public String clientSecret() {
        try {
            return Files.readString(clientSecretFile).strip();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read CLIENT_SECRET_FILE", e);
        }
    }
}
