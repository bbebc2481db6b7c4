package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"
)

// planted is a value that must be nowhere but in the files of the pod that asked for it.
type planted struct {
	name string
	// forms are the ways in which it could lie somewhere.
	forms [][]byte
	// kept is true of one that the test itself keeps in a Kubernetes Secret: then the cluster's store has it rightly.
	kept bool
}

// plant makes the forms of a value.
func plant(name string, value []byte) planted {
	p := planted{name: name}
	add := func(form []byte) {
		if len(form) >= 12 { // anything shorter is found by chance
			p.forms = append(p.forms, form)
		}
	}
	text := string(value)
	quoted, _ := json.Marshal(text) // any string can be
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // likewise
	add(value)
	add([]byte(strings.Trim(string(quoted), `"`)))
	add([]byte(strings.Trim(strings.TrimSpace(plain.String()), `"`)))
	add([]byte(strings.Trim(fmt.Sprintf("%q", text), `"`)))
	add([]byte(strings.Trim(fmt.Sprintf("%+q", text), `"`)))
	add([]byte(url.QueryEscape(text)))
	add([]byte(url.PathEscape(text)))
	add([]byte(hex.EncodeToString(value)))
	add([]byte(strings.ToUpper(hex.EncodeToString(value))))
	add([]byte(strings.Trim(fmt.Sprint(value), "[]")))
	add([]byte(strings.ReplaceAll(strings.Trim(fmt.Sprint(value), "[]"), " ", ",")))
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var wide []byte
		for _, unit := range utf16.Encode([]rune(text)) {
			wide = order.AppendUint16(wide, unit)
		}
		add(wide)
	}
	// In the base64 of something longer a value can begin at three places of a triple.
	for skip := range 3 {
		middle := value[skip : skip+(len(value)-skip)/3*3]
		add([]byte(base64.StdEncoding.EncodeToString(middle)))
		add([]byte(base64.URLEncoding.EncodeToString(middle)))
	}
	return p
}

// seeker finds the forms of many values in one pass over a piece of data: most places cannot begin any of them, as their
// first bytes tell.
type seeker struct {
	begins [1 << 16]bool     // by a hash of eight bytes
	forms  map[uint64][]form // by their first eight bytes
}

// form is one of the forms of the value with this number.
type form struct {
	value int
	text  []byte
}

func newSeeker(values []planted) *seeker {
	s := &seeker{forms: map[uint64][]form{}}
	for n, p := range values {
		for _, text := range p.forms {
			first := binary.LittleEndian.Uint64(text)
			s.begins[mixed(first)] = true
			s.forms[first] = append(s.forms[first], form{n, text})
		}
	}
	return s
}

func mixed(eight uint64) uint16 { return uint16(eight * 0x9e3779b97f4a7c15 >> 48) }

// in gives the numbers of the values that are in a piece of data in any form.
func (s *seeker) in(data []byte) map[int]bool {
	found := map[int]bool{}
	for at := 0; at+8 <= len(data); at++ {
		first := binary.LittleEndian.Uint64(data[at:])
		if !s.begins[mixed(first)] {
			continue
		}
		for _, f := range s.forms[first] {
			if bytes.HasPrefix(data[at:], f.text) {
				found[f.value] = true
			}
		}
	}
	return found
}

// signedToken finds a whole token, header, claims and signature, in a piece of data.
func signedToken(data []byte) string {
	for at := 0; ; {
		next := bytes.Index(data[at:], []byte("eyJ"))
		if next < 0 {
			return ""
		}
		at += next
		end := at
		for end < len(data) && strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", data[end]) >= 0 {
			end++
		}
		if parts := strings.Split(string(data[at:end]), "."); len(parts) >= 3 && strings.HasPrefix(parts[1], "eyJ") && len(parts[2]) > 40 {
			return string(data[at:min(end, at+60)])
		}
		at = max(end, at+3)
	}
}
