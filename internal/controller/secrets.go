package controller

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/form"
)

// What an API server takes for the names in a Secret.
var (
	secretName = form.New(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	secretKey  = form.New(`^[-._a-zA-Z0-9]+$`)
	labelName  = form.New(`^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
)

const (
	maxName = 253 // of a Secret, of a key in it, and of a label's prefix
	typeTLS = "kubernetes.io/tls"
)

// needed are the keys without which an API server refuses a Secret of a type.
var needed = map[string][]string{
	typeTLS:                          {"tls.crt", "tls.key"},
	"kubernetes.io/dockerconfigjson": {".dockerconfigjson"},
	"kubernetes.io/dockercfg":        {".dockercfg"},
	"kubernetes.io/ssh-auth":         {"ssh-privatekey"},
}

// secretObjects gathers the problems of a class's Secrets.
type secretObjects struct {
	files    func(path string) bool // nil where nobody can tell
	names    map[string]int         // of earlier entries
	problems []error
}

// ofSecrets finds what would keep the Secrets of a class from being made. Texts that people's alerts know are kept.
func ofSecrets(class secretsstore.Class, files func(path string) bool) []error {
	s := &secretObjects{files: files, names: map[string]int{}}
	for i, object := range class.Spec.SecretObjects {
		s.object(i, object)
	}
	return s.problems
}

func (s *secretObjects) wrong(subject, format string, args ...any) *fault.Error {
	e := fault.New(fault.Invalid, subject, format, args...)
	s.problems = append(s.problems, e)
	return e
}

func (s *secretObjects) object(i int, object secretsstore.SecretObject) {
	at := fmt.Sprintf("secretObjects[%d]", i)
	s.name(i, at, strings.TrimSpace(object.SecretName))
	s.labels(at+".labels", object.Labels)
	for _, key := range slices.Sorted(maps.Keys(object.Annotations)) {
		s.qualified(at+".annotations", strings.ToLower(key))
	}
	if len(object.Data) == 0 {
		s.wrong(at, "data is empty").Mend("data: [{objectName: <a mounted file>, key: <a key of the Secret>}]")
	}
	keys := map[string]bool{}
	for n, data := range object.Data {
		where := fmt.Sprintf("%s.data[%d]", at, n)
		s.key(where, strings.TrimSpace(data.Key), object.Type, keys)
		s.file(where, strings.TrimSpace(data.ObjectName))
	}
	for _, key := range needed[strings.TrimSpace(object.Type)] {
		if len(keys) > 0 && !keys[key] {
			s.wrong(at, "a Secret of type %s needs the key %s", strings.TrimSpace(object.Type), key).Mend("add it to data, or use type: Opaque")
		}
	}
}

func (s *secretObjects) name(i int, at, name string) {
	earlier, twice := s.names[name]
	switch {
	case name == "":
		s.wrong(at, "secret name is empty")
	case len(name) > maxName || !secretName.MatchString(name):
		s.wrong(at+".secretName", "%q is not a name Kubernetes accepts", fault.Shorten(name)).Mend("use lower case letters, digits, '-' and '.'")
	case twice:
		s.wrong(at+".secretName", "secret %s is asked for by secretObjects[%d] as well", fault.Shorten(name), earlier).Mend("put the data of both under one of them")
	default:
		s.names[name] = i
	}
}

func (s *secretObjects) key(where, key, secretType string, keys map[string]bool) {
	switch {
	case key == "":
		s.wrong(where, "key in secretObjects.data is empty")
	case len(key) > maxName || !secretKey.MatchString(key) || key == "." || strings.HasPrefix(key, ".."):
		s.wrong(where+".key", "%q is not a key a Secret can have", fault.Shorten(key)).Mend("use letters, digits, '-', '_' and '.'")
	case strings.TrimSpace(secretType) == typeTLS && key != "tls.crt" && key != "tls.key" && key != "ca.crt":
		s.wrong(where+".key", "key '%s' is not supported. Only 'tls.key', 'tls.crt' and 'ca.crt' are supported", fault.Shorten(key)).Mend("type: Opaque, if other keys are needed")
	case keys[key]:
		s.wrong(where+".key", "key %s is given twice", fault.Shorten(key)).
			Mend("one key holds one object: name another key, or take one of the two away")
	}
	keys[key] = true
}

func (s *secretObjects) file(where, file string) {
	switch {
	case file == "":
		s.wrong(where, "object name in secretObjects.data is empty")
	case s.files != nil && !s.files(file):
		s.wrong(where+".objectName", "no file %q is mounted", fault.Shorten(file)).
			Mend("name a file as the volume has it: an object's objectAlias, or its objectName where it has none")
	}
}

func (s *secretObjects) labels(where string, labels map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		s.qualified(where, key)
		if value := labels[key]; value != "" && !labelName.MatchString(value) {
			s.wrong(where, "the value of %s is not one a label can have: %q", fault.Shorten(key), fault.Shorten(value)).
				Mend("use at most 63 letters, digits, '-', '_' and '.'")
		}
	}
}

// qualified insists on what a key of a label or an annotation may be: a name, with a domain before it if need be.
func (s *secretObjects) qualified(where, key string) {
	prefix, name, prefixed := strings.Cut(key, "/")
	if !prefixed {
		prefix, name = "x", key
	}
	if len(prefix) > maxName || !secretName.MatchString(prefix) || !labelName.MatchString(name) {
		s.wrong(where, "%q is not a key Kubernetes accepts", fault.Shorten(key)).Mend("write it as name or example.com/name")
	}
}
