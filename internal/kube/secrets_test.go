package kube

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/kube/kubefake"
	"strongroom/internal/secret"
)

func owner(uid string) secretsstore.Owner {
	return secretsstore.Owner{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-" + uid, UID: uid}
}

func values(pairs ...string) map[string]secret.Value {
	data := map[string]secret.Value{}
	for i := 0; i < len(pairs); i += 2 {
		data[pairs[i]] = secret.NewValue([]byte(pairs[i+1]))
	}
	return data
}

// checkSecrets is what Secrets promise, of whatever server: the one in memory here, a real one in the end-to-end tests.
func checkSecrets(t *testing.T, c *Client, namespace string) {
	t.Helper()
	s := c.Secrets()
	get := func() Secret {
		t.Helper()
		got, err := s.Get(t.Context(), namespace, "db")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	apply := func(wanted Secret) Secret {
		t.Helper()
		got, err := s.Apply(t.Context(), wanted)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	refused := func(what string, wanted Secret, kind fault.Kind) {
		t.Helper()
		before := get()
		_, err := s.Apply(t.Context(), wanted)
		if fault.KindOf(err) != kind || err == nil || strings.Contains(fault.Explain(err), "planted") {
			t.Errorf("%s: %v: %s", what, fault.KindOf(err), fault.Explain(err))
		}
		if after := get(); after.ResourceVersion != before.ResourceVersion {
			t.Errorf("%s: changed nevertheless", what)
		}
	}
	if _, err := s.Get(t.Context(), namespace, "db"); fault.KindOf(err) != fault.NotFound || err.Error() != `secrets "db" not found` {
		t.Errorf("none: %v", err)
	}
	first := apply(Secret{
		Namespace: namespace, Name: "db", Labels: map[string]string{secretsstore.LabelManaged: "true", "old": "l"},
		Annotations: map[string]string{"note": "n"}, Owners: []secretsstore.Owner{owner("1"), owner("2")},
		Data: values("password", "planted-1", "user", "planted-u"),
	})
	if first.UID == "" || first.ResourceVersion == "" || len(first.Data) != 2 {
		t.Errorf("applied: %+v", first)
	}
	got := get()
	if got.UID != first.UID || got.ResourceVersion != first.ResourceVersion || got.Type != "Opaque" || len(got.Owners) != 2 ||
		string(got.Data["password"].Reveal()) != "planted-1" || got.Labels["old"] != "l" || got.Annotations["note"] != "n" {
		t.Errorf("read: %+v", got)
	}
	if again := apply(first); again.ResourceVersion != first.ResourceVersion {
		t.Error("the same was written again")
	}

	next := first
	next.Labels = map[string]string{secretsstore.LabelManaged: "true"}
	next.Owners = []secretsstore.Owner{owner("2"), owner("3")}
	next.Data = values("password", "planted-2")
	second := apply(next)
	got = get()
	if len(got.Data) != 1 || string(got.Data["password"].Reveal()) != "planted-2" || len(got.Labels) != 1 || len(got.Owners) != 2 || got.Owners[1].UID != "3" {
		t.Errorf("what is not named any more is still there: %+v", got)
	}

	refused("a state that has passed", first, fault.Busy)
	half := second
	half.UID = ""
	refused("half a state", half, fault.Internal)
	half = second
	half.ResourceVersion = ""
	refused("the other half", half, fault.Internal)
	typed := second
	typed.Type = "kubernetes.io/tls"
	refused("another type", typed, fault.Invalid)

	// Somebody else's Secret of that name, made in the meantime.
	body := map[string]any{"metadata": map[string]any{"name": "foreign", "namespace": namespace}, "data": map[string]any{"password": "cGxhbnRlZA=="}, "kind": "Secret", "apiVersion": "v1"}
	if _, err := c.raw(t.Context(), call{verb: http.MethodPost, path: secrets.at(namespace, ""), body: body}); err != nil {
		t.Fatal(err)
	}
	foreign := Secret{Namespace: namespace, Name: "foreign", Data: values("password", "planted-4")}
	if _, err := s.Apply(t.Context(), foreign); fault.KindOf(err) != fault.Busy || strings.Contains(err.Error(), "planted") {
		t.Errorf("a foreign Secret: %v", err)
	}

	// A state of a Secret that was deleted.
	if _, err := c.raw(t.Context(), call{verb: http.MethodDelete, path: secrets.at(namespace, "db")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(t.Context(), second); fault.KindOf(err) != fault.Busy {
		t.Errorf("a deleted one: %v: %v", fault.KindOf(err), err)
	}
	if _, err := s.Get(t.Context(), namespace, "db"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a deleted one was made again: %v", err)
	}
}

func TestSecretsAreWrittenInOneStepAndOnlyOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	checkSecrets(t, w.client, "shop")
}

func TestSecretsAreWatchedWithoutTheirValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.client.Secrets()
	type change struct {
		name, version string
		deleted       bool
	}
	changes := make(chan change, 100)
	s.OnChange(func(_, name, version string, deleted bool) { changes <- change{name, version, deleted} })
	running(t, s.Run)
	w.opened(t, "secrets")
	applied, err := s.Apply(t.Context(), Secret{Namespace: "shop", Name: "db", Labels: map[string]string{secretsstore.LabelManaged: "true"}, Data: values("k", "v")})
	if err != nil {
		t.Fatal(err)
	}
	if c := next(t, changes); c != (change{"db", applied.ResourceVersion, false}) {
		t.Errorf("%+v", c)
	}
	w.Put("{apiVersion: v1, kind: Secret, metadata: {namespace: shop, name: foreign}}")
	w.Expire() // the list after it must not tell what did not change
	w.opened(t, "secrets")
	w.Delete("secrets", "shop", "db")
	if c := next(t, changes); c.name != "db" || !c.deleted {
		t.Errorf("%+v", c)
	}
	silent(t, changes)
	if !s.Synced() {
		t.Error("not synced")
	}
}

func TestARefusedSecretNamesThePermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Deny("patch", "secrets")
	_, err := w.client.Secrets().Apply(t.Context(), Secret{Namespace: "shop", Name: "db", Data: values("k", "planted")})
	want := "let ServiceAccount kube-system/secrets-store-csi-driver patch secrets in namespace shop by a role and its binding; " +
		"to check: kubectl auth can-i patch secrets -n shop --as=" + kubefake.ServiceAccount
	if fault.KindOf(err) != fault.Denied || len(fault.Remedies(err)) != 1 || fault.Remedies(err)[0] != want {
		t.Errorf("%v: %s", fault.KindOf(err), fault.Explain(err))
	}
}

// What comes back from Apply is a copy: whoever changes it does not change what was asked for.
func TestApplyKeepsWhatItWasGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wanted := Secret{Namespace: "shop", Name: "db", Data: values("k", "v")}
	got, err := w.client.Secrets().Apply(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(got.Data, func(string, secret.Value) bool { return true })
	if len(wanted.Data) != 1 || wanted.UID != "" {
		t.Errorf("%+v", wanted)
	}
}
