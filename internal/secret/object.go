package secret

import (
	"fmt"
	"io/fs"
)

// Kind is the sort of vault object, in the spelling a SecretProviderClass uses.
type Kind string

// The three kinds of object a vault holds.
const (
	Secret      Kind = "secret"
	Key         Kind = "key"
	Certificate Kind = "cert"
)

// Object names one thing in a vault. An empty Version means the latest one.
type Object struct {
	Kind    Kind
	Name    string
	Version string
}

// String is "secret/name" or "secret/name@version": the form used in messages.
func (o Object) String() string {
	if o.Version == "" {
		return fmt.Sprintf("%s/%s", o.Kind, o.Name)
	}
	return fmt.Sprintf("%s/%s@%s", o.Kind, o.Name, o.Version)
}

// Version says which version of an object a volume holds, as the provider protocol and the pod status report it:
// ID is "secret/name" ("secret/name/0" with a version history), Version the store's own version id.
type Version struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// File is one file to appear in a volume. Path is relative, slash-separated and clean; Mode holds permission bits
// only, and 0 is a legal mode (nobody may read).
type File struct {
	Path     string
	Mode     fs.FileMode
	Contents Value
}

// Pod is the consumer of a volume, as the kubelet states it. The zero value is no pod.
type Pod struct {
	Namespace      string
	Name           string
	UID            string
	ServiceAccount string
}

func (p Pod) String() string { return p.Namespace + "/" + p.Name }
