package cli

import (
	"testing"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/match"
)

type watchedExceptions []aadpodidentity.Exception

func (watchedExceptions) Synced() bool                             { return true }
func (w watchedExceptions) Exceptions() []aadpodidentity.Exception { return w }

func TestExceptionsOfTheCommandLineCountWithTheClusters(t *testing.T) {
	t.Parallel()
	watched := watchedExceptions{{Meta: aadpodidentity.Meta{Namespace: "shop", Name: "e"}, PodLabels: map[string]string{"app": "agent"}}}
	c := &nmiConfig{Except: "kube-system/kubernetes.azure.com/managedby=aks,default/component=mic"}
	if err := c.exceptErr(); err != nil {
		t.Fatal(err)
	}
	all := c.exceptions(watched).Exceptions()
	for _, test := range []struct {
		namespace, key, value string
		want                  bool
	}{
		{"shop", "app", "agent", true},
		{"kube-system", "kubernetes.azure.com/managedby", "aks", true},
		{"default", "component", "mic", true},
		{"shop", "component", "mic", false},
		{"default", "kubernetes.azure.com/managedby", "aks", false},
	} {
		if got := match.Excepted(test.namespace, map[string]string{test.key: test.value}, all); got != test.want {
			t.Errorf("%v: %v", test, got)
		}
	}
	if len(watched) != 1 || len((&nmiConfig{}).exceptions(watched).Exceptions()) != 1 {
		t.Error("what is watched was changed")
	}
	for _, bad := range []string{"component=mic", "ns/label", "/a=b", "ns/=b"} {
		if (&nmiConfig{Except: bad}).exceptErr() == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
