package example.user;

import example.profile.UserProfile;
import java.util.concurrent.CompletableFuture;
import org.springframework.cloud.openfeign.EnableFeignClients;
import org.springframework.context.annotation.Profile;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/** UserService. */
@RestController
@EnableFeignClients
@Profile("user-service")
class UserController {

    /** {@code via} names the way by which the token for profile-service came about. */
    record User(String id, String via, UserProfile profile) {}

    private final ProfileLookup profiles;

    UserController(ProfileLookup profiles) {
        this.profiles = profiles;
    }

    @GetMapping("/users/{id}")
    CompletableFuture<User> user(@PathVariable String id) {
        return profiles.forCaller(id).thenApply(profile -> new User(id, "exchange", profile));
    }

    @GetMapping("/users/{id}/summary")
    CompletableFuture<User> summary(@PathVariable String id) {
        return profiles.forService(id)
                .thenApply(profile -> new User(id, "client_credentials", profile));
    }
}
