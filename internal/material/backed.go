package material

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Content types of a certificate's secret.
const (
	typePEM    = "application/x-pem-file"
	typePKCS12 = "application/x-pkcs12"
)

// backed shapes the secret of a certificate: the key and the certificates in one text.
func backed(in SecretInput) (Shaped, error) {
	text := in.Value.Reveal()
	stored, err := storedFormat(in.ContentType, text)
	if err != nil {
		return Shaped{}, err
	}
	w := workshop{in: in, text: text, stored: stored}
	whole, err := w.whole()
	if err != nil {
		return Shaped{}, err
	}
	if whole, err = w.decoded(whole); err != nil {
		return Shaped{}, err
	}
	parts := []Part{{Contents: secret.NewValue(whole)}}
	if in.Split {
		halves, err := w.halves()
		if err != nil {
			return Shaped{}, err
		}
		parts = append(halves, parts...)
	}
	return Shaped{Parts: parts, Notes: w.notes}, nil
}

// storedFormat goes by the content type, whatever its case and parameters. A missing or unknown one is settled by a
// look at the text: certificates imported by other tools have been seen without any.
func storedFormat(contentType string, text []byte) (Format, error) {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch {
	case media == typePEM:
		return PEM, nil
	case media == typePKCS12:
		return PFX, nil
	case bytes.Contains(text, []byte("-----BEGIN ")):
		return PEM, nil
	case looksLikePKCS12(text):
		return PFX, nil
	}
	return "", fault.New(fault.Invalid, "", "failed to get certificate. unknown content type '%s'", fault.Shorten(contentType)).
		Mend("the certificate's secret must be %s or %s", typePEM, typePKCS12)
}

func looksLikePKCS12(text []byte) bool {
	der, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	return err == nil && len(der) > 2 && der[0] == 0x30
}

// workshop shapes one certificate's secret; it parses the text at most once, and not at all where the stored text is
// what is wanted.
type workshop struct {
	in     SecretInput
	text   []byte
	stored Format
	parsed *bundle
	notes  []string
}

// whole is the content of the main file before objectEncoding. Where the vault already holds what is asked for, its
// text goes out byte for byte.
func (w *workshop) whole() ([]byte, error) {
	if w.in.Format == PFX && w.stored == PFX {
		return w.text, nil
	}
	b, err := w.bundle()
	switch {
	case err != nil:
		return nil, err
	case w.in.Format == PFX:
		return b.pfx()
	case w.stored == PEM && (!w.in.Chain || b.asStored):
		return w.text, nil
	}
	return b.pem(), nil
}

// decoded applies objectEncoding. PEM is no encoded text, and somebody who asks for it to be decoded wants PKCS#12.
func (w *workshop) decoded(whole []byte) ([]byte, error) {
	if e := w.in.Encoding; w.in.Format != PFX && e != "" && e != UTF8 {
		return nil, fault.New(fault.Invalid, "objectEncoding", "the certificate is written as PEM, which is not %s text", e).
			Mend("remove objectEncoding, or set objectFormat: pfx with objectEncoding: base64 for a binary PKCS#12")
	}
	return decodeText(whole, w.in.Encoding)
}

// halves are the certificates and the rest, each a PEM file, whatever the format of the whole.
func (w *workshop) halves() ([]Part, error) {
	b, err := w.bundle()
	if err != nil {
		return nil, err
	}
	return []Part{
		{Suffix: ".crt", Contents: secret.NewValue(encode(b.certs))},
		{Suffix: ".key", Contents: secret.NewValue(encode(b.others))},
	}, nil
}

// bundle is the parsed text, in order when an order is asked for.
func (w *workshop) bundle() (*bundle, error) {
	if w.parsed != nil {
		return w.parsed, nil
	}
	read := readPEM
	if w.stored == PFX {
		read = readPFX
	}
	b, err := read(w.text)
	if err != nil {
		return nil, err
	}
	if w.in.Chain {
		w.notes = append(w.notes, b.sort()...)
	}
	w.parsed = b
	return b, nil
}

// encode writes blocks one after the other.
func encode(blocks []*pem.Block) []byte {
	var out bytes.Buffer
	for _, block := range blocks {
		_ = pem.Encode(&out, block) // a buffer takes everything, and parsed headers are writable
	}
	return out.Bytes()
}
