package arm_test

import (
	"strings"
	"testing"

	"strongroom/internal/azure/arm"
	"strongroom/internal/fault"
)

const nodesLower = "azure:///subscriptions/00000000-0000-0000-0000-00000000000a/resourceGroups/mc_shop/providers/Microsoft.Compute/"

func TestTheMachineOfANode(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]arm.Resource{
		nodesLower + "virtualMachines/node-1":                                    vm,
		nodesLower + "virtualMachineScaleSets/pool/virtualMachines/0":            pool,
		nodesLower + "virtualMachineScaleSets/pool/virtualMachines/17":           pool,
		nodesLower + "virtualMachineScaleSets/pool/virtualMachines/pool_3fa9b1c": pool,
		strings.ToUpper(nodesLower + "virtualMachines/node-1"):                   vm,
		strings.ToLower(nodesLower) + "virtualmachines/NODE-1":                   vm,
		nodesLower + "virtualMachines/pool_3fa9b1c":                              {Subscription: vm.Subscription, Group: vm.Group, Name: "pool_3fa9b1c", Kind: arm.VirtualMachine},
	} {
		if got, err := arm.ParseProviderID(id); got != want || err != nil {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}

func TestWhatIsNoMachineOfAzure(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]fault.Kind{
		"":                                                 fault.Unsupported,
		"kind://docker/kind/worker":                        fault.Unsupported,
		"aws:///eu-west-1a/i-0123456":                      fault.Unsupported,
		"azure://":                                         fault.Invalid,
		"azure:///":                                        fault.Invalid,
		nodesLower + "virtualMachines/":                    fault.Invalid,
		nodesLower + "virtualMachines/..":                  fault.Invalid,
		nodesLower + "virtualMachines/a b":                 fault.Invalid,
		nodesLower + "virtualMachines/a?x=y":               fault.Invalid,
		nodesLower + "virtualMachines/a%2Fb":               fault.Invalid,
		nodesLower + "virtualMachines/a/":                  fault.Invalid,
		nodesLower + "virtualMachines/a/virtualMachines/0": fault.Invalid,
		nodesLower + "virtualMachineScaleSets/pool":        fault.Invalid,
		nodesLower + "virtualMachineScaleSets/pool/virtualMachines/": fault.Invalid,
		nodesLower + "disks/d": fault.Invalid,
		strings.Replace(nodesLower, "Compute", "Network", 1) + "virtualMachines/a":               fault.Invalid,
		"azure:///subscriptions//resourceGroups/g/providers/Microsoft.Compute/virtualMachines/a": fault.Invalid,
		strings.Replace(nodesLower, ":///", "://x/", 1) + "virtualMachines/a":                    fault.Invalid,
	} {
		if got, err := arm.ParseProviderID(id); fault.KindOf(err) != want || err == nil {
			t.Errorf("%q: %+v, %v", id, got, err)
		}
	}
}

func TestKeysAreOnePerMachine(t *testing.T) {
	t.Parallel()
	loud := arm.Resource{Subscription: strings.ToUpper(pool.Subscription), Group: "MC_Shop", Name: "Pool", Kind: arm.ScaleSet}
	if loud.Key() != pool.Key() || loud.ID() == pool.ID() {
		t.Errorf("%s and %s", loud.Key(), pool.Key())
	}
	if want := nodes + "/providers/Microsoft.Compute/virtualMachineScaleSets/pool"; pool.ID() != want {
		t.Errorf("%s", pool.ID())
	}
	if twin := (arm.Resource{Subscription: pool.Subscription, Group: pool.Group, Name: pool.Name, Kind: arm.VirtualMachine}); twin.Key() == pool.Key() {
		t.Error("a machine has the key of a scale set")
	}
}

func FuzzParseProviderID(f *testing.F) {
	f.Add(nodesLower + "virtualMachines/node-1")
	f.Add(nodesLower + "virtualMachineScaleSets/pool/virtualMachines/0")
	f.Add("azure:///subscriptions/İ/resourceGroups/../providers/Microsoft.Compute/virtualMachines/\xff")
	f.Fuzz(func(t *testing.T, id string) {
		r, err := arm.ParseProviderID(id)
		if err != nil {
			if r != (arm.Resource{}) {
				t.Errorf("%+v beside %v", r, err)
			}
			return
		}
		again := "azure://" + r.ID()
		if r.Kind == arm.ScaleSet {
			again += "/virtualMachines/0"
		}
		if back, err := arm.ParseProviderID(again); err != nil || back != r {
			t.Errorf("%+v read back as %+v, %v", r, back, err)
		}
		if strings.ContainsAny(r.Subscription+r.Group+r.Name, "/?#% \n") || r.Key() != strings.ToLower(r.ID()) {
			t.Errorf("%+v", r)
		}
	})
}
