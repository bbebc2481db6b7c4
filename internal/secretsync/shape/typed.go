package shape

import (
	"encoding/json"
	"slices"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/material"
	"strongroom/internal/secret"
)

// Types of Secrets that Kubernetes knows and checks. Any other text is a type as well, and nobody checks its keys.
const (
	Opaque              = "Opaque"
	TLS                 = "kubernetes.io/tls"
	DockerConfigJSON    = "kubernetes.io/dockerconfigjson"
	DockerConfig        = "kubernetes.io/dockercfg"
	BasicAuth           = "kubernetes.io/basic-auth"
	SSHAuth             = "kubernetes.io/ssh-auth"
	ServiceAccountToken = "kubernetes.io/service-account-token"
)

// Keys of a TLS Secret. ca.crt is no key Kubernetes asks for, but one that many programs read.
const (
	tlsCrt = "tls.crt"
	tlsKey = "tls.key"
	caCrt  = "ca.crt"
)

// serviceAccountName is the annotation without which the API server refuses a service account's token.
const serviceAccountName = "kubernetes.io/service-account.name"

// valueOf is a file's content as the type wants it: as it is, but for TLS.
func valueOf(secretType, key string, content secret.Value) (secret.Value, error) {
	if secretType != TLS {
		return content, nil
	}
	served, err := material.ReadServed(content)
	if err != nil {
		return secret.Value{}, err
	}
	switch key {
	case tlsCrt:
		return served.Certificates()
	case caCrt:
		return served.Authorities()
	}
	return served.PrivateKey()
}

// complete asks of a Secret what the API server asks of its type.
func complete(made Made) error {
	switch made.Type {
	case TLS:
		return hasAll(made, tlsCrt, tlsKey)
	case DockerConfigJSON:
		return hasJSON(made, ".dockerconfigjson")
	case DockerConfig:
		return hasJSON(made, ".dockercfg")
	case SSHAuth:
		return hasAll(made, "ssh-privatekey")
	case BasicAuth:
		if !has(made, "username") && !has(made, "password") {
			return fault.New(fault.Invalid, "", "a Secret of type %s needs the key username or password", made.Type).
				Mend("map an object to one of these keys, or set type: Opaque")
		}
	case ServiceAccountToken:
		if made.Annotations[serviceAccountName] == "" {
			return fault.New(fault.Invalid, "", "a Secret of type %s needs the annotation %s", made.Type, serviceAccountName).
				Mend("set it under annotations of the entry, or set type: Opaque")
		}
	}
	return nil
}

func has(made Made, key string) bool {
	_, there := made.Data[key]
	return there
}

func hasAll(made Made, keys ...string) error {
	missing := slices.DeleteFunc(keys, func(key string) bool { return has(made, key) && made.Data[key].Len() > 0 })
	if len(missing) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "", "a Secret of type %s needs the key %s, which is missing or empty", made.Type, strings.Join(missing, " and ")).
		Mend("map an object to it under data, or set type: Opaque")
}

func hasJSON(made Made, key string) error {
	if err := hasAll(made, key); err != nil {
		return err
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(made.Data[key].Reveal(), &object) != nil { // its error would quote the value
		return fault.New(fault.Invalid, "", "the key %s of a Secret of type %s must be a JSON object, and is not", key, made.Type).
			Mend("store the registry's configuration as JSON, as in ~/.docker/config.json")
	}
	return nil
}
