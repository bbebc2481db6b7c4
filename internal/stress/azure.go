package stress

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/clock"
	"strongroom/internal/emulator"
	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/emulator/state"
	"strongroom/internal/secret"
)

const (
	tenant    = "0f9a1c3e-8a47-4b0d-9e51-6c7b8d9e0f10"
	vault     = "storm-kv"
	namespace = "storm"
	audience  = "api://AzureADTokenExchange"
)

// azure is the emulator, and what its vault held when.
type azure struct {
	*emulator.Emulator
	objects int

	mu  sync.Mutex
	set []time.Time // when the values of each serial were set
}

// newAzure makes an emulator with an application for each ServiceAccount and one vault with a limit.
func newAzure(c Config) (*azure, error) {
	document, err := state.Parse([]byte(document(c)), os.DirFS("/"))
	if err != nil {
		return nil, err
	}
	em, err := emulator.New(emulator.Config{Document: document, Unheard: true, Records: 1, Clock: clock.Real{}, TokenLifetime: tokenLife})
	if err != nil {
		return nil, err
	}
	a := &azure{Emulator: em, objects: c.Objects}
	if err := a.change(); err != nil {
		return nil, err
	}
	return a, em.Vaults().Shape(vault, keyvault.Traits{Limit: keyvault.Limit{Requests: c.Limit}})
}

func document(c Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tenants: [{id: %s, domain: storm.example}]\napplications:\n", tenant)
	for i := range c.Accounts {
		fmt.Fprintf(&b, "- name: app%d\n  clientId: %s\n  federatedCredentials: [{name: cluster, subject: \"system:serviceaccount:%s:%s\"}]\n",
			i, clientOf(i), namespace, accountOf(i))
	}
	fmt.Fprintf(&b, "vaults:\n- name: %s\n  policies:\n", vault)
	for i := range c.Accounts {
		fmt.Fprintf(&b, "  - {principal: app%d, secrets: [get]}\n", i)
	}
	b.WriteString("  objects:\n")
	for i := range c.Objects {
		fmt.Fprintf(&b, "  - {kind: secret, name: %s, versions: [{value: \"%s\"}]}\n", objectOf(i), valueOf(i, 0))
	}
	return b.String()
}

func accountOf(i int) string { return fmt.Sprintf("account-%d", i) }
func objectOf(i int) string  { return fmt.Sprintf("object-%02d", i) }
func clientOf(i int) string  { return fmt.Sprintf("0b1f0c5e-3a52-4d7a-8c11-2e4f6a8b%04d", i) }

// valueOf is what an object is set to by a change.
func valueOf(object, serial int) string {
	return fmt.Sprintf("%s of change %d", objectOf(object), serial)
}

// change gives every object a new value, all at one moment.
func (a *azure) change() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	serial := len(a.set)
	for i := range a.objects {
		if _, err := a.Vaults().SetSecret(vault, objectOf(i), secret.NewValue([]byte(valueOf(i, serial)))); err != nil {
			return err
		}
	}
	a.set = append(a.set, time.Now())
	return nil
}

// present is the serial of the values that the vault has now.
func (a *azure) present() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.set) - 1
}

// overtaken is when the values of a serial were no longer the vault's; false while they are.
func (a *azure) overtaken(serial int) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if serial+1 < len(a.set) {
		return a.set[serial+1], true
	}
	return time.Time{}, false
}

func (a *azure) cloud() cloud.Cloud {
	e := a.Endpoints()
	return cloud.Cloud{Name: "Storm", Authority: e.Authority, VaultSuffix: e.VaultSuffix, VaultResource: e.VaultResource}
}
