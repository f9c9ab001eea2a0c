package example.profile;

import example.security.Revocations;
import org.springframework.context.annotation.Profile;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/** ProfileService: all of its security is in the package beside this one. */
@RestController
@Profile("profile-service")
class ProfileController {

    @GetMapping("/profiles/{id}")
    UserProfile profile(@PathVariable String id, @AuthenticationPrincipal Jwt token) {
        return new UserProfile(id, "User " + id, token.getSubject(),
                token.getClaimAsString("client_id"), Revocations.actors(token.getClaim("act")));
    }
}
