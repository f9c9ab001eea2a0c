// ProfileService answers whoever has a token for it, and says who that is and who acts.
package main

import (
	"net/http"

	"example.com/grantd-examples/service"
)

type profile struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Subject  string   `json:"sub"`
	ClientID string   `json:"client_id"`
	Actors   []string `json:"actors"`
}

func main() {
	service.Run(func(s *service.Service) {
		s.Handle("GET /profiles/{id}", "profiles:read", func(r *http.Request, caller *service.Caller) (any, error) {
			id := r.PathValue("id")
			return profile{id, "User " + id, caller.Claims.Subject, caller.Claims.ClientID, caller.Claims.Actors()}, nil
		})
	})
}
