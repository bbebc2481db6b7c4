package aadpodidentity

import (
	"bytes"
	"encoding/json"
	"fmt"

	"strongroom/internal/fault"
)

// fields are those of a spec or a status, by their names to the letter. Manifests from before release 1.6 begin names
// with a capital; the canonical name wins when both say something. These are the spellings the definitions keep, so that
// what is read here is what is in the cluster.
type fields struct {
	values map[string]json.RawMessage
	wrong  error // the first thing that cannot be read
}

func part(raw json.RawMessage) *fields {
	f := &fields{}
	if given(raw) {
		f.wrong = json.Unmarshal(raw, &f.values)
	}
	return f
}

// given is false for a field that is absent or null.
func given(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

// text is a string field; old is its other spelling, empty for none.
func (f *fields) text(name, old string) string {
	return either[string](f, name, old, func(s string) bool { return s == "" })
}

// secret is the reference to the Secret with the credential. Each of its own fields has two spellings too.
func (f *fields) secret() SecretRef {
	read := func(name string) SecretRef {
		inner := part(f.values[name])
		ref := SecretRef{Namespace: inner.text("namespace", "Namespace"), Name: inner.text("name", "Name")}
		f.note(name, inner.wrong)
		return ref
	}
	if ref := read("clientPassword"); ref != (SecretRef{}) {
		return ref
	}
	return read("ClientPassword")
}

// either reads a field by its name, or by its old one where the first is absent or says nothing.
func either[T any](f *fields, name, old string, empty func(T) bool) T {
	value, found := read[T](f, name)
	if (!found || empty(value)) && old != "" {
		if other, found := read[T](f, old); found {
			return other
		}
	}
	return value
}

func read[T any](f *fields, name string) (value T, found bool) {
	raw := f.values[name]
	if !given(raw) {
		return value, false
	}
	f.note(name, json.Unmarshal(raw, &value))
	return value, true
}

func (f *fields) note(name string, err error) {
	if err != nil && f.wrong == nil {
		f.wrong = fmt.Errorf("%s: %w", name, err)
	}
}

func (f *fields) fault(m Meta) error {
	return fault.Wrap(f.wrong, fault.Invalid, m.Namespace+"/"+m.Name, "says what cannot be read")
}
