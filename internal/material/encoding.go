package material

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"strongroom/internal/fault"
)

// decodeText undoes an encoding. White space around the text is skipped: it comes from the editor or the shell that
// stored the secret. Errors say where, never what: encoding/hex would quote the byte it stumbled over.
func decodeText(text []byte, encoding Encoding) ([]byte, error) {
	switch encoding {
	case "", UTF8:
		return text, nil
	case Base64:
		return decodeBase64(text)
	case Hex:
		return decodeHex(text)
	}
	return nil, fault.New(fault.Invalid, "objectEncoding", "invalid objectEncoding: %q, should be hex, base64 or utf-8", string(encoding))
}

func decodeBase64(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(text)
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(out, text)
	if err != nil {
		return nil, undecodable(Base64, err)
	}
	return out[:n], nil
}

func decodeHex(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(text)
	out := make([]byte, hex.DecodedLen(len(text)))
	if n, err := hex.Decode(out, text); err != nil {
		where := fmt.Errorf("illegal hex data at input byte %d", 2*n)
		if errors.Is(err, hex.ErrLength) {
			where = errors.New("odd number of digits")
		}
		return nil, undecodable(Hex, where)
	}
	return out, nil
}

func undecodable(encoding Encoding, cause error) error {
	return fault.Wrap(cause, fault.Invalid, "objectEncoding", "the stored value is not %s text", encoding).
		Mend("remove objectEncoding, or store the value as %s", encoding)
}
