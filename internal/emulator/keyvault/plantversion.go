package keyvault

import (
	"encoding/base64"
	"strings"
	"time"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// plan understands one version of an object, checks all of it, and makes as little as it can: generated keys wait
// until someone reads them.
func (v Version) plan(area Area, name string, t Traits, now time.Time) (func(*store.Vault), error) {
	if wrong := v.misplaced(area); len(wrong) > 0 {
		return nil, fault.New(fault.Invalid, strings.Join(wrong, ", "), "does not go with a %s", area.noun().word)
	}
	meta, err := v.meta(now)
	if err != nil {
		return nil, err
	}
	switch area {
	case Keys:
		meta.Key, err = v.keyBody()
	case Secrets:
		meta.Secret, err = v.secretBody()
	default:
		return v.planCertificate(name, meta, t, now)
	}
	return func(data *store.Vault) { shelfOf(data, area).Add(name, &meta) }, err
}

// misplaced lists the fields that mean nothing for objects of an area.
func (v Version) misplaced(area Area) []string {
	var wrong []string
	for _, field := range []struct {
		name  string
		given bool
		areas string
	}{
		{"generate", v.Generate != 0, "secrets"},
		{"contentType", v.ContentType != "", "secrets"},
		{"keyType", v.KeyType != "", "keys certificates"},
		{"exportable", v.Exportable != nil, "keys certificates"},
		{"password", v.Password.Len() > 0, "certificates"},
		{"format", v.Format != "", "certificates"},
		{"encoding", v.Encoding != "", "certificates"},
		{"subject", v.Subject != "", "certificates"},
		{"dnsNames", v.DNSNames != nil, "certificates"},
		{"chain", v.Chain != 0, "certificates"},
		{"root", v.Root, "certificates"},
		{"shuffle", v.Shuffle, "certificates"},
	} {
		if field.given && !strings.Contains(field.areas, string(area)) {
			wrong = append(wrong, field.name)
		}
	}
	return wrong
}

func (v Version) meta(now time.Time) (store.Version, error) {
	m := store.Version{ID: v.ID, Enabled: v.Enabled == nil || *v.Enabled, Tags: v.Tags, Created: now.Unix()}
	if m.ID == "" {
		m.ID = store.NewID()
	}
	if !versionForm.MatchString(m.ID) {
		return m, fault.New(fault.Invalid, "id "+m.ID, "is not 32 hex digits")
	}
	if f := checkTags(v.Tags); f != nil {
		return m, fault.New(fault.Invalid, "tags", "%s", f.message)
	}
	m.NotBefore, _ = v.NotBefore.resolve(now)
	m.Expires, _ = v.Expires.resolve(now)
	if created, given := v.Created.resolve(now); given {
		m.Created = created
	}
	m.Updated = m.Created
	return m, nil
}

func (v Version) secretBody() (*store.Secret, error) {
	value := v.Value.Value
	if value.Len() == 0 && v.Generate > 0 {
		random := base64.RawURLEncoding.EncodeToString(mint.RandomBytes(min(v.Generate, maxSecret+1)))
		value = secret.NewValue([]byte(random[:min(v.Generate, len(random))]))
	}
	if value.Len() > maxSecret {
		return nil, fault.New(fault.Invalid, "value", "is longer than %d bytes", maxSecret)
	}
	if f := checkContentType(v.ContentType); f != nil {
		return nil, fault.New(fault.Invalid, "contentType", "%s", f.message)
	}
	return &store.Secret{Value: store.Known(value), ContentType: v.ContentType}, nil
}

func (v Version) keyBody() (*store.Key, error) {
	spec, err := mint.ParseKeySpec(v.KeyType)
	if err != nil {
		return nil, err
	}
	material := store.Later(spec.Generate)
	if v.Value.Len() > 0 {
		key, err := mint.ParseKeyPEM(v.Value.Reveal())
		if err != nil {
			return nil, err
		}
		if spec, err = mint.SpecOf(key); err != nil {
			return nil, err
		}
		material = store.Known[any](key)
	}
	return &store.Key{
		Material: material, Spec: spec, Ops: defaultOps(spec), Exportable: v.Exportable != nil && *v.Exportable,
	}, nil
}
