package kube

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/kube/kubefake"
)

func TestALedgerRemembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.client.Ledger("sys", "ledger")
	load := func(l *Ledger, want map[string]string) {
		t.Helper()
		got, err := l.Load(t.Context())
		if err != nil || got == nil || !maps.Equal(got, want) {
			t.Errorf("%v, %v", got, err)
		}
	}
	load(l, nil)
	for _, entries := range []map[string]string{{"a": "1", "b": "2"}, {"b": "3"}, {}} {
		w.ForgetCalls()
		if err := l.Save(t.Context(), entries); err != nil || len(w.Calls()) != 1 {
			t.Fatal(err, w.Calls())
		}
		load(w.another(t).Ledger("sys", "ledger"), entries)
	}
	w.Put(`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: sys, name: ledger, labels: {theirs: x}}, data: {a: "1"}}`)
	load(l, map[string]string{"a": "1"})
	if err := l.Save(t.Context(), map[string]string{"c": "4"}); err != nil {
		t.Fatal(err)
	}
	o, _ := w.Get("configmaps", "sys", "ledger")
	if labels, _ := o["metadata"].(kubefake.Object)["labels"].(kubefake.Object); labels["theirs"] != "x" {
		t.Errorf("%v", o)
	}
}

func TestALedgerIsNotWrittenOverAnothers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.client.Ledger("sys", "ledger"), w.another(t).Ledger("sys", "ledger")
	load := func(l *Ledger) {
		t.Helper()
		if _, err := l.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	save := func(what string, l *Ledger, want bool) {
		t.Helper()
		if err := l.Save(t.Context(), map[string]string{"by": what}); want != (err == nil) || err != nil && fault.KindOf(err) != fault.Busy {
			t.Errorf("%s: %v", what, err)
		}
	}
	load(one)
	load(two)
	save("one makes it", one, true)
	save("two makes it too", two, false)
	save("two tries again without looking", two, false)
	load(two)
	save("two goes on", two, true)
	save("one goes on", one, false)
	load(one)
	w.Delete("configmaps", "sys", "ledger")
	save("one goes on with what is gone", one, false)
	load(one)
	save("one begins anew", one, true)
	unread := w.client.Ledger("sys", "ledger")
	save("one who never looked", unread, false)
	for verb, do := range map[string]func() error{
		"get":    func() error { _, err := one.Load(t.Context()); return err },
		"update": func() error { return one.Save(t.Context(), nil) },
		"create": func() error { return w.client.Ledger("sys", "new").Save(t.Context(), nil) },
	} {
		w.Deny(verb, "configmaps")
		if text := fault.Explain(do()); !strings.Contains(text, "auth can-i "+verb+" configmaps -n sys") {
			t.Errorf("%s: %s", verb, text)
		}
		w.Heal()
	}
	w.Fail(kubefake.Fault{Verb: "get", Status: http.StatusServiceUnavailable})
	if entries, err := one.Load(t.Context()); fault.KindOf(err) != fault.Unavailable || entries != nil {
		t.Errorf("a server that is down: %v %v", entries, err)
	}
}
