package graph

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"time"

	"strongroom/internal/emulator/entra"
	"strongroom/internal/secret"
)

// usualLife is how long a password lives when nobody says.
const usualLife = 2 * 365 * 24 * time.Hour

// passwords answers the two actions on an application's passwords.
func (s *Server) passwords(q request, action string) *answer {
	if action == "owners" && q.method == http.MethodGet {
		return s.owners(q)
	}
	if q.method != http.MethodPost || action != "addpassword" && action != "removepassword" {
		return unsupported(q)
	}
	a, no := s.application(q, "credentials/update")
	switch {
	case no != nil:
		return no
	case action == "addpassword":
		return s.addPassword(q, a)
	}
	return s.removePassword(q, a)
}

// owners are none: whoever makes an application here needs a role for it, and needs no other right then.
func (s *Server) owners(q request) *answer {
	if _, no := s.application(q, "owners/read"); no != nil {
		return no
	}
	return all[any]("directoryObjects", nil)
}

// addPassword makes one up, and tells it this once.
func (s *Server) addPassword(q request, a entra.Application) *answer {
	var wanted struct {
		Credential struct {
			Name  string    `json:"displayName"`
			Start time.Time `json:"startDateTime"`
			End   time.Time `json:"endDateTime"`
		} `json:"passwordCredential"`
	}
	if len(q.body) > 0 {
		if no := q.read(&wanted); no != nil {
			return no
		}
	}
	start, end := wanted.Credential.Start, wanted.Credential.End
	if start.IsZero() {
		start = s.now()
	}
	if end.IsZero() {
		end = start.Add(usualLife)
	}
	text := newPassword()
	made := entra.ClientSecret{KeyID: newGUID(), Name: wanted.Credential.Name, Value: secret.NewValue([]byte(text)), Expires: end}
	if err := s.config.Directory.AddSecret(a.ClientID, made); err != nil {
		return failed(err, q.path[1])
	}
	shown := shownPassword(made)
	hint := text[:3]
	shown.Start, shown.Hint, shown.Text = instant(start), &hint, &text
	return &answer{status: http.StatusOK, body: shown, context: "microsoft.graph.passwordCredential"}
}

// newPassword is 40 characters of which every client takes each.
func newPassword() string {
	var b [30]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (s *Server) removePassword(q request, a entra.Application) *answer {
	var gone struct {
		KeyID string `json:"keyId"`
	}
	if no := q.read(&gone); no != nil {
		return no
	}
	if err := s.config.Directory.RemoveSecret(a.ClientID, gone.KeyID); err != nil {
		return malformed("No password credential found with keyId.")
	}
	return done()
}
