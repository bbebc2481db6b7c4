package e2e

import (
	"testing"

	"strongroom/e2e/azure"
)

func TestAPodReadsItsFiles(t *testing.T) {
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	WorkloadClass(ns, "class", vault, reader, "secret1").Apply(t)
	before := Azure().Mark(t)
	Run(t, Pod(ns, "web", Mounting("class")))
	if got := Exec(t, ns, "web", "cat", "/mnt/class/secret1"); got != "one" {
		t.Errorf("%q", got)
	}
	if got := before.Since(t, azure.To(vault), azure.Kind("secret-get")); len(got) < 1 {
		t.Errorf("%d reads", len(got))
	}
}
