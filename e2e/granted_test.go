package e2e

import "testing"

// A pod whose identity may not read the vault waits, is told what would help, and starts by itself once that was done.
func TestAPodStartsByItselfOnceItsIdentityMayRead(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t)
	vault.Set(t, "secret1", "one")
	WorkloadClass(ns, "class", vault, reader, "secret1").Apply(t)
	Create(t, Pod(ns, "web", Mounting("class")))
	AwaitEvent(t, ns, "web", "FailedMount", "az keyvault set-policy --name "+vault.Name+" --object-id "+reader.ObjectID)
	vault.Permit(t, reader)
	WantFile(t, AwaitReady(t, ns, "web"), "class", "secret1", "one")
}
