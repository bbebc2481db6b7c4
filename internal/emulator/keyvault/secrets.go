package keyvault

import (
	"encoding/base64"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// The content types of certificates' secrets.
const (
	typePEM = "application/x-pem-file"
	typePFX = "application/x-pkcs12"
)

type secretIn struct {
	Value       *string           `json:"value"`
	ContentType string            `json:"contentType"`
	Attributes  *attributesIn     `json:"attributes"`
	Tags        map[string]string `json:"tags"`
}

func setSecret(c *call) (answer, *failure) {
	var in secretIn
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	if f := in.check(); f != nil {
		return answer{}, f
	}
	if f := c.free(Secrets, c.name()); f != nil {
		return answer{}, f
	}
	v, f := c.fresh(in.Attributes, in.Tags)
	if f != nil {
		return answer{}, f
	}
	v.Secret = &store.Secret{Value: store.Known(secret.NewValue([]byte(*in.Value))), ContentType: in.ContentType}
	item := c.data.Secrets.Add(c.name(), v)
	out := c.secretBundle(item, v)
	out.Value = in.Value
	return ok(out)
}

func (in secretIn) check() *failure {
	if in.Value == nil {
		return badParameter("The parameter value is required.")
	}
	if len(*in.Value) > maxSecret {
		return badParameter("The secret's value has %d bytes; at most %d are allowed.", len(*in.Value), maxSecret)
	}
	return checkContentType(in.ContentType)
}

func disabled() *failure {
	return forbidden("SecretDisabled", "Operation get is not allowed on a disabled secret.")
}

// secretWithValue is the only answer, besides that to a set, that holds a value.
func (c *call) secretWithValue(item *store.Item, v *store.Version) (answer, *failure) {
	if !v.Enabled {
		return answer{}, disabled()
	}
	value, err := v.Secret.Value()
	if err != nil {
		return answer{}, failed(err)
	}
	out := c.secretBundle(item, v)
	text := string(value.Reveal())
	if want := c.query.Get("outContentType"); want != "" && want != out.ContentType {
		if text, err = asPEM(text, out.ContentType, want); err != nil {
			return answer{}, badParameter("The secret of content type %s cannot be given as %s.", out.ContentType, want)
		}
		out.ContentType = want
	}
	out.Value = &text
	return ok(out)
}

// asPEM is the one conversion the service offers.
func asPEM(text, have, want string) (string, error) {
	if have != typePFX || want != typePEM {
		return "", fault.New(fault.Unsupported, "conversion", "from %s to %s is not offered", have, want)
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	bundle, err := mint.ParsePFX(der, "")
	if err != nil {
		return "", err
	}
	converted, err := bundle.PEM()
	return string(converted), err
}
