package armtoken_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom/internal/azure/armtoken"
	"strongroom/internal/azure/azurejson"
	"strongroom/internal/azure/cloud"
	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

const (
	application = "22222222-2222-2222-2222-222222222222"
	password    = "s3cr3t~value"
)

// world is a Source with a login server that numbers its tokens.
type world struct {
	*armtoken.Source
	clock *clock.Fake

	mu       sync.Mutex
	settings azurejson.Config
	logins   []string // bodies, or queries for the metadata service
	refusal  string   // a body to answer instead of a token
	observed int
}

func newWorld(t *testing.T, mode secret.Mode) *world {
	t.Helper()
	w := &world{clock: clock.NewFake()}
	server := httptest.NewTLSServer(http.HandlerFunc(w.answer))
	t.Cleanup(server.Close)
	node := httptest.NewServer(http.HandlerFunc(w.answer))
	t.Cleanup(node.Close)
	ways, err := transport.New(transport.Config{CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ways.Close)
	w.settings = azurejson.Config{Mode: mode, Tenant: "contoso.example", ClientID: application,
		Cloud: cloud.Cloud{Name: "Contoso", Authority: server.URL, ManagerResource: "https://management.contoso.example"}}
	if mode == secret.ServicePrincipal {
		w.settings.ClientSecret = secret.NewValue([]byte(password))
	}
	w.Source = armtoken.New(armtoken.Config{
		Settings: func() (azurejson.Config, error) { w.mu.Lock(); defer w.mu.Unlock(); return w.settings, nil },
		Tokens:   token.New(token.Config{HTTP: ways.Azure, Direct: ways.Direct, Clock: w.clock, IMDS: node.URL}),
		Clock:    w.clock,
		Observer: func(time.Duration, error) { w.mu.Lock(); defer w.mu.Unlock(); w.observed++ },
	})
	return w
}

func (w *world) answer(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logins = append(w.logins, string(body)+r.URL.RawQuery)
	if w.refusal != "" {
		rw.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(rw, w.refusal)
		return
	}
	_, _ = fmt.Fprintf(rw, `{"token_type":"Bearer","expires_in":3600,"access_token":"token-%d"}`, len(w.logins))
}

func (w *world) change(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// expect asks for a token and holds it and the number of logins until then against what they should be.
func (w *world) expect(t *testing.T, want string, logins int) secret.Value {
	t.Helper()
	got, err := w.Token(t.Context())
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil || string(got.Reveal()) != want || len(w.logins) != logins || w.observed != logins {
		t.Errorf("got %s after %d logins, %v; want %s after %d", got.Reveal(), len(w.logins), err, want, logins)
	}
	return got
}

func TestOneLoginServesEverybodyUntilItIsNearlyOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, secret.ServicePrincipal)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if got, err := w.Token(t.Context()); err != nil || string(got.Reveal()) != "token-1" {
				t.Errorf("%s, %v", got.Reveal(), err)
			}
		})
	}
	all.Wait()
	w.expect(t, "token-1", 1)
	if !strings.Contains(w.logins[0], "scope=https%3A%2F%2Fmanagement.contoso.example%2F.default") || !strings.Contains(w.logins[0], "client_secret=s3cr3t~value") {
		t.Error(w.logins[0])
	}
	w.clock.Advance(47 * time.Minute)
	w.expect(t, "token-1", 1)
	w.clock.Advance(2 * time.Minute)
	w.expect(t, "token-2", 2)
}

func TestTheNodesIdentityLogsInAtTheMetadataService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, secret.ManagedIdentity)
	w.expect(t, "token-1", 1)
	if want := "api-version=2018-02-01&client_id=" + application + "&resource=https%3A%2F%2Fmanagement.contoso.example"; w.logins[0] != want {
		t.Error(w.logins[0])
	}
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, secret.ServicePrincipal)
	first := w.expect(t, "token-1", 1)
	w.clock.Advance(time.Second)
	for range 10 { // as many were in the air with it
		w.Refused(first)
	}
	second := w.expect(t, "token-2", 2)
	w.Refused(first) // one more comes back late
	w.expect(t, "token-2", 2)
	w.clock.Advance(time.Second)
	w.Refused(second) // the new one fares no better: it is not the token's fault
	w.expect(t, "token-2", 2)
	w.clock.Advance(time.Minute)
	w.Refused(second)
	w.expect(t, "token-3", 3)
}

func TestAnotherCredentialIsAnotherLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, secret.ServicePrincipal)
	w.expect(t, "token-1", 1)
	w.change(func(w *world) { w.settings.ClientSecret = secret.NewValue([]byte("another")) })
	w.expect(t, "token-2", 2)
	w.change(func(w *world) { w.settings.Mode, w.settings.ClientID = secret.ManagedIdentity, "" })
	w.expect(t, "token-3", 3)
	w.expect(t, "token-3", 3)
}

func TestAFailedRefreshLetsTheOldOneServe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, secret.ServicePrincipal)
	w.expect(t, "token-1", 1)
	w.clock.Advance(50 * time.Minute)
	w.change(func(w *world) { w.refusal = `{"error":"temporarily_unavailable","error_codes":[90033]}` })
	w.expect(t, "token-1", 2)
}

func TestRefusedLoginsSayWhatToDoAboutAzureJSON(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		7000215: "into azure.json as aadClientSecret",
		7000222: "az ad app credential reset --id " + application,
		90002:   "check tenantId and cloud in azure.json",
		700016:  "az ad sp show --id " + application,
	} {
		w := newWorld(t, secret.ServicePrincipal)
		w.refusal = fmt.Sprintf(`{"error":"x","error_codes":[%d],"error_description":"AADSTS%d: you sent %s"}`, code, code, password)
		_, err := w.Token(t.Context())
		if text := fault.Explain(err); !strings.Contains(text, want) || strings.Contains(text, password) || strings.Contains(text, "nodePublishSecretRef") {
			t.Errorf("%d: %s", code, text)
		}
	}
}

func TestWithoutSettingsNobodyLogsIn(t *testing.T) {
	t.Parallel()
	no := fault.New(fault.Invalid, "azure.json", "is wrong")
	for name, settings := range map[string]func() (azurejson.Config, error){
		"wrong":               func() (azurejson.Config, error) { return azurejson.Config{}, no },
		"no resource manager": func() (azurejson.Config, error) { return azurejson.Config{Mode: secret.ManagedIdentity}, nil },
		"no mode": func() (azurejson.Config, error) {
			return azurejson.Config{Cloud: cloud.Cloud{Name: "x", ManagerResource: "https://x"}}, nil
		},
	} {
		s := armtoken.New(armtoken.Config{Settings: settings})
		if _, err := s.Token(context.Background()); err == nil || name == "wrong" && !errors.Is(err, no) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
