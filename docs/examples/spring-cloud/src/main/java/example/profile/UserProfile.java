package example.profile;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/** What profile-service answers: the profile, and as whom it saw the caller. */
public record UserProfile(String id, String name, String sub,
        @JsonProperty("client_id") String clientId, List<String> actors) {}
