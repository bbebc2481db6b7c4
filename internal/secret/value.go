// Package secret holds the words every room uses: what is asked for (Object), on whose behalf (Pod, Principal), and
// what comes back (Version, File, Value). It is a leaf: no I/O, no clock, no knowledge of Azure or Kubernetes.
package secret

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every printer sees instead of a value.
const redacted = "[redacted]"

// Value is a secret's bytes in a type that cannot print itself: fmt, encoding/json, log/slog and text marshalling all
// give "[redacted]". Only Reveal hands the bytes out, so a search for Reveal finds every place a value can leave by.
// The zero Value is empty.
//
// The bytes lie behind two pointers because fmt asks nobody about a field that is not exported: it walks into it and
// prints what it finds. It stops at a pointer, but for one at which a verb makes no sense: that one it follows, once.
type Value struct {
	_    [0]func() // values are compared by Equal, not by ==
	held **[]byte
}

// NewValue takes b over without copying; the caller must not change it afterwards.
func NewValue(b []byte) Value {
	if b == nil {
		return Value{}
	}
	cell := &struct {
		bytes []byte
		at    *[]byte
	}{bytes: b}
	cell.at = &cell.bytes
	return Value{held: &cell.at}
}

// Reveal gives the bytes themselves. The caller must not change, print, log or keep them longer than it needs to.
func (v Value) Reveal() []byte {
	if v.held == nil {
		return nil
	}
	return **v.held
}

// Clone is a copy of its own, for somebody who keeps it longer than its giver does.
func (v Value) Clone() Value { return NewValue(bytes.Clone(v.Reveal())) }

// Erase overwrites the bytes with zeros. Only who owns them may do so: every copy of this Value but those made by Clone
// shares them.
func (v Value) Erase() { clear(v.Reveal()) }

// Len is the number of bytes; a length is not treated as secret.
func (v Value) Len() int { return len(v.Reveal()) }

// Equal compares in constant time for equal lengths.
func (v Value) Equal(w Value) bool { return subtle.ConstantTimeCompare(v.Reveal(), w.Reveal()) == 1 }

func (v Value) String() string               { return redacted }
func (v Value) GoString() string             { return redacted }
func (v Value) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Format catches every verb, %x and %q among them.
func (v Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }
