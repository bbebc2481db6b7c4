package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
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

// fmt walks into fields that are not exported without asking the type: there, too, nothing must be found, however deep.
func TestAValueCannotPrintItselfFromAFieldThatIsNotExported(t *testing.T) {
	t.Parallel()
	type inner struct {
		value   secret.Value
		pointer *secret.Value
		list    [2]secret.Value
		slice   []secret.Value
		named   map[string]secret.Value
		any     any
		file    secret.File
		secret.Value
	}
	type outer struct {
		inner  inner
		behind *inner
		err    error
	}
	value := secret.NewValue([]byte(planted))
	in := inner{value, &value, [2]secret.Value{value}, []secret.Value{value}, map[string]secret.Value{"k": value}, value, secret.File{Contents: value}, value}
	out := outer{in, &in, fmt.Errorf("wrapped %v", in)}
	var text bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%b", "%o"} {
		fmt.Fprintf(&text, verb+" "+verb+" "+verb+"\n", out, &out, []any{out, map[string]outer{"k": out}})
	}
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "out", out, "pointer", &out)
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "out", out, "pointer", &out)
	if err := gob.NewEncoder(&text).Encode(struct{ V secret.Value }{value}); err == nil {
		t.Error("gob takes values")
	}
	if err := xml.NewEncoder(&text).EncodeElement(value, xml.StartElement{Name: xml.Name{Local: "v"}}); err != nil {
		t.Error(err)
	}
	printed := strings.ToLower(text.String())
	list := fmt.Sprint([]byte(planted))
	for _, form := range []string{planted, fmt.Sprintf("%x", planted), list[1 : len(list)-1], "cGxhbnRlZC01YzFk", "0x70, 0x6c", "1110000 1101100", "u+0070"} {
		if strings.Contains(printed, strings.ToLower(form)) {
			t.Errorf("%q was printed", form)
		}
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
