package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"strongroom/internal/secret"
)

const planted = "planted-5c1d"

// Every way Go code prints things by accident must give nothing away, also from inside other structures.
func TestAValueCannotPrintItself(t *testing.T) {
	t.Parallel()
	value := secret.NewValue([]byte(planted))
	holder := struct {
		Value   secret.Value
		Pointer *secret.Value
		List    []secret.Value
		Map     map[string]secret.Value
		File    secret.File
	}{value, &value, []secret.Value{value}, map[string]secret.Value{"k": value}, secret.File{Path: "p", Contents: value}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%b", "%T"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", value, &value, holder)
	}
	encode := json.NewEncoder(&out)
	if err := encode.Encode(holder); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(map[string]any{"value": value, "list": []secret.Value{value}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("x", "value", value, "holder", holder, "pointer", &value)
	}
	_ = fmt.Errorf("wrapped %w %v", fmt.Errorf("%s", value), holder)
	for _, form := range []string{planted, fmt.Sprintf("%x", planted), fmt.Sprintf("%d", []byte(planted)), "cGxhbnRlZC01YzFk"} {
		if strings.Contains(strings.ToLower(out.String()), strings.ToLower(form)) {
			t.Errorf("%q was printed", form)
		}
	}
	if !strings.Contains(out.String(), "[redacted]") {
		t.Error("nothing says that something was left out")
	}
}

func TestValuesCompare(t *testing.T) {
	t.Parallel()
	a, b := secret.NewValue([]byte("x")), secret.NewValue([]byte("x"))
	if !a.Equal(b) || a.Equal(secret.Value{}) || (secret.Value{}).Len() != 0 || string(a.Reveal()) != "x" {
		t.Error("values do not compare as bytes")
	}
}

func TestPrincipalsAndObjectsNameThemselves(t *testing.T) {
	t.Parallel()
	p := secret.Principal{Mode: secret.ManagedIdentity, Evidence: "evidence"}
	if got := p.String(); got != "managed-identity (system-assigned)" {
		t.Error(got)
	}
	p.Client = "c"
	if got := p.String(); got != "managed-identity (client id c)" || strings.Contains(got, "evidence") {
		t.Error(got)
	}
	o := secret.Object{Kind: secret.Certificate, Name: "tls", Version: "1"}
	if got := o.String(); got != "cert/tls@1" {
		t.Error(got)
	}
}
