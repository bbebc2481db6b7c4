package emulator_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"syscall"
	"testing"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/state"
)

func TestTransportAsksWithoutAConnection(t *testing.T) {
	t.Parallel()
	document, err := state.Parse([]byte("tenants: [{domain: a.example}]\nvaults: [{name: some-kv, limit: {requests: 3}}]\n"), os.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := emulator.New(emulator.Config{Document: document, Unheard: true})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: e.Transport()}
	ask := func(faults ...emulator.Fault) (int, error) {
		t.Helper()
		if err := e.SetFaults(faults); err != nil {
			t.Fatal(err)
		}
		resp, err := client.Get(e.VaultURL("some-kv") + "/secrets/a?api-version=7.4")
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
		return resp.StatusCode, err
	}
	if status, err := ask(); status != http.StatusUnauthorized || err != nil {
		t.Errorf("an ordinary request: %d, %v", status, err)
	}
	if status, err := ask(emulator.Fault{Service: "keyvault", CutBody: true}); status != http.StatusUnauthorized || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut answer: %d, %v", status, err)
	}
	if _, err := ask(emulator.Fault{Service: "keyvault", Outage: true}); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("an outage: %v", err)
	}
	if status, err := ask(emulator.Fault{Service: "keyvault", Status: 503, Every: 2}); status != http.StatusUnauthorized || err != nil {
		t.Errorf("the first of every two: %d, %v", status, err)
	}
	if status, err := ask(); status != http.StatusTooManyRequests || err != nil {
		t.Errorf("over the limit: %d, %v", status, err)
	}
	if got := e.Counts()["challenge"]; got < 3 {
		t.Errorf("%d requests in the log", got)
	}
}
