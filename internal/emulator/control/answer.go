package control

import (
	"encoding/json"
	"net/http"

	"strongroom/internal/fault"
)

// action does one thing and gives what to answer: text, anything JSON can spell, or nil for no content.
type action func(*http.Request) (any, error)

// text is answered as it stands.
type text string

func (do action) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := do(r)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status(err))
		_ = json.NewEncoder(w).Encode(map[string]string{"kind": fault.KindOf(err).String(), "error": fault.Explain(err)})
		return
	}
	switch answer := answer.(type) {
	case nil:
		w.WriteHeader(http.StatusNoContent)
	case text:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(answer))
	default:
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(answer)
	}
}

func status(err error) int {
	if fault.KindOf(err) == fault.Invalid {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

const help = `This is the control endpoint of a Strongroom emulator: an Azure on this machine, for demos and tests.
Nothing it holds should be a real secret. Every path begins with /_emulator/

  GET    endpoints            where everything is, as JSON
  GET    ca.pem               the root certificate to trust
  GET    cloud.json           a custom cloud environment for cloudEnvFileName
  GET    requests             what was asked so far: total, counts by kind, the latest requests
  DELETE requests             start counting anew
  GET    faults               what is made to go wrong
  PUT    faults               replace that: a list, as JSON or YAML, of
                                service: entra, imds, nmi, keyvault, tokenproxy, issuer or arm (required)
                                host, path, count        to strike only some requests
                                latency: 200ms           be late
                                status: 429              answer with an error; retryAfter: 5s goes with it
                                outage: true             close the connection
                                slowBody: 5s             answer slowly
                                cutBody: true            stop in the middle of the answer
                                clockSkew: -10m          have a wrong clock
  DELETE faults               make everything well
  POST   serviceaccounttoken  {"namespace", "name", "audience", "ttl"}: a token as a pod would be given
  POST   additions            more applications, identities, vaults, podBindings and identityBindings, spelled as
                              in a state file; the answer has the ids of the new principals by name
  GET    state                everything, SECRET VALUES INCLUDED

Programs that cannot be told where Azure is: set HTTPS_PROXY to the proxy among the endpoints, and trust ca.pem.
`
